"""The static page's frame and translators as files; what they do is seen in tests/browser."""

import hashlib
import json
from pathlib import Path

import onnxruntime
import pytest
import torch

from gan_core.deploy.static_page import ASSETS, SCRIPTS, filled, write_page
from gan_core.deploy.static_translators import write_translator
from gan_core.errors import ModelError
from gan_core.inference.translator import Translator
from gan_core.ui.tabs import explore, interpolate, style_transfer
from gan_core.weights import load
from tests.conftest import one_way_translator

WITH_A_SERVER = {"pace.js", "picker-hub.js", "explore-local.js"}
"""Parts of the full app's components that the page without a server has no use for."""


@pytest.mark.parametrize(
    ("name", "tab"), [("explore", explore), ("interpolate", interpolate), ("paint", style_transfer)]
)
def test_the_components_are_those_of_the_full_app(name: str, tab) -> None:
    assert SCRIPTS[name] == tuple(script for script in tab.SCRIPTS if script not in WITH_A_SERVER)


def test_what_is_filled_in_is_not_looked_through_again() -> None:
    assert filled("a {{one}} b {{two}}", {"one": "{{two}}", "two": "2"}) == "a {{two}} b 2"


def test_a_title_and_a_model_cannot_leave_their_place(tmp_path: Path) -> None:
    nasty = '</script><img src=x onerror="alert(1)">'
    model = {"kind": "translator", "name": nasty, "directions": ["ab"], "hub": "user/x"}
    write_page(tmp_path, title=nasty, models=[model], hub_id='a"b/c')
    html = (tmp_path / "index.html").read_text()
    assert "<img src=x" not in html
    assert html.count("</script>") == 2  # The facts', and the page's own script.
    facts = html.partition('id="facts">')[2].partition("</script>")[0]
    assert json.loads(facts)["models"][0]["name"] == nasty


def test_only_what_there_are_models_for_has_a_tab(tmp_path: Path) -> None:
    write_page(tmp_path, title="Paintings", models=[{"kind": "translator", "name": "x"}])
    html = (tmp_path / "index.html").read_text()
    assert html.count('role="tab"') == html.count('role="tabpanel"') == 1
    assert [path.name for path in (tmp_path / "components").iterdir()] == ["paint.js"]
    assert len(list((tmp_path / "examples").glob("*.webp"))) == 3


def test_no_file_of_others_and_no_long_script_is_among_the_page_s() -> None:
    for path in (ASSETS / "static").iterdir():
        assert path.suffix in (".js", ".css", ".html", ".py"), path.name
        assert len(path.read_text().splitlines()) <= 250, path.name


def test_a_translator_of_one_direction(tmp_path: Path) -> None:
    folder = tmp_path / "one-way"
    one_way_translator(folder, seed=3)
    said: list[str] = []
    about = write_translator(tmp_path / "out", folder, tell=said.append)
    place = tmp_path / "out" / "models" / "one-way"
    assert sorted(path.name for path in place.iterdir()) == ["ab.onnx", "first.webp", "model.json"]
    assert json.loads((place / "model.json").read_text()) == about
    content = (place / "ab.onnx").read_bytes()
    facts = about["translations"]["ab"]
    assert (facts["bytes"], facts["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert about["directions"] == ["ab"] == list(about["translations"])
    assert len(said) == 1
    translator = Translator(load(folder))
    assert about["sha256"] == translator.ref.sha256
    x = torch.rand(1, 3, 40, 52, generator=torch.Generator().manual_seed(1)) * 2 - 1
    (found,) = onnxruntime.InferenceSession(content).run(None, {"photos": x.numpy()})
    assert (torch.from_numpy(found) - translator.forward(x, "ab")).abs().max() <= 2 / 127.5


def test_a_generator_is_refused(dcgan_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no translator"):
        write_translator(tmp_path / "out", dcgan_folder)
    assert not (tmp_path / "out").exists()

"""The server side of the Models tab: what is listed and told, what is changed, and who may change it."""

import json
import re
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from gan_core import library
from gan_core import trash as trash_module
from gan_core.config import RunConfig, train_config
from gan_core.errors import GanCoreError, ModelError
from gan_core.settings import Settings
from gan_core.training.run_folder import create_run
from gan_core.ui import assets, rights
from gan_core.ui.model_facts import measured, plain, sha256
from gan_core.ui.serve import served
from gan_core.ui.services import Services
from gan_core.ui.shelf import Shelf
from gan_core.ui.tabs import models as tab
from gan_core.weights import load, save


def rows(shelf: Shelf) -> dict[str, dict]:
    return {row["value"]: row for row in shelf.list_models()["models"]}


def names(shelf: Shelf) -> list[str]:
    return [row["value"] for row in shelf.list_models()["models"]]


# What is listed.


def test_each_model_is_a_row_with_what_a_person_asks_first(shelf: Shelf, dcgan_folder: Path):
    config = json.loads((dcgan_folder / "config.json").read_text())
    (dcgan_folder / "config.json").write_text(json.dumps({**config, "license": "mit", "data": {"name": "shapes"}}))
    (dcgan_folder / "metrics.json").write_text(json.dumps({"fid": 31.04}))
    found = rows(shelf)
    assert list(found) == ["tiny-conditional", "tiny-cyclegan", "tiny-dcgan"]
    row = found["tiny-dcgan"]
    assert (row["family"], row["px"], row["data"], row["license"]) == ("DCGAN", "16", "shapes", "mit")
    assert row["measured"] == "FID 31"
    assert row["bytes"] == sum(path.stat().st_size for path in dcgan_folder.glob("*.safetensors"))
    assert row["group"] == "Here"
    assert row["kind"] == "generator"
    assert found["tiny-cyclegan"]["px"] == "any"
    assert found["tiny-cyclegan"]["kind"] == "translator"


def test_damaged_folders_are_listed_with_their_sentence_and_without_paths(shelf: Shelf, settings: Settings):
    broken = settings.models_dir / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{")
    hollow = settings.models_dir / "hollow"
    hollow.mkdir()
    (hollow / "config.json").write_text((settings.models_dir / "tiny-dcgan" / "config.json").read_text())
    found = rows(shelf)
    assert "broken/config.json is not valid JSON" in found["broken"]["error"]
    assert str(settings.models_dir) not in found["broken"]["error"]
    assert "no weights" in found["hollow"]["error"]
    told = shelf.look("broken")
    assert [file["name"] for file in told["files"]] == ["config.json"]
    assert told["facts"] == []


def test_newest_snapshots_of_runs_are_listed_and_cannot_be_renamed_or_deleted(
    shelf: Shelf, settings: Settings, dcgan_folder: Path
):
    config = RunConfig(family="dcgan", train=train_config("dcgan", data="shapes"), network={}, recipe={})
    run = create_run(settings.runs_dir, config, "shapes")
    model = load(dcgan_folder)
    save(run.snapshot_folder(100), model.config, model.networks)
    run.write_status(state="finished")
    value = f"run:{run.id}"
    assert names(shelf)[-1] == value
    assert rows(shelf)[value]["group"] == "Runs"
    for change in (lambda: shelf.rename(value, "other"), lambda: shelf.delete(value)):
        with pytest.raises(ModelError, match="belongs to a run"):
            change()
    assert run.newest_snapshot() is not None


def test_without_models_the_list_is_empty(bare: Services):
    assert Shelf(bare).list_models() == {"models": [], "deleted": []}


def test_a_model_without_preview_gets_a_thumbnail_and_one_that_cannot_draw_gets_none(shelf: Shelf, dcgan_folder: Path):
    assert rows(shelf)["tiny-dcgan"]["url"] is None
    assert shelf.thumbnail("tiny-dcgan")["url"].startswith("data:image/jpeg;base64,")
    assert shelf.thumbnail("tiny-cyclegan") == {"url": None}
    (dcgan_folder / "preview.webp").write_bytes(b"RIFF no picture")
    assert rows(shelf)["tiny-dcgan"]["url"] is None


def test_a_row_tells_card_files_digests_and_facts(shelf: Shelf, dcgan_folder: Path, tmp_path: Path):
    (dcgan_folder / "README.md").write_text("# tiny-dcgan\n\nWords.")
    secret = tmp_path / "secret.txt"
    secret.write_text("not yours")
    (dcgan_folder / "notes.txt").symlink_to(secret)
    told = shelf.look("tiny-dcgan")
    assert told["card"].endswith("Words.")
    files = {file["name"]: file for file in told["files"]}
    assert set(files) == {"README.md", "config.json", "discriminator.safetensors", "generator.safetensors"}
    assert files["generator.safetensors"]["sha256"] == sha256(dcgan_folder / "generator.safetensors")
    assert ["Network: latent dim", "8"] in told["facts"]
    assert ["Licence", "not stated"] in told["facts"]
    json.dumps(told)


def test_a_card_that_is_a_link_out_of_the_folder_is_not_read(shelf: Shelf, dcgan_folder: Path, tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("not yours")
    (dcgan_folder / "README.md").symlink_to(secret)
    assert shelf.look("tiny-dcgan")["card"] == ""


@pytest.mark.parametrize("value", ["../tiny-dcgan", "/etc", "", None, 7, "run:../x", ".trash"])
def test_only_what_is_listed_is_looked_at(shelf: Shelf, value):
    for ask in (shelf.look, shelf.thumbnail, shelf.delete, lambda one: shelf.rename(one, "new")):
        with pytest.raises(ModelError, match="no model"):
            ask(value)


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ({}, ""),
        ({"fid": 31.04, "pairwise_distance": {"samples": 1, "real": 2}}, "FID 31"),
        ({"fid": {"fid": 12.5}}, "FID 12.5"),
        ({"pairwise_distance": {"samples": 0.435, "real": 0.5877}}, "variety 74 %"),
        ({"pairwise_distance": {"samples": 1.0, "real": 0}}, ""),
        ({"x": {"round_trip_mean_absolute_difference": 0.08}, "y": {"round_trip_mean_absolute_difference": 0.1}},
         "round trip 0.09"),
        ({"fid": "very good", "kid": float("nan")}, ""),
    ],
)  # fmt: skip
def test_one_figure_stands_for_all_measures(metrics, text):
    assert measured(metrics) == text


def test_values_of_strangers_stay_short():
    assert len(plain("x" * 100_000)) < 2100
    assert plain(True) == "yes"
    assert plain(None) == "not stated"
    assert plain(12345) == "12,345"


# Changes.


def test_renaming_moves_folder_and_card(shelf: Shelf, dcgan_folder: Path, settings: Settings):
    (dcgan_folder / "README.md").write_text('# tiny-dcgan\n\nmodel = gan_core.load("tiny-dcgan")\n\n# tiny-dcgan-like')
    before = sha256(dcgan_folder / "generator.safetensors")
    answer = shelf.rename("tiny-dcgan", "  ducks ")
    assert answer["value"] == "ducks"
    assert names(shelf) == ["ducks", "tiny-conditional", "tiny-cyclegan"]
    new = settings.models_dir / "ducks"
    assert sha256(new / "generator.safetensors") == before
    assert (new / "README.md").read_text() == '# ducks\n\nmodel = gan_core.load("ducks")\n\n# tiny-dcgan-like'
    assert shelf.rename("ducks", "ducks")["value"] == "ducks"


@pytest.mark.parametrize("name", ["Ducks", "../ducks", "", ".trash", "a/b", "x" * 97, None])
def test_names_that_could_leave_the_folder_are_refused(shelf: Shelf, name):
    with pytest.raises(ModelError, match="cannot name a model"):
        shelf.rename("tiny-dcgan", name if name is not None else "N one")
    assert "tiny-dcgan" in names(shelf)


def test_renaming_takes_no_other_model_s_place(shelf: Shelf):
    with pytest.raises(ModelError, match="tiny-cyclegan already"):
        shelf.rename("tiny-dcgan", "tiny-cyclegan")
    assert len(names(shelf)) == 3


def test_deleting_moves_to_the_trash_and_restore_brings_the_same_weights_back(
    shelf: Shelf, services: Services, dcgan_folder: Path, settings: Settings
):
    digest = sha256(dcgan_folder / "generator.safetensors")
    assert "tiny-dcgan" in services.generators()
    answer = shelf.delete("tiny-dcgan")
    assert "tiny-dcgan" not in names(shelf)
    assert "tiny-dcgan" not in services.generators()
    assert [one["name"] for one in answer["deleted"]] == ["tiny-dcgan"]
    assert "tiny-dcgan" not in [info.name for info in library.list_models(settings)]
    assert shelf.restore(answer["id"])["value"] == "tiny-dcgan"
    assert sha256(dcgan_folder / "generator.safetensors") == digest
    assert shelf.list_models()["deleted"] == []


def test_restoring_leaves_a_model_that_took_the_name_meanwhile(shelf: Shelf):
    id = shelf.delete("tiny-dcgan")["id"]
    shelf.rename("tiny-conditional", "tiny-dcgan")
    assert shelf.restore(id)["value"] == "tiny-dcgan-2"
    assert names(shelf) == ["tiny-cyclegan", "tiny-dcgan", "tiny-dcgan-2"]


def test_a_damaged_model_can_be_deleted_and_removed_for_good(shelf: Shelf, settings: Settings):
    broken = settings.models_dir / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{")
    id = shelf.delete("broken")["id"]
    assert shelf.discard(id)["deleted"] == []
    assert list((settings.models_dir / trash_module.FOLDER).iterdir()) == []


@pytest.mark.parametrize("id", ["../tiny-dcgan", "tiny-dcgan", "", None, "tiny-dcgan~1~00000000"])
def test_the_trash_gives_and_removes_only_what_it_holds(shelf: Shelf, id, dcgan_folder: Path):
    for ask in (shelf.restore, shelf.discard):
        with pytest.raises(GanCoreError, match="not in the trash"):
            ask(id)
    assert dcgan_folder.is_dir()


def test_what_was_deleted_a_month_ago_goes_when_the_next_one_is(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    now = time.time()
    monkeypatch.setattr(trash_module.time, "time", lambda: now - 31 * 86_400)
    shelf.delete("tiny-dcgan")
    monkeypatch.setattr(trash_module.time, "time", lambda: now)
    assert [one["name"] for one in shelf.list_models()["deleted"]] == ["tiny-dcgan"]
    assert [one["name"] for one in shelf.delete("tiny-conditional")["deleted"]] == ["tiny-conditional"]


# Who may.


def request(host: str, **headers: str) -> SimpleNamespace:
    return SimpleNamespace(client=SimpleNamespace(host=host), headers=headers)


def test_visitors_of_a_space_change_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    assert rights.may_change(request("10.0.0.7"))
    monkeypatch.setenv("SPACE_ID", "somebody/studio")
    visitors = [request("10.0.0.7"), request("127.0.0.1", **{"x-forwarded-for": "1.2.3.4"}), request("127.0.0.1")]
    assert not any(map(rights.may_change, visitors))
    assert rights.may_change(None)
    guarded = rights.guarded(served(shelf.delete, ("model",)))
    assert guarded.__name__ == "delete"
    answer = guarded({"model": "tiny-dcgan"}, visitors[0])
    assert answer["ok"] is False
    assert "only its owner" in answer["error"]
    assert "tiny-dcgan" in names(shelf)
    monkeypatch.delenv("SPACE_ID")
    assert guarded({"model": "tiny-dcgan"}, request("10.0.0.7"))["ok"] is True


def test_every_change_and_every_import_is_guarded(services: Services, monkeypatch: pytest.MonkeyPatch):
    with gr.Blocks() as page:
        tab.build(services, page, None)
    component = next(block for block in page.blocks.values() if block.elem_id == "shelf")
    monkeypatch.setenv("SPACE_ID", "somebody/studio")
    visitor = request("10.0.0.7")
    for name in (*tab.CHANGES, *tab.BRINGS):
        answer = getattr(component, name)({}, visitor)
        assert "only its owner" in answer["error"], name
    listed = component.list_models({}, visitor)
    assert listed["may"] is False
    assert len(listed["models"]) == 3
    json.dumps(listed)


def test_the_page_asks_for_what_is_offered_and_its_scripts_can_be_read_as_one(services: Services):
    with gr.Blocks() as page:
        tab.build(services, page, None)
    (component,) = [block for block in page.blocks.values() if block.elem_id == "shelf"]
    script = component.js_on_load
    offered = {"list_models", *tab.LOOKS, *tab.CHANGES, *tab.PACKS, *tab.BRINGS}
    assert set(re.findall(r'call\("(\w+)"', script)) == offered
    assert {function.__name__ for function in component.server_fns} == offered
    tops = re.findall(r"^(?:const|let|function|async function) (\w+)", script, re.MULTILINE)
    assert len(tops) == len(set(tops))
    assert not set("`$") & set(assets.text("shelf.html"))


def test_a_models_folder_that_cannot_be_written_says_so(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    for change in (lambda: shelf.rename("tiny-dcgan", "ducks"), lambda: shelf.delete("tiny-dcgan")):
        with pytest.raises(ModelError, match=r"Permission denied.*Nothing was changed"):
            change()

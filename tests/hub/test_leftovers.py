"""What a pull that was killed leaves beside the models, and cards that the Hub does not take."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from gan_core.cards import model_card
from gan_core.config import ModelConfig
from gan_core.hub.pull import FRESH_S, HELD, sweep
from tests.hub.conftest import Process
from tests.hub_server import HubServer

NAME = "user/ducks"
FILES = {"config.json": b"{}", "generator.safetensors": b"w" * 50_000}


def pull(folder: Path, name: str = NAME, check: str = "lambda folder: None") -> str:
    return f"pull(Address.parse({name!r}), Path({str(folder)!r}), {check})"


def older(folder: Path) -> None:
    for marker in folder.glob(f".*/{HELD}"):
        os.utime(marker, (time.time() - 2 * FRESH_S,) * 2)


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_the_next_pull_removes_what_a_killed_one_left(hub: HubServer, client: Process, tmp_path: Path) -> None:
    """The folder stayed for good unless the same model was pulled again an hour later."""
    hub.put(NAME, FILES)
    killed = Process(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    models = tmp_path / "models"
    models.mkdir()
    slow = "lambda folder: __import__('time').sleep(60)"
    killed.process.stdin.write(json.dumps(pull(models / "ducks", check=slow)) + "\n")
    killed.process.stdin.flush()
    end = time.monotonic() + 60
    while not (list(models.glob(f".*/{HELD}")) and list(models.glob(".*/generator.safetensors"))):
        assert time.monotonic() < end
        time.sleep(0.05)
    older(models)
    (models / ".someone-elses.0123abcd.tmp").mkdir()
    sweep(models)
    assert len(hidden(models)) == 2, "a pull that lives keeps its folder"
    killed.close()
    hub.put("user/swans", FILES)
    client.run(pull(models / "swans", "user/swans"))
    assert hidden(models) == [".someone-elses.0123abcd.tmp"], "and what others write is not ours to remove"
    assert {path.name for path in (models / "swans").iterdir()} == {*FILES, ".hub.json"}, "no mark is left"


def test_a_folder_that_is_just_being_made_stays(tmp_path: Path) -> None:
    young = tmp_path / ".ducks.0123abcd.tmp"
    young.mkdir()
    (young / HELD).touch()
    sweep(tmp_path)
    assert young.exists()
    older(tmp_path)
    sweep(tmp_path)
    assert not young.exists()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "ducks"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("license", ["mit", "Unsplash licence", None])
def test_the_hub_is_asked_about_the_card_and_takes_ours(
    hub: HubServer, client: Process, folder: Path, license: str | None
) -> None:
    data = {"name": "hub:user/set"}
    config = ModelConfig(family="dcgan", network={"size": 16}, data=data, license=license)
    metrics: dict[str, Any] = {"pairwise_distance": {"samples": 0.4, "real": 0.5}}
    (folder / "README.md").write_text(model_card("ducks", config, metrics, curve="curve.webp"))
    (folder / "curve.webp").write_bytes(b"RIFF")
    done = client.run(f"push(Path({str(folder)!r}), Address.parse({NAME!r}))")
    assert done["commit"] == hub.sha(NAME)
    assert hub.asked("POST /api/validate-yaml")
    assert "curve.webp" in hub.repository(NAME).files


def test_a_card_that_the_hub_does_not_take_is_named(hub: HubServer, client: Process, folder: Path) -> None:
    """It was told as a connection that leads elsewhere."""
    (folder / "README.md").write_text("---\nlicense: my own words\n---\n# ducks\n")
    told = client.run(f"push(Path({str(folder)!r}), Address.parse({NAME!r}))")
    assert told["reason"] == "card"
    assert 'README.md ("license" must be one of' in told["error"]
    assert "generator.safetensors" not in hub.repository(NAME).files

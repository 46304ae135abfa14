"""What `gan-core train` takes and refuses of the Hub before anything is made, and the picture of a pushed model."""

from pathlib import Path

import pytest
from PIL import Image

from gan_core.mirror import Wish, portrait, read_wish
from gan_core.training.run_folder import RunFolder
from tests.cli.conftest import Run, run
from tests.training.tiny import command, config

__all__ = ["run"]
TINY = [str(part) for part in command(config("dcgan", 4), Path("runs/x"))[3:]]


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the client of a background process finds nothing, at once."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--push-to", "ducks"), "'ducks' is not of the form user/name"),
        (("--push-to", "user/../x"), "not of the form"),
        (("--push-to", "user/ducks@v1"), "a run is pushed to main"),
        (("--push-minutes", "3"), "go with --push-to"),
        (("--push-to", "none", "--push-public"), "go with --push-to"),
        (("--resume", "user/ducks"), "is no repository"),
        (("--resume", "hub:ducks"), "not of the form"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(run: Run, tmp_path: Path, arguments, told: str):
    result = run(*TINY, *arguments)
    assert result.status == 1
    assert told in result.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_wish_stays_with_the_run_until_it_is_taken_back(run: Run, tmp_path: Path):
    folder = RunFolder(tmp_path / "runs" / "x")
    quick = ("--quiet", "--push-wait", "0")
    assert run(*TINY, "--push-to", "hub:user/ducks", *quick).status == 0
    assert read_wish(folder) == Wish("user/ducks", wait_minutes=0)
    again = ("train", "dcgan", "--run", "runs/x", "--resume", "--quiet")
    assert run(*again, "--steps", "5", "--push-minutes", "2", "--push-public").status == 0
    assert read_wish(folder) == Wish("user/ducks", minutes=2, wait_minutes=0, private=False)
    assert run(*again, "--steps", "6", "--push-to", "user/others", *quick[1:]).status == 0
    assert read_wish(folder) == Wish("user/others", wait_minutes=0), "what was said of the other one is not meant"
    assert "is pushed to user/others" in run("runs").out
    assert run(*again, "--steps", "7", "--push-to", "none").status == 0
    assert read_wish(folder) is None
    assert "pushed" not in run("runs").out


def test_a_run_that_is_pushed_nowhere_asks_where(run: Run):
    assert run(*TINY, "--quiet").status == 0
    assert "Say where: USER/NAME" in run("runs", "push", "x").err


def test_the_picture_is_drawn_of_either_kind_of_model(dcgan_folder: Path, cyclegan_folder: Path, tmp_path: Path):
    for folder in (dcgan_folder, cyclegan_folder):
        picture = tmp_path / f"{folder.name}.webp"
        assert portrait.main([str(folder), str(picture)]) == 0
        with Image.open(picture) as opened:
            assert opened.width > 100
    (dcgan_folder / "generator.safetensors").write_bytes(b"torn")
    assert portrait.main([str(dcgan_folder), str(tmp_path / "none.webp")]) == 1
    assert not (tmp_path / "none.webp").exists()

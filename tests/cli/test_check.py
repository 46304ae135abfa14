"""`gan-core check`."""

import json
from pathlib import Path

import pytest
from PIL import Image

from gan_core import __version__
from gan_core.recipe import Mix, ModelRef, Recipe, Translation, embed
from tests.cli.conftest import Run

PICTURE = Image.new("RGB", (24, 16), "teal")
DRAWN = Recipe(
    model=ModelRef(name="nouns-dcgan", sha256="0123456789abcdef" * 4),
    seed=7,
    truncation=0.7,
    label={"Bag": 1, "Boot": 0.5},
    directions={"sefa-1": 1.5},
    mix=Mix(seed=9, stages=(1,)),
)
PAINTED = Translation(
    model=ModelRef(name="monet", sha256="f" * 64, hub="someone/monet"), direction="ba", keep_colours=True, size=(24, 16)
)


def test_one_line_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "drawn.png").write_bytes(embed(PICTURE, DRAWN, "PNG"))
    (tmp_path / "painted.jpg").write_bytes(embed(PICTURE, PAINTED, "JPEG"))
    (tmp_path / "sheet.webp").write_bytes(embed(PICTURE, None, "WEBP"))
    PICTURE.save(tmp_path / "other.gif")
    drawn = (
        "drawn by nouns-dcgan (weights 0123456789ab), seed 7, truncation 0.7, class Bag and Boot, 1 move, "
        "mixed with seed 9"
    )
    painted = (
        "painted by monet (weights ffffffffffff, hub:someone/monet), direction ba, strength 100%, colours kept, "
        "24 x 16 px"
    )
    result = run("check", "drawn.png", "painted.jpg", "sheet.webp", "other.gif")
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines() == [
        f"drawn.png: made here, {drawn}, with GAN Studio {__version__}",
        f"painted.jpg: made here, {painted}, with GAN Studio {__version__}",
        f"sheet.webp: made here, generated, settings unknown, with GAN Studio {__version__}",
        "other.gif: nothing in it says that it was made here; metadata can be removed, so this proves nothing",
    ]


def test_as_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "painted.png").write_bytes(embed(PICTURE, PAINTED, "PNG"))
    PICTURE.save(tmp_path / "other.png")
    result = run("check", "painted.png", "other.png", "none.png", "--json")
    assert result.status == 1
    painted, other, none = json.loads(result.out)
    assert painted == {
        "file": "painted.png",
        "made": {
            "kind": "translated",
            "recipe": None,
            "translation": PAINTED.to_json(),
            "software": f"GAN Studio {__version__}",
        },
        "error": None,
    }
    assert other == {"file": "other.png", "made": None, "error": None}
    assert none["error"].startswith("none.png is not there.")


@pytest.mark.usefixtures("dcgan_folder")
def test_what_generate_writes_is_found_again(run: Run) -> None:
    run("generate", "tiny-dcgan", "--seeds", "3,5", "--out", "grid.png", "--each", "one")
    told = run("check", "grid.png", "one/seed-000005.png").out.splitlines()
    assert told[0].startswith("grid.png: made here, generated, settings unknown, with GAN Studio")
    assert told[1].startswith("one/seed-000005.png: made here, drawn by tiny-dcgan (weights ")
    assert "seed 5, truncation 1," in told[1]


def test_files_that_cannot_be_read_do_not_cost_the_others(run: Run, tmp_path: Path) -> None:
    PICTURE.save(tmp_path / "a.png")
    (tmp_path / "notes.png").write_text("no picture")
    result = run("check", "none.png", "notes.png", ".", "a.png")
    assert result.status == 1
    assert result.out.count("\n") == 1
    assert result.out.startswith("a.png: nothing")
    assert result.err.splitlines() == [
        "Error: none.png is not there. Nothing was read. Check the path.",
        "Error: notes.png is not a picture that can be read. Use a picture file.",
        "Error: . is not a file. Nothing was read. Check the path.",
    ]


def test_without_a_file_it_says_how(run: Run) -> None:
    assert run("check").status == 2

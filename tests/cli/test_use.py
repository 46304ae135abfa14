"""`gan-core generate`, `interpolate`, `translate`, `models`."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Run


@pytest.mark.usefixtures("dcgan_folder")
def test_generate_grid_and_single_files(run: Run, tmp_path: Path) -> None:
    result = run(
        "generate", "tiny-dcgan", "--seeds", "0-5", "--columns", "3", "--out", "grid.png", "--each", "one", "--json"
    )
    assert result.status == 0
    assert json.loads(result.out)["written"][0] == "grid.png"
    with Image.open(tmp_path / "grid.png") as grid, Image.open(tmp_path / "one" / "seed-000004.png") as single:
        assert grid.size == (3 * 18 - 2, 2 * 18 - 2)
        assert grid.crop((18, 18, 34, 34)).tobytes() == single.tobytes()


@pytest.mark.usefixtures("dcgan_folder")
def test_interpolate_to_gif_and_to_frames(run: Run, tmp_path: Path) -> None:
    assert (
        run(
            "interpolate", "tiny-dcgan", "--seeds", "1,5,9", "--frames", "7", "--out", "walk.gif", "--size", "64"
        ).status
        == 0
    )
    with Image.open(tmp_path / "walk.gif") as film:
        assert film.size == (64, 64)
        assert film.n_frames > 1
        assert film.info["loop"] == 0
    assert (
        run("interpolate", "tiny-dcgan", "--seeds", "1", "--frames", "3", "--out", "frames").out
        == "3 files in frames\n"
    )
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == ["000000.png", "000001.png", "000002.png"]


@pytest.mark.usefixtures("cyclegan_folder")
def test_translate_goes_on_after_a_bad_file_and_reports_it(run: Run, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for name, size in (("a.jpg", (37, 20)), ("b.png", (16, 16))):
        photos.mkdir(exist_ok=True)
        Image.new("RGB", size, "teal").save(photos / name)
    (photos / "broken.jpg").write_bytes(b"no picture")
    (photos / "notes.txt").write_text("not asked for")
    other = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(other)
    result = run("translate", "tiny-cyclegan", photos, other, "--out", "painted", "--json")
    assert result.status == 1
    report = json.loads(result.out)
    assert report["written"] == ["painted/a.png", "painted/b.png", "painted/a-2.png"]
    assert len(report["failed"]) == 1
    assert "broken.jpg" in result.err
    with Image.open(tmp_path / "painted" / "a.png") as picture:
        assert picture.size == (37, 20)


@pytest.mark.usefixtures("dcgan_folder", "cyclegan_folder")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["generate", "tiny-cyclegan", "--out", "a.png"], "Use gan-core translate"),
        (["translate", "tiny-dcgan", "x.jpg", "--out", "o"], "Use gan-core generate"),
        (["translate", "tiny-cyclegan", "x.jpg", "--out", "o"], "x.jpg is not there"),
        (["generate", "tiny-dcgan", "--seeds", "1,two", "--out", "a.png"], "'two' is not a seed"),
        (["generate", "tiny-dcgan", "--seeds", "-5", "--out", "a.png"], "is not a seed"),
        (["generate", "tiny-dcgan", "--seeds", "5-1", "--out", "a.png"], "runs backwards"),
        (["generate", "tiny-dcgan", "--seeds", "0-99999999", "--out", "a.png"], "more than"),
        (["generate", "tiny-dcgan", "--seeds", "1" * 31, "--out", "a.png"], "is not a seed"),
        (["generate", "tiny-dcgan", "--out", "a.xyz"], "written as .png, .jpg or .webp"),
        (["generate", "tiny-dcgan", "--label", "ant", "--out", "a.png"], "has no classes"),
        (["generate", "tiny-dcgan", "--truncation", "nan", "--out", "a.png"], "nan is not a number"),
        (["interpolate", "tiny-dcgan", "--seeds", "1,2", "--out", "a.mp4"], "a.mp4"),
        (["generate", "tiny-dcgan", "--out", "/proc/no/a.png"], "was not written"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    run: Run, tmp_path: Path, arguments: list[str], text: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    result = run(*arguments)
    assert result.status == 1
    assert text in result.err
    assert result.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("dcgan_folder")
def test_models_are_listed(run: Run, tmp_path: Path) -> None:
    assert "tiny-dcgan  DCGAN" in run("models").out
    (tmp_path / "models" / "tiny-dcgan" / "config.json").write_text("[]")
    listed = run("models")
    assert "damaged" in listed.out
    assert json.loads(run("models", "--json").out)[0]["error"]


def test_no_models_says_what_to_do(run: Run) -> None:
    assert "Train one" in run("models").out

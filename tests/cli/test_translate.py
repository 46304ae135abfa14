"""`gan-core translate`: folders, names of results, bad files, full disks, interruptions."""

import errno
import io
import json
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image, ImageOps
from rich.console import Console

from gan_core.images import open_picture
from gan_core.recipe import ModelRef, Translation, made_here
from tests.cli.conftest import Run

module = import_module("gan_core.cli.translate")  # The name is the command's, too.
REF = ModelRef(name="fake", sha256="0" * 64)


class FakeTranslator:
    """Inverts; remembers how it was asked."""

    directions = ["ab", "ba"]
    default_direction = "ba"
    ref = REF

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.before: Callable[[Image.Image], object] = lambda _: None

    def translate(
        self,
        photo: Image.Image,
        direction: str,
        strength: float,
        *,
        keep_colours: bool,
        progress: Callable[[float], None],
    ) -> Image.Image:
        self.before(photo)
        progress(0.5)
        self.asked.append({"direction": direction, "strength": strength, "keep_colours": keep_colours})
        return ImageOps.invert(photo.convert("RGB"))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTranslator:
    translator = FakeTranslator()
    monkeypatch.setattr(module, "load_model", lambda *_: translator)
    return translator


def photo(path: Path, size: tuple[int, int] = (20, 10), colour: str = "teal") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def names(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


@pytest.mark.usefixtures("cyclegan_folder")
def test_a_photograph_with_a_real_network(run: Run, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    Image.effect_noise((37, 20), 60).convert("RGB").save(tmp_path / "a.jpg", exif=exif)
    assert run("translate", "tiny-cyclegan", "a.jpg", "--out", "painted").out == "painted/a.png\n"
    made = made_here(tmp_path / "painted" / "a.png")
    assert made is not None
    assert made.translation is not None
    assert made.translation.model is not None
    assert made.translation.model.name == "tiny-cyclegan"
    assert made.translation.model.sha256
    assert (made.translation.direction, made.translation.size) == ("ba", (20, 37))
    content = (tmp_path / "painted" / "a.png").read_bytes()
    assert b"GPS" not in content
    assert b"eXIf" not in content
    with Image.open(tmp_path / "painted" / "a.png") as picture:
        assert picture.size == (20, 37)


def test_settings_reach_the_translator_and_the_picture(run: Run, tmp_path: Path, fake: FakeTranslator) -> None:
    photo(tmp_path / "a.png")
    arguments = ("translate", "m", "a.png", "--out", "o", "--direction", "ab", "--strength", "1.5", "--keep-colours")
    for ending in ("png", "jpg", "webp"):
        assert run(*arguments, "--format", ending).out == f"o/a.{ending}\n"
        made = made_here(tmp_path / "o" / f"a.{ending}")
        assert made is not None
        assert made.translation == Translation(
            model=REF, direction="ab", strength=1.5, keep_colours=True, size=(20, 10)
        )
    assert fake.asked == [{"direction": "ab", "strength": 1.5, "keep_colours": True}] * 3


def test_a_broad_brush_says_so(run: Run, tmp_path: Path, cyclegan_folder: Path) -> None:
    photo(tmp_path / "a.png", (700, 40))
    assert run("translate", cyclegan_folder, "a.png", "--out", "o", "--brush", "broad").status == 0
    made = made_here(tmp_path / "o" / "a.png")
    assert made is not None
    assert made.translation is not None
    assert made.translation.painted_px == 512
    assert "painted at 512 px" in run("check", "o/a.png").out


@pytest.mark.usefixtures("fake")
def test_the_mark_is_put_on_when_asked_for(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", (400, 300))
    run("translate", "m", "a.png", "--out", "plain")
    run("translate", "m", "a.png", "--out", "marked", "--mark")
    plain, marked = (open_picture(tmp_path / folder / "a.png") for folder in ("plain", "marked"))
    assert plain.crop((0, 0, 400, 200)).tobytes() == marked.crop((0, 0, 400, 200)).tobytes()
    assert plain.crop((200, 250, 400, 300)).tobytes() != marked.crop((200, 250, 400, 300)).tobytes()


@pytest.mark.usefixtures("fake")
def test_folders(run: Run, tmp_path: Path) -> None:
    for name in ("photos/b.jpg", "photos/a.png", "photos/in/a.png", "photos/in/deep/c.webp", "photos/.hidden.png"):
        photo(tmp_path / name)
    (tmp_path / "photos" / "notes.txt").write_text("not asked for")
    report = json.loads(run("translate", "m", "photos", "--out", "flat", "--json").out)
    assert report == {"written": ["flat/a.png", "flat/b.png"], "failed": []}
    assert run("translate", "m", "photos", "--out", "all", "--recursive").out == "4 files in all\n"
    assert names(tmp_path / "all") == ["a.png", "b.png", "in/a.png", "in/deep/c.png"]
    (tmp_path / "photos" / "a.png").unlink()
    (tmp_path / "photos" / "b.jpg").unlink()
    assert run("translate", "m", "photos", "--out", "deep", "--recursive").out == "2 files in deep\n"


@pytest.mark.usefixtures("fake")
def test_results_among_the_photos_are_not_painted_again(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "photos" / "a.jpg")
    for expected in (["a.png"], ["a-2.png", "a.png"]):
        run("translate", "m", "photos", "--out", "photos/painted", "--recursive")
        assert names(tmp_path / "photos" / "painted") == expected
    # The folder of the photos inside that of the results is another matter.
    assert run("translate", "m", "photos", "--out", ".").out == "a.png\n"


@pytest.mark.usefixtures("fake")
def test_nothing_is_overwritten_unasked(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    photo(tmp_path / "other" / "a.jpg", colour="red")
    before = (tmp_path / "a.png").read_bytes()
    run("translate", "m", "a.png", "other", "--out", "o")
    assert names(tmp_path / "o") == ["a-2.png", "a.png"]
    run("translate", "m", "a.png", "--out", "o")
    assert names(tmp_path / "o") == ["a-2.png", "a-3.png", "a.png"]
    (tmp_path / "o" / "a.png").write_text("old")
    run("translate", "m", "a.png", "other", "--out", "o", "--overwrite")
    assert names(tmp_path / "o") == ["a-2.png", "a-3.png", "a.png"]
    assert made_here(tmp_path / "o" / "a.png") is not None
    # A photograph itself is never replaced.
    assert run("translate", "m", "a.png", "--out", ".", "--overwrite").out == "a-2.png\n"
    assert (tmp_path / "a.png").read_bytes() == before


@pytest.mark.usefixtures("fake")
def test_bad_files_are_named_at_the_end(run: Run, tmp_path: Path) -> None:
    for name in ("a.png", "z.png"):
        photo(tmp_path / "photos" / name)
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "photos" / "paper.png").write_bytes(b"%PDF-1.7")
    result = run("translate", "m", "photos", "none.jpg", "--out", "o")
    assert result.status == 1
    assert result.out == "2 files in o\n"
    errors = result.err.splitlines()
    assert [error.split(" ")[1] for error in errors] == ["photos/broken.jpg", "photos/paper.png", "none.jpg"]
    assert "PDF" in errors[1]
    assert names(tmp_path / "o") == ["a.png", "z.png"]


@pytest.mark.usefixtures("fake")
def test_a_photo_over_the_limit(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path / "a.png", (100, 100))
    monkeypatch.setenv("GAN_CORE_MAX_PICTURE_MP", "0.005")
    result = run("translate", "m", "a.png", "--out", "o")
    assert result.status == 1
    assert "a.png has 0.0 megapixels; at most 0.005" in result.err
    assert not (tmp_path / "o").exists()


def test_a_photo_that_does_not_fit_into_memory(run: Run, tmp_path: Path, fake: FakeTranslator) -> None:
    def full(image: Image.Image) -> None:
        if image.width > 50:
            raise MemoryError

    fake.before = full
    photo(tmp_path / "p" / "a.png", (100, 100))
    photo(tmp_path / "p" / "b.png")
    result = run("translate", "m", "p", "--out", "o")
    assert result.status == 1
    assert result.err == "Error: p/a.png does not fit into memory. It was not painted. Make it smaller.\n"
    assert names(tmp_path / "o") == ["b.png"]


@pytest.mark.usefixtures("fake")
def test_a_full_disk_is_one_sentence_and_no_half_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcd":
        photo(tmp_path / "p" / f"{name}.png")
    whole = Path.write_bytes

    def write(path: Path, content: bytes) -> int:
        if "b.png" in path.name:
            whole(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole(path, content)

    monkeypatch.setattr(Path, "write_bytes", write)
    result = run("translate", "m", "p", "--out", "o", "--json")
    assert result.status == 1
    assert json.loads(result.out)["written"] == ["o/a.png"]
    assert result.err == (
        "Error: o/b.png was not written: the disk is full. Make room, or choose another place. 2 more were not begun.\n"
    )
    assert names(tmp_path / "o") == ["a.png"]


@pytest.mark.usefixtures("fake")
def test_a_folder_that_cannot_be_written_to(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    result = run("translate", "m", "a.png", "--out", "/proc/no")
    assert result.status == 1
    assert result.err.startswith("Error: /proc/no/a.png was not written: ")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("at", ["painting", "writing"])
def test_ctrl_c_leaves_no_half_file(
    run: Run, tmp_path: Path, fake: FakeTranslator, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    photo(tmp_path / "p" / "a.png")
    photo(tmp_path / "p" / "b.png", (60, 10))
    whole = Path.write_bytes

    def interrupted(image: Image.Image) -> None:
        if image.width > 50:
            raise KeyboardInterrupt

    def write(path: Path, content: bytes) -> int:
        if "b.png" in path.name:
            whole(path, content[:20])
            raise KeyboardInterrupt
        return whole(path, content)

    if at == "painting":
        fake.before = interrupted
    else:
        monkeypatch.setattr(Path, "write_bytes", write)
    result = run("translate", "m", "p", "--out", "o")
    assert result.status == 130
    assert result.err.split("\n") == ["1 of 2 photos were painted.", "", "Interrupted.", ""]
    assert names(tmp_path / "o") == ["a.png"]


def test_a_direction_that_the_model_has_not(run: Run, tmp_path: Path, fake: FakeTranslator) -> None:
    fake.directions = ["ba"]
    photo(tmp_path / "a.png")
    result = run("translate", "m", "a.png", "--out", "o", "--direction", "ab")
    assert (result.status, fake.asked) == (1, [])
    assert result.err == "Error: m cannot do direction ab. Nothing was painted. It can do ba.\n"


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["--strength", "1.6"], 2, "strength"),
        (["--strength", "-1"], 2, "strength"),
        (["--format", "gif"], 2, "format"),
        (["--direction", "up"], 2, "direction"),
    ],
)
def test_wrong_usage(run: Run, tmp_path: Path, arguments: list[str], status: int, text: str) -> None:
    photo(tmp_path / "a.png")
    result = run("translate", "m", "a.png", "--out", "o", *arguments)
    assert result.status == status
    assert text in result.err
    assert not (tmp_path / "o").exists()


@pytest.mark.usefixtures("fake")
def test_an_empty_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    result = run("translate", "m", "p", "--out", "o")
    assert (result.status, result.err.count("\n")) == (1, 1)
    assert "There is no picture in the folders" in result.err


# Progress.


def test_a_line_now_and_then_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(module, "time", clock)
    show = module._lines(10)
    for now in range(0, 61, 5):
        clock.now = float(now)
        show("a\x1b.png", now / 10)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "photo 3 of 10, a?.png: 20% of all done, some 2 min left"
    assert len(told) == 3


@pytest.mark.usefixtures("fake")
def test_a_bar_on_a_terminal(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "b.png"):
        photo(tmp_path / "p" / name)
    screen = io.StringIO()
    monkeypatch.setattr("rich.console.Console", lambda **_: Console(file=screen, force_terminal=True, width=100))
    result = run("translate", "m", "p", "--out", "o")
    assert (result.out, result.err) == ("2 files in o\n", "")
    assert "b.png" in screen.getvalue()
    assert "100%" in screen.getvalue()
    assert "2 of 2" in screen.getvalue()

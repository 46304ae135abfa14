"""`gan-core interpolate`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from PIL import Image

from gan_core import video
from gan_core.inference.walk import Walk
from gan_core.recipe import ModelRef, Recipe
from tests.cli.conftest import Run

ROOT = Path(__file__).resolve().parents[2]


def film(path: Path) -> tuple[int, tuple[int, int], float]:
    """Frames, size and frames a second."""
    with av.open(str(path)) as opened:
        track = opened.streams.video[0]
        count = sum(1 for _ in opened.decode(video=0))
        return count, (track.codec_context.width, track.codec_context.height), float(track.average_rate)


def test_kinds_of_film(run: Run, tmp_path: Path, dcgan_folder: Path) -> None:
    assert dcgan_folder.exists()
    for kind in (".mp4", ".webm", ".gif"):
        arguments = ("--seeds", "1,5,9", "--frames", "7", "--fps", "20", "--loop", "--out", f"walk{kind}")
        result = run("interpolate", "tiny-dcgan", *arguments)
        assert result == (0, f"walk{kind}\n", "")
        assert film(tmp_path / f"walk{kind}") == (7, (512, 512), 20)
    assert (
        run("interpolate", "tiny-dcgan", "--seeds", "1,5", "--frames", "5", "--out", "w.webp", "--size", "64").status
        == 0
    )
    with Image.open(tmp_path / "w.webp") as opened:
        assert (opened.size, opened.n_frames) == ((64, 64), 5)


@pytest.mark.usefixtures("dcgan_folder")
def test_a_folder_of_frames_in_the_models_own_size(run: Run, tmp_path: Path) -> None:
    result = run("interpolate", "tiny-dcgan", "--seeds", "1", "--frames", "3", "--out", "frames")
    assert result.out == "3 files in frames\n"
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == ["000000.png", "000001.png", "000002.png"]
    with Image.open(tmp_path / "frames" / "000000.png") as frame:
        assert frame.size == (16, 16)
    again = run("interpolate", "tiny-dcgan", "--seeds", "1", "--frames", "3", "--out", "frames")
    assert again.status == 1
    assert "is there already" in again.err
    result = run("interpolate", "tiny-dcgan", "--seeds", "1", "--frames", "2", "--out", "f2", "--size", "40", "--json")
    assert json.loads(result.out)["written"] == ["f2/000000.png", "f2/000001.png"]


@pytest.mark.usefixtures("conditional_folder")
def test_every_option_reaches_the_walk(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr("gan_core.cli.films.draw", lambda *arguments: drawn.append(arguments) or True)
    options = "--frames 12 --mode spline --ease smooth --loop --even --rows 2 --columns 3 --fps 12.5 --size 300"
    more = ["--label", "1", "--truncation", "0.5"]
    result = run("interpolate", "tiny-conditional", "--seeds", "3-5", "--out", "w.mp4", *options.split(), *more)
    assert result.status == 0
    ((generator, walk, out, fps, size),) = drawn
    keys = tuple(generator.recipe(seed=seed, truncation=0.5, label="bee") for seed in (3, 4, 5))
    settings = {"path": "spline", "ease": "smooth", "loop": True, "even": True, "rows": 2, "columns": 3}
    assert walk == Walk(keys=keys, frames=12, **settings)
    assert (out, fps, size) == (Path("w.mp4"), 12.5, 300)


@pytest.mark.usefixtures("dcgan_folder")
def test_a_grid_has_hard_pixels_however_large_its_sheet(run: Run, tmp_path: Path) -> None:
    arguments = ["--seeds", "1,5", "--frames", "2", "--rows", "8", "--columns", "8", "--size", "426", "--out", "w.webp"]
    assert run("interpolate", "tiny-dcgan", *arguments).status == 0  # 8 x 18 - 2 = 142 px, three times.
    with Image.open(tmp_path / "w.webp") as opened:
        sheet = opened.convert("RGB")
    small = sheet.resize((142, 142), Image.Resampling.NEAREST)
    assert small.resize((426, 426), Image.Resampling.NEAREST).tobytes() == sheet.tobytes()


def saved_walk(path: Path, ref: ModelRef | None, **settings) -> Walk:
    walk = Walk(keys=(Recipe(model=ref, seed=1), Recipe(model=ref, seed=2, truncation=0.5)), **settings)
    path.write_text(json.dumps(walk.to_json()))
    return walk


@pytest.mark.usefixtures("dcgan_folder")
def test_a_saved_walk_names_its_model_and_options_change_it(run: Run, tmp_path: Path) -> None:
    saved_walk(tmp_path / "walk.json", ModelRef(name="tiny-dcgan"), frames=6, loop=True)
    assert run("interpolate", "--walk", "walk.json", "--out", "a.mp4").status == 0
    assert film(tmp_path / "a.mp4") == (6, (512, 512), 30)
    assert run("interpolate", "--walk", "walk.json", "--frames", "4", "--no-loop", "--out", "b.mp4").status == 0
    assert film(tmp_path / "b.mp4")[0] == 4
    saved_walk(tmp_path / "walk.json", ModelRef(name="tiny-dcgan", sha256="0" * 64), frames=2)
    other = run("interpolate", "tiny-dcgan", "--walk", "walk.json", "--out", "c.gif")
    assert other.status == 0
    assert "other weights" in other.err


@pytest.mark.usefixtures("dcgan_folder")
@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["tiny-dcgan", "--seeds", "1,2", "--out", "a.avi"], 1, "written as .mp4, .webm, .gif, .webp"),
        (["tiny-dcgan", "--seeds", "1,2", "--fps", "60", "--out", "a.gif"], 1, "--fps"),
        (["tiny-dcgan", "--seeds", "1,two", "--out", "a.mp4"], 1, "'two' is not a seed"),
        (["tiny-dcgan", "--seeds", "0-99", "--out", "a.mp4"], 1, "more than 64"),
        (["tiny-dcgan", "--seeds", "1,2", "--rows", "9", "--columns", "9", "--out", "a.mp4"], 1, "over 64 cells"),
        (["tiny-dcgan", "--seeds", "1,2", "--label", "ant", "--out", "a.mp4"], 1, "has no classes"),
        (["tiny-dcgan", "--seeds", "1,2", "--truncation", "nan", "--out", "a.mp4"], 1, "truncation"),
        (["tiny-dcgan", "--seeds", "1,2", "--out", "/proc/no/a.mp4"], 1, "was not written"),
        (["tiny-dcgan", "--walk", "gone.json", "--out", "a.mp4"], 1, "gone.json could not be read"),
        (["tiny-dcgan", "--walk", "rubbish.json", "--out", "a.mp4"], 1, "is not JSON"),
        (["tiny-dcgan", "--walk", "deep.json", "--out", "a.mp4"], 1, "is not JSON"),
        (["tiny-dcgan", "--walk", "list.json", "--out", "a.mp4"], 1, "not a walk of format 1"),
        (["--walk", "foreign.json", "--out", "a.mp4"], 1, "gone-model, which is not here"),
        (["--walk", "mixed.json", "--out", "a.mp4"], 1, "of several models"),
        (["tiny-dcgan", "--out", "a.mp4"], 2, "either --seeds"),
        (["--seeds", "1,2", "--out", "a.mp4"], 2, "Name a MODEL"),
        (["--walk", "list.json", "--truncation", "0.5", "--out", "a.mp4"], 2, "--truncation cannot be given"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    run: Run, tmp_path: Path, arguments: list[str], status: int, text: str
) -> None:
    (tmp_path / "rubbish.json").write_bytes(b"\xff{")
    (tmp_path / "deep.json").write_text("[" * 200_000)
    (tmp_path / "list.json").write_text("[1]")
    saved_walk(tmp_path / "foreign.json", ModelRef(name="gone-model"))
    mixed = Walk(keys=(Recipe(model=ModelRef(name="a")), Recipe(model=ModelRef(name="b"))))
    (tmp_path / "mixed.json").write_text(json.dumps(mixed.to_json()))
    before = sorted(tmp_path.rglob("*"))
    result = run("interpolate", *arguments)
    assert result.status == status
    assert text in result.err
    assert "Traceback" not in result.err
    if status == 1:
        assert result.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("dcgan_folder")
def test_an_interruption_leaves_nothing_and_says_so(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = video.write

    def interrupted(path, pictures, **options):
        def breaking():
            for index, picture in enumerate(pictures):
                if index == 3:
                    raise KeyboardInterrupt
                yield picture

        return write(path, breaking(), **options)

    monkeypatch.setattr(video, "write", interrupted)
    before = sorted(tmp_path.rglob("*"))
    for out in ("new/a.mp4", "b.webm", "c.gif", "d.webp", "frames"):
        result = run("interpolate", "tiny-dcgan", "--seeds", "1,2", "--out", out)
        assert (result.status, result.err.strip()) == (130, "Interrupted.")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_ctrl_c_leaves_no_half_film(tmp_path: Path, dcgan_folder: Path) -> None:
    """The real signal to the real process, while frames are being encoded."""
    command = [sys.executable, "-m", "gan_core", "interpolate", str(dcgan_folder), "--seeds", "1,2,3"]
    place = tmp_path / "place"
    place.mkdir()
    process = subprocess.Popen(
        [*command, "--frames", "3000", "--size", "1024", "--out", str(place / "film.mp4")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in its background deaf to Ctrl-C, and the tests may run there.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 120
        while not any(path.stat().st_size for path in place.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert any(place.iterdir())
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=180)
    finally:
        process.kill()
    assert process.returncode == 130
    assert error.strip() == "Interrupted."
    assert list(place.iterdir()) == []

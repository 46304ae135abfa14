"""Films, decoded again and compared with what went in; and nothing left behind when they are not finished."""

import errno
import itertools
import os
import resource
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from gan_core import video
from gan_core.errors import ConfigError, GanCoreError, PictureError
from gan_core.video import encode, palette

CODECS = {".mp4": "h264", ".webm": "vp9"}


def moving(count: int, size: tuple[int, int] = (32, 32), mode: str = "RGB") -> list[Image.Image]:
    """Colours that drift smoothly, with a bright block that wanders."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    pictures = []
    for index in range(count):
        phase = 2 * np.pi * index / count
        levels = [128 + 90 * np.sin(3 * x + 2 * y + phase + turn) for turn in (0, 2, 4)]
        pixels = np.stack([*levels, np.full_like(x, 255)], -1).clip(0, 255).astype(np.uint8)
        left = index % (width - 6)
        pixels[4:10, left : left + 6, :3] = 250
        pictures.append(Image.fromarray(pixels).convert(mode))
    return pictures


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


def shown(path: Path) -> list[tuple[np.ndarray, int]]:
    """Frames and durations in ms of a GIF or WebP, as Pillow reads them."""
    with Image.open(path) as film:
        return [
            (np.asarray(frame.convert("RGB")), frame.info["duration"])
            for frame in ImageSequence.Iterator(film)
            if frame.load() is not None
        ]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(np.mean((a.astype(float) - b) ** 2), 1e-9)))


def there(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.mark.parametrize("kind", CODECS)
@pytest.mark.parametrize("fps", [24, 12.5])
def test_video_comes_back_as_it_went_in(tmp_path: Path, kind: str, fps: float) -> None:
    pictures, path = moving(20), tmp_path / f"film{kind}"
    assert video.write(path, pictures, fps=fps, size=128)
    with av.open(str(path)) as film:
        track = film.streams.video[0]
        context = track.codec_context
        assert (context.name, context.pix_fmt) == (CODECS[kind], "yuv420p")
        assert (context.width, context.height) == (128, 128)
        assert track.average_rate == Fraction(fps)
        assert film.duration == pytest.approx(20 / fps * av.time_base, rel=0.01)
        # BT.709 and its limited range, in the file itself: numbers 1 of the standard's tables.
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
    frames = decoded(path)
    assert len(frames) == 20
    for frame, picture in zip(frames, pictures, strict=True):
        assert psnr(frame, np.asarray(video.fitted(picture, 128))) > 32
    assert there(tmp_path) == [path]


def test_mp4_has_its_index_first(tmp_path: Path) -> None:
    """Or a browser would have to fetch all of it before it plays."""
    video.write(tmp_path / "film.mp4", moving(5), size=64)
    content = (tmp_path / "film.mp4").read_bytes()
    assert content[4:8] == b"ftyp"
    assert content.index(b"moov") < content.index(b"mdat")


def test_encoders_come_with_the_wheel() -> None:
    assert next(iter(encode.H264)) in av.codecs_available
    assert next(iter(encode.VP9)) in av.codecs_available


def test_h264_falls_back_and_says_so_when_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    if "libopenh264" in av.codecs_available:
        assert video.write(tmp_path / "film.mp4", moving(4), size=64)
        assert len(decoded(tmp_path / "film.mp4")) == 4
    monkeypatch.setattr(av, "codecs_available", set())
    with pytest.raises(ConfigError, match="no encoder libx264 or libopenh264"):
        video.write(tmp_path / "new" / "film.mp4", moving(4))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", CODECS)
def test_odd_sizes_are_padded_by_their_own_edge(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"film{kind}"
    assert video.write(path, moving(3, (33, 21)))
    frame = decoded(path)[0]
    assert frame.shape == (22, 34, 3)
    assert np.abs(frame[:, 33].astype(int) - frame[:, 32]).mean() < 12


@pytest.mark.parametrize("mode", ["L", "RGBA"])
@pytest.mark.parametrize("kind", video.KINDS)
def test_grey_and_transparent_pictures(tmp_path: Path, kind: str, mode: str) -> None:
    path = tmp_path / f"film{kind}"
    pictures = moving(4, mode=mode)
    if mode == "RGBA":
        for picture in pictures:
            picture.putalpha(Image.new("L", picture.size, 0))
    assert video.write(path, pictures)
    frames = [frame for frame, _ in shown(path)] if kind == ".webp" else decoded(path)
    assert len(frames) == 4
    if mode == "L":
        assert psnr(frames[0], np.asarray(pictures[0].convert("RGB"))) > 30
    elif kind != ".webp":  # Laid over white, not over what lies hidden in clear pixels.
        assert frames[0].min() > 245
    else:
        with Image.open(path) as film:
            assert film.convert("RGBA").getextrema()[3] == (0, 0)


@pytest.mark.parametrize("fps", [24, 30, 7, 50])
def test_gif_keeps_its_time(tmp_path: Path, fps: int) -> None:
    """30 frames a second in steps of 30 and 40 ms: rounding each to 30 ms would make the film a tenth too fast."""
    path = tmp_path / "film.gif"
    assert video.write(path, moving(31), fps=fps)
    frames = shown(path)
    assert len(frames) == 31
    assert sum(duration for _, duration in frames) == pytest.approx(31_000 / fps, abs=5)
    ends = np.cumsum([duration for _, duration in frames])
    assert np.abs(ends - 1000 / fps * np.arange(1, 32)).max() <= 5.001
    with Image.open(path) as film:
        assert film.info["loop"] == 0


def test_gif_has_one_palette_and_its_colours_do_not_flicker(tmp_path: Path) -> None:
    still, path = moving(8), tmp_path / "film.gif"
    background = np.random.default_rng(0).integers(0, 256, (32, 16, 3), np.uint8)
    for picture in still:
        picture.paste(Image.fromarray(background), (16, 0))  # Half of the picture does not move, and is hard to index.
    assert video.write(path, still, size=64)
    frames = [frame for frame, _ in shown(path)]
    for one, other in itertools.pairwise(frames):
        assert np.array_equal(one[:, 34:], other[:, 34:])
    colours = np.unique(np.concatenate([frame.reshape(-1, 3) for frame in frames]), axis=0)
    assert len(colours) <= 256


@pytest.mark.parametrize("smooth", [False, True])
def test_gif_of_many_colours_is_near(tmp_path: Path, smooth: bool) -> None:
    pictures, path = moving(12, (64, 64)), tmp_path / "film.gif"
    assert video.write(path, pictures, size=128, smooth=smooth)
    for (frame, _), picture in zip(shown(path), pictures, strict=True):
        wanted = np.asarray(video.fitted(picture, 128, smooth))
        assert psnr(frame, wanted) > (28 if smooth else 32)
        if smooth:  # What the dither is for: seen from afar, the error all but goes.
            small = [np.asarray(Image.fromarray(one).reduce(8)) for one in (frame, wanted)]
            assert psnr(small[0][1:], small[1][1:]) > 36
        else:  # No pattern inside of a hard pixel.
            assert np.array_equal(frame[::2, ::2], frame[1::2, 1::2])


def test_gif_of_grey_pictures_is_exact(tmp_path: Path) -> None:
    pictures, path = moving(6, mode="L"), tmp_path / "film.gif"
    assert video.write(path, pictures, size=96)
    for (frame, _), picture in zip(shown(path), pictures, strict=True):
        assert np.array_equal(frame[..., 0], np.asarray(video.fitted(picture, 96)))


def test_the_dither_pattern_is_bayers_and_has_no_mean() -> None:
    assert sorted((palette.BAYER.ravel() + 0.5) * 64 - 0.5) == list(range(64))
    assert palette.BAYER.mean() == pytest.approx(0)


@pytest.mark.parametrize("smooth", [False, True])
def test_webp_is_animated_and_near(tmp_path: Path, smooth: bool) -> None:
    pictures, path = moving(9), tmp_path / "film.webp"
    assert video.write(path, pictures, fps=20, size=96, smooth=smooth)
    frames = shown(path)
    assert [duration for _, duration in frames] == [50] * 9
    for (frame, _), picture in zip(frames, pictures, strict=True):
        wanted = np.asarray(video.fitted(picture, 96, smooth))
        assert psnr(frame, wanted) > 32 if smooth else np.array_equal(frame, wanted)
    with Image.open(path) as film:
        assert film.info["loop"] == 0


def test_a_folder_of_frames(tmp_path: Path) -> None:
    pictures = moving(3)
    assert video.write(tmp_path / "a" / "frames", pictures)
    assert [path.name for path in there(tmp_path / "a" / "frames")] == ["000000.png", "000001.png", "000002.png"]
    with Image.open(tmp_path / "a" / "frames" / "000001.png") as frame:
        assert frame.tobytes() == pictures[1].tobytes()
    with pytest.raises(ConfigError, match="is there already"):
        video.write(tmp_path / "a" / "frames", pictures)


def test_pixels_are_hard_when_small_and_smooth_when_large() -> None:
    board = Image.fromarray((np.indices((16, 16)).sum(0) % 2 * 255).astype(np.uint8))
    assert np.array_equal(video.fitted(board, 64), np.kron(np.asarray(board), np.ones((4, 4), np.uint8)))
    assert video.fitted(board, 100).size == (100, 100)
    assert video.fitted(board, 8).size == (8, 8)
    assert video.fitted(board.resize((130, 65)), 260).size == (260, 130)
    large = board.resize((160, 160), Image.Resampling.NEAREST)
    assert len(np.unique(np.asarray(video.fitted(large, 320)))) > 2
    assert len(np.unique(np.asarray(video.fitted(large, 320, smooth=False)))) == 2


@pytest.mark.parametrize("kind", [*video.KINDS, ""])
def test_a_stop_leaves_nothing(tmp_path: Path, kind: str) -> None:
    drawn: list[int] = []
    path = tmp_path / "new" / f"film{kind}"
    assert not video.write(path, moving(10), should_stop=lambda: len(drawn) >= 4, on_frame=drawn.append)
    assert drawn == [1, 2, 3, 4]
    assert there(tmp_path) == []
    asked = itertools.count()  # Once more after the last picture: a film that was given up does not appear.
    assert not video.write(path, moving(3), should_stop=lambda: next(asked) == 4)
    assert there(tmp_path) == []


def test_a_gif_can_be_stopped_while_it_waits_for_its_colours(tmp_path: Path) -> None:
    asked = itertools.count()
    assert not video.write(tmp_path / "film.gif", moving(5), should_stop=lambda: next(asked) == 10)
    assert there(tmp_path) == []


@pytest.mark.parametrize("kind", [*video.KINDS, ""])
@pytest.mark.parametrize("wrong", [KeyboardInterrupt(), PictureError("no picture")])
def test_an_interruption_leaves_nothing(tmp_path: Path, kind: str, wrong: BaseException) -> None:
    def breaking() -> Iterator[Image.Image]:
        yield from moving(3)
        raise wrong

    with pytest.raises(type(wrong)):
        video.write(tmp_path / "new" / f"film{kind}", breaking())
    assert there(tmp_path) == []


@pytest.mark.parametrize("kind", video.KINDS)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    """A real refusal: the process may not write files longer than 4 KB. An older film stays as it was."""
    path = tmp_path / f"film{kind}"
    path.write_bytes(b"older")
    noise = [Image.effect_noise((64, 64), 90).convert("RGB") for _ in range(20)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(GanCoreError, match="was not written: File too large") as caught:
            video.write(path, noise, size=256)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"older"
    assert there(tmp_path) == [path]


@pytest.mark.parametrize("kind", [*video.KINDS, ""])
def test_no_space_left_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(GanCoreError, match="No space left on device"):
        video.write(tmp_path / "new" / f"film{kind}", moving(3))
    assert there(tmp_path) == []


def test_an_unwritable_folder_is_one_sentence(tmp_path: Path) -> None:
    for path in (Path("/proc/no/film.mp4"), Path("/proc/no/film"), tmp_path / "file" / "film.gif"):
        (tmp_path / "file").write_text("no folder")
        with pytest.raises(GanCoreError, match="was not written") as caught:
            video.write(path, moving(2))
        assert "\n" not in str(caught.value)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(GanCoreError, match="Is a directory"):
        video.write(tmp_path / "folder.mp4", moving(2))


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("film.avi", {}, "written as .mp4, .webm, .gif, .webp"),
        ("film.mp4", {"fps": 0}, "--fps is 0; it must lie between 1 and 60"),
        ("film.gif", {"fps": 60}, "between 1 and 50"),
        ("film.mp4", {"fps": float("nan")}, "--fps is nan"),
        ("film.mp4", {"size": 5}, "--size is 5"),
        ("film.mp4", {"size": 99.5}, "--size is 99.5"),
    ],
)
def test_bad_options_are_refused_before_a_picture_is_drawn(tmp_path: Path, name: str, options, text: str) -> None:
    def drawing() -> Iterator[Image.Image]:
        raise AssertionError("a picture was asked for")
        yield

    with pytest.raises(ConfigError, match=text):
        video.write(tmp_path / name, drawing(), **options)


def test_bad_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="at least one picture"):
        video.write(tmp_path / "film.mp4", [])
    with pytest.raises(PictureError, match="Picture 3 of the film is 16 x 16 px, the first 32 x 32"):
        video.write(tmp_path / "film.gif", [*moving(2), *moving(1, (16, 16))])
    assert there(tmp_path) == []

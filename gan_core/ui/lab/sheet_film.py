"""The film of a run: its sheets of samples one after another, as a job that tells how far it is."""

import shutil
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from gan_core.errors import ConfigError, PictureError
from gan_core.ui.jobs import Progress, Work

MIN_SIZE_PX, MAX_SIZE_PX = 64, 2048
MAX_SECONDS = 120
MAX_FILM_MP = 2000
"""Pixels of all frames together: a minute of 30 frames a second at 1,024 px square."""
KINDS = ("mp4", "webm", "gif", "webp")
READ_S = 0.2
BAND = 24  # The step stands in a band of a 24th of the height.
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Options:
    fps: float
    seconds: float
    size: int
    """Longer side of the sheet in the film, px."""
    kind: str
    fade: bool
    """Sheets flow into each other; else each stands until the next."""
    steps: bool
    """The step is written beneath."""
    smooth: bool
    """How sheets are enlarged: those of small pictures keep hard pixels."""

    @property
    def frames(self) -> int:
        return max(2, round(self.fps * self.seconds))


def checked(options: object, newest: Path, cell_px: int | None) -> Options:
    """What the page sent, or one sentence about what cannot be. newest: a sheet; cell_px: the side of its pictures."""
    from gan_core.video import HARD_PX, MAX_FPS, MAX_GIF_FPS

    given: dict[str, Any] = options if isinstance(options, dict) else {}
    kind = given.get("kind", "mp4")
    if kind not in KINDS:
        raise ConfigError(f"{str(kind)[:20]!r} is no kind of film. No film was made. Choose one of {', '.join(KINDS)}.")
    limits = {
        "fps": ("Frames a second", 1, MAX_GIF_FPS if kind == "gif" else MAX_FPS),
        "seconds": ("Seconds", 0.5, MAX_SECONDS),
        "size": ("Size, px", MIN_SIZE_PX, MAX_SIZE_PX),
    }
    if wrong := [told for part, limit in limits.items() if (told := _wrong(given.get(part), *limit))]:
        raise ConfigError(f"{' '.join(wrong)} No film was made.")
    fps, seconds, size = float(given["fps"]), float(given["seconds"]), round(given["size"])
    smooth = cell_px is None or cell_px > HARD_PX
    made = Options(fps, seconds, size, str(kind), given.get("fade") is True, given.get("steps") is True, smooth)
    try:
        with Image.open(newest) as sheet:
            shape = min(sheet.size) / max(sheet.size)
    except _UNREADABLE:
        shape = 1.0
    if made.frames * size**2 * shape > MAX_FILM_MP * 1e6:
        fitting = int((MAX_FILM_MP * 1e6 / made.frames / shape) ** 0.5)
        raise ConfigError(
            f"{made.frames:,} frames of {size} px are too much for this server. No film was made. "
            f"Take a size of at most {fitting} px, or fewer seconds."
        )
    return made


def _wrong(value: object, name: str, low: float, high: float) -> str | None:
    """What is wrong with a number, by the name of its field; None where it can be."""
    # A comparison with NaN is false, so NaN is refused too.
    if not isinstance(value, bool) and isinstance(value, int | float) and low <= value <= high:
        return None
    shown = "is empty" if value is None else f"cannot be {str(value)[:20]}"
    return f"{name} {shown}: give a number from {low:g} to {high:,g}."


def sheet_film(samples: list[tuple[int, Path]], options: Options, path: Path) -> Work:
    """The work of writing a film to `path`. Its last progress holds the file's `path`, `name` and `bytes`.

    Sheets that cannot be read, or are not as large as the newest that can, are left out and counted as `left_out`.
    """

    def work(should_stop: Callable[[], bool]) -> Iterator[Progress]:
        from gan_core.video import write

        taken: list[int] = []  # The encoder's thread appends, this one reads the last.
        good = yield from _readable(samples, should_stop)
        if should_stop():
            return
        if len(good) < 2:
            raise PictureError("Fewer than two sheets of samples can be read. No film was made.")

        def encode() -> bool:
            frames = _frames(good, options)
            return write(path, frames, fps=options.fps, should_stop=should_stop, on_frame=taken.append)

        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(encode)
            while not wait([future], READ_S).done:
                yield {"frame": taken[-1] if taken else 0, "frames": options.frames}
            if not future.result():
                return
        if should_stop():  # Too late for the encoder, and still: a cancel leaves no file.
            shutil.rmtree(path.parent, ignore_errors=True)
            return
        told = {"frame": options.frames, "frames": options.frames, "seconds": options.frames / options.fps}
        left_out = len(samples) - len(good)
        yield {**told, "left_out": left_out, "path": str(path), "name": path.name, "bytes": path.stat().st_size}

    return work


def _readable(
    samples: list[tuple[int, Path]], should_stop: Callable[[], bool]
) -> Generator[Progress, None, list[tuple[int, Path]]]:
    """Those that can be decoded and are as large as the newest of them."""
    sizes: dict[int, tuple[int, int]] = {}
    for number, (step, path) in enumerate(samples):
        if should_stop():
            return []
        if number % 25 == 0:
            yield {"read": number, "sheets": len(samples)}
        try:
            with Image.open(path) as sheet:
                sheet.load()
                sizes[step] = sheet.size
        except _UNREADABLE:
            continue
    newest = sizes[max(sizes)] if sizes else None
    return [(step, path) for step, path in samples if step in sizes and sizes[step] == newest]


def _frames(samples: list[tuple[int, Path]], options: Options) -> Iterator[Image.Image]:
    """Frames of one size. Cut: each sheet for as long as the others; fade: from the first to the last, evenly."""
    from gan_core.video import fitted

    @lru_cache(maxsize=3)
    def sheet(index: int) -> Image.Image:
        with Image.open(samples[index][1]) as opened:
            return fitted(opened.convert("RGB"), options.size, options.smooth)

    count = len(samples)
    for number in range(options.frames):
        if options.fade:
            place = number / (options.frames - 1) * (count - 1)
            index = min(int(place), count - 2)
            share = place - index
            picture = Image.blend(sheet(index), sheet(index + 1), share)
            step = samples[index + round(share)][0]
        else:
            index = min(number * count // options.frames, count - 1)
            picture, step = sheet(index), samples[index][0]
        yield _labelled(picture, f"step {step:,}") if options.steps else picture


def _labelled(picture: Image.Image, text: str) -> Image.Image:
    """A band beneath the picture with the text: nothing of the picture is covered."""
    height = max(14, min(picture.size) // BAND)
    made = Image.new("RGB", (picture.width, picture.height + height + height // 2), "white")
    made.paste(picture)
    font = ImageFont.load_default(size=height)
    where = (picture.width // 2, picture.height + (height + height // 2) // 2)
    ImageDraw.Draw(made).text(where, text, fill="black", font=font, anchor="mm")
    return made

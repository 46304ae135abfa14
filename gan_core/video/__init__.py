"""Films: pictures to MP4, WebM, GIF, animated WebP or a folder of PNG frames, wholly written or not at all."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import ceil
from pathlib import Path

import av
from PIL import Image

from gan_core.atomic import new_folder, write_file
from gan_core.config import require_range, require_whole
from gan_core.errors import ConfigError, GanCoreError, PictureError
from gan_core.video.encode import Film, gif, mp4, webm, webp

KINDS = {".mp4": "H.264", ".webm": "VP9", ".gif": "GIF", ".webp": "animated WebP"}
MAX_FPS = 60
MAX_GIF_FPS = 50  # A GIF counts in hundredths of a second, and browsers play steps shorter than two of them slowly.
MIN_SIDE_PX, MAX_SIDE_PX = 16, 2048
HARD_PX = 128
"""Up to this side, pictures are enlarged with hard pixels; above, smoothly."""

_WRITERS = {".mp4": mp4, ".webm": webm, ".gif": gif, ".webp": webp}


class _StoppedError(Exception):
    """Asked to stop: no failure, but the way out of a half written file."""


def check(path: Path, *, fps: float = 25, size: int | None = None) -> None:
    """Raises `ConfigError` for what `write` cannot do, before a picture is drawn for it."""
    kind = path.suffix.lower()
    if kind and kind not in KINDS:
        raise ConfigError(
            f"{path}: films are written as {', '.join(KINDS)} or, without an ending, as a folder of PNG frames. "
            "Nothing was made."
        )
    require_range("--fps", fps, 1, MAX_GIF_FPS if kind == ".gif" else MAX_FPS)
    if size is not None:
        require_whole("--size", size, MIN_SIDE_PX, MAX_SIDE_PX)
    if not kind and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ConfigError(f"{path} is there already and is no empty folder. Nothing was made. Choose a new name.")


def write(
    path: Path,
    pictures: Iterable[Image.Image],
    *,
    fps: float = 25,
    size: int | None = None,
    smooth: bool | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_frame: Callable[[int], object] = lambda _: None,
) -> bool:
    """Write a film; the ending of `path` says which kind. False when stopped: then nothing is left behind.

    pictures: of one size, taken one by one. fps: 1 to 60, GIF 1 to 50. size: the longer side in px; None: as it is.
    smooth: how pictures are enlarged; None: see `HARD_PX`. on_frame: told how many pictures were taken so far.
    Raises `ConfigError`, `PictureError`, and `GanCoreError` when the disk refuses.
    """
    check(path, fps=fps, size=size)

    def go_on() -> None:
        if should_stop():
            raise _StoppedError

    try:
        go_on()
        source = iter(pictures)
        first = next(source, None)
        if first is None:
            raise PictureError("A film needs at least one picture. Nothing was written.")
        smooth = max(first.size) > HARD_PX if smooth is None else smooth
        frames = _frames(itertools.chain([first], source), size, smooth, go_on, on_frame)
        with _no_empty_parents(path):
            _write(path, Film(frames=frames, fps=Fraction(fps).limit_denominator(1001), smooth=smooth, go_on=go_on))
    except _StoppedError:
        return False
    except (OSError, av.FFmpegError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GanCoreError(f"{path} was not written: {reason}. Nothing is left of it. Choose another place.") from None
    return True


def _write(path: Path, film: Film) -> None:
    if path.suffix:
        write_file(path, lambda temporary: _WRITERS[path.suffix.lower()](temporary, film))
        return
    with new_folder(path) as folder:
        for index, frame in enumerate(film.frames):
            frame.save(folder / f"{index:06d}.png")


@contextmanager
def _no_empty_parents(path: Path) -> Iterator[None]:
    """Folders that had to be made for the film go again when it was not written."""
    missing = list(itertools.takewhile(lambda folder: not folder.exists(), path.absolute().parents))
    try:
        yield
    except BaseException:
        for folder in missing:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise


def _frames(
    pictures: Iterable[Image.Image],
    size: int | None,
    smooth: bool,
    go_on: Callable[[], None],
    on_frame: Callable[[int], object],
) -> Iterator[Image.Image]:
    """Pictures at the film's size."""
    first: Image.Image | None = None
    for number, picture in enumerate(pictures, 1):
        go_on()
        first = first or picture
        if picture.size != first.size:
            raise PictureError(
                f"Picture {number} of the film is {picture.width} x {picture.height} px, the first "
                f"{first.width} x {first.height}. No film was written. Give pictures of one size."
            )
        yield fitted(picture, size, smooth)
        on_frame(number)
    go_on()


def fitted(picture: Image.Image, size: int | None, smooth: bool | None = None) -> Image.Image:
    """The picture with a longer side of `size` px.

    Hard pixels are enlarged by a whole factor and then fitted, so that each comes out as large as the others.
    """
    longest = max(picture.size)
    if size is None or size == longest:
        return picture
    smooth = longest > HARD_PX if smooth is None else smooth
    width, height = (max(1, round(side * size / longest)) for side in picture.size)
    if smooth or size < longest:
        return picture.resize((width, height), Image.Resampling.LANCZOS)
    factor = ceil(size / longest)
    hard = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    return hard if hard.size == (width, height) else hard.resize((width, height), Image.Resampling.BOX)

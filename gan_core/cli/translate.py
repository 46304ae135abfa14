"""`gan-core translate`: photographs, one by one or whole folders of them."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gan_core.cli.options import as_json
from gan_core.cli.use import WriteError, device, free_name, load_model, out_path, report, save
from gan_core.errors import ConfigError, PictureError
from gan_core.settings import Settings

if TYPE_CHECKING:
    from gan_core.inference.translator import Direction, Translator

LINE_S = 15.0

Show = Callable[[str, float], None]
"""Which photo is being painted, and how many are done: 2.5 is in the middle of the third."""


@dataclass(frozen=True)
class Job:
    photo: Path
    wanted: Path
    """Where its result goes, were there nothing there."""


@dataclass
class Taken:
    """Names that a result cannot have."""

    photos: set[Path]
    overwrite: bool
    written: list[Path] = field(default_factory=list)
    _written: set[Path] = field(default_factory=set)

    def add(self, path: Path) -> None:
        self.written.append(path)
        self._written.add(path)

    def __contains__(self, path: object) -> bool:
        assert isinstance(path, Path)
        # Two photos of one name must not overwrite each other's result, nor a result a photo, whatever was asked for.
        return path in self._written or path.resolve() in self.photos or (path.exists() and not self.overwrite)


@click.command()
@click.argument("model")
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=out_path, required=True, help="Folder for the results, one picture a photo.")
@click.option("--direction", type=click.Choice(["ab", "ba"]), help="Default: the model's own.")
@click.option("--strength", type=click.FloatRange(0, 1.5), default=1.0, show_default=True, help="0 none, 1 full.")
@click.option(
    "--brush",
    type=click.Choice(["fine", "medium", "broad"]),
    default="fine",
    show_default=True,
    help="fine paints every pixel; medium and broad paint a large photo at 1280 and 512 px and lay the change over it.",
)
@click.option("--keep-colours", "--keep-colors", is_flag=True, help="Change the brightness alone.")
@click.option(
    "--format",
    "ending",
    type=click.Choice(["png", "jpg", "webp"]),
    default="png",
    show_default=True,
    help="jpg has no transparency: it is laid over white.",
)
@click.option("--mark", is_flag=True, help='A small "Made with GAN Studio" in the lower right corner.')
@click.option("--recursive", is_flag=True, help="Folders inside folders too; the results are laid out like them.")
@click.option("--overwrite", is_flag=True, help="Replace results that are there; without it, new ones get a number.")
@device
@as_json
def translate(
    model: str,
    photos: tuple[Path, ...],
    out: Path,
    direction: Any,
    ending: str,
    recursive: bool,
    overwrite: bool,
    device: str,
    as_json: bool,
    **settings: Any,
) -> None:
    """Translate photographs. MODEL is a name, run:ID, run:ID@STEP, a folder, or hub:user/name; PHOTOS: files, folders.

    Results have the photograph's size. They carry model and settings, and nothing of what the photograph's file told,
    such as its place. A photograph that cannot be read is named at the end, and the others are painted all the same.
    """
    translator: Translator = load_model(model, "translator", device)
    direction = direction or translator.default_direction
    if direction not in translator.directions:
        able = ", ".join(translator.directions)
        raise ConfigError(f"{model} cannot do direction {direction}. Nothing was painted. It can do {able}.")
    jobs = [job for photo in photos for job in _jobs(photo, out, ending, recursive)]
    if not jobs:
        raise PictureError("There is no picture in the folders that were named. Nothing was painted.")
    taken = Taken({job.photo.resolve() for job in jobs}, overwrite)
    try:
        with _progress(len(jobs)) as show:
            failed = _paint_all(translator, jobs, taken, show, direction=direction, **settings)
    except KeyboardInterrupt:
        click.echo(f"{len(taken.written)} of {len(jobs)} photos were painted.", err=True)
        raise
    report(taken.written, as_json, failed, folder=out)
    for text in failed:
        click.echo(f"Error: {text}", err=True)
    if failed:
        sys.exit(1)


def _jobs(photo: Path, out: Path, ending: str, recursive: bool) -> Iterator[Job]:
    """One for a file, which need not be there; one for each picture in a folder."""
    from gan_core.images import SUFFIXES

    if not photo.is_dir():
        yield Job(photo, out / f"{photo.stem}.{ending}")
        return
    try:
        files = sorted(photo.rglob("*") if recursive else photo.iterdir())
    except OSError as error:
        raise PictureError(f"{photo} cannot be read: {error.strerror}. Nothing was painted.") from None
    root, earlier = photo.resolve(), out.resolve()
    has_results = earlier != root and earlier.is_relative_to(root)
    for file in files:
        inside = file.relative_to(photo)
        if file.suffix.lower() not in SUFFIXES or any(part.startswith(".") for part in inside.parts):
            continue
        # Results of an earlier run, in a folder among the photos, are not painted again.
        if file.is_file() and not (has_results and file.resolve().is_relative_to(earlier)):
            yield Job(file, out / inside.with_suffix(f".{ending}"))


def _paint_all(translator: "Translator", jobs: list[Job], taken: Taken, show: Show, **settings: Any) -> list[str]:
    """Paint one after the other; why some could not be, a sentence each."""
    failed = []
    for number, job in enumerate(jobs):
        path = free_name(job.wanted, taken)
        try:
            _paint(translator, job.photo, path, _within(show, job.photo.name, number), **settings)
            taken.add(path)
        except MemoryError:
            failed.append(f"{job.photo} does not fit into memory. It was not painted. Make it smaller.")
        except (PictureError, WriteError) as error:  # One bad file must not cost the others.
            failed.append(str(error))
            if isinstance(error, WriteError) and error.full:
                left = len(jobs) - number - 1
                failed[-1] += f" {left} more were not begun." if left else ""
                break
    return failed


def _within(show: Show, name: str, number: int) -> Callable[[float], None]:
    """Progress of one photo as progress of all."""
    return lambda share: show(name, number + share)


def _paint(
    translator: "Translator",
    file: Path,
    path: Path,
    progress: Callable[[float], None],
    *,
    direction: "Direction",
    strength: float,
    brush: str,
    keep_colours: bool,
    mark: bool,
) -> None:
    from gan_core.images import marked, open_picture
    from gan_core.inference.blend import blend
    from gan_core.inference.brush import brush_px, painted
    from gan_core.recipe import Translation

    progress(0)
    photo = open_picture(file, name=str(file), max_mp=Settings().max_picture_mp)
    px = brush_px(brush, photo.size)
    if px is None:
        picture = translator.translate(photo, direction, strength, keep_colours=keep_colours, progress=progress)
    else:
        picture = blend(photo, painted(translator, photo, direction, px, progress), strength, keep_colours)
    told = Translation(
        model=translator.ref,
        direction=direction,
        strength=strength,
        keep_colours=keep_colours,
        size=picture.size,
        painted_px=px,
    )
    save(marked(picture) if mark else picture, path, told)
    progress(1)


@contextmanager
def _progress(total: int) -> Iterator[Show]:
    """On standard error: a bar with the time left on a terminal, a line now and then elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from gan_core.recipe.checks import shown_name

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(total)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[place]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("Painting", total=total, place="")

        def show(name: str, done: float) -> None:
            place = f"{min(int(done) + 1, total)} of {total}"
            bars.update(task, description=shown_name(name), completed=done, place=place)

        yield show


def _lines(total: int) -> Show:
    from gan_core.recipe.checks import shown_name

    began_at = shown_at = time.monotonic()

    def show(name: str, done: float) -> None:
        nonlocal shown_at
        now = time.monotonic()
        if now - shown_at > LINE_S and 0 < done < total:
            shown_at = now
            left_min = ceil((now - began_at) / done * (total - done) / 60)
            place = f"photo {int(done) + 1} of {total}, {shown_name(name)}"
            click.echo(f"{place}: {done / total:.0%} of all done, some {left_min} min left", err=True)

    return show

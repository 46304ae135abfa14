"""`gan-core interpolate`: walks between pictures, as films."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gan_core.cli.options import as_json
from gan_core.cli.use import device, label, load_model, notice, out_path, report, truncation
from gan_core.errors import ConfigError

if TYPE_CHECKING:
    from gan_core.inference.generator import Generator
    from gan_core.inference.walk import Walk

SIZE_PX = 512
MAX_WALK_BYTES = 20_000_000
LINE_S = 15.0


@click.command()
@click.argument("model", required=False)
@click.option("--seeds", help="Key seeds of the walk: 1,5,9.")
@click.option(
    "--walk", "walk_file", type=out_path, help="A walk that was saved in the app (.json), instead of --seeds."
)
@click.option("--out", type=out_path, required=True, help="A .mp4, .webm, .gif or .webp, or a folder for PNG frames.")
@click.option("--frames", type=click.IntRange(1, 3000), help="Number of pictures.  [default: 90]")
@click.option("--mode", type=click.Choice(["slerp", "lerp", "spline"]), help="Path between keys.  [default: slerp]")
@click.option("--ease", type=click.Choice(["linear", "smooth"]), help="smooth: slower at every key.")
@click.option(
    "--loop/--no-loop", default=None, help="Return to the first key, so that the film repeats without a seam."
)
@click.option("--even/--no-even", default=None, help="Steps that look equally large.")
@click.option("--rows", type=click.IntRange(1, 64), help="Of a grid of walks; each cell counts on from the seeds.")
@click.option("--columns", type=click.IntRange(1, 64), help="Of a grid of walks.")
@click.option("--fps", type=click.FloatRange(1, 60), default=30, show_default=True, help="Frames a second.")
@click.option(
    "--size",
    type=click.IntRange(16, 2048),
    help=f"Longer side in pixels.  [default: {SIZE_PX}; frames in a folder stay as they are]",
)
@truncation
@label
@device
@as_json
@click.pass_context
def interpolate(
    context: click.Context,
    model: str | None,
    seeds: str | None,
    walk_file: Path | None,
    out: Path,
    fps: float,
    size: int | None,
    truncation: float,
    label: str | None,
    device: str,
    as_json: bool,
    **settings: Any,
) -> None:
    """Walk between seeds. MODEL is a name, run:ID, run:ID@STEP, a folder, or hub:user/name.

    With --walk, MODEL may be left out: the walk's key pictures name it. Other options change the walk of the file.
    """
    from gan_core import video

    if (seeds is None) == (walk_file is None):
        raise click.UsageError("Say where the walk goes: either --seeds 1,5,9 or --walk FILE.")
    if model is None and seeds is not None:
        raise click.UsageError("Name a MODEL, or a walk saved in the app with --walk FILE.")
    given = {"path" if name == "mode" else name: value for name, value in settings.items() if value is not None}
    video.check(out, fps=fps, size=size)
    if walk_file is not None:
        for name in ("truncation", "label"):
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(
                    f"The key pictures of --walk have their own: --{name} cannot be given beside it."
                )
        walk = replace(read_walk(walk_file), **given)
        generator = _walks_model(walk, model, device)
    else:
        generator, walk = _from_seeds(str(model), str(seeds), truncation, label, device, given)
    if size is None and out.suffix:
        size = SIZE_PX
    if draw(generator, walk, out, fps, size):
        report([out] if out.suffix else sorted(out.iterdir()), as_json)


def _from_seeds(
    model: str, seeds: str, truncation: float, label: str | None, device: str, given: dict[str, Any]
) -> "tuple[Generator, Walk]":
    from gan_core.inference.walk import MAX_KEYS, Walk
    from gan_core.latent import parse_seeds

    numbers = parse_seeds(seeds, limit=MAX_KEYS)
    generator: Generator = load_model(model, "generator", device)
    wanted = generator.class_name(label)
    keys = tuple(generator.recipe(seed=seed, truncation=truncation, label=wanted) for seed in numbers)
    return generator, Walk(keys=keys, **given)


def read_walk(file: Path) -> "Walk":
    """A walk out of a .json file. Raises `ConfigError` and `RecipeError`."""
    from gan_core.inference.walk import Walk

    try:
        if file.stat().st_size > MAX_WALK_BYTES:
            raise ConfigError(f"{file} is too large for a walk. Nothing was made. Use one that was saved here.")
        value = json.loads(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"{file} could not be read: {error.strerror}. Nothing was made.") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{file} is not JSON. Nothing was made. Use a walk that was saved here.") from None
    return Walk.from_json(value)


def _walks_model(walk: "Walk", model: str | None, device: str) -> "Generator":
    from gan_core.library import find, find_recipe_model, weights_notice

    refs = {key.model for key in walk.keys if key.model}
    if len({ref.sha256 or ref.name for ref in refs}) > 1:
        names = ", ".join(sorted({ref.name for ref in refs}))
        raise ConfigError(
            f"The walk's key pictures are of several models ({names}). Nothing was made. Keep those of one."
        )
    ref = next(iter(refs), None)
    if model is None:
        folder, other = find_recipe_model(ref, fetch=True, tell=notice)
    else:
        folder = find(model, tell=notice)
        other = weights_notice(ref, folder)
    generator: Generator = load_model(model or str(folder), "generator", device, folder=folder)
    if other:
        notice(other)
    return generator


def draw(generator: "Generator", walk: "Walk", out: Path, fps: float, size: int | None) -> bool:
    """Draw and write, with progress on standard error. Interrupted, it leaves nothing behind."""
    from gan_core import video
    from gan_core.inference.walk import frames

    smooth = None
    if walk.cells > 1:  # A sheet of small pictures is large, and its pixels are hard all the same.
        smooth = max(generator.picture(walk.keys[0]).size) > video.HARD_PX
    with _progress(walk.frames) as on_frame:
        return video.write(out, frames(generator, walk), fps=fps, size=size, smooth=smooth, on_frame=on_frame)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], object]]:
    """A bar on a terminal, a line now and then elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if console.is_terminal:
        columns = (TextColumn("Drawing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
        with Progress(*columns, console=console, transient=True) as bars:
            task = bars.add_task("", total=total)
            yield lambda done: bars.update(task, completed=done)
        return
    at = time.monotonic()

    def line(done: int) -> None:
        nonlocal at
        if time.monotonic() - at > LINE_S:
            at = time.monotonic()
            click.echo(f"{done:,} of {total:,} frames", err=True)

    yield line

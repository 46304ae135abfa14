"""`gan-core generate`, and what all commands share that use a trained model."""

import errno
from collections.abc import Container
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gan_core.cli.options import as_json, print_json
from gan_core.errors import ConfigError, GanCoreError

if TYPE_CHECKING:
    from PIL.Image import Image

    from gan_core.inference.generator import Generator
    from gan_core.recipe import Recipe, Translation

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""What pictures are written as, by the ending of their name."""

device = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
label = click.option("--label", help="Class, by name or number, of a model that has classes.")
truncation = click.option(
    "--truncation", default=1.0, show_default=True, help="Factor on the latents; below 1 nearer to the mean picture."
)
out_path = click.Path(path_type=Path)


def notice(text: str) -> None:
    click.echo(f"Notice: {text}", err=True)


def load_model(model: str, kind: str, device: str, *, folder: Path | None = None) -> Any:
    """A model of one kind, generator or translator, by its name. Raises `GanCoreError`.

    folder: where it was found already.
    """
    from gan_core.families import get_family
    from gan_core.library import load

    loaded = load(folder or model, device=device, tell=notice)
    family = get_family(loaded.config.family)
    if family.kind != kind:
        other = "translate" if kind == "generator" else "generate"
        raise ConfigError(f"{model} is a {family.title} {family.kind}. Nothing was made. Use gan-core {other}.")
    return loaded


@click.command()
@click.argument("model", required=False)
@click.option("--seeds", default="0-15", show_default=True, help="Seeds: 7, or 1,5,9, or 0-15.")
@click.option(
    "--recipe", type=out_path, help="Draw the picture of a recipe again: a picture that was saved here, or a .json."
)
@click.option("--out", type=out_path, help="The picture, or a grid of all seeds (.png, .jpg, .webp).")
@click.option("--each", type=out_path, help="Folder for one PNG a seed.")
@click.option("--columns", type=click.IntRange(1), help="Columns of the grid; default: as square as possible.")
@truncation
@label
@device
@as_json
@click.pass_context
def generate(
    context: click.Context,
    model: str | None,
    seeds: str,
    recipe: Path | None,
    out: Path | None,
    each: Path | None,
    columns: int | None,
    truncation: float,
    label: str | None,
    device: str,
    as_json: bool,
) -> None:
    """Draw pictures from seeds, or one from a recipe. MODEL is a name, run:ID, run:ID@STEP, a folder, or hub:user/name.

    Single pictures carry their recipe. With --recipe, MODEL may be left out: the recipe names it.
    """
    if recipe is not None:
        _refuse_beside(context, "--recipe", ("seeds", "each", "columns", "truncation", "label"))
        report([_draw_again(recipe, model, out or _beside(recipe), device)], as_json)
        return
    from gan_core.images import grid
    from gan_core.latent import parse_seeds

    if model is None:
        raise click.UsageError("Name a MODEL, or a picture saved here with --recipe FILE.")
    if out is None and each is None:
        raise click.UsageError("Say where the pictures go: --out FILE for a grid, --each DIR for single files.")
    numbers = parse_seeds(seeds)
    generator: Generator = load_model(model, "generator", device)
    wanted = generator.class_name(label)
    recipes = [generator.recipe(seed=seed, truncation=truncation, label=wanted) for seed in numbers]
    pictures = [generator.picture(one) for one in recipes]  # One by one: each is to the bit what its recipe draws.
    written = []
    if out is not None:
        written.append(save(grid(pictures, columns), out, recipes[0] if len(recipes) == 1 else None))
    if each is not None:
        written += [
            save(picture, each / f"seed-{seed:06d}.png", one)
            for seed, picture, one in zip(numbers, pictures, recipes, strict=True)
        ]
    report(written, as_json)


def _draw_again(file: Path, model: str | None, out: Path, device: str) -> Path:
    from gan_core.library import find, find_recipe_model, weights_notice
    from gan_core.recipe import read

    recipe = read(file)
    if model is None:
        folder, other = find_recipe_model(recipe.model, fetch=True, tell=notice)
    else:
        folder = find(model, tell=notice)
        other = weights_notice(recipe.model, folder)
    generator: Generator = load_model(model or str(folder), "generator", device, folder=folder)
    picture = generator.picture(recipe)
    if other:
        notice(other)
    # What was drawn here came from this model, whichever the recipe named.
    return save(picture, out, replace(recipe, model=generator.recipe().model))


def _beside(recipe: Path) -> Path:
    """A PNG of the recipe's name in this folder, numbered where there is one already."""
    path = Path(f"{recipe.stem}.png")
    return free_name(path, list(Path().glob("*.png")))


def _refuse_beside(context: click.Context, flag: str, names: tuple[str, ...]) -> None:
    given = [name for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        raise click.UsageError(f"{flag} says all of the picture, so --{given[0]} cannot be given beside it.")


class WriteError(GanCoreError):
    """A file could not be written, and nothing of it is left."""

    def __init__(self, path: Path, error: OSError) -> None:
        self.full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        """Whether the disk is: no other file will fit either."""
        reason = "the disk is full" if self.full else error.strerror or error
        remedy = "Make room, or choose another place." if self.full else "Choose another place."
        super().__init__(f"{path} was not written: {reason}. {remedy}")


def free_name(path: Path, taken: Container[Path]) -> Path:
    """The path itself, or with the first number behind its name that makes it another."""
    number, candidate = 1, path
    while candidate in taken:
        number += 1
        candidate = path.with_stem(f"{path.stem}-{number}")
    return candidate


def save(picture: "Image", path: Path, made: "Recipe | Translation | None" = None) -> Path:
    """Write a picture whole or not at all, with how it was made inside."""
    from gan_core.atomic import write_bytes
    from gan_core.recipe import embed

    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise ConfigError(f"{path}: pictures are written as .png, .jpg or .webp. Nothing was written.")
    content = embed(picture, made, kind)
    try:
        write_bytes(path, content)
    except OSError as error:
        raise WriteError(path, error) from None
    return path


def report(written: list[Path], as_json: bool, failed: list[str] | None = None, *, folder: Path | None = None) -> None:
    """Say what was written: a path, a count and the folder (that of the first file, without one), or JSON."""
    if as_json:
        print_json({"written": [str(path) for path in written], "failed": failed or []})
    elif len(written) == 1:
        click.echo(str(written[0]))
    elif written:
        click.echo(f"{len(written)} files in {folder or written[0].parent}")

"""`gan-core generate`, `translate`: trained models in use."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gan_core.cli.options import as_json, print_json
from gan_core.errors import ConfigError, GanCoreError, PictureError
from gan_core.settings import Settings

if TYPE_CHECKING:
    from PIL.Image import Image

    from gan_core.inference.generator import Generator
    from gan_core.inference.translator import Translator
    from gan_core.recipe import Recipe

device = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
label = click.option("--label", help="Class, by name or number, of a model that has classes.")
truncation = click.option(
    "--truncation", default=1.0, show_default=True, help="Factor on the latents; below 1 nearer to the mean picture."
)
out_path = click.Path(path_type=Path)


def load_model(model: str, kind: str, device: str) -> Any:
    """A model of one kind, generator or translator, by its name. Raises `GanCoreError`."""
    from gan_core.families import get_family
    from gan_core.library import load

    loaded = load(model, device=device)
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
    """Draw pictures from seeds, or one from a recipe. MODEL is a name, a folder, a run, or hub:user/name.

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
        written.append(_save(grid(pictures, columns), out, recipes[0] if len(recipes) == 1 else None))
    if each is not None:
        written += [
            _save(picture, each / f"seed-{seed:06d}.png", one)
            for seed, picture, one in zip(numbers, pictures, recipes, strict=True)
        ]
    report(written, as_json)


def _draw_again(file: Path, model: str | None, out: Path, device: str) -> Path:
    from gan_core.library import find, find_recipe_model, weights_notice
    from gan_core.recipe import read

    recipe = read(file)
    if model is None:
        folder, notice = find_recipe_model(recipe.model)
    else:
        folder = find(model)
        notice = weights_notice(recipe.model, folder)
    generator: Generator = load_model(model or str(folder), "generator", device)
    picture = generator.picture(recipe)
    if notice:
        click.echo(f"Notice: {notice}", err=True)
    # What was drawn here came from this model, whichever the recipe named.
    return _save(picture, out, replace(recipe, model=generator.recipe().model))


def _beside(recipe: Path) -> Path:
    """A PNG of the recipe's name in this folder, numbered where there is one already."""
    path = Path(f"{recipe.stem}.png")
    return _free_name(path, list(Path().glob("*.png")))


def _refuse_beside(context: click.Context, flag: str, names: tuple[str, ...]) -> None:
    given = [name for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        raise click.UsageError(f"{flag} says all of the picture, so --{given[0]} cannot be given beside it.")


@click.command()
@click.argument("model")
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=out_path, required=True, help="Folder for the results, one PNG a photo.")
@click.option("--direction", type=click.Choice(["ab", "ba"]), help="Default: the model's own.")
@click.option("--strength", type=click.FloatRange(0, 2), default=1.0, show_default=True, help="0 none, 1 full.")
@device
@as_json
def translate(
    model: str, photos: tuple[Path, ...], out: Path, direction: Any, strength: float, device: str, as_json: bool
) -> None:
    """Translate photographs. MODEL is a name, a folder, a run, or hub:user/name; PHOTOS are files or folders."""
    from gan_core.images import SUFFIXES, open_picture

    translator: Translator = load_model(model, "translator", device)
    files = [
        file
        for photo in photos
        for file in (sorted(photo.iterdir()) if photo.is_dir() else [photo])
        if not photo.is_dir() or file.suffix.lower() in SUFFIXES
    ]
    if not files:
        raise PictureError("There is no picture in the folders that were named. Nothing was painted.")
    limit = Settings().max_picture_mp
    written: list[Path] = []
    failed: list[str] = []
    for file in files:
        try:
            picture = translator.translate(open_picture(file, max_mp=limit), direction, strength)
            written.append(_save(picture, _free_name(out / f"{file.stem}.png", written)))
        except PictureError as error:
            failed.append(str(error))  # One bad file must not cost the others.
            click.echo(f"Error: {error}", err=True)
    report(written, as_json, failed)
    if failed:
        sys.exit(1)


def _free_name(path: Path, taken: list[Path]) -> Path:
    """Two photos of one name in different folders must not overwrite each other's result."""
    number, candidate = 1, path
    while candidate in taken:
        number += 1
        candidate = path.with_stem(f"{path.stem}-{number}")
    return candidate


def _save(picture: "Image", path: Path, recipe: "Recipe | None" = None) -> Path:
    """Write a picture whole or not at all, with its recipe inside where there is one."""
    from gan_core.atomic import write_bytes, write_file
    from gan_core.recipe import embed

    kinds = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise ConfigError(f"{path}: pictures are written as .png, .jpg or .webp. Nothing was written.")
    if kind == "JPEG" and picture.mode == "RGBA":
        picture = picture.convert("RGB")
    if recipe is not None:
        content = embed(picture, recipe, kind)
        _guarded(path, lambda: write_bytes(path, content))
    else:
        _guarded(path, lambda: write_file(path, lambda temporary: picture.save(temporary, kind)))
    return path


def _guarded(path: Path, write: Any) -> None:
    try:
        write()
    except OSError as error:
        raise GanCoreError(f"{path} was not written: {error.strerror or error}. Choose another place.") from None


def report(written: list[Path], as_json: bool, failed: list[str] | None = None) -> None:
    """Say what was written: a path, a count, or JSON."""
    if as_json:
        print_json({"written": [str(path) for path in written], "failed": failed or []})
    elif len(written) == 1:
        click.echo(str(written[0]))
    elif written:
        click.echo(f"{len(written)} files in {written[0].parent}")

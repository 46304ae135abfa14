"""`gan-core check`: whether pictures say that they were made here."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gan_core.cli.options import as_json, print_json
from gan_core.errors import PictureError

if TYPE_CHECKING:
    from gan_core.recipe import Made, ModelRef, Recipe, Translation

HASH_DIGITS = 12


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@as_json
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Say whether pictures were made here, with which model and settings.

    What a picture carries can be removed, and written by anybody: it tells, and proves nothing either way.
    """
    from gan_core.recipe import made_here

    found: list[dict[str, Any]] = []
    for file in files:
        try:
            made = made_here(file, name=str(file))
        except PictureError as error:
            found.append({"file": str(file), "made": None, "error": str(error)})
            if not as_json:
                click.echo(f"Error: {error}", err=True)
            continue
        found.append({"file": str(file), "made": _as_json(made) if made else None, "error": None})
        if not as_json:
            click.echo(f"{file}: {sentence(made)}")
    if as_json:
        print_json(found)
    if any(one["error"] for one in found):
        sys.exit(1)


def sentence(made: "Made | None") -> str:
    """What a picture says of itself, on one line."""
    if made is None:
        return "nothing in it says that it was made here; metadata can be removed, so this proves nothing"
    if made.translation:
        told = f"painted {_by(made.translation.model)}, {_translated(made.translation)}"
    elif made.recipe:
        told = f"drawn {_by(made.recipe.model)}, {_drawn(made.recipe)}"
    else:
        told = "translated, settings unknown" if made.kind == "translated" else "generated, settings unknown"
    return f"made here, {told}" + (f", with {made.software}" if made.software else "")


def _by(model: "ModelRef | None") -> str:
    if model is None:
        return "by an unnamed model"
    facts = [f"weights {model.sha256[:HASH_DIGITS]}"] if model.sha256 else []
    facts += [f"hub:{model.hub}"] if model.hub else []
    return f"by {model.name}" + (f" ({', '.join(facts)})" if facts else "")


def _translated(translation: "Translation") -> str:
    width, height = translation.size
    kept = ", colours kept" if translation.keep_colours else ""
    brush = f", painted at {translation.painted_px} px" if translation.painted_px else ""
    return f"direction {translation.direction}, strength {translation.strength:.0%}{kept}{brush}, {width} x {height} px"


def _drawn(recipe: "Recipe") -> str:
    told = ["latent given number by number" if recipe.seed is None else f"seed {recipe.seed}"]
    told += [f"truncation {recipe.truncation:g}"]
    if recipe.label is not None:
        told.append(f"class {recipe.label if isinstance(recipe.label, str) else ' and '.join(recipe.label)}")
    moves = len(recipe.directions) + len(recipe.latents)
    told += [f"{moves} {'move' if moves == 1 else 'moves'}"] if moves else []
    told += [f"mixed with seed {recipe.mix.seed}"] if recipe.mix else []
    return ", ".join(told)


def _as_json(made: "Made") -> dict[str, Any]:
    return {
        "kind": made.kind,
        "recipe": made.recipe.to_json() if made.recipe else None,
        "translation": made.translation.to_json() if made.translation else None,
        "software": made.software,
    }

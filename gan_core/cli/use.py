"""`gan-core generate`, `interpolate`, `translate`: trained models in use."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gan_core.cli.options import as_json, print_json
from gan_core.errors import ConfigError, GanCoreError, PictureError
from gan_core.settings import Settings

if TYPE_CHECKING:
    from PIL.Image import Image

    from gan_core.inference.generator import Generator
    from gan_core.inference.translator import Translator

device = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
label = click.option("--label", help="Class, by name or number, of a model that has classes.")
truncation = click.option(
    "--truncation", default=1.0, show_default=True, help="Factor on the latents; below 1 nearer to the mean picture."
)
out_path = click.Path(path_type=Path)


def _load(model: str, kind: str, device: str) -> Any:
    from gan_core.families import get_family
    from gan_core.library import load

    loaded = load(model, device=device)
    family = get_family(loaded.config.family)
    if family.kind != kind:
        other = "translate" if kind == "generator" else "generate"
        raise ConfigError(f"{model} is a {family.title} {family.kind}. Nothing was made. Use gan-core {other}.")
    return loaded


@click.command()
@click.argument("model")
@click.option("--seeds", default="0-15", show_default=True, help="Seeds: 7, or 1,5,9, or 0-15.")
@click.option("--out", type=out_path, help="One picture with all seeds in a grid (.png, .jpg, .webp).")
@click.option("--each", type=out_path, help="Folder for one PNG a seed.")
@click.option("--columns", type=click.IntRange(1), help="Columns of the grid; default: as square as possible.")
@truncation
@label
@device
@as_json
def generate(
    model: str,
    seeds: str,
    out: Path | None,
    each: Path | None,
    columns: int | None,
    truncation: float,
    label: str | None,
    device: str,
    as_json: bool,
) -> None:
    """Draw pictures from seeds. MODEL is a name, a folder, a run, or hub:user/name."""
    from gan_core.images import grid
    from gan_core.latent import parse_seeds

    if out is None and each is None:
        raise click.UsageError("Say where the pictures go: --out FILE for a grid, --each DIR for single files.")
    numbers = parse_seeds(seeds)
    generator: Generator = _load(model, "generator", device)
    pictures = generator.generate(numbers, truncation, label)
    written = []
    if out is not None:
        written.append(_save(grid(pictures, columns), out))
    if each is not None:
        written += [
            _save(picture, each / f"seed-{seed:06d}.png") for seed, picture in zip(numbers, pictures, strict=True)
        ]
    _report(written, as_json)


@click.command()
@click.argument("model")
@click.option("--seeds", required=True, help="Key seeds of the walk: 1,5,9.")
@click.option("--frames", type=click.IntRange(1, 100_000), default=60, show_default=True, help="Number of pictures.")
@click.option("--out", type=out_path, required=True, help="A .gif, or a folder for PNG frames.")
@click.option("--mode", type=click.Choice(["slerp", "lerp"]), default="slerp", show_default=True, help="Path.")
@click.option("--loop", is_flag=True, help="Return to the first seed, so that the film repeats without a seam.")
@click.option("--fps", type=click.FloatRange(1, 50), default=25, show_default=True, help="Frames a second of a .gif.")
@click.option("--size", type=click.IntRange(16, 1024), help="Side in pixels to which a .gif is enlarged.")
@truncation
@label
@device
@as_json
def interpolate(
    model: str,
    seeds: str,
    frames: int,
    out: Path,
    mode: str,
    loop: bool,
    fps: float,
    size: int | None,
    truncation: float,
    label: str | None,
    device: str,
    as_json: bool,
) -> None:
    """Walk between seeds. MODEL is a name, a folder, a run, or hub:user/name."""
    from gan_core.images import enlarged
    from gan_core.latent import parse_seeds

    if out.suffix not in ("", ".gif"):
        raise ConfigError(f"--out {out}: walks are written as .gif or as a folder of PNG frames. Nothing was made.")
    generator: Generator = _load(model, "generator", device)
    walk = generator.interpolate(parse_seeds(seeds), frames, mode, truncation=truncation, label=label, loop=loop)
    if out.suffix == ".gif":
        pictures = [enlarged(picture, size) if size else picture for picture in walk]
        _report([_save_gif(pictures, out, fps)], as_json)
    else:
        _report([_save(picture, out / f"{index:06d}.png") for index, picture in enumerate(walk)], as_json)


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

    translator: Translator = _load(model, "translator", device)
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
    _report(written, as_json, failed)
    if failed:
        sys.exit(1)


def _free_name(path: Path, taken: list[Path]) -> Path:
    """Two photos of one name in different folders must not overwrite each other's result."""
    number, candidate = 1, path
    while candidate in taken:
        number += 1
        candidate = path.with_stem(f"{path.stem}-{number}")
    return candidate


def _save(picture: "Image", path: Path) -> Path:
    from gan_core.atomic import write_file

    kinds = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise ConfigError(f"{path}: pictures are written as .png, .jpg or .webp. Nothing was written.")
    if kind == "JPEG" and picture.mode == "RGBA":
        picture = picture.convert("RGB")
    _guarded(path, lambda: write_file(path, lambda temporary: picture.save(temporary, kind)))
    return path


def _save_gif(pictures: "list[Image]", path: Path, fps: float) -> Path:
    from gan_core.atomic import write_file

    first, *rest = pictures
    options = {"save_all": True, "append_images": rest, "duration": round(1000 / fps), "loop": 0}
    _guarded(path, lambda: write_file(path, lambda temporary: first.save(temporary, "GIF", **options)))
    return path


def _guarded(path: Path, write: Any) -> None:
    try:
        write()
    except OSError as error:
        raise GanCoreError(f"{path} was not written: {error.strerror or error}. Choose another place.") from None


def _report(written: list[Path], as_json: bool, failed: list[str] | None = None) -> None:
    if as_json:
        print_json({"written": [str(path) for path in written], "failed": failed or []})
    elif len(written) == 1:
        click.echo(str(written[0]))
    elif written:
        click.echo(f"{len(written)} files in {written[0].parent}")

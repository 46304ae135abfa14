"""`gan-core export`: models for programs other than this one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gan_core.cli.options import as_json, print_json
from gan_core.cli.use import notice

if TYPE_CHECKING:
    from gan_core.weights import Model

GENERATORS = ("generator", "generator_ab", "generator_ba")


@click.command()
@click.argument("model")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["onnx", "torch"]),
    default="onnx",
    show_default=True,
    help="onnx: runs without PyTorch. torch: files of the project that the network comes from.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="A file ending in .onnx, or a folder; with --format torch, a folder.",
)
@click.option("--direction", type=click.Choice(["ab", "ba"]), help="Of a translator; default: all that it has.")
@click.option("--opset", type=int, help="Version of ONNX, 18 to 24.  [default: 18]")
@click.option("--half", is_flag=True, help="ONNX: store weights in half precision, for half the size.")
@as_json
def export(
    model: str, kind: str, out: Path, direction: str | None, opset: int | None, half: bool, as_json: bool
) -> None:
    """Write a model for other programs. MODEL is a name, run:ID, run:ID@STEP, a folder, or hub:user/name.

    ONNX files are held against PyTorch on random input, and kept where they agree. Files with --format torch carry the
    names and keys of pytorch/examples (DCGAN) or of junyanz' project (CycleGAN, pix2pix).
    """
    if kind == "torch" and (opset is not None or half):
        raise click.UsageError("--opset and --half belong to --format onnx.")
    if kind == "torch" and out.suffix in (".onnx", ".pth", ".pt"):
        raise click.UsageError(f"--format torch writes files of fixed names: --out must be a folder, not {out.name}.")
    from gan_core.inference.formula import model_ref
    from gan_core.library import find
    from gan_core.weights import load

    folder = find(model, tell=notice)
    loaded = load(folder, only=GENERATORS if kind == "onnx" else None)
    directions = [direction] if direction else None
    if kind == "torch":
        _print(_torch(loaded, out, directions), as_json)
    else:
        ref = model_ref(folder, "")
        options = {"directions": directions, "half": half, **({"opset": opset} if opset is not None else {})}
        _print(_onnx(loaded, out, ref.name if ref else folder.name, options), as_json)


def _onnx(model: "Model", out: Path, name: str, options: dict[str, Any]) -> dict[str, Any]:
    from gan_core.interop.onnx import write

    written = write(model, out, name=name, **options)
    return {
        "written": [str(one.path) for one in written],
        "difference": max(one.difference for one in written),
        "notes": [],
    }


def _torch(model: "Model", out: Path, directions: list[str] | None) -> dict[str, Any]:
    from gan_core.interop.reference import export, notes

    told = notes(model, directions)
    return {"written": [str(path) for path in export(model, out, directions=directions)], "notes": list(told)}


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    for path in result["written"]:
        click.echo(path)
    if "difference" in result:
        click.echo(f"Checked against PyTorch: the largest difference is {result['difference']:.1e}.", err=True)
    for note in result["notes"]:
        click.echo(note, err=True)

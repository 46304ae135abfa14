"""A model folder as tensors and bytes: looked at, and changed behind the back of `save`."""

from pathlib import Path

from safetensors.torch import load_file, save_file


def bits(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def change_tensors(folder: Path, change) -> None:
    path = folder / "generator.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)

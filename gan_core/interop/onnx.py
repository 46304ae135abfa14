"""ONNX files of generators, for whoever draws or paints without PyTorch. Each is held against torch before it is kept.

generators    z (N, latent_dim), and classes (N, K) where there are any -> pictures (N, C, H, W)
translators   photos (N, C, H, W), one file a direction -> pictures of the same height and width

All values are float32, pictures lie in [-1, 1], N, and for translators H and W, are free. What a user of the file must
know stands in its metadata: name, family, sha256 of the weights, classes or domains, and the sizes it takes.
"""

import copy
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gan_core import __version__
from gan_core.atomic import write_bytes
from gan_core.config import require_whole
from gan_core.errors import GanCoreError, ModelError
from gan_core.families import get_family
from gan_core.interop.graph import is_translator, largest_difference, sides, store_half, traced
from gan_core.weights import Model

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import nn

OPSET = 18
"""The first that the exporter writes itself: the widest choice of programs that read it."""
OPSETS = (18, 24)
TOLERANCE = 1e-4
"""Largest difference of any value from torch's, of pictures in [-1, 1]."""
HALF_TOLERANCE = 2 / 127.5
"""With weights of half precision: two of the 256 levels of a picture."""
SUFFIX = ".onnx"
_NEEDED = ("onnx", "onnxruntime", "onnxscript")


@dataclass(frozen=True)
class Written:
    path: Path
    difference: float
    """Largest difference from torch that was seen."""


def export(model: Model, out: Path) -> list[Path]:
    """Write all generators of a model, as `write` does."""
    return [one.path for one in write(model, out)]


def write(
    model: Model,
    out: Path,
    *,
    name: str | None = None,
    directions: Sequence[str] | None = None,
    opset: int = OPSET,
    half: bool = False,
) -> list[Written]:
    """Export, check and write; all files or none.

    out: the file, where it ends in .onnx (of two directions: name-ab.onnx and name-ba.onnx), or else a folder.
    directions: of a translator; None: all it has. half: weights stored in float16, for half the size; what is computed
    stays float32. Raises `ModelError` where a file would draw otherwise than torch does: nothing is written then.
    """
    require_whole("--opset", opset, *OPSETS)
    _require_extra()
    networks = _generators(model, directions)
    finished = []
    for key, network in networks.items():
        proto = traced(network, opset)
        if half:
            store_half(proto)
        _describe(proto, _facts(model, key, network, name))
        content = proto.SerializeToString()
        difference = largest_difference(content, network)
        limit = HALF_TOLERANCE if half else TOLERANCE
        if not difference <= limit:  # NaN is above every limit.
            raise ModelError(
                f"The ONNX file of {key} differs from torch by {difference:.2g} (allowed: {limit:.2g}). "
                "Nothing was written."
            )
        finished.append((_place(out, key, alone=len(networks) == 1), content, difference))
    try:
        for path, content, _ in finished:
            write_bytes(path, content)
    except OSError as error:
        raise GanCoreError(f"{path} was not written: {error.strerror or error}. Choose another place.") from None
    return [Written(path, difference) for path, _, difference in finished]


def _require_extra() -> None:
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise GanCoreError(
            f"ONNX files need {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed. "
            'Nothing was written. Install it: pip install "gan-core[onnx]"'
        )


def _generators(model: Model, directions: Sequence[str] | None) -> "dict[str, nn.Module]":
    """Copies of the networks that draw, on the CPU: the model itself may be in use."""
    if get_family(model.config.family).kind == "generator":
        if directions:
            raise ModelError("This model draws from latents and has no directions. Nothing was written.")
        names = ["generator"]
    else:
        there = [one for one in ("ab", "ba") if f"generator_{one}" in model.networks]
        names = [f"generator_{one}" for one in directions or there]
    if missing := [name for name in names if name not in model.networks]:
        raise ModelError(f"This model has no {missing[0]}. Nothing was written. Choose the other direction.")
    return {name: copy.deepcopy(model.networks[name]).cpu().float().eval() for name in names}


def _place(out: Path, key: str, *, alone: bool) -> Path:
    if out.suffix.lower() != SUFFIX:
        return out / f"{key}{SUFFIX}"
    return out if alone else out.with_stem(f"{out.stem}-{key.removeprefix('generator_')}")


def _describe(proto: "ModelProto", facts: dict[str, str]) -> None:
    """The file's own words instead of the exporter's, whose notes at each node hold paths of this machine."""
    graph = proto.graph
    for part in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    del graph.value_info[:]  # Sizes in between, which follow from the inputs.
    names = {2: "height", 3: "width"}
    for value in (*graph.input, *graph.output):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.dim_param:
                dim.dim_param = "batch" if axis == 0 else names[axis]
    # A stranger's words may hold letters that are none.
    facts = {key: text.encode(errors="replace").decode() for key, text in facts.items()}
    graph.name = facts["name"]
    proto.producer_name, proto.producer_version = "GAN Studio", __version__
    proto.doc_string = "Pictures are float32 in [-1, 1], (N, C, height, width)."
    del proto.metadata_props[:]
    for key, text in facts.items():
        proto.metadata_props.add(key=key, value=text)


def _facts(model: Model, key: str, network: "nn.Module", name: str | None) -> dict[str, str]:
    config = model.config
    file = model.folder / f"{key}.safetensors" if model.folder else None
    facts = {
        "name": name or (model.folder.name if model.folder else config.family),
        "family": config.family,
        "network": key,
        "range": "-1 to 1",
    }
    if file is not None and file.is_file():
        with file.open("rb") as opened:
            facts["sha256"] = hashlib.file_digest(opened, "sha256").hexdigest()
    if config.license:
        facts["license"] = config.license
    if not is_translator(network):
        return {**facts, "classes": json.dumps(config.classes, ensure_ascii=False)} if config.classes else facts
    multiple, smallest = sides(network)
    direction = key.removeprefix("generator_")
    facts |= {"direction": direction, "multiple_px": str(multiple), "smallest_px": str(smallest)}
    if config.domains:
        facts |= {"from": config.domains[direction[0]], "to": config.domains[direction[1]]}
    return facts

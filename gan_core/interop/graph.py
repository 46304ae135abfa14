"""From a network to a graph in ONNX, and the graph held against the network by ONNX Runtime.

Names of inputs and outputs, and which of their sides are free, are those that `interop.onnx` promises.
"""

import warnings
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_core.errors import ModelError

if TYPE_CHECKING:
    import torch
    from onnx import ModelProto
    from torch import Tensor, nn

FOLDED_VALUES = 2**26
"""Numbers in the largest tensor that is computed beforehand."""
_TRACING = Lock()  # The tracer keeps its state in globals.


# What goes in.


def is_translator(network: "nn.Module") -> bool:
    return not hasattr(network, "latent_dim")


def sides(network: "nn.Module") -> tuple[int, int]:
    """Of a translator: what its pictures' sides must be multiples of, and the smallest one."""
    return int(getattr(network, "multiple_px", 4)), int(getattr(network, "smallest_px", 16))


def _channels(network: "nn.Module") -> int:
    return int(next(network.parameters()).shape[1])


def _inputs(
    network: "nn.Module", count: int, height: int, width: int, draws: "torch.Generator"
) -> "tuple[Tensor, ...]":
    """Random ones: latents and classes (one pure, the others blends), or photos."""
    import torch

    if is_translator(network):
        return (torch.rand(count, _channels(network), height, width, generator=draws) * 2 - 1,)
    z = torch.randn(count, int(getattr(network, "latent_dim", 0)), generator=draws)
    if not (classes := int(getattr(network, "classes", 0))):
        return (z,)
    weights = torch.rand(count, classes, generator=draws).softmax(1)
    weights[0] = torch.nn.functional.one_hot(torch.tensor(classes - 1), classes)
    return z, weights


def _names(inputs: "tuple[Tensor, ...]") -> list[str]:
    return ["photos"] if inputs[0].ndim == 4 else ["z", "classes"][: len(inputs)]


# From torch to ONNX.


def traced(network: "nn.Module", opset: int) -> "ModelProto":
    import torch
    from onnxscript.optimizer import fold_constants

    inputs, free = _example(network)
    with _TRACING, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # On the exporter's own workings.
        try:
            program = torch.onnx.export(
                network,
                inputs,
                dynamo=True,
                input_names=_names(inputs),
                output_names=["pictures"],
                dynamic_shapes=free,
                opset_version=opset,
                verbose=False,
            )
        except Exception as error:  # Whatever goes wrong inside of the exporter, of which it has kinds without number.
            reason = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
            raise ModelError(f"torch cannot write this network as ONNX ({reason}). Nothing was written.") from error
        assert program is not None
        # Kernels that are computed from weights become weights: the exporter by itself leaves the larger ones alone.
        fold_constants(program.model, input_size_limit=FOLDED_VALUES, output_size_limit=FOLDED_VALUES)
        return program.model_proto


def _example(network: "nn.Module") -> "tuple[tuple[Tensor, ...], tuple[dict[int, Any], ...]]":
    """Inputs to trace with, none of whose free sides is 1 or like another, and which sides are free."""
    import torch

    batch = torch.export.Dim("batch", min=1)
    if not is_translator(network):
        inputs = _inputs(network, 3, 0, 0, torch.Generator().manual_seed(0))
        return inputs, tuple({0: batch} for _ in inputs)
    multiple, smallest = sides(network)
    least = ceil(smallest / multiple)
    height, width = (torch.export.Dim(name, min=least) for name in ("rows", "columns"))
    inputs = _inputs(network, 3, 2 * least * multiple, 3 * least * multiple, torch.Generator().manual_seed(0))
    return inputs, ({0: batch, 2: multiple * height, 3: multiple * width},)


def store_half(proto: "ModelProto") -> None:
    """Weights as float16, each made float32 again by a node that every program folds away when it loads the file."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = []
    for tensor in proto.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) > 1:
            name = tensor.name
            halved = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}_half")
            tensor.CopyFrom(halved)
            nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    rest = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend([*nodes, *rest])


# The check.


def largest_difference(content: bytes, network: "nn.Module") -> float:
    """The largest difference between ONNX Runtime and torch over several counts and sizes of random inputs."""
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    draws = torch.Generator().manual_seed(1)
    largest = 0.0
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        for count, (height, width) in zip((1, 2, 5), _tried(network), strict=True):
            inputs = _inputs(network, count, height, width, draws)
            (found,) = session.run(None, {key: x.numpy() for key, x in zip(_names(inputs), inputs, strict=True)})
            with torch.inference_mode():
                expected = network(*inputs).numpy()
            if found.shape != expected.shape:
                return float("inf")
            seen = float(np.abs(found - expected).max())
            largest = max(largest, seen) if seen == seen else seen  # NaN stays.
    except Exception as error:  # ONNX Runtime has no kind of error of its own.
        reason = str(error).strip().splitlines()[0][:300]
        raise ModelError(f"ONNX Runtime cannot run the file ({reason}). Nothing was written.") from error
    return largest


def _tried(network: "nn.Module") -> list[tuple[int, int]]:
    """Three heights and widths, other than the traced ones."""
    if not is_translator(network):
        return [(0, 0)] * 3
    multiple, smallest = sides(network)

    def fitting(side: int) -> int:
        return max(ceil(side / multiple), ceil(smallest / multiple)) * multiple

    if smallest > 64:
        return [(fitting(1), fitting(1)), (2 * fitting(1), fitting(1)), (fitting(1), 2 * fitting(1))]
    return [(fitting(128), fitting(100)), (fitting(96), fitting(48)), (fitting(16), fitting(64))]

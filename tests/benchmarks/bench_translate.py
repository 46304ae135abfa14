"""Ways to compute a translator on a photograph, side by side, and the two ways to paint one that is too large.

    python -m tests.benchmarks.bench_translate                              how fast beside the plain network and others
    python -m tests.benchmarks.bench_translate --ways --size 2048x1536       how exact
    python -m tests.benchmarks.bench_translate --memory --size 6000x4000     time and peak memory of one photograph

All candidates begin from the same pixels (uint8) and end in pixels, and take turns in every round. ONNX Runtime,
OpenVINO and torch.compile are left out where they, or a C++ compiler, are not here.
"""

import argparse
import copy
import io
import resource
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # As a file too, and without an installation.

from gan_core.devices import describe, pick_device
from gan_core.images import to_float, to_uint8
from gan_core.inference.translator import Translator
from gan_core.inference.whole import Painting, streamed
from gan_core.inference.whole.program import Pass
from gan_core.metrics import seam
from gan_core.weights import load
from tests.benchmarks import bench_training as bench

MODEL = Path(__file__).resolve().parents[2] / "pretrained" / "monet2photo-cyclegan"
CANDIDATES = ("channels_last", "jit", "compile", "onnxruntime", "openvino")


def photograph(width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8: clouds of every size, and grain."""
    random = np.random.default_rng(0)
    pixels = np.full((height, width, 3), 127.0, np.float32)
    for cells in (3, 9, 27, 81):
        coarse = random.normal(0, 30, (cells * height // width + 1, cells, 3)).astype(np.float32)
        for channel in range(3):
            layer = Image.fromarray(coarse[..., channel]).resize((width, height), Image.Resampling.BICUBIC)
            pixels[..., channel] += np.asarray(layer)
    for top in range(0, height, 256):
        pixels[top : top + 256] += random.normal(0, 6, pixels[top : top + 256].shape)
    return pixels.clip(0, 255).astype(np.uint8)


def to_input(pixels: np.ndarray, device: torch.device) -> Tensor:
    return to_float(torch.from_numpy(pixels).to(device)).permute(2, 0, 1)[None].contiguous()


def to_pixels(x: Tensor) -> np.ndarray:
    return to_uint8(x)[0].permute(1, 2, 0).cpu().numpy()


def candidates(network: nn.Module, pixels: np.ndarray, device: torch.device, only: list[str]) -> dict[str, Callable]:
    steps = streamed(network)
    assert steps is not None
    found: dict[str, Callable[[], np.ndarray]] = {
        "plain network": lambda: to_pixels(network(to_input(pixels, device))),
        "as shipped": lambda: Painting(steps, pixels, device).paint(),
        "as shipped, half": lambda: Painting(steps, pixels, device, half=True).paint(),
    }
    for name in only:
        try:
            built = BUILDERS[name](network, to_input(pixels, device))
        except (ImportError, RuntimeError, AttributeError, ValueError) as error:
            print(f"{name}: left out, {' '.join(str(error).split())[:100]}")
        else:
            found[name] = lambda built=built: to_pixels(built(to_input(pixels, device)))
    return found


def _channels_last(network: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:  # noqa: ARG001
    copied = copy.deepcopy(network).to(memory_format=torch.channels_last)
    return lambda x: copied(x.contiguous(memory_format=torch.channels_last))


def _jit(network: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(network, x)))


def _compiled(network: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    if not (shutil.which("c++") or shutil.which("g++")):
        raise RuntimeError("there is no C++ compiler")
    compiled = torch.compile(copy.deepcopy(network))
    compiled(x)
    return compiled


def _onnxruntime(network: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    import onnxruntime

    file = io.BytesIO()
    torch.onnx.export(network, (x,), dynamo=True, verbose=False).save(file)  # type: ignore[union-attr]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: torch.from_numpy(session.run(None, {name: x.numpy()})[0])


def _openvino(network: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    import openvino

    settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(openvino.convert_model(network, example_input=x), "CPU", settings)
    return lambda x: torch.from_numpy(model(x.numpy())[0])


BUILDERS = {
    "channels_last": _channels_last,
    "jit": _jit,
    "compile": _compiled,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
}


def reduced(network: nn.Module, pixels: np.ndarray, device: torch.device, side: int) -> np.ndarray:
    """The other way: statistics of every norm from one pass over the picture at most `side` px long."""
    steps = streamed(network)
    assert steps is not None
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    small = np.asarray(image.crop((0, 0, image.width // 4 * 4, image.height // 4 * 4)))
    first = Painting(steps, small, device)
    first.paint()
    second = Painting(steps, pixels, device, half=False)
    second.known.update(first.known)
    second._passes = [Pass(0, len(steps.elements), False, 1)]
    return second.paint()


def compare_ways(network: nn.Module, pixels: np.ndarray, device: torch.device) -> None:
    steps = streamed(network)
    assert steps is not None
    ways = {
        "at once": lambda: to_pixels(network(to_input(pixels, device))),
        "(b) norm by norm, held in float32": lambda: Painting(steps, pixels, device, half=False).paint(),
        "(b) held in half precision": lambda: Painting(steps, pixels, device, half=True).paint(),
        "(b) half precision, no room: files": lambda: Painting(steps, pixels, device, half=True, room=0).paint(),
        "(a) statistics at 1024 px": lambda: reduced(network, pixels, device, 1024),
        "(a) statistics at 512 px": lambda: reduced(network, pixels, device, 512),
    }
    expected: np.ndarray | None = None
    print("| way | cpu s | mean difference | 99.9 % | largest | seam 8, 16, 32 px |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, way in ways.items():
        began = time.process_time()
        painted = way()
        took = time.process_time() - began
        expected = painted if expected is None else expected
        apart = np.abs(painted.astype(np.int16) - expected)
        x, y = (torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32))[None] for image in (painted, expected))
        if pixels.shape[1] > pixels.shape[0]:  # The stream's rows are columns then.
            x, y = x.transpose(2, 3), y.transpose(2, 3)
        lines = ", ".join(f"{seam(x, y, step):.2f}" for step in (8, 16, 32))
        print(
            f"| {name} | {took:.1f} | {apart.mean():.4f} | {np.quantile(apart, 0.999):.0f} | {apart.max()} | {lines} |"
        )


def main() -> None:
    options = argparse.ArgumentParser(description="Times a translator on a photograph.")
    options.add_argument("--model", type=Path, default=MODEL)
    options.add_argument("--direction", choices=["ab", "ba"])
    options.add_argument("--size", default="1024x768", help="width x height, multiples of 4")
    options.add_argument("--device", default="cpu")
    options.add_argument("--threads", type=int)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--clock", choices=sorted(bench.CLOCKS), default="wall")
    options.add_argument("--only", nargs="*", choices=CANDIDATES, default=list(CANDIDATES))
    options.add_argument("--ways", action="store_true")
    options.add_argument("--memory", action="store_true")
    arguments = options.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    warnings.filterwarnings("ignore")
    device = pick_device(arguments.device)
    width, height = map(int, arguments.size.split("x"))
    translator = Translator(load(arguments.model, device=device))
    pixels = photograph(width, height)
    print(f"{arguments.model.name}, {arguments.size}, {describe(device)}, torch {torch.__version__}")
    if arguments.memory:
        photo, before = Image.fromarray(pixels), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        del pixels
        began, worked = time.perf_counter(), time.process_time()
        translator.translate(photo, arguments.direction)
        print(
            f"{time.perf_counter() - began:.1f} s on the clock, {time.process_time() - worked:.1f} s of the processor"
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"resident before {before:.0f} MB at most, in all {peak:.0f} MB at most")
        return
    network = translator._network(arguments.direction)
    with torch.inference_mode():
        if arguments.ways:
            compare_ways(network, pixels, device)
            return
        found = candidates(network, pixels, device, arguments.only)
        expected = found["plain network"]().astype(int)
        apart = {name: int(np.abs(run() - expected).max()) for name, run in found.items()}
        seconds = bench.alternate(found, device, arguments.rounds, 0.0, bench.CLOCKS[arguments.clock])
    print(f"{arguments.clock} time\n\n| way | s a picture | plain / this | largest difference of 255 |")
    print("| --- | --- | --- | --- |")
    for name, values in seconds.items():
        ratios = [plain / value for plain, value in zip(seconds["plain network"], values, strict=True)]
        print(f"| {name} | {bench.shown(values)} | {bench.shown(ratios)} | {apart[name]} |")


if __name__ == "__main__":
    main()

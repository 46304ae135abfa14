"""The passes of a program over one picture."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import psutil
import torch
from torch import Tensor, nn

from gan_core.devices import eval_mode
from gan_core.images import to_float, to_uint8
from gan_core.inference.whole.held import Held, Shelf
from gan_core.inference.whole.layers import Blocks, Scaling
from gan_core.inference.whole.program import Fork, Join, Norm, Pass, Program, passes, program
from gan_core.models.cyclegan import SKIP_RANGE

Progress = Callable[[float], None]

ROOM_BYTES = 900_000_000  # At most, for what is held between passes; the rest lies in temporary files.
HALF_ABOVE_MP = 4  # Larger pictures are held in half precision.
BLOCK_BYTES = {"cpu": 3_000_000}  # The largest block of a pass: a processor's caches ...
DEVICE_BLOCK_BYTES = 256_000_000  # ... or enough work for a graphics card.
REPORT_S = 0.1
SAME_LEVELS = 2  # Of 255: what rounding can do in the last layers.


class Branch(Protocol):
    """Where one branch of a residual block waits for the other."""

    def write(self, first: int, rows: Tensor) -> None: ...

    def read(self, first: int, count: int) -> Tensor: ...


class Waiting:
    """A branch that is joined in the same pass: a few blocks."""

    def __init__(self) -> None:
        self._blocks: deque[tuple[int, Tensor]] = deque()

    def write(self, first: int, rows: Tensor) -> None:
        self._blocks.append((first, rows))

    def read(self, first: int, count: int) -> Tensor:
        parts = [rows[max(0, first - at) : first + count - at] for at, rows in self._blocks if at < first + count]
        while self._blocks and self._blocks[0][0] + len(self._blocks[0][1]) <= first + count:
            self._blocks.popleft()
        return torch.cat(parts)


@dataclass
class Statistics:
    """Mean and variance of each channel over rows that come in blocks (Chan, Golub and LeVeque, 1979)."""

    count: int = 0
    mean: Tensor = field(default_factory=lambda: torch.zeros(()))
    spread: Tensor = field(default_factory=lambda: torch.zeros(()))
    """Sum of squared distances from the mean."""

    def add(self, rows: Tensor) -> None:
        flat = rows.reshape(-1, rows.shape[-1])
        mean = flat.mean(0)
        spread = (flat - mean).square_().sum(0).cpu().double()
        mean, count = mean.cpu().double(), len(flat)
        away = mean - self.mean
        total = self.count + count
        self.mean = self.mean + away * (count / total)
        self.spread = self.spread + spread + away.square() * (self.count * count / total)
        self.count = total

    @property
    def variance(self) -> Tensor:
        return self.spread / self.count


class Painting:
    """One picture on its way through a network."""

    def __init__(
        self,
        program: Program,
        pixels: np.ndarray,
        device: torch.device,
        room: int | None = None,
        half: bool | None = None,
    ) -> None:
        """pixels (H, W, C) uint8, both sides as the network needs them. half: None decides by size."""
        # Along the longer side, so that rows are short and few of them are much of the picture.
        self._turned = pixels.shape[1] > pixels.shape[0]
        self._pixels = pixels.transpose(1, 0, 2) if self._turned else pixels
        self._program, self._device = program, device
        height, width = self._pixels.shape[:2]
        half = height * width > HALF_ABOVE_MP * 1e6 if half is None else half
        self._dtype = torch.float16 if half else torch.float32
        room = _room(device) if room is None else room
        self._shelf = Shelf(room)
        self._shapes = program.shapes(height, width)
        self._passes = passes(program, height, width, room, self._dtype.itemsize)
        self.known: dict[int, Scaling] = {}
        """Norms by index, once their statistics are known."""

    @torch.inference_mode()
    def paint(self, progress: Progress | None = None) -> np.ndarray:
        """(H, W, channels of the result) uint8. progress: see `Translator.translate`."""
        share = _Share(self._passes, progress)
        main: Held | None = None
        side: Held | None = None
        try:
            for one in self._passes[:-1]:
                statistics = Statistics()
                place, branch = self._places(one, main, side)
                first = 0
                for rows in self._stream(one, main, side, branch, share):
                    statistics.add(rows)
                    if place is not None:
                        place.write(first, rows)
                    first += len(rows)
                norm = self._program.elements[one.stop]
                assert isinstance(norm, Norm)
                self.known[one.stop] = norm.scaling(statistics.mean, statistics.variance, self._device)
                if one.keep:
                    for old in {main, side} - {place, branch, None}:
                        old.drop()  # type: ignore[union-attr]
                    main, side = place, branch
            return self._result(self._stream(self._passes[-1], main, side, None, share))
        finally:
            for held in (main, side):
                if held is not None:
                    held.drop()

    def _result(self, blocks: Blocks) -> np.ndarray:
        height, width, channels = self._shapes[-1]
        done = np.empty((width, height, channels) if self._turned else (height, width, channels), np.uint8)
        into = done.transpose(1, 0, 2) if self._turned else done
        first = 0
        for rows in blocks:
            if self._program.global_skip:
                rows = rows.add_(torch.atanh(SKIP_RANGE * self._rows(first, len(rows)))).tanh_()
            into[first : first + len(rows)] = to_uint8(rows).cpu().numpy()
            first += len(rows)
        return done

    def _places(self, one: Pass, main: Held | None, side: Held | None) -> tuple[Held | None, Held | None]:
        """Where the pass writes its result and the open branch. Rows are read before they are written: in place."""
        if not one.keep:
            return None, None
        shape = self._shapes[one.stop]
        place = main if main is not None and main.shape == shape else self._take(shape)
        fork = self._open_fork(one.stop)
        if fork is None:
            return place, None
        shape = self._shapes[fork]
        return place, side if side is not None and side.shape == shape else self._take(shape)

    def _take(self, shape: tuple[int, int, int]) -> Held:
        return self._shelf.take(shape, self._dtype, self._device)

    def _open_fork(self, stop: int) -> int | None:
        """Index of the fork whose join lies behind `stop`."""
        for index in reversed(range(stop)):
            if isinstance(self._program.elements[index], Join):
                return None
            if isinstance(self._program.elements[index], Fork):
                return index
        return None

    def _stream(
        self, one: Pass, main: Held | None, side: Branch | None, branch: Branch | None, share: "_Share"
    ) -> Blocks:
        """Rows that come out of a pass. side: the branch that is joined in it; branch: where an open one is written."""
        blocks = self._source(one, main, share)
        for index in range(one.start, one.stop):
            element = self._program.elements[index]
            if isinstance(element, Fork):
                closed = any(isinstance(later, Join) for later in self._program.elements[index : one.stop])
                side = Waiting() if closed else branch
                assert side is not None
                blocks = _forked(blocks, side)
            elif isinstance(element, Join):
                assert side is not None
                blocks = _joined(blocks, side)
            else:
                layer = self.known[index] if isinstance(element, Norm) else element
                blocks = layer.stream(blocks, self._turned)
        return blocks

    def _source(self, one: Pass, main: Held | None, share: "_Share") -> Blocks:
        height = self._shapes[one.start][0]
        step = self._step(one)
        for first in range(0, height, step):
            count = min(step, height - first)
            yield self._rows(first, count) if one.start == 0 else main.read(first, count)  # type: ignore[union-attr]
            share.add(one, count / height)

    def _rows(self, first: int, count: int) -> Tensor:
        """Rows of the picture, (count, W, C) in [-1, 1]."""
        pixels = torch.from_numpy(np.array(self._pixels[first : first + count], order="C"))  # Pillow's is read-only.
        return to_float(pixels.to(self._device))

    def _step(self, one: Pass) -> int:
        """Rows of the source that are read at a time, a multiple of 8."""
        shapes = self._shapes[one.start : one.stop + 1]
        row_bytes = max(rows * columns * channels * 4 for rows, columns, channels in shapes) / shapes[0][0]
        most = BLOCK_BYTES.get(self._device.type, DEVICE_BLOCK_BYTES)
        return max(8, int(most / row_bytes) // 8 * 8)


class _Share:
    """Counts work done and tells of it a few times a second."""

    def __init__(self, passes: list[Pass], progress: Progress | None) -> None:
        self._total = sum(one.products for one in passes)
        self._progress = progress
        self._done = 0.0
        self._told_at = time.monotonic()

    def add(self, one: Pass, part: float) -> None:
        self._done += one.products * part
        now = time.monotonic()
        if self._progress is not None and now - self._told_at >= REPORT_S:
            self._told_at = now
            self._progress(min(self._done / self._total, 1.0))


def streamed(network: nn.Module) -> Program | None:
    """A network's program, once it has painted a small picture as the network itself does; otherwise None."""
    steps = program(network)
    if steps is None:
        return None
    # Waves of every length, so that no layer sees the same numbers everywhere.
    places = np.arange(48 * 32 * steps.inputs, dtype=np.float64)
    pixels = (127.5 + 127 * np.sin(places**1.3)).astype(np.uint8).reshape(48, 32, -1)
    device = next(network.parameters()).device
    painted = Painting(steps, pixels, device).paint()
    with eval_mode(network):
        x = to_float(torch.from_numpy(pixels)).permute(2, 0, 1)[None]
        expected = to_uint8(network(x.to(device)))[0].permute(1, 2, 0).cpu().numpy()
    return steps if np.abs(painted.astype(int) - expected).max() <= SAME_LEVELS else None


def _forked(blocks: Blocks, side: Branch) -> Blocks:
    first = 0
    for rows in blocks:
        side.write(first, rows)
        first += len(rows)
        yield rows


def _joined(blocks: Blocks, side: Branch) -> Blocks:
    first = 0
    for rows in blocks:
        count = len(rows)
        yield rows.add_(side.read(first, count))
        first += count


def _room(device: torch.device) -> int:
    """Bytes for what is held: a good part of what is free, on the device itself."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 2
    return min(ROOM_BYTES, psutil.virtual_memory().available // 2)

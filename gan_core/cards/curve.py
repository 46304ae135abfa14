"""A small picture of a training's curves for its card: losses, and quality where it was measured. Pillow alone."""

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gan_core.training.curves import Curve, Curves

FILE = "curve.webp"
WIDTH_PX, PANEL_PX = 860, 230
SCALE = 2  # Drawn twice as large and made smaller: smooth lines.
LEFT, RIGHT, TOP, BOTTOM = 62, 20, 40, 40
POINTS = 1200
WEIGHT = 0.98
"""Of the moving average that is drawn over the noise, as the page draws it."""
PAPER, INK, QUIET, RULE = "#fcfcfb", "#1f2421", "#646b67", "#dfe3e0"
COLOURS = ("#0f766e", "#b45309", "#6d3fc4", "#be185d", "#2563eb", "#4d7c0f")


Place = Callable[[float], float]


class Panel(NamedTuple):
    title: str
    pattern: str
    """Of recorded names."""
    smooth: bool


PANELS = (
    Panel("Losses", r"loss_(?!cycle|identity).*", True),
    Panel("Cycle and identity losses", r"loss_(cycle|identity).*", True),
    Panel("Variety of the samples (1: as the data)", r"variety(_[ab])?", False),
    Panel("Frechet distance to the data", r"distance(_[ab])?", False),
)
WORDS = {"loss_g": "G", "loss_d": "D"}
SAID = {"ab": "A to B", "ba": "B to A", "g": "G", "d": "D", "a": "A", "b": "B"}


@dataclass(frozen=True)
class Line:
    name: str
    points: Curve
    smooth: Curve | None


def curve_picture(run: Path, last: int) -> Image.Image | None:
    """The curves of a run folder up to step `last`; None where nothing was recorded."""
    curves = Curves(run)
    curves.update()
    named = {panel: _lines(curves, panel, last) for panel in PANELS}
    shown = [(panel, lines) for panel, lines in named.items() if lines]
    if not shown:
        return None
    size = (WIDTH_PX * SCALE, PANEL_PX * len(shown) * SCALE)
    sheet = Image.new("RGB", size, PAPER)
    for number, (panel, lines) in enumerate(shown):
        _panel(ImageDraw.Draw(sheet), number * PANEL_PX, panel.title, lines, last)
    return sheet.resize((size[0] // SCALE, size[1] // SCALE), Image.Resampling.LANCZOS)


def curve_webp(run: Path, last: int) -> bytes | None:
    """The same as a file; None where nothing was recorded."""
    picture = curve_picture(run, last)
    if picture is None:
        return None
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=90, method=6)
    return buffer.getvalue()


def _lines(curves: Curves, panel: Panel, last: int) -> list[Line]:
    recorded = [name for name in curves.names() if re.fullmatch(panel.pattern, name)]
    terms = any(name.startswith("loss_g_") for name in recorded)
    found = []
    for name in recorded:
        if (name == "loss_g" and terms) or f"{name}_a" in recorded:
            continue  # What sums up other curves does not lie upon them.
        reduced = curves.reduced(name, 0, last, POINTS, WEIGHT if panel.smooth else None)
        if len(reduced.line.steps) > 1:
            found.append(Line(_words(name), reduced.line, reduced.smooth))
    return found[: len(COLOURS)]


def _words(name: str) -> str:
    """loss_d_a as "D A", loss_cycle_a as "cycle A"; of one curve in a panel of its own what it is."""
    if name in WORDS:
        return WORDS[name]
    quality = re.fullmatch(r"(variety|distance)_([ab])", name)
    if quality:
        return f"to {quality[2].upper()}"
    return " ".join(SAID.get(word, word) for word in re.sub("^loss_", "", name).split("_"))


def _panel(draw: ImageDraw.ImageDraw, top: int, title: str, lines: Sequence[Line], last: int) -> None:
    left, right = LEFT, WIDTH_PX - RIGHT
    high, low = top + TOP, top + PANEL_PX - BOTTOM
    bottom_value, top_value = _range(lines)
    ticks = _ticks(bottom_value, top_value, 4)

    def x(step: float) -> float:
        return (left + (right - left) * step / max(last, 1)) * SCALE

    def y(value: float) -> float:
        share = (min(max(value, bottom_value), top_value) - bottom_value) / (top_value - bottom_value)
        return (low - (low - high) * share) * SCALE

    for value in ticks:
        draw.line([(left * SCALE, y(value)), (right * SCALE, y(value))], fill=RULE, width=SCALE)
        _text(draw, (left - 8, y(value) / SCALE), _number(value, ticks), QUIET, anchor="rm")
    for step in _ticks(0, last, 6):
        _text(draw, (x(step) / SCALE, low + 8), f"{step:,.0f}", QUIET, anchor="ma")
    _text(draw, (right, low + 24), "step", QUIET, anchor="ra")
    _text(draw, (left, top + 14), title, INK, size=15, anchor="la")
    for line, colour in zip(lines, COLOURS, strict=False):
        _stroke(draw, line.points, x, y, _faint(colour) if line.smooth else colour, 1.2 if line.smooth else 2.0)
    for line, colour in zip(lines, COLOURS, strict=False):
        if line.smooth:
            _stroke(draw, line.smooth, x, y, colour, 2.0)
    if len(lines) > 1:
        _legend(draw, top + 22, lines)


def _legend(draw: ImageDraw.ImageDraw, middle: float, lines: Sequence[Line]) -> None:
    at = float(WIDTH_PX - RIGHT)
    for line, colour in reversed(list(zip(lines, COLOURS, strict=False))):
        _text(draw, (at, middle), line.name, INK, anchor="rm")
        at -= _font(13).getlength(line.name) / SCALE + 6
        draw.line([((at - 16) * SCALE, middle * SCALE), (at * SCALE, middle * SCALE)], fill=colour, width=3 * SCALE)
        at -= 32


def _stroke(draw: ImageDraw.ImageDraw, curve: Curve, x: Place, y: Place, colour: str, width: float) -> None:
    points = [
        (x(step), y(value))
        for step, value in zip(curve.steps.tolist(), curve.values.tolist(), strict=True)
        if math.isfinite(value)
    ]
    if len(points) > 1:
        draw.line(points, fill=colour, width=round(width * SCALE), joint="curve")


def _range(lines: Sequence[Line]) -> tuple[float, float]:
    """Low and high of the axis. A few values far above the others, as losses begin with, lie outside of it."""
    smooth, every = (np.concatenate(values) for values in zip(*map(_values, lines), strict=True))
    low, high = float(smooth.min()), float(max(np.quantile(smooth, 0.995), np.quantile(every, 0.985)))
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    return (0.0 if 0 <= low < high * 0.6 else low - room), high + room


def _values(line: Line) -> tuple[np.ndarray, np.ndarray]:
    """What the eye follows, and everything."""
    smooth, every = (curve.values[np.isfinite(curve.values)] for curve in (line.smooth or line.points, line.points))
    return (smooth if len(smooth) else every), every


def _ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers from low to high."""
    raw = (high - low) / count
    if not raw > 0:
        return [low]
    unit = 10 ** math.floor(math.log10(raw))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, first + 2 * count + 2) if number * step <= high + step * 1e-9]


def _number(value: float, ticks: Sequence[float]) -> str:
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    _, _, digits = f"{step:.3g}".partition(".")
    return f"{value:,.{len(digits)}f}" if "e" not in digits else f"{value:.2g}"


def _faint(colour: str) -> str:
    """A colour three quarters of the way to the paper's."""
    own, paper = ([int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in (colour, PAPER))
    return "#" + "".join(f"{round(a + (b - a) * 0.72):02x}" for a, b in zip(own, paper, strict=True))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * SCALE)


def _text(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], words: str, colour: str, *, size: int = 13, anchor: str
) -> None:
    draw.text((at[0] * SCALE, at[1] * SCALE), words, fill=colour, font=_font(size), anchor=anchor)

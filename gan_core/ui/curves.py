"""Loss curves as SVG that stretches with its column; the labels around it are text and keep their size."""

from collections.abc import Sequence
from html import escape
from math import floor, log10
from typing import Any

POINTS = 200
COLOURS = 6  # Lines after as many are dashed, in the same colours.
VIEW = 1000.0  # Both sides of the drawing's own coordinates.

Points = list[tuple[float, float]]


def decimate(points: Points, limit: int = POINTS) -> Points:
    """At most `limit` points: the lowest and the highest of each stretch, so that no spike is lost."""
    if len(points) <= limit:
        return points
    stretches = (limit - 2) // 2
    kept = [points[0]]
    for index in range(stretches):
        part = points[index * len(points) // stretches : (index + 1) * len(points) // stretches]
        extremes = {min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
        kept += sorted(extremes)
    if kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


def series(lines: Sequence[dict[str, Any]]) -> dict[str, Points]:
    """The losses in lines of metrics.jsonl, by name."""
    names = list(dict.fromkeys(name for line in lines for name in line if name.startswith("loss_")))
    return {name: [(line["step"], line[name]) for line in lines if name in line] for name in names}


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers between low and high."""
    span = high - low
    if span <= 0:
        return [low]
    raw = span / count
    unit = 10 ** floor(log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    first = -(-low // step) * step
    return [round(first + index * step, 10) for index in range(count + 2) if first + index * step <= high + span * 1e-9]


def plot(lines: Sequence[dict[str, Any]], total_steps: int) -> str:
    """A line for each loss over the steps done so far."""
    found = {name: decimate(points) for name, points in series(lines).items()}
    values = [y for points in found.values() for _, y in points]
    if not values:
        return '<div class="gs-plot"><div class="gs-empty"><p>The losses appear with the first steps.</p></div></div>'
    low, high = min(*values, 0.0), max(values)
    high = high if high > low else low + 1
    last = max(points[-1][0] for points in found.values())

    def place(step: float, value: float) -> tuple[float, float]:
        return VIEW * step / last, VIEW * (high - value) / (high - low)

    levels = [(value, place(0, value)[1]) for value in ticks(low, high)]
    grid = "".join(f'<line class="gs-grid" x1="0" x2="{VIEW:g}" y1="{y:.1f}" y2="{y:.1f}"/>' for _, y in levels)
    paths = []
    for index, points in enumerate(found.values()):
        text = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in points)
        paths.append(f'<polyline class="gs-line {_look(index)}" points="{text}"/>')
    left = "".join(f'<span style="top:{y / VIEW:.2%}">{value:g}</span>' for value, y in levels)
    below = "".join(
        f'<span style="left:{value / last:.2%}">{value:,.0f}</span>' for value in ticks(0, last, 5) if value <= last
    )
    legend = "".join(
        f'<li><i class="gs-key {_look(index)}"></i>{escape(words(name))} <b>{points[-1][1]:.3f}</b></li>'
        for index, (name, points) in enumerate(found.items())
    )
    summary = f"Losses up to step {last:,.0f} of {total_steps:,}"
    return (
        f'<div class="gs-plot"><ul class="gs-legend">{legend}</ul>'
        f'<div class="gs-axes"><div class="gs-left">{left}</div>'
        f'<svg viewBox="0 0 {VIEW:g} {VIEW:g}" preserveAspectRatio="none" role="img" aria-label="{escape(summary)}">'
        f"{grid}{''.join(paths)}</svg>"
        f'<div class="gs-below">{below}</div></div></div>'
    )


def _look(index: int) -> str:
    return f"gs-line-{index % COLOURS}" + (" gs-dashed" if index >= COLOURS else "")


def words(name: str) -> str:
    """loss_d_a as Loss D a, loss_cycle as Loss cycle."""
    text = " ".join(part.upper() if part in ("g", "d") else part for part in name.split("_"))
    return text[:1].upper() + text[1:]

"""The exponential moving average of a curve, as TensorBoard's, over all its recorded points.

Exact wherever it is asked for: a value depends on what was recorded up to its step, and on nothing else; neither on how
long the run has become since, nor on the part that is looked at, nor on how many points a screen has.
"""

import math

import numpy as np

NOTHING = 1e-8
"""Weights below it are left away: what lies so far back changes no digit that is shown."""


def reach(weight: float) -> int:
    """Points that count in an average with this weight, 0 to below 1."""
    return math.ceil(math.log(NOTHING) / math.log(weight)) if weight > 0 else 1


def smoothed(values: np.ndarray, weight: float, low: int, high: int, stretch: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The average at the last point of each stretch of values[low:high]: places in `values` (P,), and averages (P,).

    s(n) = weight * s(n - 1) + (1 - weight) * x(n) from s = 0, over 1 - weight ** (n + 1), which takes the bias of the
    beginning out. `low` is a multiple of `stretch`.
    """
    warm = min(low // stretch, -(-reach(weight) // stretch))  # Whole stretches before, for what they weigh in later.
    start = low - warm * stretch
    part = values[start:high]
    weights = (1 - weight) * weight ** np.arange(stretch - 1, -1, -1.0)  # The newest of a stretch weighs most.
    whole = len(part) // stretch * stretch
    sums = part[:whole].reshape(-1, stretch) @ weights
    _carry(sums, weight**stretch)
    ends = np.arange(stretch - 1, whole, stretch)
    if rest := len(part) - whole:
        before = sums[-1] if len(sums) else 0.0
        sums = np.append(sums, before * weight**rest + part[whole:] @ weights[-rest:])
        ends = np.append(ends, len(part) - 1)
    sums /= 1 - weight ** (ends + 1.0)
    return start + ends[warm:], sums[warm:]


def _carry(sums: np.ndarray, weight: float) -> None:
    """s(n) = weight * s(n - 1) + sums(n), in its place: the two newest of each, then four, then eight ..."""
    back = 1
    while back < len(sums) and weight > NOTHING:
        sums[back:] += weight * sums[:-back]
        back, weight = 2 * back, weight * weight

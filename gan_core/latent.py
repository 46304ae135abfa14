"""Seeds to latents, and ways between latents.

A seed names the same latent on every device, in every version and in every language. The noise of seed s:

1. NumPy's Philox4x64-10 with key (s, 0) and counter 0. (NumPy raises the counter before each block of four words, so
   the first block is that of counter 1.) Each 64-bit word w gives the uniform u = (w >> 11) * 2^-53 in [0, 1).
2. Box-Muller in double precision on pairs (u, v): r = sqrt(-2 ln(1 - u)) gives r cos(2 pi v) and r sin(2 pi v), which
   stand next to each other in the latent.
3. Rounded to float32.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from gan_core.config import MAX_SEED, shown
from gan_core.errors import ConfigError


def check_seed(seed: object) -> int:
    """A seed as an int; anything but a whole number from 0 to 2^63 - 1 is refused by name."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed <= MAX_SEED:
        raise ConfigError(f"{shown(seed)} is not a seed. A seed is a whole number from 0 to {MAX_SEED}.")
    return int(seed)


def parse_seeds(text: str, limit: int = 10_000) -> list[int]:
    """Seeds out of a list like `1, 5, 9` or `0-15`; rubbish, no seed and over `limit` seeds are refused by name."""
    seeds: list[int] = []
    for part in text.replace(",", " ").split():
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(part) > 60:
            raise ConfigError(f"{shown(part)} is not a seed. Write seeds as 1,5,9 or as a range like 0-15.")
        low, high = check_seed(int(first)), check_seed(int(last or first))
        if high - low + len(seeds) >= limit:
            raise ConfigError(f"{shown(text)} names more than {limit} seeds. Ask for fewer at once.")
        if high < low:
            raise ConfigError(f"{part!r} runs backwards. Write the smaller seed first.")
        seeds.extend(range(low, high + 1))
    if not seeds:
        raise ConfigError("No seed was given. Write seeds as 1,5,9 or as a range like 0-15.")
    return seeds


def normal(seed: int, count: int) -> np.ndarray:
    """`count` standard normal numbers (float32) of one seed."""
    words = np.random.Philox(key=check_seed(seed)).random_raw(count + count % 2)
    uniform = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    u, v = uniform[0::2], uniform[1::2]
    radius = np.sqrt(-2 * np.log(1 - u))
    pairs = np.stack([radius * np.cos(2 * np.pi * v), radius * np.sin(2 * np.pi * v)], 1)
    return pairs.ravel()[:count].astype(np.float32)


def latents(seeds: Iterable[int], latent_dim: int) -> Tensor:
    """(B, latent_dim) float32 on the CPU, one row a seed."""
    rows = [normal(seed, latent_dim) for seed in seeds]
    return torch.from_numpy(np.stack(rows)) if rows else torch.empty(0, latent_dim)


PLANE_ROW = 100
"""The seed plane lays the seeds out in rows of this many."""


def plane(seed: int, shift: tuple[float, float]) -> list[tuple[int, float]]:
    """The seeds around a place on the seed plane, with their bilinear weights (which sum to 1; none is 0).

    shift: (x, y) in [0, 1), from the seed s towards s + 1 (to the right) and s + 100 (down), modulo 2^63.
    """
    x, y = shift
    corners = {0: (1 - x) * (1 - y), 1: x * (1 - y), PLANE_ROW: (1 - x) * y, PLANE_ROW + 1: x * y}
    return [((check_seed(seed) + step) % (MAX_SEED + 1), weight) for step, weight in corners.items() if weight]


def plane_latent(seed: int, shift: tuple[float, float], latent_dim: int) -> np.ndarray:
    """(latent_dim,) float64: sum_j w_j n(s_j) / sqrt(sum_j w_j^2).

    The root makes it standard normal wherever it lies: no greyer pictures between the seeds. At a corner it is that
    seed's latent exactly.
    """
    corners = plane(seed, shift)
    total = sum(weight * _corner(corner, latent_dim) for corner, weight in corners)
    return np.asarray(total) / np.sqrt(sum(weight**2 for _, weight in corners))


@lru_cache(
    maxsize=256
)  # A drag stays between the same four seeds for many pictures; drawing them takes longer than one.
def _corner(seed: int, latent_dim: int) -> np.ndarray:
    noise = normal(seed, latent_dim).astype(np.float64)
    noise.flags.writeable = False
    return noise


def truncate(z: Tensor, truncation: float) -> Tensor:
    """truncation * z: towards the mean picture below 1, away from it above. Rounded once, from double precision."""
    return (z.double() * truncation).to(z.dtype)


def lerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """(1 - t) a + t b."""
    return torch.lerp(a, b, t)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Along the great circle from a to b, lengths interpolated linearly (Shoemake, 1985; White, 2016, section 3.1).

    a, b (latent_dim,). Nearly parallel, opposite or zero latents have no unique circle: a straight line joins them.
    """
    norm_a, norm_b = a.norm(), b.norm()
    cosine = torch.dot(a, b) / (norm_a * norm_b).clamp_min(1e-12)
    angle = torch.acos(cosine.clamp(-1, 1))
    # In float32 the angle of opposite latents is 180 degrees give or take 0.0003.
    if torch.sin(angle) < 2e-3 or torch.minimum(norm_a, norm_b) < 1e-12:
        return lerp(a, b, t)
    direction = (torch.sin((1 - t) * angle) * a / norm_a + torch.sin(t * angle) * b / norm_b) / torch.sin(angle)
    return direction * torch.lerp(norm_a, norm_b, t)


def spline(keys: Tensor, places: Sequence[float], loop: bool = False) -> Tensor:
    """A smooth way through all keys (K, latent_dim), at places from 0 (first key) to K - 1, or to K in a loop.

    Catmull and Rom (1974), the tangent at a key being half the way between its neighbours, for the keys' directions
    and for their lengths: like slerp it keeps the lengths, which a curve through the latents themselves would cut.
    Between nearly opposite keys, where no way round is the natural one, it goes straight and so gets shorter.
    """
    points = keys.double()
    lengths = points.norm(dim=1, keepdim=True)  # (K, 1)
    curve = _catmull_rom(torch.cat([points / lengths.clamp_min(1e-12), lengths], 1), places, loop)
    directions, lengths = curve[:, :-1], curve[:, -1:].clamp_min(0)
    # Orthogonal keys, as random latents nearly are, leave 0.7 or more of a unit half way.
    return (directions / directions.norm(dim=1, keepdim=True).clamp_min(0.35) * lengths).to(keys.dtype)


def _catmull_rom(points: Tensor, places: Sequence[float], loop: bool) -> Tensor:
    """points (K, N), at least 2 -> (len(places), N), by cubic Hermite curves between the points."""
    if loop:
        tangents = (points.roll(-1, 0) - points.roll(1, 0)) / 2
        points, tangents = torch.cat([points, points[:1]]), torch.cat([tangents, tangents[:1]])
    else:
        inner = (points[2:] - points[:-2]) / 2
        tangents = torch.cat([points[1:2] - points[:1], inner, points[-1:] - points[-2:-1]])
    where = torch.tensor(places, dtype=points.dtype)
    start = where.long().clamp(0, len(points) - 2)
    t = (where - start)[:, None]
    a, b, from_a, to_b = points[start], points[start + 1], tangents[start], tangents[start + 1]
    return (1 + 2 * t) * (1 - t) ** 2 * a + t * (1 - t) ** 2 * from_a + t**2 * (3 - 2 * t) * b - t**2 * (1 - t) * to_b


PATHS = ("slerp", "lerp", "spline")


def along(keys: Tensor, places: Sequence[float], mode: str = "slerp", loop: bool = False) -> Tensor:
    """Latents at places along keys (K, latent_dim): 0 the first key, 1 the second, ...; a loop comes back at K.

    -> (len(places), latent_dim). Raises `ConfigError` for an unknown mode and for no keys.
    """
    if mode not in PATHS:
        raise ConfigError(f"There is no interpolation {mode!r}. Choose one of {', '.join(PATHS)}.")
    if len(keys) == 0:
        raise ConfigError("A walk needs at least one seed and one frame.")
    if len(keys) == 1:
        return keys.repeat(len(places), 1)
    if mode == "spline":
        return spline(keys, places, loop)
    stops = [*keys, keys[0]] if loop else list(keys)
    way = slerp if mode == "slerp" else lerp
    starts = [min(max(int(place), 0), len(stops) - 2) for place in places]
    steps = [way(stops[i], stops[i + 1], place - i) for i, place in zip(starts, places, strict=True)]
    return torch.stack(steps) if steps else keys[:0]


def walk(keys: Tensor, frames: int, mode: str = "slerp", loop: bool = False) -> Tensor:
    """`frames` latents along key latents (K, latent_dim) -> (frames, latent_dim), spread evenly over the segments.

    mode: slerp, lerp or spline. An open walk begins at the first key and ends at the last; a loop goes back to the
    first and stops one frame short of it, so that it repeats without a double frame.
    """
    if frames < 1:
        raise ConfigError("A walk needs at least one seed and one frame.")
    segments = max(len(keys) - (not loop), 0)
    places = np.linspace(0, segments, frames, endpoint=not loop).tolist()
    return along(keys, places, mode, loop)

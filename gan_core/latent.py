"""Seeds to latents, and ways between latents.

A seed names the same latent on every device, in every version and in every language. The noise of seed s:

1. NumPy's Philox4x64-10 with key (s, 0) and counter 0. (NumPy raises the counter before each block of four words, so
   the first block is that of counter 1.) Each 64-bit word w gives the uniform u = (w >> 11) * 2^-53 in [0, 1).
2. Box-Muller in double precision on pairs (u, v): r = sqrt(-2 ln(1 - u)) gives r cos(2 pi v) and r sin(2 pi v), which
   stand next to each other in the latent.
3. Rounded to float32.
"""

from collections.abc import Iterable, Sequence

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


def truncate(z: Tensor, truncation: float) -> Tensor:
    """truncation * z: towards the mean picture below 1, away from it above."""
    return z * truncation


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


PATHS = {"slerp": slerp, "lerp": lerp}


def walk(keys: Tensor, frames: int, mode: str = "slerp", loop: bool = False) -> Tensor:
    """`frames` latents along key latents (K, latent_dim) -> (frames, latent_dim), spread evenly over the segments.

    An open walk begins at the first key and ends at the last; a loop goes back to the first and stops one frame short
    of it, so that it repeats without a double frame.
    """
    if mode not in PATHS:
        raise ConfigError(f"There is no interpolation {mode!r}. Choose one of {', '.join(PATHS)}.")
    if len(keys) == 0 or frames < 1:
        raise ConfigError("A walk needs at least one seed and one frame.")
    stops: Sequence[Tensor] = [*keys, keys[0]] if loop else list(keys)
    segments = len(stops) - 1
    if segments == 0:
        return keys[:1].repeat(frames, 1)
    places = np.linspace(0, segments, frames, endpoint=not loop)
    starts = np.minimum(places.astype(int), segments - 1)
    path = PATHS[mode]
    return torch.stack(
        [path(stops[i], stops[i + 1], float(place - i)) for i, place in zip(starts, places, strict=True)]
    )

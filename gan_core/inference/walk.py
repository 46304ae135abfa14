"""Walks: from key picture to key picture, as latents, pictures and distances between them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from math import ceil
from typing import Any, Literal, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_core.config import MAX_SEED, few, require, require_choice, require_whole, require_yes_no, shown
from gan_core.errors import RecipeError
from gan_core.images import grid, to_pictures
from gan_core.inference.generator import CHUNK, Generator
from gan_core.latent import along
from gan_core.metrics import picture_distance
from gan_core.recipe import Recipe

FORMAT = 1
MAX_FRAMES, MAX_KEYS, MAX_CELLS = 3000, 64, 64
FINE = (16, 64)
"""Pictures between two keys, at least and at most, from which an even pace is measured."""

Path = Literal["slerp", "lerp", "spline"]
Ease = Literal["linear", "smooth"]


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A film's worth of latents. Raises `ConfigError` for values that cannot be."""

    keys: tuple[Recipe, ...]
    """Key pictures, each with its own truncation, class and edits, at most 64. The way between them is even in time."""
    path: Path = "slerp"
    """slerp: great circles; lerp: straight lines; spline: one smooth curve through all keys."""
    ease: Ease = "linear"
    """smooth: slower at every key. Without effect where `even` sets the pace."""
    loop: bool = False
    """Go on from the last key to the first, and stop one step short of it."""
    even: bool = False
    """Steps that look equally large, whatever their length in latents."""
    frames: int = 90
    """Number of pictures, at most 3000."""
    rows: int = 1
    """Of a grid of walks; cell n (from 0) starts n seeds after the keys' own."""
    columns: int = 1
    """Of a grid of walks; rows times columns is at most 64."""

    def __post_init__(self) -> None:
        good = isinstance(self.keys, list | tuple) and all(isinstance(key, Recipe) for key in self.keys)
        require(
            good and 1 <= len(self.keys) <= MAX_KEYS, f"A walk takes 1 to {MAX_KEYS} key pictures. It was not made."
        )
        object.__setattr__(self, "keys", tuple(self.keys))
        require_choice("--mode", self.path, get_args(Path))
        require_choice("--ease", self.ease, get_args(Ease))
        require_yes_no("--loop", self.loop)
        require_yes_no("--even", self.even)
        require_whole("--frames", self.frames, 1, MAX_FRAMES)
        require_whole("--rows", self.rows, 1, MAX_CELLS)
        require_whole("--columns", self.columns, 1, MAX_CELLS)
        message = f"A grid of {self.rows} x {self.columns} has over {MAX_CELLS} cells. Take fewer rows or columns."
        require(self.cells <= MAX_CELLS, message)
        if self.cells > 1 and any(key.seed is None for key in self.keys):
            raise RecipeError("A grid counts on from seeds, and a key picture has none. Use a seed, or a single walk.")

    @property
    def cells(self) -> int:
        return self.rows * self.columns

    def to_json(self) -> dict[str, Any]:
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {"format": FORMAT, **values, "keys": [key.to_json() for key in self.keys]}

    @classmethod
    def from_json(cls, value: Any) -> "Walk":
        """A walk from parsed JSON. Raises `ConfigError` or, for a key, `RecipeError`."""
        good = isinstance(value, dict) and value.get("format") == FORMAT
        require(good, f"This is not a walk of format {FORMAT}. Nothing was made. Use one that was saved here.")
        given = {name: part for name, part in value.items() if name != "format"}
        unknown = sorted(str(name) for name in set(given) - {item.name for item in fields(cls)})
        require(not unknown, f"The walk holds entries this version does not know: {few(unknown)}. It was not made.")
        keys = given.pop("keys", None)
        good = isinstance(keys, list) and 1 <= len(keys) <= MAX_KEYS
        require(good, f"The walk's keys are {shown(keys)}; they must be a list of 1 to {MAX_KEYS} recipes.")
        return cls(keys=tuple(Recipe.from_json(key) for key in keys), **given)


def latents(generator: Generator, walk: Walk, cell: int = 0) -> tuple[Tensor, Tensor | None]:
    """The way of one cell of the grid: latents (F, nz), and class weights (F, classes) of a model that has classes.

    The latents of the keys are interpolated as they come out of their recipes; class weights always linearly, so that
    they stay between none and all. Raises `ConfigError` and `RecipeError` for keys that do not fit the model.
    """
    keys = _keys(generator, walk, cell)
    places = _places(walk)
    if walk.even:
        places = _paced(generator, walk, keys)
    return _at(keys, places, walk)


def frames(generator: Generator, walk: Walk) -> Iterator[Image.Image]:
    """The pictures of a walk; of several cells, sheets as `images.grid` lays them out. Bad keys are refused at once."""
    return _sheets(generator, walk, [latents(generator, walk, cell) for cell in range(walk.cells)])


def jumps(generator: Generator, walk: Walk, samples: int) -> list[float]:
    """`picture_distance` from each of `samples` pictures at even times of the walk to the next; samples at least 2.

    A loop's last step, which leads back to the first picture, is the last number. Of a grid: the root mean square over
    its cells, which is the distance of the sheets.
    """
    require_whole("--samples", samples, 2, MAX_FRAMES)
    coarse = replace(walk, frames=samples)
    cells = [_steps(generator, *latents(generator, coarse, cell), walk.loop) for cell in range(walk.cells)]
    return [float(step) for step in np.sqrt(np.mean(np.square(cells), 0))]


def _keys(generator: Generator, walk: Walk, cell: int) -> tuple[Tensor, Tensor | None]:
    """Latents (K, nz) and class weights (K, classes) of the keys."""
    recipes = [key if key.seed is None else replace(key, seed=(key.seed + cell) % (MAX_SEED + 1)) for key in walk.keys]
    if any(recipe.mix and recipe.mix.stages and recipe.mix.amount for recipe in recipes):
        raise RecipeError(
            "A key picture takes the look of a second seed, which a walk cannot carry along. Nothing was made. "
            "Take the mix out of it."
        )
    z = torch.stack([generator.latent(recipe) for recipe in recipes])
    rows = [row for recipe in recipes if (row := generator.recipe_classes(recipe)) is not None]
    return z, torch.stack(rows) if rows else None


def _at(keys: tuple[Tensor, Tensor | None], places: np.ndarray, walk: Walk) -> tuple[Tensor, Tensor | None]:
    z, classes = keys
    where = places.tolist()
    return (
        along(z, where, walk.path, walk.loop),
        None if classes is None else along(classes, where, "lerp", walk.loop),
    )


def _segments(walk: Walk) -> int:
    return len(walk.keys) - (not walk.loop)


def _places(walk: Walk) -> np.ndarray:
    """Places of the frames: 0 the first key, 1 the second, ...; a loop ends where the first key is again."""
    places = np.linspace(0, _segments(walk), walk.frames, endpoint=not walk.loop)
    if walk.ease == "linear":
        return places
    key, t = np.divmod(places, 1)
    return key + t**2 * (3 - 2 * t)


def _paced(generator: Generator, walk: Walk, keys: tuple[Tensor, Tensor | None]) -> np.ndarray:
    """Places of the frames at equal steps of the way's length, in `picture_distance` summed up along a fine sample."""
    segments = _segments(walk)
    fine = min(max(ceil(2 * walk.frames / max(segments, 1)), FINE[0]), FINE[1])
    places = np.linspace(0, segments, segments * fine + 1)
    length = np.concatenate([[0], np.cumsum(_steps(generator, *_at(keys, places, walk), False))])
    if length[-1] == 0:  # Nothing moves, or there is one key.
        return _places(replace(walk, ease="linear"))
    return np.interp(np.linspace(0, length[-1], walk.frames, endpoint=not walk.loop), length, places)


def _steps(generator: Generator, z: Tensor, classes: Tensor | None, loop: bool) -> list[float]:
    """`picture_distance` from each picture to the next, and in a loop from the last to the first."""
    steps: list[Tensor] = []
    first = last = None
    for start in range(0, len(z), CHUNK):
        part = slice(start, start + CHUNK)
        x = generator.decode(z[part], classes=None if classes is None else classes[part])
        first = x[:1] if first is None else first
        x = x if last is None else torch.cat([last, x])
        steps.append(picture_distance(x[:-1], x[1:]))
        last = x[-1:]
    if loop and first is not None and last is not None:
        steps.append(picture_distance(last, first))
    return torch.cat(steps).tolist()


def _sheets(generator: Generator, walk: Walk, ways: list[tuple[Tensor, Tensor | None]]) -> Iterator[Image.Image]:
    """Decoded in batches, which hold pictures of several cells or of several frames, as it comes."""
    waiting: list[Image.Image] = []
    total = walk.frames * walk.cells
    for start in range(0, total, CHUNK):
        numbers = [divmod(number, walk.cells) for number in range(start, min(start + CHUNK, total))]
        z = torch.stack([ways[cell][0][frame] for frame, cell in numbers])
        rows = [classes[frame] for frame, cell in numbers if (classes := ways[cell][1]) is not None]
        waiting += to_pictures(generator.decode(z, classes=torch.stack(rows) if rows else None))
        while len(waiting) >= walk.cells:
            sheet, waiting = waiting[: walk.cells], waiting[walk.cells :]
            yield sheet[0] if walk.cells == 1 else grid(sheet, walk.columns)

"""Walks: where they pass, how even they are, how they close, and what a hostile file can ask for."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_core.errors import ConfigError, GanCoreError, RecipeError
from gan_core.images import grid, to_pictures
from gan_core.inference.generator import Generator
from gan_core.inference.walk import Walk, frames, jumps, latents
from gan_core.latent import slerp
from gan_core.metrics import picture_distance
from gan_core.recipe import Mix, Recipe
from tests.inference.vivid import vivid


@pytest.fixture
def generator(dcgan_folder: Path) -> Generator:
    return vivid(dcgan_folder)


@pytest.fixture
def conditional(conditional_folder: Path) -> Generator:
    return vivid(conditional_folder)


def keys(*seeds: int, **fields) -> tuple[Recipe, ...]:
    return tuple(Recipe(seed=seed, **fields) for seed in seeds)


def steps_of(generator: Generator, walk: Walk) -> np.ndarray:
    """Distances from frame to frame, one by one and straight from the network."""
    z, classes = latents(generator, walk)
    pictures = [
        generator.decode(row[None], classes=None if classes is None else classes[index : index + 1])
        for index, row in enumerate(z)
    ]
    if walk.loop:
        pictures.append(pictures[0])
    return np.array([float(picture_distance(a, b)) for a, b in itertools.pairwise(pictures)])


def spread(steps: np.ndarray) -> float:
    """Coefficient of variation."""
    return float(steps.std() / steps.mean())


@pytest.mark.parametrize("path", ["slerp", "lerp", "spline"])
def test_a_walk_passes_its_keys_by_their_recipes(generator: Generator, path) -> None:
    made = (
        Recipe(seed=1, truncation=0.7, latents={3: 1.5}),
        Recipe(seed=5, directions={"sefa-1": 2.0}),
        Recipe(z=tuple(np.linspace(-1, 1, 8))),
    )
    z, classes = latents(generator, Walk(keys=made, frames=9, path=path))
    assert classes is None
    assert z.shape == (9, 8)
    for frame, key in ((0, made[0]), (4, made[1]), (8, made[2])):
        assert torch.allclose(z[frame], generator.latent(key), atol=1e-6)


def test_half_way_is_slerp(generator: Generator) -> None:
    z, _ = latents(generator, Walk(keys=keys(1, 5), frames=3))
    a, b = generator.latents([1, 5])
    assert torch.allclose(z[1], slerp(a, b, 0.5), atol=1e-6)


def test_classes_go_over_evenly(conditional: Generator) -> None:
    made = (Recipe(seed=0, label="ant"), Recipe(seed=1, label={"bee": 0.5, "cat": 0.5}), Recipe(seed=5))
    _, classes = latents(conditional, Walk(keys=made, frames=5))
    assert classes is not None
    expected = [[1, 0, 0], [0.5, 0.25, 0.25], [0, 0.5, 0.5], [0, 0.25, 0.75], [0, 0, 1]]  # Seed 5 of 3 classes: cat.
    assert torch.allclose(classes, torch.tensor(expected))


@pytest.mark.parametrize("path", ["slerp", "lerp", "spline"])
@pytest.mark.parametrize("even", [False, True])
def test_a_loop_closes_with_a_step_like_any_other(generator: Generator, path, even: bool) -> None:
    walk = Walk(keys=keys(1, 5, 9), frames=48, path=path, loop=True, even=even)
    z, _ = latents(generator, walk)
    again = torch.cat([z, z[:1]])
    lengths = (again[1:] - again[:-1]).norm(dim=1)
    assert float(lengths.max()) < 4 * float(lengths.mean())
    steps = steps_of(generator, walk)
    assert len(steps) == 48
    neighbours = np.array([steps[-3], steps[-2], steps[0], steps[1]])
    assert 0.5 * neighbours.min() < steps[-1] < 1.5 * neighbours.max()
    if even:
        assert steps[-1] == pytest.approx(steps.mean(), rel=0.1)


@pytest.mark.parametrize("path", ["slerp", "lerp", "spline"])
@pytest.mark.parametrize("loop", [False, True])
def test_even_walks_take_even_steps(generator: Generator, path, loop: bool) -> None:
    walk = Walk(keys=(Recipe(seed=1), Recipe(seed=2, truncation=0.2), Recipe(seed=9)), frames=60, path=path, loop=loop)
    before, after = (spread(steps_of(generator, replace(walk, even=even))) for even in (False, True))
    assert before > 0.12
    assert after < 0.3 * before
    z, _ = latents(generator, replace(walk, even=True))
    assert torch.allclose(z[0], generator.latent(walk.keys[0]), atol=1e-5)
    if not loop:
        assert torch.allclose(z[-1], generator.latent(walk.keys[-1]), atol=1e-5)


def test_even_steps_with_classes(conditional: Generator) -> None:
    walk = Walk(keys=(Recipe(seed=1, label="ant"), Recipe(seed=2, label="cat"), Recipe(seed=2, label="bee")), frames=40)
    before, after = (spread(steps_of(conditional, replace(walk, even=even))) for even in (False, True))
    assert after < 0.25 * before


def test_a_walk_that_stands_still_may_be_even(generator: Generator) -> None:
    for made in (keys(7), keys(7, 7)):
        for loop in (False, True):
            z, _ = latents(generator, Walk(keys=made, frames=5, even=True, loop=loop))
            assert torch.allclose(z, generator.latent(made[0]).expand(5, -1), atol=1e-6)


def test_smooth_walks_slow_down_at_keys(generator: Generator) -> None:
    def lengths(walk: Walk) -> Tensor:
        z, _ = latents(generator, walk)
        return (z[1:] - z[:-1]).norm(dim=1)

    linear = lengths(Walk(keys=keys(1, 5, 9), frames=41, path="lerp"))
    smooth = lengths(Walk(keys=keys(1, 5, 9), frames=41, path="lerp", ease="smooth"))
    # t^2 (3 - 2 t) of the first of 20 steps, and the middle step: independent of the code's order of terms.
    assert float(smooth[0] / linear[0]) == pytest.approx(20 * (3 * 0.05**2 - 2 * 0.05**3), rel=1e-3)
    for slow in (0, 19, 20, 39):
        assert smooth[slow] < 0.2 * linear[slow]
    assert float(smooth[:20].sum()) == pytest.approx(float(linear[:20].sum()), rel=1e-4)


def test_frames_are_the_pictures_of_the_latents(conditional: Generator) -> None:
    walk = Walk(keys=keys(1, 5, 9, label="bee"), frames=21)
    z, classes = latents(conditional, walk)
    pictures = list(frames(conditional, walk))
    assert len(pictures) == 21
    for index in (0, 15, 16, 20):
        wanted = to_pictures(conditional.decode(z[index : index + 1], classes=classes[index : index + 1]))[0]
        assert np.abs(np.asarray(pictures[index]).astype(int) - np.asarray(wanted)).max() <= 1


@pytest.mark.parametrize(("rows", "columns"), [(2, 3), (5, 5)])
def test_a_grid_counts_on_from_the_seeds(generator: Generator, rows: int, columns: int) -> None:
    walk = Walk(keys=(Recipe(seed=2**63 - 1), Recipe(seed=50)), frames=4, rows=rows, columns=columns)
    sheets = list(frames(generator, walk))
    assert len(sheets) == 4
    single = [
        list(
            frames(generator, Walk(keys=((Recipe(seed=(2**63 - 1 + cell) % 2**63)), Recipe(seed=50 + cell)), frames=4))
        )
        for cell in range(rows * columns)
    ]
    for index, sheet in enumerate(sheets):
        wanted = grid([cell[index] for cell in single], columns)
        assert sheet.size == wanted.size == (columns * 18 - 2, rows * 18 - 2)
        assert np.abs(np.asarray(sheet).astype(int) - np.asarray(wanted)).max() <= 1


@pytest.mark.parametrize("loop", [False, True])
def test_jumps_are_the_distances_of_neighbours(generator: Generator, loop: bool) -> None:
    walk = Walk(keys=keys(1, 5, 9), frames=90, loop=loop)
    found = jumps(generator, walk, 37)
    assert len(found) == 37 - (not loop)
    assert found == pytest.approx(steps_of(generator, replace(walk, frames=37)).tolist(), rel=1e-3)
    sheet = jumps(generator, replace(walk, rows=1, columns=2), 10)
    cells = [
        jumps(generator, replace(walk, keys=tuple(replace(key, seed=key.seed + cell) for key in walk.keys)), 10)
        for cell in (0, 1)
    ]
    assert sheet == pytest.approx(np.sqrt(np.mean(np.square(cells), 0)).tolist(), rel=1e-3)


def test_json_round_trip() -> None:
    walk = Walk(
        keys=(Recipe(seed=2**63 - 1, label={"a": 0.5, "b": 0.5}), Recipe(seed=3, truncation=0.5, latents={2: 1.0})),
        path="spline",
        ease="smooth",
        loop=True,
        even=True,
        frames=3000,
        rows=8,
        columns=8,
    )
    assert Walk.from_json(json.loads(json.dumps(walk.to_json()))) == walk
    assert Walk.from_json({"format": 1, "keys": [Recipe().to_json()]}) == Walk(keys=(Recipe(),))


KEY = Recipe(seed=1).to_json()


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (None, ConfigError, "not a walk of format 1"),
        ({"format": 2}, ConfigError, "not a walk of format 1"),
        ({"colour": 1}, ConfigError, "does not know: colour"),
        ({"keys": []}, ConfigError, "list of 1 to 64 recipes"),
        ({"keys": [KEY] * 65}, ConfigError, "list of 1 to 64 recipes"),
        ({"keys": "1,5"}, ConfigError, "list of 1 to 64 recipes"),
        ({"keys": [1]}, RecipeError, "not a JSON object"),
        ({"keys": [{**KEY, "seed": -1}]}, RecipeError, "seed is -1"),
        ({"frames": 0}, ConfigError, "--frames is 0"),
        ({"frames": 3001}, ConfigError, "--frames is 3001"),
        ({"frames": 2.5}, ConfigError, "--frames is 2.5"),
        ({"frames": True}, ConfigError, "--frames is True"),
        ({"frames": None}, ConfigError, "--frames is None"),
        ({"path": "bezier"}, ConfigError, "--mode is 'bezier'"),
        ({"path": ["slerp"]}, ConfigError, "--mode is"),
        ({"ease": 7}, ConfigError, "--ease is 7"),
        ({"loop": "yes"}, ConfigError, "--loop is 'yes'"),
        ({"even": 1}, ConfigError, "--even is 1"),
        ({"rows": 9, "columns": 8}, ConfigError, "over 64 cells"),
        ({"rows": 10**30}, ConfigError, "--rows is"),
        ({"columns": "8"}, ConfigError, "--columns is '8'"),
        ({"keys": [Recipe(z=(0.0,) * 8).to_json()], "rows": 2}, RecipeError, "counts on from seeds"),
    ],
)
def test_hostile_walks_are_one_sentence(change, error, text: str) -> None:
    value = None if change is None else {"format": 1, "keys": [KEY], **change}
    with pytest.raises(error, match=text) as caught:
        Walk.from_json(value)
    assert "\n" not in str(caught.value)


def test_keys_that_do_not_fit_are_refused_before_a_frame_is_drawn(generator: Generator) -> None:
    for key, text in (
        (Recipe(label="ant"), "has no classes"),
        (Recipe(z=(0.0,) * 5), "5"),
        (Recipe(directions={"gone-1": 1.0}), "gone-1"),
        (Recipe(mix=Mix(seed=3, stages=(1,))), "look of a second seed"),
    ):
        with pytest.raises(GanCoreError, match=text):
            frames(generator, Walk(keys=(Recipe(), key), frames=3))
    assert len(list(frames(generator, Walk(keys=(Recipe(mix=Mix(seed=3, stages=())),), frames=2)))) == 2
    with pytest.raises(ConfigError, match="--samples"):
        jumps(generator, Walk(keys=keys(1, 2)), 1)

"""Projection: the model's own pictures are found again; stops, progress, determinism, classes and bad input."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.errors import ConfigError
from gan_core.images import to_tensor
from gan_core.inference.generator import Generator
from gan_core.inference.projection import Progress, fitted, project
from gan_core.metrics import picture_distance
from gan_core.recipe import Recipe
from tests.inference.vivid import vivid

FAR = 5001  # A seed that is none of the starts.


@pytest.fixture
def generator(dcgan_folder: Path) -> Generator:
    return vivid(dcgan_folder)


@pytest.fixture
def conditional(conditional_folder: Path) -> Generator:
    return vivid(conditional_folder)


def distance(a: Image.Image, b: Image.Image) -> float:
    return float(picture_distance(to_tensor(a, len(a.getbands())), to_tensor(b, len(b.getbands()))))


@pytest.mark.parametrize("seed", [5001, 77])
def test_a_picture_of_the_model_is_found_again(generator: Generator, seed: int) -> None:
    target = generator.picture(Recipe(seed=seed))
    *_, last = project(generator, target, steps=120)
    start = min(distance(generator.picture(Recipe(seed=one)), target) for one in range(64))
    assert last.last
    assert last.step == 120
    assert last.distance < 0.1 * start
    assert last.recipe.seed is None
    assert last.recipe.z is not None
    assert np.abs(np.asarray(generator.picture(last.recipe)).astype(int) - np.asarray(target)).mean() < 3


def test_the_distance_told_is_that_of_the_recipes_picture(generator: Generator) -> None:
    target = Image.effect_mandelbrot((40, 30), (-2, -1.5, 1, 1.5), 50)
    events = list(project(generator, target, steps=10, starts=8))
    wanted = fitted(generator, target)
    assert wanted.size == (16, 16)
    assert wanted.mode == "RGB"
    # The picture is rounded to 256 levels, the distance is not: half a level is 0.002.
    assert events[-1].distance == pytest.approx(distance(generator.picture(events[-1].recipe), wanted), abs=2e-3)
    assert events[-1].distance > 0.05  # It cannot be drawn, and that is said.
    assert Recipe.from_json(events[-1].recipe.to_json()) == events[-1].recipe


def test_progress_after_every_step_and_the_best_never_gets_worse(generator: Generator) -> None:
    target = generator.picture(Recipe(seed=FAR))
    events = list(project(generator, target, steps=30, starts=32))
    assert [event.step for event in events if event.step] == [*range(1, 31), 30]
    assert [event.last for event in events] == [False] * (len(events) - 1) + [True]
    assert len([event for event in events if event.step == 0]) == 2  # 32 starts, 16 at once.
    assert events[-1].distance < 0.5 * events[0].distance


def test_large_pictures_are_done_in_parts_so_that_progress_keeps_coming(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_core.inference.projection.PIXELS_AT_ONCE", 256)  # As 16 px were 181 px.
    target = generator.picture(Recipe(seed=FAR))
    events = list(project(generator, target, steps=12, starts=4))
    assert len([event for event in events if event.step == 0]) > 4
    assert events[-1].distance < events[0].distance


@pytest.mark.parametrize("wanted", [0, 5])
def test_a_stop_lands_within_a_step_and_keeps_the_best(generator: Generator, wanted: int) -> None:
    seen: list[Progress] = []
    target = generator.picture(Recipe(seed=FAR))
    for event in project(generator, target, steps=1000, should_stop=lambda: bool(seen) and seen[-1].step >= wanted):
        seen.append(event)
    assert seen[-1].last
    assert seen[-1].step == wanted
    assert seen[-1].distance <= seen[0].distance


def test_a_stop_asked_for_at_once_still_has_a_result(generator: Generator) -> None:
    (only,) = project(generator, generator.picture(Recipe(seed=FAR)), should_stop=lambda: True)
    assert only.last
    assert only.distance < 1


def test_the_same_arguments_give_the_same_result(generator: Generator) -> None:
    target = generator.picture(Recipe(seed=FAR))
    torch.manual_seed(1)
    one = list(project(generator, target, steps=20, starts=16, seed=3))
    torch.manual_seed(2)
    torch.rand(5)
    assert list(project(generator, target, steps=20, starts=16, seed=3)) == one
    assert list(project(generator, target, steps=20, starts=16, seed=1000))[-1] != one[-1]


def test_the_model_is_left_as_it_was(generator: Generator) -> None:
    before = {key: value.clone() for key, value in generator._network.state_dict().items()}
    list(project(generator, generator.picture(Recipe(seed=FAR)), steps=3, starts=2))
    for key, value in generator._network.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert all(weight.grad is None for weight in generator._network.parameters())


@pytest.mark.parametrize("label", ["ant", "cat"])
def test_the_class_is_found_where_none_is_given(conditional: Generator, label: str) -> None:
    target = conditional.picture(Recipe(seed=4321, label=label))
    *_, last = project(conditional, target, steps=100)
    assert last.recipe.label == label
    assert last.distance < 0.05


def test_a_class_that_is_given_is_kept(conditional: Generator) -> None:
    target = conditional.picture(Recipe(seed=4321, label="ant"))
    for given, kept in (("BEE", "bee"), (2, "cat"), ({"ant": 0.5, "bee": 0.5}, {"ant": 0.5, "bee": 0.5})):
        *_, last = project(conditional, target, steps=2, starts=2, label=given)
        assert last.recipe.label == kept


def test_latents_stay_as_long_as_those_of_seeds(generator: Generator) -> None:
    """A prior on the length: without it, pictures that cannot be drawn pull latents out of the model's range."""
    target = Image.effect_noise((16, 16), 120).convert("RGB")
    *_, last = project(generator, target, steps=150, starts=8)
    assert np.linalg.norm(last.recipe.z) / 8**0.5 < 2.5


def test_a_step_is_short(generator: Generator) -> None:
    """At least four signs of life a second; a tiny network takes milliseconds."""
    moments = [time.monotonic() for _ in project(generator, generator.picture(Recipe(seed=FAR)), steps=20, starts=16)]
    assert np.diff(moments).max() < 0.25


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"steps": 0}, "--steps is 0"),
        ({"steps": 10**9}, "--steps"),
        ({"starts": 0}, "--starts is 0"),
        ({"seed": -1}, "-1 is not a seed"),
        ({"label": "Boot"}, "has no classes"),
    ],
)
def test_bad_arguments_are_refused_at_once(generator: Generator, options, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        project(generator, Image.new("RGB", (16, 16)), **options)

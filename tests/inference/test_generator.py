"""Generator: the same picture from the same seed, alone or in a batch; labels; walks; bad input."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gan_core.errors import ConfigError
from gan_core.images import to_pictures
from gan_core.inference.generator import Generator
from gan_core.latent import latents, slerp
from gan_core.weights import load


@pytest.fixture
def generator(dcgan_folder: Path) -> Generator:
    return Generator(load(dcgan_folder))


@pytest.fixture
def conditional(conditional_folder: Path) -> Generator:
    return Generator(load(conditional_folder))


def pixels(picture) -> np.ndarray:
    return np.asarray(picture)


def test_a_seed_gives_one_picture_alone_or_in_a_batch(generator: Generator) -> None:
    together = generator.generate([7, 8, 2**63 - 1])
    alone = [generator.generate([seed])[0] for seed in (7, 8, 2**63 - 1)]
    for a, b in zip(together, alone, strict=True):
        # The same latents; convolutions may round differently by batch size, by one level at most.
        assert np.abs(pixels(a).astype(int) - pixels(b).astype(int)).max() <= 1
    assert generator.generate([7])[0].tobytes() == generator.generate([7])[0].tobytes()
    assert generator.generate([7])[0].size == (16, 16)


def test_decode_takes_latents_and_gives_the_range(generator: Generator) -> None:
    z = generator.latents([3, 4])
    assert torch.equal(z, latents([3, 4], generator.latent_dim))
    x = generator.decode(z)
    assert x.shape == (2, 3, 16, 16)
    assert x.abs().max() <= 1
    assert to_pictures(x)[0].tobytes() == generator.generate([3, 4])[0].tobytes()


def test_decode_runs_in_eval_mode_and_leaves_no_trace(generator: Generator) -> None:
    before = {key: value.clone() for key, value in generator._network.state_dict().items()}
    generator._network.train()
    x = generator.decode(generator.latents([1, 2, 3]))
    assert generator._network.training
    assert not x.requires_grad
    for key, value in generator._network.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_truncation_scales_the_latents(generator: Generator) -> None:
    mean = generator.decode(torch.zeros(1, generator.latent_dim))
    assert generator.generate([5], truncation=0)[0].tobytes() == to_pictures(mean)[0].tobytes()
    half = to_pictures(generator.decode(0.5 * generator.latents([5])))[0]
    assert generator.generate([5], truncation=0.5)[0].tobytes() == half.tobytes()


def test_explore_adds_offsets_to_the_first_latents(generator: Generator) -> None:
    z = 0.7 * generator.latents([5])
    z[0, :2] += torch.tensor([1.5, -2.0])
    expected = to_pictures(generator.decode(z))[0]
    assert generator.explore(5, 0.7, None, [1.5, -2.0]).tobytes() == expected.tobytes()


def test_labels_choose_and_blend(conditional: Generator) -> None:
    names = conditional.classes
    assert names is not None
    by_name, by_number = (conditional.generate([1], label=label)[0] for label in (names[1], 1))
    assert by_name.tobytes() == by_number.tobytes()
    assert by_name.tobytes() == conditional.generate([1], label={names[1]: 1.0})[0].tobytes()
    weights = conditional.class_weights({names[0]: 0.25, names[1]: 0.75}, 2)
    assert weights[:, :2].tolist() == [[0.25, 0.75]] * 2
    assert conditional.generate([1])[0].tobytes() == conditional.generate([1], label=1 % len(names))[0].tobytes()


def test_walks_begin_and_end_at_their_seeds(generator: Generator) -> None:
    frames = list(generator.interpolate([1, 5, 9], 9))
    assert len(frames) == 9
    ends = generator.generate([1, 9])
    for frame, end in zip((frames[0], frames[-1]), ends, strict=True):
        assert np.abs(pixels(frame).astype(int) - pixels(end).astype(int)).max() <= 1
    a, b = generator.latents([1, 5])
    middle = to_pictures(generator.decode(slerp(a, b, 0.5)[None]))[0]
    assert np.abs(pixels(frames[2]).astype(int) - pixels(middle).astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: g.generate([-1]), "-1 is not a seed"),
        (lambda g: g.generate([2**63]), "is not a seed"),
        (lambda g: g.generate(["7"]), "'7' is not a seed"),
        (lambda g: g.generate([1.5]), "1.5 is not a seed"),
        (lambda g: g.generate([1], truncation=float("nan")), "nan is not a number"),
        (lambda g: g.generate([1], truncation="1"), "is not a number"),
        (lambda g: g.generate([1], label="Boot"), "has no classes"),
        (lambda g: g.decode(torch.zeros(1, 3)), r"\(B, 8\)"),
        (lambda g: g.explore(1, 1.0, None, [0.0] * 9), "8 latents"),
        (lambda g: list(g.interpolate([], 5)), "at least one seed"),
        (lambda g: list(g.interpolate([1, 2], 5, "bezier")), "no interpolation 'bezier'"),
    ],
)
def test_bad_input_gives_one_sentence(generator: Generator, call, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        call(generator)
    assert "\n" not in str(caught.value)


def test_an_unknown_class_is_named_with_the_known_ones(conditional: Generator) -> None:
    for label in ("Boot", 99, -1):
        with pytest.raises(ConfigError, match="This model knows"):
            conditional.generate([1], label=label)

"""Generator: the same picture from the same seed, alone or in a batch; labels; walks; bad input."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_core.errors import ConfigError, GanCoreError, RecipeError
from gan_core.images import to_pictures
from gan_core.inference import mixing
from gan_core.inference.directions import Direction, save
from gan_core.inference.generator import Generator
from gan_core.latent import latents, normal, slerp
from gan_core.recipe import Mix, ModelRef, Recipe, embed_png, loads, read
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
    with pytest.raises(ConfigError, match="This model knows"):
        conditional.picture(Recipe(label="Boot"))


# Recipes.


def test_the_latent_follows_the_formula(generator: Generator) -> None:
    directions = {one.id: np.array(one.vector) for one in generator.directions()}
    recipe = generator.recipe(
        seed=7,
        shift=(0.25, 0.5),
        truncation=0.7,
        directions={"sefa-2": 1.5, "pca-1": -0.3},
        latents={1: 0.1, 8: -2.0},
    )
    noise = {seed: normal(seed, 8).astype(np.float64) for seed in (7, 8, 107, 108)}
    weights = {7: 0.375, 8: 0.125, 107: 0.375, 108: 0.125}
    base = sum(weights[seed] * noise[seed] for seed in noise) / np.sqrt(sum(w**2 for w in weights.values()))
    edits = np.array([0.1, 0, 0, 0, 0, 0, 0, -2.0])
    expected = 0.7 * base + 1.5 * directions["sefa-2"] - 0.3 * directions["pca-1"] + edits
    np.testing.assert_allclose(generator.latent(recipe), expected, atol=1e-6)
    turned = replace(recipe, directions=dict(reversed(recipe.directions.items())))
    assert torch.equal(generator.latent(recipe), generator.latent(turned))
    own = generator.recipe(z=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0), truncation=0.5, latents={2: 1.0})
    assert generator.latent(own).tolist() == [0.5, 2.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]


def test_a_recipe_of_a_seed_draws_what_generate_draws(generator: Generator, conditional: Generator) -> None:
    for model in (generator, conditional):
        for seed, truncation in ((5, 1.0), (2**63 - 1, 0.7)):
            recipe = model.recipe(seed=seed, truncation=truncation)
            assert model.picture(recipe).tobytes() == model.generate([seed], truncation)[0].tobytes()
    assert torch.equal(generator.latent(Recipe(seed=5)), generator.latents([5])[0])


def test_a_recipe_gives_one_picture_bit_for_bit(conditional: Generator) -> None:
    recipe = conditional.recipe(
        seed=2**60 + 1,
        shift=(0.3, 0.9),
        truncation=0.8,
        label={"ant": 0.4, "cat": 0.6},
        directions={"sefa-1": 2.0, "pca-2": -1.1},
        latents={3: 0.7},
        mix=Mix(seed=9, stages=(2,), amount=0.6),
    )
    expected = conditional.picture(recipe)
    again = Generator(load(conditional.folder))  # type: ignore[arg-type]
    torch.manual_seed(99)
    for other in (recipe, loads(recipe.dumps()), read(embed_png(expected, recipe))):
        assert again.picture(other).tobytes() == expected.tobytes()
    assert conditional.picture(replace(recipe, mix=None)).tobytes() != expected.tobytes()


def test_pictures_come_in_order_whatever_they_hold(generator: Generator) -> None:
    recipes = [generator.recipe(seed=seed) for seed in range(20)]
    recipes[18] = replace(recipes[18], mix=Mix(seed=3, stages=(1,)))
    for picture, recipe in zip(generator.pictures(recipes), recipes, strict=True):
        difference = pixels(picture).astype(int) - pixels(generator.picture(recipe)).astype(int)
        assert np.abs(difference).max() <= 1
    assert list(generator.pictures([])) == []


def test_without_a_label_the_seed_picks_the_class_and_between_seeds_classes_blend(conditional: Generator) -> None:
    assert conditional.recipe_classes(Recipe(seed=7)).tolist() == [0.0, 1.0, 0.0]  # type: ignore[union-attr]
    # 7, 8, 107 and 108 modulo 3 are 1, 2, 2 and 0.
    between = conditional.recipe_classes(Recipe(seed=7, shift=(0.25, 0.5)))
    assert between.tolist() == [0.125, 0.375, 0.5]  # type: ignore[union-attr]
    assert conditional.recipe_classes(Recipe(seed=7, label="bee")).tolist() == [0.0, 1.0, 0.0]  # type: ignore[union-attr]
    assert conditional.recipe_classes(Recipe(z=(0.0,) * 8)).tolist() == [1.0, 0.0, 0.0]  # type: ignore[union-attr]
    assert [conditional.class_name(label) for label in (None, "BEE", 2, "0")] == [None, "bee", "cat", "ant"]


def test_decode_takes_class_weights_row_by_row(conditional: Generator, generator: Generator) -> None:
    z, classes = conditional.latents([1, 2]), torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    together = conditional.decode(z, classes=classes)
    torch.testing.assert_close(together[:1], conditional.decode(z[:1], "ant"))
    torch.testing.assert_close(together[1:], conditional.decode(z[1:], {"bee": 0.5, "cat": 0.5}))
    for model, wrong in ((conditional, classes[:1]), (conditional, classes[:, :2]), (generator, classes)):
        with pytest.raises(ConfigError, match="Class weights"):
            model.decode(model.latents([1, 2]), classes=wrong)


def test_a_recipe_names_its_model(generator: Generator, tmp_path: Path) -> None:
    file = generator.folder / "generator.safetensors"  # type: ignore[operator]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert generator.sha256 == digest
    assert generator.recipe(seed=3).model == ModelRef(name="tiny-dcgan", sha256=digest)
    run = tmp_path / "runs" / "00003-dcgan-shapes" / "snapshots" / "000010"
    cached = tmp_path / "models--someone--nouns" / "snapshots" / "0123abcd"
    for folder, expected in ((run, ("00003-dcgan-shapes", None)), (cached, ("nouns", "someone/nouns"))):
        shutil.copytree(generator.folder, folder)  # type: ignore[arg-type]
        ref = Generator(load(folder)).recipe().model
        assert ref is not None
        assert (ref.name, ref.hub, ref.sha256) == (*expected, digest)


def test_names_in_the_folder_replace_the_computed_ones(generator: Generator) -> None:
    computed = generator.directions()
    assert [one.id for one in computed] == [f"sefa-{k}" for k in range(1, 9)] + [f"pca-{k}" for k in range(1, 11)]
    assert generator.directions() == computed
    own = Direction("taller", "Taller", (0.5,) * 8, 0.0)
    other = Direction("foreign", "Of another model", (0.5,) * 9, 0.0)
    save(generator.folder, [replace(computed[0], name="Darker", hidden=True), own, other])  # type: ignore[arg-type]
    named = generator.directions()
    assert named[0] == replace(computed[0], name="Darker", hidden=True)
    assert named[1:-1] == computed[1:]
    assert named[-1] == own
    moved = generator.latent(Recipe(seed=1, directions={"taller": 2.0})) - generator.latent(Recipe(seed=1))
    assert moved.tolist() == pytest.approx([1.0] * 8, abs=1e-6)


@pytest.mark.parametrize("radius", [0.0, 0.3, 1.0])
def test_neighbours_stand_at_the_radius(generator: Generator, radius: float) -> None:
    recipe = generator.recipe(seed=7, truncation=0.7, directions={"sefa-1": 1.0}, latents={2: 0.5})
    point = generator.latent(recipe).double()
    found = generator.neighbours(recipe, radius)
    assert len(found) == 8
    assert found == generator.neighbours(loads(recipe.dumps()), radius)
    noise = [normal(0, 8) * 0] * 8 if radius == 0 else []
    for one in found:
        step = generator.latent(one).double() - np.sqrt(1 - radius**2) * point
        if radius:
            noise.append((step / radius).numpy())
        else:
            assert step.abs().max() < 1e-4
        assert replace(one, latents={}) == replace(recipe, latents={})
    if radius:  # Standard normal, the same at every radius, and each its own.
        assert 0.5 < np.std(noise) < 1.5
        assert np.abs(np.diff(noise, axis=0)).max(axis=1).min() > 0.1
        full = [generator.latent(one) for one in generator.neighbours(recipe, 1.0)]
        np.testing.assert_allclose(noise, torch.stack(full), atol=1e-3)


def test_a_mix_lends_means_and_deviations_before_the_relu(generator: Generator) -> None:
    z, look = generator.latents([7]), generator.latents([9])
    network = generator._network.eval()
    seen: list[torch.Tensor] = []
    network.main[5].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    with torch.inference_mode():
        mixed = mixing.forward(network, z, None, look, None, [2], 1.0)
        network(look)
        network(z)
    (both, of_look, of_z) = seen
    torch.testing.assert_close(both[:1].mean((2, 3)), of_look.mean((2, 3)), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        both[:1].std((2, 3), correction=0), of_look.std((2, 3), correction=0), atol=1e-5, rtol=1e-4
    )
    # Where things are stays: each channel is its own, stretched and moved.
    own, new = of_z.flatten(2)[0], both[:1].flatten(2)[0]
    assert min(np.corrcoef(a, b)[0, 1] for a, b in zip(own, new, strict=True)) > 0.999
    expected = to_pictures(mixed)[0]
    assert generator.picture(Recipe(seed=7, mix=Mix(seed=9, stages=(2,)))).tobytes() == expected.tobytes()


def test_half_a_mix_lies_half_way() -> None:
    x, look = torch.randn(2, 3, 5, 5), 4 * torch.randn(2, 3, 5, 5) + 1
    torch.testing.assert_close(mixing.adain(x, look, 0.5), (x + mixing.adain(x, look)) / 2)
    torch.testing.assert_close(mixing.adain(x, look, 0.0), x)
    flat = mixing.adain(torch.ones(1, 1, 4, 4), look[:1, :1])  # A channel without any contrast.
    assert flat.isfinite().all()


def test_a_mix_of_nothing_changes_nothing(generator: Generator, conditional: Generator) -> None:
    assert generator.stages() == [4, 8]
    for model in (generator, conditional):
        plain = model.picture(Recipe(seed=7))
        for mix in (Mix(seed=9, stages=()), Mix(seed=9, stages=(1, 2), amount=0)):
            assert model.picture(Recipe(seed=7, mix=mix)).tobytes() == plain.tobytes()
        itself = pixels(model.picture(Recipe(seed=7, mix=Mix(seed=7, stages=(1, 2))))).astype(int)
        assert np.abs(itself - pixels(plain).astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe(z=(0.0,) * 9), "a z of 9 numbers"),
        (Recipe(latents={9: 1.0}), "latent 9"),
        (Recipe(directions={"sefa-11": 1.0}), "sefa-11"),
        (Recipe(mix=Mix(seed=1, stages=(3,))), "stage 3"),
        (Recipe(label="ant"), "has no classes"),
    ],
)
def test_a_recipe_of_another_model_is_refused_in_one_sentence(
    generator: Generator, recipe: Recipe, message: str
) -> None:
    with pytest.raises(GanCoreError, match=message) as caught:
        generator.picture(recipe)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("radius", [-0.1, 1.1, float("nan"), "1", None])
def test_a_radius_that_is_none_is_refused(generator: Generator, radius: object) -> None:
    with pytest.raises(RecipeError, match="radius"):
        generator.neighbours(Recipe(), radius)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["nouns-dcgan", "fashion-mnist-dcgan"])
def test_a_picture_does_not_depend_on_the_threads(name: str) -> None:
    generator = Generator(load(Path(__file__).parents[2] / "pretrained" / name))
    recipe = generator.recipe(seed=7, directions={"sefa-1": 1.0, "pca-2": -1.0}, mix=Mix(seed=9, stages=(2,)))
    one = generator.picture(recipe).tobytes()
    torch.set_num_threads(2)
    assert generator.picture(recipe).tobytes() == one


def test_a_mix_may_lend_the_look_of_another_class(conditional: Generator) -> None:
    plain = Recipe(seed=7, label="ant")
    own = replace(plain, mix=Mix(seed=7, stages=(1, 2)))  # Its own look changes nothing.
    lent = replace(plain, mix=Mix(seed=7, stages=(1, 2), label="cat"))
    assert conditional.picture(lent).tobytes() != conditional.picture(own).tobytes()
    z = conditional.latents([7])
    ant, cat = (conditional.class_weights(name, 1) for name in ("ant", "cat"))
    with torch.inference_mode():
        expected = mixing.forward(conditional._network, z, ant, z, cat, [1, 2], 1.0)
    assert conditional.picture(lent).tobytes() == to_pictures(expected)[0].tobytes()
    assert Recipe.from_json(lent.to_json()) == lent
    with pytest.raises(ConfigError, match="There is no class 'dog'"):
        conditional.picture(replace(plain, mix=Mix(seed=7, stages=(1,), label="dog")))

"""Directions against NumPy's eigenvectors and singular vectors; the file that names them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gan_core import weights
from gan_core.errors import ModelError
from gan_core.inference.directions import FILE, Direction, load, principal, save, sefa
from gan_core.latent import normal
from gan_core.models import dcgan
from tests.conftest import TINY_CONDITIONAL, TINY_DCGAN

SEEDS = 2_000


def network(numbers: dcgan.Network) -> nn.Module:
    """Random weights, with batch norm statistics that matter."""
    torch.manual_seed(5)
    generator = dcgan.build(numbers)["generator"]
    for layer in generator.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.1, 0.1)
            layer.running_var.uniform_(0.001, 0.02)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    return generator.eval()


def wide(**more: int) -> dcgan.Network:
    """Too many features to solve whole: 64 * 4 * 4."""
    return dcgan.Network(size=16, generator_features=32, **more)


def aligned(found: list[Direction], expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as rows, with the expected ones turned the way of the found ones."""
    rows = np.array([one.vector for one in found])
    return rows, expected * np.sign((rows * expected).sum(1, keepdims=True))


@pytest.mark.parametrize("numbers", [TINY_DCGAN, TINY_CONDITIONAL, wide(latent_dim=100)])
def test_sefa_is_the_eigenvectors_of_the_reshaped_weight(numbers: dcgan.Network) -> None:
    generator = network(numbers)
    matrix = generator.main[0].weight.detach().numpy().astype(np.float64)
    a = matrix[: numbers.latent_dim].reshape(numbers.latent_dim, -1)
    _, singular, vectors = np.linalg.svd(a.T, full_matrices=False)  # Rows: eigenvectors of A A^T.
    found = sefa(generator)
    assert [one.id for one in found] == [f"sefa-{k}" for k in range(1, min(10, numbers.latent_dim) + 1)]
    rows, expected = aligned(found, vectors[: len(found)])
    np.testing.assert_allclose(rows, expected, atol=6e-6)
    shares = singular**2 / (singular**2).sum()
    np.testing.assert_allclose([one.share for one in found], shares[: len(found)], atol=6e-6)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-4)


def features(generator: nn.Module, z: torch.Tensor, classes: int) -> np.ndarray:
    """Through the layers themselves, each class (by turns) less its own mean."""
    inputs = torch.cat([z, torch.eye(classes)[torch.arange(len(z)) % classes]], 1) if classes else z
    with torch.inference_mode():
        x = generator.main[:3](inputs[:, :, None, None]).flatten(1).numpy().astype(np.float64)
    for group in range(max(1, classes)):
        x[group :: max(1, classes)] -= x[group :: max(1, classes)].mean(0)
    return x


@pytest.mark.parametrize(
    ("numbers", "tolerance"),
    [
        (TINY_DCGAN, 2e-5),
        (TINY_CONDITIONAL, 2e-5),
        (wide(latent_dim=20), 2e-5),
        # Two steps of the iteration; random weights, whose components differ least in variance, are its worst case.
        (wide(latent_dim=100), 1e-2),
        (wide(latent_dim=100, classes=4), 1e-2),
    ],
)
def test_principal_components_are_those_of_a_singular_value_decomposition(
    numbers: dcgan.Network, tolerance: float
) -> None:
    generator = network(numbers)
    z = torch.from_numpy(normal(0, SEEDS * numbers.latent_dim)).view(SEEDS, -1)
    x = features(generator, z, numbers.classes)
    scores, singular, _ = np.linalg.svd(x, full_matrices=False)
    unit = scores[:, :10] * np.sqrt(SEEDS)  # Scores of standard deviation one.
    slopes = np.linalg.lstsq(unit, z.numpy().astype(np.float64), rcond=None)[0]  # z by the scores: rows a component.
    found = principal(generator, SEEDS)
    assert [one.id for one in found] == [f"pca-{k}" for k in range(1, 11)]
    rows, expected = aligned(found, slopes)
    assert np.abs(rows - expected).max() < tolerance
    np.testing.assert_allclose([one.share for one in found], (singular**2 / (singular**2).sum())[:10], atol=1e-4)


def test_the_same_weights_give_the_same_directions() -> None:
    generator = network(wide(latent_dim=100))
    first = [*sefa(generator), *principal(generator, SEEDS)]
    state = torch.get_rng_state()
    torch.manual_seed(123)
    generator.train()
    assert [*sefa(generator), *principal(generator, SEEDS)] == first
    assert generator.training
    torch.manual_seed(123)
    untouched = torch.get_rng_state()
    principal(generator, SEEDS)
    assert torch.equal(torch.get_rng_state(), untouched)
    torch.set_rng_state(state)
    for one in first:
        assert max(one.vector, key=abs) > 0
        assert all(round(value, 5) == value for value in one.vector)


@pytest.mark.parametrize("name", ["nouns-dcgan", "fashion-mnist-dcgan"])
def test_directions_do_not_depend_on_the_threads(name: str) -> None:
    """In single precision one number of 2,000 rounded differently, and a recipe's picture with it."""
    trained = weights.load(Path(__file__).parents[2] / "pretrained" / name).networks["generator"]
    one = [*sefa(trained), *principal(trained, 3_000)]
    torch.set_num_threads(2)
    assert [*sefa(trained), *principal(trained, 3_000)] == one


def test_components_do_not_change_the_class() -> None:
    """Features differ most by class; without their own means the first component was the class, and moved nothing."""
    generator = network(wide(latent_dim=100, classes=4))
    with torch.no_grad():
        generator.main[0].weight[100:] *= 50
    lengths = [np.linalg.norm(one.vector) for one in principal(generator, SEEDS)]
    assert min(lengths) > 0.5


def test_a_dead_network_and_a_foreign_one_have_few_directions() -> None:
    generator = network(TINY_DCGAN)
    with torch.no_grad():
        generator.main[0].weight.zero_()
    assert principal(generator, SEEDS) == []
    assert all(np.isfinite(one.vector).all() and one.share == 0 for one in sefa(generator))
    assert sefa(nn.Linear(3, 3)) == principal(nn.Linear(3, 3)) == []


def test_saved_directions_come_back(tmp_path: Path) -> None:
    found = sefa(network(TINY_DCGAN))
    found[0] = replace(found[0], name="darker, ärmer", hidden=True)
    save(tmp_path, found)
    assert load(tmp_path) == found
    entry = json.loads((tmp_path / FILE).read_text())["directions"][0]
    assert entry.keys() == {"id", "name", "vector", "share", "hidden"}
    assert load(tmp_path / "none") == []


GOOD = {"id": "own", "name": "Taller", "vector": [0.5, -1], "share": 0.1, "hidden": False}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "not a list of directions"),
        ({"format": 2, "directions": []}, "not a list of directions"),
        ({"format": 1, "directions": {}}, "not a list of directions"),
        ({"format": 1, "directions": [3]}, "an entry lacks"),
        ({**GOOD, "id": "../x"}, "cannot be an id"),
        ({**GOOD, "id": 3}, "cannot be an id"),
        ({**GOOD, "name": ""}, "cannot be a name"),
        ({**GOOD, "name": "a\nb"}, "cannot be a name"),
        ({**GOOD, "name": "x" * 81}, "cannot be a name"),
        ({**GOOD, "vector": []}, "vector of own"),
        ({**GOOD, "vector": [float("nan")]}, "vector of own"),
        ({**GOOD, "vector": ["1"]}, "vector of own"),
        ({**GOOD, "vector": [1e9]}, "vector of own"),
        ({**GOOD, "share": 2}, "share of own"),
        ({**GOOD, "share": -0.1}, "share of own"),
        ({**GOOD, "share": None}, "share of own"),
        ({**GOOD, "hidden": "no"}, "hidden of own"),
        ({**GOOD, "code": "x"}, "holds another"),
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(content: object, message: str, tmp_path: Path) -> None:
    if isinstance(content, dict) and "id" in content:
        content = {"format": 1, "directions": [content]}
    (tmp_path / FILE).write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ModelError, match=message) as refusal:
        load(tmp_path)
    assert FILE in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_cannot_be_saved_leaves_the_old_file(tmp_path: Path) -> None:
    good = Direction("own", "Taller", (0.5, -1.0), 0.1)
    save(tmp_path, [good])
    for wrong in (replace(good, name=""), replace(good, vector=(float("nan"),))):
        with pytest.raises(ModelError):
            save(tmp_path, [wrong])
    with pytest.raises(ModelError, match="was not written"):
        save(Path("/proc/none"), [good])
    assert load(tmp_path) == [good]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]

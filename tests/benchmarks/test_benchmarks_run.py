"""The yardstick and our step do the same work: from the same weights, batches and noise come the same losses.

How fast they are is measured by hand (`bench_training.py`); a timing never decides a test.
"""

import pytest
import torch

from tests.benchmarks import bench_training as bench
from tests.benchmarks.reference_recipe import DcganRecipe

CPU = torch.device("cpu")
SETTINGS = {
    "dcgan": bench.Setting(family="dcgan", size=64, batch=4, features=4),
    "cyclegan": bench.Setting(family="cyclegan", size=32, batch=1, features=4, blocks=1),
}


@pytest.mark.parametrize("family", sorted(SETTINGS))
def test_yardstick_and_our_step_agree(family):
    setting = SETTINGS[family]
    training, batches = bench.our_training(setting, CPU)
    recipe = bench.reference(setting, CPU)
    bench.pair_up(recipe, training)
    for step in range(2):  # The second step also tells whether both made the same update.
        batch = next(batches)
        ours = {name: value.item() for name, value in training.step(step, [batch]).items()}
        if isinstance(recipe, DcganRecipe):
            noise = training.plan.draws(step).normal(setting.batch, recipe.latent_dim)
            plain = recipe.step(batch.pictures, noise)
        else:
            plain = recipe.step(batch.a, batch.b)
        assert {name: ours[name] for name in plain} == pytest.approx(plain, abs=1e-4), f"step {step}"


def test_a_measurement_gives_three_columns():
    columns = bench.measure(SETTINGS["cyclegan"], CPU, rounds=2, round_s=0.0)
    assert len(columns) == 3
    assert all("(" in column for column in columns)

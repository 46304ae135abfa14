"""The step of CycleGAN, by itself."""

from copy import deepcopy

import pytest
import torch

from gan_core.draws import Shard
from gan_core.errors import ConfigError
from gan_core.models.cyclegan import Network
from gan_core.training.cyclegan import Recipe, Training
from gan_core.training.feeds import DomainBatch
from gan_core.training.plan import Plan, initial_generator
from tests.training.tiny import FAMILIES


def changed(before: dict, training: Training) -> set[str]:
    """Names of the modules of which a weight moved."""
    return {
        name
        for name, module in training.modules.items()
        if any(not torch.equal(value, before[name][key]) for key, value in module.state_dict().items())
    }


def test_in_their_lead_the_discriminators_learn_alone() -> None:
    initial_generator(0)
    plan = Plan(size=16, steps=4, batch=2, seed=0, device=torch.device("cpu"), shard=Shard())
    training = Training(Network(**FAMILIES["cyclegan"]["network"]), Recipe(discriminator_lead=2, ema_decay=0), plan)
    batch = DomainBatch(a=torch.rand(2, 3, 16, 16) * 2 - 1, b=torch.rand(2, 3, 16, 16) * 2 - 1)
    names = []
    for step in range(3):
        before = deepcopy({name: module.state_dict() for name, module in training.modules.items()})
        metrics = training.step(step, [batch])
        names.append(set(metrics))
        both = {"discriminator_a", "discriminator_b"}
        assert changed(before, training) == (both if step < 2 else {*both, "generator_ab", "generator_ba"})
    assert names[0] == names[2]


def test_further_discriminator_steps_see_further_pictures_and_the_pool() -> None:
    initial_generator(0)
    plan = Plan(size=16, steps=4, batch=2, seed=0, device=torch.device("cpu"), shard=Shard())
    training = Training(Network(**FAMILIES["cyclegan"]["network"]), Recipe(discriminator_steps=3, pool_size=4), plan)
    assert training.batches_per_step == 3
    seen = []
    training._judge = lambda _, *pictures: seen.append(pictures[:2]) or torch.zeros(2)
    batches = [DomainBatch(*(torch.rand(2, 2, 3, 16, 16) * 2 - 1)) for _ in range(3)]
    training.step(0, batches)
    assert [real is batch.a for (real, _), batch in zip(seen, batches, strict=True)] == [True] * 3
    pool = training.pools["a"].pictures
    assert len(pool) == 2
    for _, fake in seen[1:]:
        assert all(any(torch.equal(picture, kept) for kept in pool) for picture in fake)


def test_further_discriminator_steps_need_a_pool() -> None:
    with pytest.raises(ConfigError, match="pool-size"):
        Recipe(discriminator_steps=2, pool_size=0)

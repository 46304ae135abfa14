import numpy as np
import pytest
import torch

from gan_core.draws import Draws, Shard

DRAWS = {
    "normal": lambda draws: draws.normal(8, 3),
    "uniform": lambda draws: draws.uniform(8, 3, low=-1, high=2),
    "integers": lambda draws: draws.integers(8, 3, below=5),
}


@pytest.mark.parametrize("kind", DRAWS)
def test_a_step_s_draws_depend_on_its_numbers_alone(kind):
    draw = DRAWS[kind]
    first = draw(Draws(3, 17, 2))
    assert torch.equal(first, draw(Draws(3, 17, 2)))
    for other in [(4, 17, 2), (3, 18, 2), (3, 17, 1), (2**63 - 1, 17, 2)]:
        assert not torch.equal(first, draw(Draws(*other)))


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("world", [2, 4])
def test_shards_together_draw_what_one_process_draws(kind, world):
    draw = DRAWS[kind]
    parts = [Draws(1, 2, shard=Shard(rank, world)) for rank in range(world)]
    whole = Draws(1, 2)
    for _ in range(3):  # Later draws of a step agree too: every process draws for the whole batch.
        assert torch.equal(torch.cat([draw(part) for part in parts]), draw(whole))
    assert {part.coin() for part in parts} == {whole.coin()}
    assert {part.whole(100) for part in parts} == {whole.whole(100)}


def test_purposes_of_one_step_and_neighbouring_steps_do_not_overlap():
    streams = [Draws(0, step, purpose).normal(64) for step in range(4) for purpose in range(16)]
    assert len({tuple(stream.tolist()) for stream in streams}) == 64


def test_distributions():
    draws = Draws(0, 0)
    normal, uniform = draws.normal(200_000), draws.uniform(200_000, low=-2.0, high=3.0)
    integers = draws.integers(200_000, below=4)
    assert normal.dtype == uniform.dtype == torch.float32
    assert integers.dtype == torch.int64
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1) < 0.01
    assert uniform.min() >= -2
    assert uniform.max() <= 3
    assert abs(uniform.mean() - 0.5) < 0.02
    counts = np.bincount(integers.numpy(), minlength=4)
    assert len(counts) == 4
    assert abs(counts / 50_000 - 1).max() < 0.03


def test_coins_and_whole_numbers():
    draws = Draws(5, 5)
    heads = sum(draws.coin() for _ in range(4000))
    assert 1850 < heads < 2150
    assert {draws.whole(3) for _ in range(100)} == {0, 1, 2}


def test_a_shard_is_its_part_of_the_batch():
    assert [Shard(rank, 4).part(8) for rank in range(4)] == [slice(0, 2), slice(2, 4), slice(4, 6), slice(6, 8)]
    assert Shard().part(5) == slice(0, 5)

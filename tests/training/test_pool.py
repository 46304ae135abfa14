import torch

from gan_core.draws import Draws
from gan_core.training.pool import ImagePool


def numbered(first: int, count: int = 1) -> torch.Tensor:
    return torch.arange(first, first + count, dtype=torch.float32)[:, None, None, None].expand(-1, 3, 2, 2)


def test_without_a_capacity_every_picture_passes():
    fresh = numbered(0, 3)
    assert ImagePool(0).swap(fresh, Draws(0, 0)) is fresh


def test_a_pool_fills_first_and_hands_out_what_it_was_given():
    pool = ImagePool(5)
    for number in range(5):
        handed = pool.swap(numbered(number), Draws(0, number))
        assert torch.equal(handed, numbered(number))
    assert [int(picture[0, 0, 0]) for picture in pool.pictures] == list(range(5))


def test_a_full_pool_swaps_half_of_the_time():
    pool = ImagePool(50)
    stored = list(range(50))
    pool.swap(numbered(0, 50), Draws(0, 0))
    older = 0
    for number in range(50, 2050):
        handed = int(pool.swap(numbered(number), Draws(0, number))[0, 0, 0, 0])
        if handed != number:
            older += 1
            stored[stored.index(handed)] = number  # The fresh one takes the place of the one that was handed out.
        assert len(pool.pictures) == 50
    assert [int(picture[0, 0, 0]) for picture in pool.pictures] == stored
    assert 920 < older < 1080
    assert max(stored) > 1990
    assert min(stored) < 1900, "some stay for long"


def test_a_batch_fills_and_swaps_picture_by_picture():
    pool = ImagePool(3)
    handed = pool.swap(numbered(0, 8), Draws(0, 0))
    assert handed.shape == (8, 3, 2, 2)
    assert handed[:3, 0, 0, 0].tolist() == [0, 1, 2]
    seen = sorted([*handed[:, 0, 0, 0].tolist(), *(float(picture[0, 0, 0]) for picture in pool.pictures)])
    # The three that filled the pool were both handed out and kept; a swap hands one of them out a second time.
    assert set(seen) == set(range(8))
    assert len(seen) == 11


def test_the_same_draws_swap_the_same_pictures():
    results = []
    for _ in range(2):
        pool = ImagePool(2)
        results.append(torch.cat([pool.swap(numbered(10 * step, 4), Draws(7, step)) for step in range(20)]))
    assert torch.equal(*results)

"""The noise behind seeds is computed once more here, with whole numbers and `math` alone."""

import math

import numpy as np
import pytest
import torch

from gan_core.errors import ConfigError
from gan_core.latent import (
    along,
    check_seed,
    latents,
    lerp,
    normal,
    parse_seeds,
    plane,
    plane_latent,
    slerp,
    spline,
    truncate,
    walk,
)

MASK = 2**64 - 1


def philox4x64_10(counter: list[int], key: list[int]) -> list[int]:
    """Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011: ten rounds on four 64-bit words."""
    c, k = list(counter), list(key)
    for _ in range(10):
        low, high = c[0] * 0xD2E7470EE14C6C93, c[2] * 0xCA5A826395121157
        c = [(high >> 64) ^ c[1] ^ k[0], high & MASK, (low >> 64) ^ c[3] ^ k[1], low & MASK]
        k = [(k[0] + 0x9E3779B97F4A7C15) & MASK, (k[1] + 0xBB67AE8584CAA73B) & MASK]
    return c


def reference_normal(seed: int, count: int) -> list[float]:
    words: list[int] = []
    while len(words) < count + 1:
        words += philox4x64_10([1 + len(words) // 4, 0, 0, 0], [seed, 0])
    numbers = []
    for u, v in zip(words[0::2], words[1::2], strict=True):
        radius = math.sqrt(-2 * math.log(1 - (u >> 11) * 2.0**-53))
        angle = 2 * math.pi * (v >> 11) * 2.0**-53
        numbers += [radius * math.cos(angle), radius * math.sin(angle)]
    return numbers[:count]


def test_philox_gives_the_authors_known_answers():
    """The kat_vectors of Random123 for philox4x64 of 10 rounds."""
    zeros = [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]
    assert philox4x64_10([0, 0, 0, 0], [0, 0]) == zeros
    ones = [0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0]
    assert philox4x64_10([MASK] * 4, [MASK] * 2) == ones


@pytest.mark.parametrize("seed", [0, 1, 7, 12345, 2**32, 2**62 + 3, 2**63 - 1])
@pytest.mark.parametrize("count", [1, 2, 5, 100, 101])
def test_seeds_give_the_documented_noise(seed, count):
    ours = normal(seed, count)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, reference_normal(seed, count), rtol=3e-7, atol=1e-12)


VECTORS = {
    0: [0.0080886954, 0.15219213, -0.446809751, -0.191403808, -0.203898479, 1.16372716],
    7: [-0.570250515, 1.94612755, -0.864858278, 0.584646355, -0.136850964, -0.392714086],
    2**63 - 1: [0.950719838, 2.073233, -1.38467395, 0.118062429, 2.0881635, -0.114762705],
}


@pytest.mark.parametrize("seed", VECTORS)
def test_golden_vectors(seed):
    """What a seed shows must never change; other languages can be tested against the same numbers."""
    np.testing.assert_allclose(normal(seed, 6), VECTORS[seed], rtol=2e-7)


def test_the_noise_is_normal():
    numbers = normal(3, 200_000).astype(np.float64)
    assert abs(numbers.mean()) < 0.01
    assert abs(numbers.std() - 1) < 0.01
    assert abs((numbers**4).mean() - 3) < 0.1
    assert np.isfinite(numbers).all()


def test_a_seed_is_the_same_alone_and_in_a_batch_and_in_any_length():
    batch = latents([5, 6, 2**40, 5], 33)
    assert batch.shape == (4, 33)
    assert batch.dtype == torch.float32
    for row, seed in zip(batch, [5, 6, 2**40, 5], strict=True):
        assert torch.equal(row, latents([seed], 33)[0])
    assert torch.equal(latents([5], 100)[0, :33], batch[0])
    assert not torch.equal(batch[0], batch[1])
    assert latents([], 33).shape == (0, 33)
    assert torch.equal(latents(iter([np.int64(5)]), 33)[0], batch[0])


@pytest.mark.parametrize("seed", ["7", True, np.True_, 7.0, -1, 2**63, None, [7], b"7", float("nan"), "x" * 10_000])
def test_what_is_no_seed_is_refused_by_name(seed):
    with pytest.raises(ConfigError, match="is not a seed") as refusal:
        check_seed(seed)
    assert str(2**63 - 1) in str(refusal.value)
    assert len(str(refusal.value)) < 200
    with pytest.raises(ConfigError):
        latents([seed], 4)


def test_seed_lists():
    assert parse_seeds("1, 5,9") == [1, 5, 9]
    assert parse_seeds("0-3 7") == [0, 1, 2, 3, 7]
    assert parse_seeds("0-9999") == list(range(10_000))
    assert parse_seeds(str(2**63 - 1)) == [2**63 - 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No seed"),
        (" , ", "No seed"),
        ("x", "'x' is not a seed"),
        ("-5", "is not a seed"),
        ("3-", "is not a seed"),
        ("1.5", "is not a seed"),
        ("1e3", "is not a seed"),
        ("9-3", "runs backwards"),
        ("0-10000", "more than 10000"),
        ("0-9998 5 6", "more than 10000"),
        ("0-9223372036854775807", "more than 10000"),
        (str(2**63), "is not a seed"),
        ("9" * 5000, "is not a seed"),
    ],
)
def test_bad_seed_lists_are_refused_by_name(text, message):
    """Five thousand digits were a ValueError, Python's own limit."""
    with pytest.raises(ConfigError, match=message) as refusal:
        parse_seeds(text)
    assert len(str(refusal.value)) < 200


def test_truncation():
    z = latents([1], 8)
    assert torch.equal(truncate(z, 0.5), z * 0.5)
    assert not truncate(z, 0).any()
    expected = (z.numpy().astype(np.float64) * 0.7).astype(np.float32)  # Rounded once.
    assert truncate(z, 0.7).numpy().tobytes() == expected.tobytes()


# The seed plane.


@pytest.mark.parametrize("seed", [0, 7, 2**63 - 1, 2**63 - 50])
@pytest.mark.parametrize("place", [(0.0, 0.0), (0.25, 0.0), (0.0, 0.999), (0.5, 0.5), (0.3, 0.8)])
def test_the_seed_plane_follows_the_formula(seed, place):
    x, y = place
    expected, squares = np.zeros(16), 0.0
    for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        weight = (x if right else 1 - x) * (y if down else 1 - y)
        expected += weight * np.array(reference_normal((seed + right + 100 * down) % 2**63, 16))
        squares += weight**2
    np.testing.assert_allclose(plane_latent(seed, place, 16), expected / math.sqrt(squares), rtol=1e-6, atol=1e-6)


def test_whole_seeds_stand_at_the_corners_of_the_plane():
    assert plane(7, (0.0, 0.0)) == [(7, 1.0)]
    assert plane_latent(7, (0.0, 0.0), 33).astype(np.float32).tobytes() == normal(7, 33).tobytes()
    near = 1 - 1e-9
    for place, seed in (((near, 0.0), 8), ((0.0, near), 107), ((near, near), 108)):
        np.testing.assert_allclose(plane_latent(7, place, 33), normal(seed, 33), atol=1e-7)


def test_between_seeds_the_noise_is_still_normal():
    numbers = plane_latent(3, (0.5, 0.37), 200_000)
    assert abs(numbers.mean()) < 0.01
    assert abs(numbers.std() - 1) < 0.01


# Ways between latents.


def reference_slerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """Unit vectors by Shoemake's formula, then the length that lies t of the way between both lengths."""
    length_a, length_b = math.dist(a, 0 * a), math.dist(b, 0 * b)
    angle = math.acos(float(np.dot(a / length_a, b / length_b)))
    unit = (math.sin((1 - t) * angle) * a / length_a + math.sin(t * angle) * b / length_b) / math.sin(angle)
    return unit * ((1 - t) * length_a + t * length_b)


@pytest.mark.parametrize("t", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_slerp_follows_the_formula(t):
    a, b = latents([1, 2], 100)
    expected = reference_slerp(a.numpy().astype(np.float64), b.numpy().astype(np.float64), t)
    np.testing.assert_allclose(slerp(a, b, t), expected, atol=2e-6)


def test_slerp_keeps_the_length_that_lerp_loses():
    a, b = latents([1, 2], 512)
    shortest = min(a.norm(), b.norm())
    assert slerp(a, b, 0.5).norm() >= shortest * 0.999
    assert lerp(a, b, 0.5).norm() < shortest * 0.8


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]),
        ([1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]),
        ([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ],
)
@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_where_no_circle_is_unique_the_way_is_straight(a, b, t):
    """A zero latent, as truncation 0 makes of every seed, gave NaN; opposite ones a random direction."""
    a, b = torch.tensor(a), torch.tensor(b)
    torch.testing.assert_close(slerp(a, b, t), (1 - t) * a + t * b)


@pytest.mark.parametrize("mode", ["slerp", "lerp"])
def test_an_open_walk_passes_its_keys_evenly(mode):
    keys = latents([1, 5, 9], 16)
    path = walk(keys, 9, mode)
    assert path.shape == (9, 16)
    for frame, key in ((0, 0), (4, 1), (8, 2)):
        torch.testing.assert_close(path[frame], keys[key], atol=1e-6, rtol=1e-5)
    way = {"slerp": slerp, "lerp": lerp}[mode]
    torch.testing.assert_close(path[1], way(keys[0], keys[1], 0.25))
    torch.testing.assert_close(path[6], way(keys[1], keys[2], 0.5))


def test_a_loop_comes_back_without_a_double_frame():
    keys = latents([1, 5], 16)
    path = walk(keys, 8, loop=True)
    torch.testing.assert_close(path[0], keys[0], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(path[4], keys[1], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(path[7], slerp(keys[1], keys[0], 0.75))
    assert not torch.allclose(path[7], keys[0], atol=1e-2)


@pytest.mark.parametrize("loop", [False, True])
def test_short_walks(loop):
    keys = latents([3], 4)
    still = walk(keys, 5, loop=loop)
    torch.testing.assert_close(still, keys.repeat(5, 1))
    torch.testing.assert_close(walk(latents([3, 4], 4), 1, loop=loop), keys)


def reference_catmull_rom(points: np.ndarray, place: float, loop: bool) -> np.ndarray:
    """The basis matrix of Catmull and Rom, 1974, on four points; at an open end the missing one is mirrored."""
    count = len(points)
    start = int(place) if loop else min(int(place), count - 2)
    t = place - start
    four = []
    for index in range(start - 1, start + 3):
        if loop:
            four.append(points[index % count])
        elif index < 0:
            four.append(2 * points[0] - points[1])
        elif index == count:
            four.append(2 * points[-1] - points[-2])
        else:
            four.append(points[index])
    basis = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2
    return np.array([1, t, t**2, t**3]) @ basis @ np.array(four)


@pytest.mark.parametrize("loop", [False, True])
def test_a_spline_follows_the_formula(loop):
    keys = latents([1, 5, 9, 11], 64)
    places = [0.0, 0.4, 1.0, 1.5, 2.9, 3.0, *((3.7, 4.0) if loop else ())]
    points = keys.numpy().astype(np.float64)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    for place, found in zip(places, spline(keys, places, loop), strict=True):
        direction = reference_catmull_rom(points / lengths, place, loop)
        expected = direction / np.linalg.norm(direction) * reference_catmull_rom(lengths, place, loop)
        np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("loop", [False, True])
def test_a_spline_passes_its_keys_without_a_corner(loop):
    keys = torch.cat([latents([1, 5, 9], 64), 0.3 * latents([4], 64)])
    places = np.linspace(0, len(keys) - (not loop), 4000 + (not loop), endpoint=not loop).tolist()
    path = spline(keys, places, loop).double()
    for index, key in enumerate(keys):
        torch.testing.assert_close(path[index * (1000 if loop else 4000 // 3)].float(), key, atol=0.02, rtol=0)
    torch.testing.assert_close(spline(keys, [0.0, 1.0, 2.0, 3.0], loop), keys, atol=1e-6, rtol=1e-6)
    steps = path.diff(dim=0)
    turns = torch.cosine_similarity(steps[:-1], steps[1:], dim=1)
    assert turns.min() > 0.999  # Slerp's corners at the keys are about 90 degrees.
    corners = walk(keys, 4000, "slerp", loop).double().diff(dim=0)
    assert torch.cosine_similarity(corners[:-1], corners[1:], dim=1).min() < 0.5
    if loop:
        assert torch.cosine_similarity(path[0] - path[-1], path[1] - path[0], dim=0) > 0.999


def test_a_spline_keeps_the_length_of_the_latents():
    keys = latents(range(6), 100)
    lengths = spline(keys, np.linspace(0, 6, 121)[:-1].tolist(), loop=True).norm(dim=1)
    assert lengths.min() > keys.norm(dim=1).min() * 0.97
    assert lengths.max() < keys.norm(dim=1).max() * 1.03


@pytest.mark.parametrize("keys", [[[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]], [[1.0, 2.0], [-1.0, -2.0], [1.0, 2.0]]])
def test_a_spline_through_zero_and_to_the_opposite_is_finite_and_unbroken(keys):
    path = spline(torch.tensor(keys), np.linspace(0, 2, 2001).tolist())
    assert path.isfinite().all()
    assert path.diff(dim=0).norm(dim=1).max() < 0.05
    torch.testing.assert_close(path[[0, 1000, 2000]], torch.tensor(keys), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("mode", ["slerp", "lerp", "spline"])
@pytest.mark.parametrize("loop", [False, True])
def test_places_along_a_walk(mode, loop):
    keys = latents([1, 5, 9], 16)
    path = walk(keys, 12, mode, loop)
    places = np.linspace(0, 3 if loop else 2, 12, endpoint=not loop).tolist()
    assert torch.equal(path, along(keys, places, mode, loop))
    torch.testing.assert_close(along(keys, [2.0, 0.0, 1.0], mode, loop), keys[[2, 0, 1]], atol=1e-6, rtol=1e-5)
    assert along(keys, [], mode, loop).shape == (0, 16)


def test_walks_that_cannot_be_walked():
    keys = latents([1, 2], 4)
    with pytest.raises(ConfigError, match=r"no interpolation 'bezier'.*slerp, lerp, spline"):
        walk(keys, 5, "bezier")
    with pytest.raises(ConfigError, match="at least one seed and one frame"):
        walk(keys[:0], 5)
    with pytest.raises(ConfigError, match="at least one seed and one frame"):
        walk(keys, 0)

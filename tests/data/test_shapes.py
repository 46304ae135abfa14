import numpy as np
import pytest
import torch

from gan_core.data.shapes import CLASSES, render, shapes


def one(shape: str, *, hue=0.0, radius=0.3, center=(0.5, 0.5), ground=0.0, size=64) -> np.ndarray:
    """(size, size, 3) of one picture with known factors."""
    picture = render(
        torch.tensor([CLASSES.index(shape)]),
        torch.tensor([hue]),
        torch.tensor([radius]),
        torch.tensor([center]),
        torch.tensor([ground]),
        size,
    )
    assert picture.shape == (1, 3, size, size)
    assert picture.dtype == torch.uint8
    return picture[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        ("circle", np.pi),
        ("square", (2 * 0.85) ** 2),
        # y from the tip, where 3^0.5 |x| - y = 1 at x = 0, down to 0.7; half its base is (1 + 0.7) / 3^0.5.
        ("triangle", 1.7 * 1.7 / 3**0.5),
        ("ring", np.pi * (1 - 0.5**2)),
    ],
)
@pytest.mark.parametrize("radius", [0.16, 0.32])
def test_areas(shape, area, radius):
    red = one(shape, radius=radius, size=128)[:, :, 0] / 255
    assert red.sum() / 128**2 == pytest.approx(area * radius**2, rel=0.02)


def test_factors_show():
    picture = one("circle", hue=0.0, center=(0.25, 0.75), radius=0.16, ground=0.2)
    colour = 255 * (0.55 + 0.45 * np.cos(2 * np.pi * (0 - np.array([0, 1 / 3, 2 / 3]))))
    np.testing.assert_allclose(picture[48, 16], colour, atol=1)
    np.testing.assert_allclose(picture[5, 60], 0.2 * 255, atol=1)
    rows, columns = np.nonzero(picture[:, :, 0] > 100)
    assert (rows.mean() + 0.5) / 64 == pytest.approx(0.75, abs=0.01)
    assert (columns.mean() + 0.5) / 64 == pytest.approx(0.25, abs=0.01)
    assert (rows.max() - rows.min() + 1) / 64 == pytest.approx(0.32, abs=0.04)


def test_only_the_ring_is_hollow_and_only_the_triangle_points_up():
    middles = {shape: one(shape)[32, 32, 0] for shape in CLASSES}
    assert [shape for shape, level in middles.items() if level < 10] == ["ring"]
    for shape in CLASSES:
        upper, lower = (part[:, :, 0].sum(dtype=int) for part in np.split(one(shape), 2))
        assert (lower > 1.2 * upper) == (shape == "triangle")


def test_a_set_is_the_same_each_time():
    pictures, labels = shapes(16, count=600)
    again, same = shapes(16, count=600)
    assert torch.equal(pictures, again)
    assert torch.equal(labels, same)
    other, _ = shapes(16, count=600, seed=1)
    assert not torch.equal(pictures, other)


def test_a_set_has_all_classes_and_no_two_pictures_alike():
    pictures, labels = shapes(16, count=2000)
    assert pictures.shape == (2000, 3, 16, 16)
    assert labels.dtype == torch.int64
    assert (labels.bincount() / 500 - 1).abs().max() < 0.15
    assert len({picture.numpy().tobytes() for picture in pictures}) == 2000


def test_labels_tell_the_shape():
    """A picture is its label's shape: hollow where the ring is, filled in the middle of all others."""
    pictures, labels = shapes(32, count=300)
    fills = [one(name)[:, :, 0].max() for name in CLASSES]
    assert min(fills) > 200
    for name in CLASSES:
        only, named = shapes(32, count=300, only=name)
        assert (named == CLASSES.index(name)).all()
        mine = labels == CLASSES.index(name)
        assert torch.equal(only[mine], pictures[mine]), "the same draws but for the shape"


def test_a_whole_shape_is_always_inside():
    pictures, _ = shapes(32, count=1000)
    edge = torch.cat([pictures[:, :, 0].flatten(1), pictures[:, :, -1].flatten(1)], 1).float()
    assert edge.max() <= 0.22 * 255 + 1, "nothing but ground along the edges"

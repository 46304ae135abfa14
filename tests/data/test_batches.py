from itertools import islice

import numpy as np
import pytest
import torch

from gan_core.data.batches import augmented, batches, order
from gan_core.data.decode import ImageSet, StreamedPictures, decode
from gan_core.data.listing import list_path
from gan_core.draws import Draws, Shard
from gan_core.images import to_float
from tests.data.pictures import png, write_folder, write_zip

CPU = torch.device("cpu")


# The order.


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_each_epoch_holds_every_picture_once(count):
    sequence = order(3, 0, 0, 5 * count, count)
    for epoch in range(5):
        assert sorted(sequence[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_epochs_seeds_and_streams_are_shuffled_differently():
    epochs = order(3, 0, 0, 300, 100).reshape(3, 100).tolist()
    others = [order(4, 0, 0, 100, 100).tolist(), order(3, 1, 0, 100, 100).tolist()]
    assert len({tuple(sequence) for sequence in [*epochs, *others, list(range(100))]}) == 6


@pytest.mark.parametrize(("start", "length"), [(0, 1), (6, 3), (13, 20), (699, 8), (10**6, 5)])
def test_any_part_can_be_asked_for(start, length):
    """A resumed run finds its place without reading what came before."""
    count = 7
    single = [order(1, 0, position, 1, count)[0] for position in range(start, start + length)]
    assert order(1, 0, start, length, count).tolist() == single


def test_every_place_of_an_epoch_is_as_likely():
    first = np.array([order(0, 0, epoch * 4, 1, 4)[0] for epoch in range(2000)])
    assert np.abs(np.bincount(first) / 500 - 1).max() < 0.15


# Batches.


def image_set(count: int = 10) -> ImageSet:
    pictures = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 4, 4).contiguous()
    return ImageSet("x", pictures, torch.arange(count) * 2, ["a"])


def take(images: ImageSet, number: int, **options) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(islice(batches(images, **{"batch": 4, "seed": 5, "shard": Shard(), "device": CPU, **options}), number))


def test_batches_follow_the_order_with_their_labels():
    taken = take(image_set(), 6)
    for number, (pixels, labels) in enumerate(taken):
        assert pixels.shape == (4, 3, 4, 4)
        assert pixels[:, 0, 0, 0].tolist() == order(5, 0, number * 4, 4, 10).tolist()
        assert torch.equal(labels, pixels[:, 0, 0, 0].long() * 2)


def test_resuming_goes_on_where_it_stopped():
    whole, resumed = take(image_set(), 9), take(image_set(), 4, first=5)
    for (pixels, labels), (again, their_labels) in zip(whole[5:], resumed, strict=True):
        assert torch.equal(pixels, again)
        assert torch.equal(labels, their_labels)


def test_shards_part_the_batch():
    whole = take(image_set(), 4)
    shards = [take(image_set(), 4, shard=Shard(rank, 2)) for rank in range(2)]
    for number, (pixels, labels) in enumerate(whole):
        assert torch.equal(torch.cat([shard[number][0] for shard in shards]), pixels)
        assert torch.equal(torch.cat([shard[number][1] for shard in shards]), labels)


def test_a_batch_larger_than_the_set_goes_on_with_the_next_epoch():
    ((pixels, _),) = take(image_set(3), 1, batch=8)
    assert sorted(pixels[:3, 0, 0, 0].tolist()) == [0, 1, 2]
    assert len(pixels) == 8


def test_without_labels():
    assert take(ImageSet("x", image_set().pictures), 1)[0][1] is None


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_streaming_gives_the_same_batches_through_worker_processes(tmp_path, kind):
    files = {f"{'ab'[number % 2]}/{number}.png": png(number) for number in range(9)}
    files["b/torn.png"] = png(50)[:80]
    path = write_folder(tmp_path / "set", files) if kind == "folder" else write_zip(tmp_path / "set.zip", files)
    listing = list_path(path, max_mp=1)[""]
    held, streamed = decode(listing, side=8), decode(listing, side=8, memory_gb=1e-9)
    assert isinstance(streamed.pictures, StreamedPictures)
    assert streamed.skipped == held.skipped == ["b/torn.png"]
    options = {"first": 2, "shard": Shard(1, 2)}
    for (pixels, labels), (again, their_labels) in zip(
        take(held, 5, **options), take(streamed, 5, **options), strict=True
    ):
        assert torch.equal(pixels, again)
        assert torch.equal(labels, their_labels)


# Augmentation.


def numbered(batch: int = 6, side: int = 7) -> torch.Tensor:
    return torch.randint(0, 256, (batch, 2, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("crop", [7, 5])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("quarter_turns", [False, True])
def test_augmentation_does_to_each_picture_what_was_drawn_for_it(crop, flip, quarter_turns):
    pixels = numbered()
    ours = augmented(pixels, Draws(1, 2), 6, crop=crop, flip=flip, quarter_turns=quarter_turns)
    draws, expected = Draws(1, 2), []  # The same draws, for a loop over pictures.
    rows, columns = (draws.integers(6, below=3), draws.integers(6, below=3)) if crop < 7 else ([0] * 6, [0] * 6)
    mirrored = draws.integers(6, below=2) if flip else [0] * 6
    turns = draws.integers(6, below=4) if quarter_turns else [0] * 6
    for index, picture in enumerate(pixels.numpy()):
        top, left = int(rows[index]), int(columns[index])
        picture = picture[:, top : top + crop, left : left + crop]
        picture = picture[:, :, ::-1] if mirrored[index] else picture
        expected.append(np.rot90(picture, int(turns[index]), (1, 2)))
    assert ours.shape == (6, 2, crop, crop)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, to_float(torch.from_numpy(np.stack(expected))))


def test_augmentation_is_the_same_however_the_batch_is_shared():
    pixels = numbered(8)
    options = {"crop": 5, "flip": True, "quarter_turns": True}
    whole = augmented(pixels, Draws(1, 2), 8, **options)
    shards = [Shard(rank, 2) for rank in range(2)]
    parts = [augmented(pixels[shard.part(8)], Draws(1, 2, shard=shard), 8, **options) for shard in shards]
    assert torch.equal(torch.cat(parts), whole)


def test_every_place_flip_and_turn_comes_up():
    picture = torch.arange(9, dtype=torch.uint8).reshape(1, 1, 3, 3).expand(400, -1, -1, -1)
    crops = augmented(picture, Draws(0, 0), 400, crop=2)
    assert len({tuple(crop.flatten().tolist()) for crop in crops}) == 4
    turned = augmented(picture, Draws(0, 0), 400, crop=3, flip=True, quarter_turns=True)
    assert len({tuple(turn.flatten().tolist()) for turn in turned}) == 8


def test_nothing_asked_for_changes_nothing():
    assert torch.equal(augmented(numbered(), Draws(0, 0), 6, crop=7), to_float(numbered()))

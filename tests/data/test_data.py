import gzip
import hashlib
import os
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core import data
from gan_core.data import DataOptions, check_spec, load_domains, load_images, short_name
from gan_core.data.decode import decode, squared
from gan_core.errors import DataError, HubError
from gan_core.settings import Settings
from tests.data.pictures import CLASSES, DOMAINS, FLAT, HELD_OUT, encoded, picture, png, write_folder, write_zip
from tests.hub_server import hub_server


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data_dir=tmp_path / "data", max_picture_mp=1)


def images(spec, settings, side=8, **options):
    return load_images(str(spec), DataOptions(side=side, **options), settings)


def domains(spec, settings, side=8, **options):
    return load_domains(str(spec), DataOptions(side=side, **options), settings)


# Folders and zips.


@pytest.mark.parametrize("files", [FLAT, CLASSES])
def test_a_folder_and_its_zip_are_the_same_set(tmp_path, settings, files):
    folder = images(write_folder(tmp_path / "set", files), settings)
    archive = images(write_zip(tmp_path / "set.zip", files), settings)
    assert torch.equal(folder.pictures, archive.pictures)
    assert folder.classes == archive.classes
    assert (folder.classes is None) == (files is FLAT)
    assert folder.name == archive.name == "set"


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("held_out", [False, True])
def test_domains(tmp_path, settings, kind, held_out):
    files = {**DOMAINS, **HELD_OUT} if held_out else DOMAINS
    path = write_folder(tmp_path / "set", files) if kind == "folder" else write_zip(tmp_path / "set.zip", files)
    loaded = domains(path, settings)
    assert (len(loaded.a), len(loaded.b)) == (3, 4)
    assert np.array_equal(loaded.b.pictures[0], np.asarray(squared(picture(10), 8, "crop")).transpose(2, 0, 1))
    if held_out:
        assert (len(loaded.test_a), len(loaded.test_b)) == (1, 1)
    else:
        assert loaded.test_a is loaded.a
        assert loaded.test_b is loaded.b


@pytest.mark.parametrize("order", [("L", "RGB"), ("RGB", "L")])
def test_both_domains_have_the_channels_of_the_richer_one(tmp_path, settings, order):
    """Grey photographs and coloured paintings came out with 1 and 3 channels, which no pair of networks can take."""
    files = {
        f"train{side}/{n}.png": png(n, mode=mode) for side, mode in zip("AB", order, strict=True) for n in range(2)
    }
    loaded = domains(write_folder(tmp_path / "set", files | HELD_OUT), settings)
    assert {part.channels for part in (loaded.a, loaded.b, loaded.test_a, loaded.test_b)} == {3}


def test_families_that_want_the_other_kind_of_data_are_told(tmp_path, settings):
    two, one = write_folder(tmp_path / "two", DOMAINS), write_folder(tmp_path / "one", CLASSES)
    with pytest.raises(DataError, match=r"two domains \(trainA, trainB\).*train cyclegan"):
        images(two, settings)
    with pytest.raises(DataError, match=r"no folders trainA and trainB.*Put the pictures"):
        domains(one, settings)


@pytest.mark.parametrize("spec", ["nowhere/at/all", "fashion_mnist", "~nobody-of-this-name/x", "x" * 5000, "a\0b"])
def test_what_is_not_there_is_named_with_what_is_known(settings, monkeypatch, tmp_path, spec):
    """A name too long for the file system was an OSError, the home of nobody a RuntimeError."""
    monkeypatch.chdir(tmp_path)
    for refused in (check_spec, lambda spec: images(spec, settings), lambda spec: domains(spec, settings)):
        with pytest.raises(DataError, match="no such file or folder, and it is no known name") as refusal:
            refused(spec)
        assert "fashion-mnist" in str(refusal.value)


def test_specs_that_are_known_pass(tmp_path):
    for spec in ("shapes", "mnist", "eurosat", "hub:user/set", str(tmp_path)):
        check_spec(spec)


def test_a_text_file_is_refused(tmp_path, settings):
    (tmp_path / "list.txt").write_text("a.png\nb.png")
    with pytest.raises(DataError, match=r"list\.txt is neither a folder nor a readable zip"):
        images(tmp_path / "list.txt", settings)


def test_the_megapixel_limit_is_the_settings(tmp_path):
    path = write_folder(tmp_path / "set", {"a.png": encoded(Image.new("L", (100, 100))), "b.png": png(0)})
    loaded = images(path, Settings(max_picture_mp=0.009))
    assert loaded.skipped == ["a.png"]


def test_the_memory_limit_is_the_settings(tmp_path):
    path = write_folder(tmp_path / "set", FLAT)
    held = images(path, Settings(data_memory_gb=1))
    streamed = images(path, Settings(data_memory_gb=1e-9))
    assert torch.equal(torch.stack([streamed.pictures[index] for index in range(5)]), held.pictures)


# Shapes.


@pytest.mark.parametrize(("channels", "expected"), [(None, 3), (1, 1), (3, 3), (4, 4)])
def test_shapes(settings, channels, expected):
    loaded = images("shapes", settings, channels=channels)
    assert loaded.pictures.shape == (4096, expected, 8, 8)
    assert loaded.classes == ["circle", "square", "triangle", "ring"]
    assert len(loaded.labels) == 4096
    if channels == 4:
        assert (loaded.pictures[:, 3] == 255).all()
    if channels == 1:
        colour = images("shapes", settings).pictures
        assert torch.equal(loaded.pictures[:, 0], colour.float().mean(1).round().to(torch.uint8))


def test_shape_domains_hold_out_pictures_that_training_does_not_see(settings):
    loaded = domains("shapes", settings)
    trained = {picture.numpy().tobytes() for part in (loaded.a, loaded.b) for picture in part.pictures}
    held = {picture.numpy().tobytes() for part in (loaded.test_a, loaded.test_b) for picture in part.pictures}
    assert len(loaded.a) == len(loaded.b) == 1024
    assert len(loaded.test_a) == len(loaded.test_b) == 64
    assert not trained & held


# Names of torchvision.


def idx(array: np.ndarray) -> bytes:
    """LeCun's format: 0, 0, 8 for bytes, the number of dimensions, the dimensions, the values."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.mark.parametrize(
    ("spec", "folder", "first"), [("fashion-mnist", "FashionMNIST", "T-shirt/top"), ("mnist", "MNIST", "0 - zero")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_mnist_files_that_are_there_are_not_downloaded(settings, spec, folder, first, packed):
    raw = settings.data_dir / folder / "raw"
    raw.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (12, 28, 28), np.uint8)
    labels = np.arange(12, dtype=np.uint8) % 10
    for part in ("train", "t10k"):
        for name, array in ((f"{part}-images-idx3-ubyte", pixels), (f"{part}-labels-idx1-ubyte", labels)):
            (raw / name).write_bytes(idx(array))
            if packed:
                (raw / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    loaded = images(spec, settings, side=28)
    assert loaded.name == spec
    assert loaded.channels == 1
    assert np.array_equal(loaded.pictures[:, 0], pixels)
    assert loaded.labels.tolist() == labels.tolist()
    assert loaded.classes[0] == first
    streamed = images(spec, Settings(data_dir=settings.data_dir, data_memory_gb=1e-9), side=28)
    assert torch.equal(pickle.loads(pickle.dumps(streamed.pictures))[3], loaded.pictures[3]), "travels to workers"


def test_damaged_mnist_files_are_a_sentence(settings):
    raw = settings.data_dir / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        for name in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            (raw / f"{part}-{name}").write_bytes(b"torn")
    with pytest.raises(DataError, match="--data fashion-mnist could not be downloaded to or read from") as refusal:
        images("fashion-mnist", settings)
    assert str(refusal.value).isprintable()


def test_cifar10(settings, monkeypatch):
    from torchvision.datasets import CIFAR10

    folder = settings.data_dir / CIFAR10.base_folder
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (10, 3, 32, 32), np.uint8)
    for number, (name, _) in enumerate(CIFAR10.train_list):
        rows = pixels[2 * number : 2 * number + 2].reshape(2, 3072)
        (folder / name).write_bytes(pickle.dumps({"data": rows, "labels": [number, number + 5]}))
    meta = pickle.dumps({"label_names": [f"c{number}" for number in range(10)]})
    (folder / "batches.meta").write_bytes(meta)
    monkeypatch.setitem(CIFAR10.meta, "md5", hashlib.md5(meta).hexdigest())
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda _: True)
    loaded = images("cifar10", settings, side=32)
    assert np.array_equal(loaded.pictures, pixels)
    assert loaded.labels.tolist() == [0, 5, 1, 6, 2, 7, 3, 8, 4, 9]
    assert loaded.classes[9] == "c9"


def test_eurosat_with_an_unreadable_picture(settings):
    """Its files were opened without our limits and errors: one torn picture ended the whole decoding."""
    files = {
        f"2750/{name}/{name}_{n}.jpg": encoded(picture(n), "JPEG") for name in ("Forest", "River") for n in range(2)
    }
    write_folder(settings.data_dir / "eurosat", {**files, "2750/River/River_1.jpg": b"torn"})
    loaded = images("eurosat", settings)
    assert loaded.classes == ["Forest", "River"]
    assert loaded.labels.tolist() == [0, 0, 1]
    assert [name.rpartition("/")[2] for name in loaded.skipped] == ["River_1.jpg"]


def test_a_download_that_fails_is_a_sentence(settings, monkeypatch):
    from torchvision.datasets import MNIST

    def refused(_):
        raise RuntimeError("Error downloading\n  train-images-idx3-ubyte.gz")

    monkeypatch.setattr(MNIST, "download", refused)
    with pytest.raises(DataError) as refusal:
        images("mnist", settings)
    text = str(refusal.value)
    assert text.startswith("--data mnist could not be downloaded")
    assert "Check the connection" in text
    assert text.isprintable()


def test_a_data_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="could not be downloaded to or read from"):
        images("mnist", Settings(data_dir=tmp_path / "file" / "data"))


# The Hub.


@pytest.fixture
def from_hub(monkeypatch):
    """What the Hub would have put into a folder of the cache."""
    asked = []

    def serve(folder):
        def download(name, *, patterns):
            asked.append((name, patterns))
            return folder

        monkeypatch.setattr(data, "download", download)
        return asked

    return serve


def test_hub_pictures_zips_and_domains(tmp_path, settings, from_hub):
    commit = tmp_path / ("0123456789" * 4)
    asked = from_hub(write_folder(commit, CLASSES))
    loaded = images("hub:user/Set@v1", settings)
    assert (loaded.name, loaded.classes) == ("set", ["ant", "cat", "dog"])
    name, patterns = asked[0]
    assert name == "user/Set@v1"
    assert {"*.zip", "*.png", "*.JPG", "*.avif"} <= set(patterns)
    from_hub(write_zip(tmp_path / "one" / "data.zip", FLAT).parent)
    assert len(images("hub:user/set", settings)) == 5
    from_hub(write_zip(tmp_path / "two" / "deep" / "data.ZIP", DOMAINS).parent.parent)
    assert len(domains("hub:user/set", settings).b) == 4


def test_a_hub_data_set_without_pictures_is_named_as_the_person_wrote_it(tmp_path, settings, from_hub):
    """Data sets in Parquet, say. The message named a folder of the cache."""
    from_hub(write_folder(tmp_path / "0123456789abcdef", {"README.md": b"x"}))
    with pytest.raises(DataError, match=r"^--data hub:user/set holds no pictures"):
        images("hub:user/set", settings)


HUB_CODE = """
import sys
from gan_core.data import DataOptions, load_images
from gan_core.errors import GanCoreError
from gan_core.settings import Settings
for spec in sys.argv[1:]:
    try:
        loaded = load_images(spec, DataOptions(side=8), Settings())
        print(loaded.name, len(loaded), loaded.classes, int(loaded.pictures.sum()))
    except GanCoreError as error:
        print(type(error).__name__, error)
"""


def test_the_whole_way_from_a_hub_to_tensors(tmp_path, settings):
    with hub_server() as hub:
        archive = write_zip(tmp_path / "x.zip", CLASSES).read_bytes()
        hub.put("user/flowers", {"README.md": b"# x", **CLASSES}, "dataset")
        hub.put("user/zipped", {"train.zip": archive}, "dataset")
        hub.put("user/parquet", {"README.md": b"# x", "train.parquet": b"x"}, "dataset")
        specs = ["hub:user/flowers", "hub:user/zipped", "hub:user/parquet", "hub:user/none"]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
        environment = {
            **kept,
            "HF_ENDPOINT": hub.endpoint,
            "HF_HOME": str(tmp_path),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", HUB_CODE, *specs],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    flowers, zipped, parquet, none = done.stdout.splitlines()
    expected = images(write_folder(tmp_path / "here", CLASSES), settings)
    facts = f"5 ['ant', 'cat', 'dog'] {int(expected.pictures.sum())}"
    assert flowers == f"flowers {facts}"
    assert zipped == f"zipped {facts}"
    assert parquet.startswith("DataError --data hub:user/parquet holds no pictures")
    assert none.startswith(f"{HubError.__name__} hub:user/none was not downloaded: there is no such dataset")


# Names.


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("shapes", "shapes"),
        ("fashion-mnist", "fashion-mnist"),
        ("hub:user/Big_Set@main", "big_set"),
        ("/somewhere/My Pictures", "my-pictures"),
    ],
)
def test_short_names(spec, name):
    assert short_name(spec) == name


def test_decode_is_what_loading_does(tmp_path, settings):
    path = write_folder(tmp_path / "set", FLAT)
    ours = images(path, settings, fit="stretch", channels=1)
    theirs = decode(data.list_path(path, max_mp=1)[""], side=8, channels=1, fit="stretch")
    assert torch.equal(ours.pictures, theirs.pictures)

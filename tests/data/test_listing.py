import pickle
import random
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gan_core.data.listing import ArrayReader, data_name, list_path
from gan_core.errors import DataError, GanCoreError, PictureError
from tests.data.pictures import CLASSES, DOMAINS, FLAT, HELD_OUT, picture, png, png_promising, write_folder, write_zip


def make(tmp_path: Path, kind: str, files: dict[str, bytes], name: str = "set") -> Path:
    if kind == "folder":
        return write_folder(tmp_path / name, files)
    return write_zip(tmp_path / f"{name}.zip", files)


def wrapped(files: dict[str, bytes], folder: str) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


both = pytest.mark.parametrize("kind", ["folder", "zip"])
wraps = pytest.mark.parametrize("wrap", ["", "outer", "outer/inner"])


@both
@wraps
def test_flat(tmp_path, kind, wrap):
    path = make(tmp_path, kind, wrapped(FLAT, wrap) if wrap else FLAT)
    (listing,) = list_path(path, max_mp=1).values()
    assert len(listing) == 5
    assert listing.classes is listing.labels is None
    assert listing.name == "set"
    for index, name in enumerate(listing.names):
        number = int(Path(name).stem)
        assert listing.read(index).tobytes() == picture(number).tobytes()


@both
@wraps
def test_classes(tmp_path, kind, wrap):
    path = make(tmp_path, kind, wrapped(CLASSES, wrap) if wrap else CLASSES)
    listing = list_path(path, max_mp=1)[""]
    assert listing.classes == ["ant", "cat", "dog"]
    for name, label in zip(listing.names, listing.labels, strict=True):
        assert listing.classes[label] == Path(name).parent.name
    assert [listing.labels.count(label) for label in range(3)] == [1, 2, 2]


@both
@wraps
@pytest.mark.parametrize("held_out", [False, True])
def test_domains(tmp_path, kind, wrap, held_out):
    files = {**DOMAINS, **HELD_OUT} if held_out else DOMAINS
    listings = list_path(make(tmp_path, kind, wrapped(files, wrap) if wrap else files), max_mp=1)
    counts = {name: len(listing) for name, listing in listings.items()}
    assert counts == {"trainA": 3, "trainB": 4, **({"testA": 1, "testB": 1} if held_out else {})}
    assert all(f"{name}/" in picked for name, listing in listings.items() for picked in listing.names)
    assert listings["trainB"].read(0).tobytes() == picture(10).tobytes()


@both
def test_other_files_do_not_count(tmp_path, kind):
    rubbish = {
        "readme.txt": b"x",
        "labels.csv": b"x",
        ".DS_Store": b"x",
        ".hidden.png": png(9),
        ".thumbs/0.png": png(9),
        "__MACOSX/._0.png": b"x",
        "__MACOSX/cat/._0.png": b"x",
        "cat/._1.png": b"x",
        "Thumbs.db": b"x",
    }
    listing = list_path(make(tmp_path, kind, {**CLASSES, **rubbish}), max_mp=1)[""]
    assert len(listing) == 5
    assert listing.classes == ["ant", "cat", "dog"]


@both
def test_rubbish_beside_the_wrapping_folder_does_not_unwrap_it(tmp_path, kind):
    files = {**wrapped(CLASSES, "set"), "__MACOSX/set/._x.png": b"x", "licence.txt": b"x"}
    assert list_path(make(tmp_path, kind, files), max_mp=1)[""].classes == ["ant", "cat", "dog"]


def test_suffixes_in_any_case_and_folders_that_look_like_pictures(tmp_path):
    path = write_folder(tmp_path / "set", {"a.PNG": png(0), "b.JpG": png(1)})
    (path / "c.png").mkdir()
    assert list_path(path, max_mp=1)[""].names == ["a.PNG", "b.JpG"]


def test_pictures_beside_folders_are_one_flat_set(tmp_path):
    listing = list_path(make(tmp_path, "zip", {**FLAT, **CLASSES}), max_mp=1)[""]
    assert len(listing) == 10
    assert listing.classes is None


def test_one_domain_alone_is_a_set_of_pictures(tmp_path):
    only = {name: content for name, content in DOMAINS.items() if name.startswith("trainA")}
    listings = list_path(make(tmp_path, "zip", only), max_mp=1)
    assert {name: len(listing) for name, listing in listings.items()} == {"": 3}


def test_zips_with_dots_and_backslashes_in_their_names(tmp_path):
    """Names like ./a.png counted as hidden, and the folders of zips made on Windows were not seen."""
    dotted = list_path(make(tmp_path, "zip", wrapped(CLASSES, ".")), max_mp=1)[""]
    assert dotted.classes == ["ant", "cat", "dog"]
    back = {name.replace("/", "\\"): content for name, content in CLASSES.items()}
    path = tmp_path / "back.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in back.items():
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, content)
    listing = list_path(path, max_mp=1)[""]
    assert listing.classes == ["ant", "cat", "dog"]
    assert listing.read(0).size == (12, 10)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_a_zip_is_one_picture(tmp_path):
    path = write_zip(tmp_path / "x.zip", [("a.png", png(0)), ("b.png", png(1)), ("a.png", png(2))])
    assert list_path(path, max_mp=1)[""].names == ["a.png", "b.png"]


def test_order_is_by_name_whatever_the_disk_says(tmp_path):
    files = {f"{number:02d}.png": png(0) for number in random.Random(0).sample(range(50), 50)}
    expected = sorted(files)
    assert list_path(make(tmp_path, "folder", files), max_mp=1)[""].names == expected
    assert list_path(make(tmp_path, "zip", files), max_mp=1)[""].names == expected


# What cannot be used.


def refusal(path: Path, **options) -> str:
    with pytest.raises(DataError) as refused:
        list_path(path, max_mp=1, **options)
    text = str(refused.value)
    assert text.isprintable()
    assert text.startswith("--data ")
    assert text.endswith((".", "refused."))
    return text


@pytest.mark.parametrize(
    "name",
    [
        "../x.png",
        "a/../../x.png",
        "/etc/x.png",
        "C:/x.png",
        "C:\\x.png",
        "..\\x.png",
        "\\\\host\\share\\x.png",
        "../x.txt",
    ],
)
def test_names_that_leave_the_archive_are_refused_by_name(tmp_path, name):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.png", png(0))
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, png(1))
    text = refusal(path)
    assert repr(name) in text
    assert "The whole archive was refused" in text


def test_members_that_promise_too_much_are_refused_by_name(tmp_path):
    path = write_zip(tmp_path / "x.zip", {"a.png": png(0)})
    content = path.read_bytes()
    place = content.rindex(b"PK\x01\x02") + 24  # The unpacked size, in the directory at the end.
    path.write_bytes(content[:place] + (2**30).to_bytes(4, "little") + content[place + 4 :])
    assert "'a.png' of 1024 MB unpacked" in refusal(path)


def test_a_member_that_unpacks_to_more_than_it_promises_is_not_unpacked_further(tmp_path):
    """Gigabytes of zeros in a few bytes: at most the promised size is read."""
    path = write_zip(tmp_path / "x.zip", {"a.png": b"\0" * 50_000_000})
    content = bytearray(path.read_bytes())
    assert len(content) < 100_000
    for mark, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = content.rindex(mark) + offset
        content[place : place + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(content)
    listing = list_path(path, max_mp=1)[""]
    with pytest.raises(GanCoreError, match=r"a\.png"):
        listing.read(0)


@both
def test_nothing_to_see(tmp_path, kind):
    assert "holds no pictures (png, jpg," in refusal(make(tmp_path, kind, {"notes.txt": b"x"}))


def test_an_empty_folder_and_an_empty_zip(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "holds no pictures" in refusal(tmp_path / "empty")
    assert "holds no pictures" in refusal(write_zip(tmp_path / "x.zip", {}))


@pytest.mark.parametrize("content", [b"", b"some text", png(0), b"PK\x03\x04 torn"])
def test_files_that_are_no_zip(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    assert "is neither a folder nor a readable zip" in refusal(tmp_path / "x.zip")


def test_a_truncated_zip(tmp_path):
    path = make(tmp_path, "zip", FLAT)
    path.write_bytes(path.read_bytes()[:-100])
    assert "is neither a folder nor a readable zip" in refusal(path)


def test_messages_name_what_the_person_wrote(tmp_path):
    (tmp_path / "cache").mkdir()
    assert refusal(tmp_path / "cache", spec="hub:user/set").startswith("--data hub:user/set holds no pictures")


def test_damaged_zips_end_in_a_sentence_or_in_pictures(tmp_path):
    """Bits flipped at random, in the directory and in the members."""
    good = make(tmp_path, "zip", FLAT).read_bytes()
    directory = good.index(b"PK\x01\x02")
    moments, path = random.Random(0), tmp_path / "bad.zip"
    outcomes = []
    for trial in range(300):
        content = bytearray(good)
        low, high = (directory, len(good)) if trial % 3 else (0, directory)
        for _ in range(trial % 2 + 1):
            content[moments.randrange(low, high)] ^= 1 << moments.randrange(8)
        path.write_bytes(content)
        try:
            listing = list_path(path, max_mp=1)[""]
            for index in range(len(listing)):
                listing.read(index)
            outcomes.append("read")
        except GanCoreError as error:
            outcomes.append(str(error))
    assert not any("\n" in outcome for outcome in outcomes)
    assert outcomes.count("read") > 10
    assert sum(outcome.startswith("--data ") for outcome in outcomes) > 10
    assert sum("cannot be unpacked" in outcome for outcome in outcomes) > 10


def encrypted(path: Path) -> Path:
    """Mark every member as encrypted, as the flag bit 0 of both headers does."""
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = content.find(mark)
        while place >= 0:
            content[place + offset] |= 1
            place = content.find(mark, place + 1)
    path.write_bytes(content)
    return path


def test_one_picture_s_troubles(tmp_path):
    bomb, torn = png_promising(2000, 1000), png(0)[:100]
    for kind in ("folder", "zip"):
        listing = list_path(make(tmp_path, kind, {"bomb.png": bomb, "text.png": b"x", "torn.png": torn}), max_mp=1)[""]
        for index, text in enumerate(["bomb.png has 2.0 megapixels", "text.png could not be", "torn.png could not be"]):
            with pytest.raises(PictureError, match=text):
                listing.read(index)
    listing = list_path(encrypted(make(tmp_path, "zip", FLAT, "locked")), max_mp=1)[""]
    with pytest.raises(DataError, match=r"0\.png cannot be unpacked: .*encrypted.*\.$"):
        listing.read(0)


def test_a_member_with_a_bad_checksum(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.png", png(0))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"IDAT", b"IDAX"))
    with pytest.raises(DataError, match=r"a\.png cannot be unpacked: Bad CRC-32"):
        list_path(path, max_mp=1)[""].read(0)


def test_a_picture_that_went_away(tmp_path):
    path = make(tmp_path, "folder", FLAT)
    listing = list_path(path, max_mp=1)[""]
    (path / "0.png").unlink()
    with pytest.raises(PictureError, match=r"0\.png is not there"):
        listing.read(0)


# Threads and processes.


@both
def test_listings_are_read_from_threads_and_from_other_processes(tmp_path, kind):
    listing = list_path(make(tmp_path, kind, FLAT), max_mp=1)[""]
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda index: listing.read(index % 5).tobytes(), range(100)))
    assert read == [picture(index % 5).tobytes() for index in range(100)]
    there = pickle.loads(pickle.dumps(listing))
    assert there.read(3).tobytes() == picture(3).tobytes()


def test_arrays_are_read_by_number_and_travel():
    reader = pickle.loads(pickle.dumps(ArrayReader(np.arange(12, dtype=np.uint8).reshape(3, 2, 2))))
    assert np.asarray(reader("1")).tolist() == [[4, 5], [6, 7]]


@pytest.mark.parametrize(
    ("path", "name"),
    [("nouns64.zip", "nouns64"), ("My Set!", "my-set"), ("a/b.c", "b-c"), ("...", "data"), ("ümlaut", "ümlaut")],
)
def test_short_names(tmp_path, path, name):
    full = tmp_path / path
    if path.endswith(".zip"):
        full.write_bytes(b"")
    assert data_name(full) == name

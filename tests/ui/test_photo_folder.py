"""Visitors' files: kept for a while, in a bounded number and size, and found by nobody who was not told."""

from pathlib import Path

import pytest

from gan_core.errors import PictureError
from gan_core.ui.photo_folder import PhotoFolder, photo_folder


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path, clock: Clock) -> PhotoFolder:
    return PhotoFolder(tmp_path / "kept", keep_s=100, keep_bytes=1000, most_files=4, clock=clock)


def sent(tmp_path: Path, size: int = 10) -> Path:
    path = tmp_path / "sent"
    path.write_bytes(b"x" * size)
    return path


def test_a_file_is_moved_in_under_a_name_by_chance(folder: PhotoFolder, tmp_path: Path):
    source = sent(tmp_path)
    first, second = folder.take(source), folder.take(sent(tmp_path))
    assert not source.exists()
    assert len(first) == 32
    assert first != second
    assert folder.find(first).read_bytes() == b"x" * 10
    assert folder.find(first).parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["", ".", "..", "../sent", None, 7])
def test_a_name_is_never_a_path(folder: PhotoFolder, tmp_path: Path, name: object):
    folder.take(sent(tmp_path))
    with pytest.raises(PictureError, match="not kept"):
        folder.find(name)


def test_what_is_not_used_goes_and_what_is_used_stays(folder: PhotoFolder, tmp_path: Path, clock: Clock):
    idle, used = folder.take(sent(tmp_path)), folder.take(sent(tmp_path))
    path = folder.find(idle)
    clock.now = 60
    folder.find(used)
    clock.now = 120
    assert folder.find(used).exists()
    assert not path.exists()
    with pytest.raises(PictureError, match="not kept"):
        folder.find(idle)


def test_too_many_or_too_large_the_oldest_go(folder: PhotoFolder, tmp_path: Path):
    ids = [folder.take(sent(tmp_path)) for _ in range(5)]
    with pytest.raises(PictureError):
        folder.find(ids[0])
    large = folder.take(sent(tmp_path, 5000))
    assert folder.find(large).stat().st_size == 5000  # The newest is always there.
    for one in ids:
        with pytest.raises(PictureError):
            folder.find(one)


def test_what_was_handed_out_goes_with_its_folder(folder: PhotoFolder, tmp_path: Path, clock: Clock):
    path = tmp_path / "served" / "chance" / "result.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    folder.lend(path)
    clock.now = 99
    folder.sweep()
    assert path.exists()
    clock.now = 201
    folder.sweep()
    assert not path.parent.exists()
    assert path.parent.parent.exists()


def test_what_never_arrived_is_told(folder: PhotoFolder, tmp_path: Path):
    with pytest.raises(PictureError, match="did not arrive"):
        folder.take(tmp_path / "nothing")


def test_the_folder_of_the_process_is_private():
    found = photo_folder()
    assert found is photo_folder()

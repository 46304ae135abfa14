import os
import subprocess
import sys
import threading
import time

import pytest

from gan_core import atomic
from gan_core.atomic import new_folder, write_bytes, write_file, write_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_json_is_written_whole_and_readable(tmp_path):
    write_json(tmp_path / "deep" / "x.json", {"ä": [1, None]})
    assert (tmp_path / "deep" / "x.json").read_text(encoding="utf-8") == '{\n  "ä": [\n    1,\n    null\n  ]\n}\n'
    assert names(tmp_path / "deep") == ["x.json"]


def test_a_write_that_fails_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "x"
    write_bytes(path, b"old")

    def torn(temporary):
        temporary.write_bytes(b"ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_file(path, torn)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


def test_json_without_a_value_for_nan_changes_nothing(tmp_path):
    write_json(tmp_path / "x.json", {"a": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert (tmp_path / "x.json").read_text() == '{\n  "a": 1\n}\n'


def test_new_folder_appears_at_the_end_only(tmp_path):
    with new_folder(tmp_path / "a" / "b") as temporary:
        (temporary / "x").write_text("1")
        assert not (tmp_path / "a" / "b").exists()
    assert (tmp_path / "a" / "b" / "x").read_text() == "1"
    assert names(tmp_path / "a") == ["b"]


def test_a_block_that_fails_leaves_the_old_folder(tmp_path):
    path = tmp_path / "m"
    with new_folder(path) as temporary:
        (temporary / "x").write_text("old")
    with pytest.raises(FileNotFoundError), new_folder(path, replace=True) as temporary:
        (temporary / "deep" / "x").write_text("new")
    assert (path / "x").read_text() == "old"
    assert names(tmp_path) == ["m"]


@pytest.mark.parametrize("exchange", [True, False])
def test_replacing_takes_the_whole_new_folder(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    path = tmp_path / "m"
    for content in ("old", "new"):
        with new_folder(path, replace=True) as temporary:
            (temporary / content).write_text(content)
    assert names(path) == ["new"]
    assert names(tmp_path) == ["m"]


def test_without_the_exchange_a_failed_rename_puts_the_old_folder_back(tmp_path, monkeypatch):
    """The old folder stayed under its temporary name, so that the model was gone for everybody."""
    monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    path = tmp_path / "m"
    with new_folder(path) as temporary:
        (temporary / "x").write_text("old")
    with pytest.raises(OSError), new_folder(path, replace=True) as temporary:  # noqa: PT011 any system's words
        temporary.rmdir()
    assert (path / "x").read_text() == "old"
    assert names(tmp_path) == ["m"]


def test_a_taken_name_is_not_replaced_unless_asked(tmp_path):
    """Of two processes that chose the same run number, the second one threw the first one's folder away."""
    path = tmp_path / "run"
    second = new_folder(path)
    (second.__enter__() / "x").write_text("second")
    with new_folder(path) as first:
        (first / "x").write_text("first")
    with pytest.raises(OSError):  # noqa: PT011 any system's words
        second.__exit__(None, None, None)
    assert (path / "x").read_text() == "first"
    assert names(tmp_path) == ["run"]


@pytest.mark.skipif(sys.platform != "linux", reason="the exchange of two folders in one step is Linux's")
def test_a_reader_never_finds_the_folder_missing_while_it_is_replaced(tmp_path):
    """Replacing took two renames, between which a reader, or a kill, found no folder at all."""
    path = tmp_path / "m"
    with new_folder(path) as temporary:
        (temporary / "x").write_text("0")
    done = threading.Event()
    missing = []

    def read():
        while not done.is_set():
            if not os.access(path, os.R_OK):
                missing.append(time.monotonic())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        with new_folder(path, replace=True) as temporary:
            (temporary / "x").write_text(str(number))
    done.set()
    reader.join()
    assert not missing
    assert (path / "x").read_text() == "99"


def test_two_processes_that_write_one_file_leave_one_of_their_contents(tmp_path):
    code = (
        "import sys; from pathlib import Path; from gan_core.atomic import write_bytes\n"
        "for _ in range(30): write_bytes(Path(sys.argv[1]), sys.argv[2].encode() * 10_000)"
    )
    path = tmp_path / "x"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), letter]) for letter in "ab"]
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            assert path.read_bytes() in (b"a" * 10_000, b"b" * 10_000)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert names(tmp_path) == ["x"]


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path):
    """A pull that was killed left its folder beside the models for ever."""
    stay = [".ducks.01234567.tmp", ".ducks.v2.01234567.tmp", ".geese.01234567.tmp"]  # New; of two other folders.
    for name in (*stay, ".ducks.89abcdef.tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("half")
        if name != stay[0]:
            os.utime(tmp_path / name, (0, 0))
    with new_folder(tmp_path / "ducks") as folder:
        (folder / "whole").write_text("whole")
    assert names(tmp_path) == [*stay, "ducks"]


def test_a_writer_that_takes_long_keeps_its_folder(tmp_path):
    """Another one that was done first removed it: a large download changes nothing in it for an hour."""
    with new_folder(tmp_path / "ducks", replace=True) as slow:
        (slow / "half").write_text("half")
        os.utime(slow, (0, 0))
        with new_folder(tmp_path / "ducks") as quick:
            (quick / "whole").write_text("whole")
        assert names(slow) == ["half"]
    assert names(tmp_path / "ducks") == ["half"]
    assert names(tmp_path) == ["ducks"]

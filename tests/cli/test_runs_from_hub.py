"""`gan-core runs` of runs that came from the Hub, and of runs that go there."""

import json
from pathlib import Path

import pytest

from gan_core.mirror import Wish, read_wish, write_wish
from gan_core.mirror.plain import plain
from gan_core.training.run_folder import RunFolder
from tests.cli.conftest import Run, run
from tests.training.tiny import config

__all__ = ["run"]
WILD = "\x1b]0;owned\x07\x1b[2J\u202eabc\r\nnext\x9b1m"
"""Sets a terminal's title, clears it, turns the order of letters, and goes on in a line of its own."""


@pytest.fixture
def made(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "runs" / "00007-dcgan-shapes")
    folder.create(config("dcgan", 8))
    folder.write_status(state="stopped", step=4, total_steps=8, device=None)
    return folder


def test_what_strangers_wrote_is_shown_as_text(run: Run, made: RunFolder):
    about = {"title": f"T{WILD}", "notes": f"N{WILD}", "origin": {"run": f"R{WILD}", "step": "x", "exact": 1}}
    (made.path / "about.json").write_text(json.dumps(about))
    told = json.loads((made.path / "config.json").read_text())
    told["train"]["device"] = f"D{WILD}"
    (made.path / "config.json").write_text(json.dumps(told))
    made.append_event(4, f"K{WILD}", f"E{WILD}")
    made.append_metrics({"step": 4, "loss_g": "much", f"loss_{WILD}": 1.5, "d_real": True})
    made.append_quality({"step": 4, "variety": "some", "distance": [1]})
    for words in (("runs",), ("runs", "show", "7"), ("runs", "compare", "7")):
        result = run(*words)
        assert result.status == 0, result.err
        assert all(line.isprintable() for line in result.out.split("\n")), words
    shown = run("runs", "show", "7").out
    assert "step 4: E ]0;owned  [2J abc  next 1m\n" in shown
    assert "N ]0;owned  [2J abc \nnext 1m\n" in shown, "notes keep their lines"
    assert "from R ]0;owned" in shown


def test_plain_text_stays_as_it_is():
    text = "Größe 64\N{NO-BREAK SPACE}px, \U0001f469\u200d\U0001f52c, \u65e5\u672c"
    assert plain(text) == text
    assert plain("a\n\tb\u2028c", lines=True) == "a\n\tb c"
    assert plain(None) == "None"


def test_a_push_keeps_its_minutes_and_goes_back_where_it_fails(run: Run, made: RunFolder, monkeypatch):
    import gan_core.mirror.asking as asking
    from gan_core.errors import HubError
    from gan_core.mirror.record import Record, Sent, read_record, write_record

    sent = Sent({}, 4, None, None, "stopped", at=1.0)
    before = Record("user/ducks", "c0ffee00", sent)
    write_wish(made, Wish("user/ducks", minutes=3))
    write_record(made, before)
    asked = []

    def push(folder, wish, **options):
        asked.append((wish, options["anew"]))
        write_record(folder, Record(wish.repository))
        if wish.repository == "user/full":
            raise HubError("It was not pushed: full.", "quota")
        return Record(wish.repository, "12345678", sent)

    monkeypatch.setattr(asking, "push_in_turn", push)
    assert run("runs", "push", "7", "user/full", "--minutes", "9").status == 1
    assert asked == [(Wish("user/full", minutes=9), True)]
    assert read_wish(made) == Wish("user/ducks", minutes=3)
    assert read_record(made, "user/ducks") == before, "what the first repository holds is still known"
    assert run("runs", "push", "7", "--minutes", "2").status == 0
    assert asked[1:] == [(Wish("user/ducks", minutes=2), False)]
    assert read_wish(made) == Wish("user/ducks", minutes=2)
    assert "'none' is not of the form user/name" in run("runs", "push", "7", "none").err

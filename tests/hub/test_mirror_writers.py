"""Several who write of one run: its background process, a push that somebody asked for, and whoever edits its card."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from gan_core.cards.front_matter import divided
from gan_core.mirror.record import Wish, read_record, read_wish, unsent, write_wish
from gan_core.training.run_folder import RunFolder
from tests.hub.conftest import Process
from tests.hub.test_mirror import NAME, longer, push, ready, run, trained
from tests.hub_server import HubServer

__all__ = ["ready", "run", "trained"]
OTHER = "user/geese"
MEANWHILE = """
import os, threading
import gan_core.mirror.pushing as pushing, gan_core.mirror.record as record
from gan_core.mirror.asking import push_now
from gan_core.mirror.locks import locked
from gan_core.mirror.process import Mirror

def by_hand(run, to):
    return vars(push_now(RunFolder(Path(run)), Wish(to)))

def said(run, work, to, *told):
    "The background process has something to say, and while it does somebody pushes."
    mirror = Mirror(RunFolder(Path(run)), Wish("user/ducks"))
    mirror._say = lambda text: by_hand(run, to)
    getattr(mirror, work)(*told)

def waiting(module, held, work, first):
    "work() waits for what `held` holds; first() is done before it gets it. What work() raised."
    asked, real, came = threading.Event(), module.locked, []
    def waits(*arguments, **options):
        asked.set()
        return real(*arguments, **options)
    def worked():
        try:
            came.append(work())
        except Exception as error:
            came.append(error)
    with held:
        module.locked = waits
        thread = threading.Thread(target=worked)
        thread.start()
        assert asked.wait(60)
        module.locked = real
        first()
    thread.join(60)
    return str(came[0]) if isinstance(came[0], Exception) else None
"""


@pytest.fixture
def pushed(hub: HubServer, ready: Process, run: RunFolder) -> RunFolder:  # noqa: ARG001 - it is emptied first
    """A run that was pushed once, and has something new since."""
    ready.run(f"exec({MEANWHILE!r})")
    write_wish(run, Wish(NAME))
    ready.run(push(run))
    longer(run)
    return run


@pytest.mark.parametrize("to", [NAME, OTHER])
@pytest.mark.parametrize("told", [("_trouble", "It was not pushed.", "down"), ("_end", "It was not pushed.")])
def test_a_push_by_hand_is_known_whatever_the_background_says(
    hub: HubServer, ready: Process, pushed: RunFolder, to: str, told: tuple[str, ...]
):
    """What it had read before went over it: the next push found its own commit, and took it for somebody else's."""
    work, *words = told
    ready.run(f"said({str(pushed.path)!r}, {work!r}, {to!r}, *{words!r})")
    record = read_record(pushed, to)
    assert record.commit == hub.sha(to)
    assert unsent(pushed, record) is None
    assert (record.trouble or record.ended) == ("It was not pushed." if to == NAME else None), "it is of the other one"
    longer(pushed, 16)
    done = ready.run(f"by_hand({str(pushed.path)!r}, {to!r})")
    assert done.get("commit") == hub.sha(to), done


def test_what_waited_for_its_turn_does_not_go_where_nobody_wants_it_any_more(
    hub: HubServer, ready: Process, pushed: RunFolder
):
    """It took the record of the new repository for its own."""
    head, path = hub.sha(NAME), str(pushed.path)
    ready.run(f"exec({f'run = RunFolder(Path({path!r}))'!r})")
    refused = ready.run(
        "waiting(pushing, pushing.turn(run), lambda: push_run(run, Wish('user/ducks')), "
        f"lambda: (record.write_wish(run, Wish({OTHER!r})), pushing.push_in_turn(run, Wish({OTHER!r}))))"
    )
    assert "it goes to user/geese by now. Nothing was sent." in refused
    assert hub.sha(NAME) == head
    assert read_record(pushed, OTHER).commit == hub.sha(OTHER)


def test_a_push_elsewhere_that_fails_leaves_what_was_pushed_while_it_waited(
    hub: HubServer, ready: Process, pushed: RunFolder
):
    path = str(pushed.path)
    ready.run(f"exec({f'run = RunFolder(Path({path!r}))'!r})")
    hub.failures.add(f"POST /api/models/{OTHER}/commit", "quota")
    failed = ready.run(
        f"waiting(pushing, pushing.turn(run), lambda: push_now(run, Wish({OTHER!r})), "
        "lambda: pushing.push_in_turn(run, Wish('user/ducks')))"
    )
    assert "storage is full" in failed
    assert read_wish(pushed) == Wish(NAME)
    assert read_record(pushed, NAME).commit == hub.sha(NAME)
    assert unsent(pushed, read_record(pushed, NAME)) is None


def test_two_never_write_the_record_at_once(ready: Process, pushed: RunFolder):
    path = str(pushed.path)
    lock = str(pushed.path / "mirror" / "record.lock")
    ready.run(f"exec({f'run = RunFolder(Path({path!r}))'!r})")
    ready.run(
        f"waiting(record, os.fdopen(locked(Path({lock!r})), 'rb'), "
        "lambda: record.amend(run, 'user/ducks', trouble='Hm.'), "
        "lambda: record._write(run, run.path / 'mirror' / 'record.json', {'repository': 'user/ducks', 'sent': None, "
        "'under_way': None, 'commit': 'c0ffee'}))"
    )
    record = read_record(pushed, NAME)
    assert (record.commit, record.trouble) == ("c0ffee", "Hm.")


def test_whoever_edits_the_head_of_a_card_is_not_overruled(hub: HubServer, ready: Process, run: RunFolder):
    """Each push put our data sets and tags in the place of theirs."""

    def measured(step: int, distance: float) -> None:
        folder = run.path / "snapshots" / f"{step:06d}"
        if not folder.exists():
            shutil.copytree(run.path / "snapshots" / "000008", folder)
            longer(run, step)
        told = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**told, "data": {"name": "hub:user/pictures"}}))
        run.append_quality({"step": step, "distance": distance})

    def head() -> dict[str, Any]:
        return divided(hub.repository(NAME).content("README.md").decode())[0]

    measured(8, 0.5)
    ready.run(push(run))
    before = head()
    assert before["datasets"] == ["user/pictures"]
    _, text = divided(hub.repository(NAME).content("README.md").decode())
    hand = {"datasets": ["user/other"], "tags": ["gan-core", "birds"], "license": "cc0-1.0", "language": "no"}
    card = f"---\n{yaml.safe_dump({**before, **hand}, sort_keys=False)}---\n{text}"
    hub.repository(NAME).change({"README.md": card.encode()})
    for step in (12, 16):
        measured(step, step / 100)
        ready.run(push(run))
        assert {name: head()[name] for name in hand} == hand
        (result,) = head()["model-index"][0]["results"]
        assert [one["value"] for one in result["metrics"]] == [step / 100]
        assert Path(run.path / "state" / f"{step:06d}.pt").exists()

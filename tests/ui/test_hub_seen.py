"""The rows that the Hub tab keeps, and the next tag: small things that need no application."""

import pytest

from gan_core.hub.tags import free_tag
from gan_core.ui.hub.seen import KEPT, KEPT_S, Row, Seen


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def row(name: str, state: str = "in sync") -> Row:
    return {"name": name, "state": state, "repository": None}


def test_rows_are_those_of_who_asked_and_of_the_name_they_asked_under():
    clock = Clock()
    seen = Seen(clock)
    seen.keep("hf_alice", None, [row("ducks")])
    seen.keep("hf_alice", "lab", [row("geese")])
    clock.now = 7.0
    assert seen.rows("hf_alice", None) == ([row("ducks")], 7.0)
    assert seen.rows("hf_alice", "lab")[0] == [row("geese")]
    assert seen.rows("hf_bob", None) == ([], None)


def test_one_row_changes_and_the_others_keep_their_age():
    """All others without a repository were lost with it."""
    clock = Clock()
    seen = Seen(clock)
    seen.keep(None, None, [row("ducks"), row("geese")])
    clock.now = 5.0
    seen.keep_one(None, None, row("ducks", "unknown"))
    assert seen.rows(None, None) == ([row("ducks", "unknown"), row("geese")], 5.0)


def test_they_do_not_grow_with_every_visitor():
    seen = Seen(Clock())
    for number in range(KEPT):
        seen.keep(f"hf_{number}", None, [row("ducks")])
    assert seen.rows("hf_0", None)[1] is not None, "used again, it is the youngest"
    for number in range(10):
        seen.keep_one(f"hf_later_{number}", None, row("ducks"))
    assert len(seen) == KEPT
    assert seen.rows("hf_0", None)[1] is not None
    assert seen.rows("hf_1", None)[1] is None


def test_what_is_too_old_is_forgotten():
    clock = Clock()
    seen = Seen(clock)
    seen.keep("hf_alice", None, [row("ducks")])
    seen.keep("hf_bob", None, [row("ducks")])
    clock.now = KEPT_S + 1
    assert seen.rows("hf_alice", None) == ([], None)
    assert len(seen) == 0


@pytest.mark.parametrize(
    ("names", "free"),
    [
        ([], "v1"),
        (["paper"], "v1"),
        (["v1"], "v2"),
        (["v9", "v10"], "v11"),
        (["v1", "v3", "camera-ready"], "v4"),
        (["v1.2", "v1.10"], "v1.11"),
        (["1.0.3"], "1.0.4"),
        (["v1.0", "v1"], "v2"),
        (["v" + "9" * 40], "v1"),
    ],
)
def test_the_next_free_tag(names: list[str], free: str):
    assert free_tag(names) == free
    assert free not in names

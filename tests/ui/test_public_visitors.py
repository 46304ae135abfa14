"""Who counts as one visitor of a public Space: by what the platform's proxy says, and not by what visitors write."""

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request

from gan_core.ui.gate import visitor
from gan_core.ui.visitors import address
from tests.serving import SPACE


def request(*forwarded: str, host: str = "10.16.3.9") -> Any:
    headers = Headers(raw=[(b"x-forwarded-for", one.encode()) for one in forwarded])
    return SimpleNamespace(headers=headers, client=SimpleNamespace(host=host))


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["1.2.3.4, 203.0.113.7"], "203.0.113.7"),
        (["1.2.3.4", "203.0.113.7"], "203.0.113.7"),
        (["1.2.3.4,, 203.0.113.7 , 10.16.3.80, 172.20.0.1"], "203.0.113.7"),
        (["203.0.113.7, fd00::1, 100.64.0.3"], "203.0.113.7"),
        (["203.0.113.7:5678"], "203.0.113.7"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2::9]:443"], "2001:db8:1:2::/64"),
        (["203.0.113.7, unknown"], "unknown"),
        (["x" * 200], "x" * 64),
        (["10.0.0.1, 10.0.0.2"], "10.0.0.2"),
        ([""], "10.16.3.9"),
        ([], "10.16.3.9"),
    ],
)
def test_the_last_address_from_outside_counts(forwarded: list[str], expected: str) -> None:
    assert address(request(*forwarded)) == expected


def test_whoever_writes_the_header_stays_one_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request claimed to be another visitor's, and no limit held."""
    for name, value in SPACE.items():
        monkeypatch.setenv(name, value)
    seen = set()
    for number in range(50):
        raw = [(b"x-forwarded-for", f"198.51.100.{number}, 203.0.113.7".encode()), (b"host", b"x")]
        seen.add(visitor(Request({"type": "http", "headers": raw, "client": ("10.16.3.9", 1)})))
    assert seen == {"203.0.113.7"}


def test_at_home_the_header_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SPACE:
        monkeypatch.delenv(name, raising=False)
    raw = [(b"x-forwarded-for", b"203.0.113.7"), (b"host", b"localhost")]
    assert visitor(Request({"type": "http", "headers": raw, "client": ("127.0.0.1", 1)})) is None

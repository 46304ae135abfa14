"""How long a push or a pull still takes, as the page reckons it."""

from collections.abc import Iterator

import pytest

from gan_core.ui import assets

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(browser) -> Iterator:
    page = browser.new_page()
    page.add_script_tag(content="const seconds = value => `${Math.round(value)} s`; const make = () => null;")
    page.add_script_tag(content=assets.text("pace.js"))
    yield page
    page.close()


def told(page, *seen: tuple[str, int, int, float]) -> list:
    return page.evaluate(
        "seen => { const left = pace(); return seen.map(one => left(...one)); }", [list(one) for one in seen]
    )


def test_by_the_bytes_of_the_last_seconds(page):
    assert told(page, ("a", 0, 100, 0.0), ("a", 10, 100, 1.0), ("a", 20, 100, 2.0)) == [None, None, 8.0]
    slow = [("a", min(10 * at, 500) + max(0, at - 50), 600, float(at)) for at in range(71)]
    assert told(page, *slow)[-1] == 80.0, "1 byte a second by now; all in all it were 10"


def test_nobody_can_say_while_nothing_moves_or_another_begins(page):
    still = [("a", 10, 100, float(at)) for at in range(30)]
    assert set(told(page, *still)) == {None}
    assert told(page, ("a", 0, 100, 0.0), ("a", 50, 100, 3.0), ("b", 0, 100, 4.0), ("b", 10, 100, 5.0)) == [
        None,
        3.0,
        None,
        None,
    ]
    assert told(page, ("a", 0, 100, 0.0), ("a", 100, 100, 3.0))[-1] is None, "over"


def test_in_words(page):
    assert page.evaluate("[leftWords(null), leftWords(0.2), leftWords(12.4)]") == ["", ", 1 s left", ", 12 s left"]

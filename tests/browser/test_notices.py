"""Sentences that tell what an action came to: how long each stays."""

from collections.abc import Iterator
from typing import Any

import pytest

from gan_core.ui import assets

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MINUTE_MS = 60_000


@pytest.fixture
def page(browser) -> Iterator[Any]:
    """A page of one line and `tell` for it, whose clock the test moves on."""
    page = browser.new_page()
    page.clock.install()
    page.set_content("<p role=alert></p>")
    page.add_script_tag(content=assets.text("studio.js") + assets.text("lab-travel-keep.js"))
    page.add_script_tag(content="const line = document.querySelector('p'); const tell = notices(line);")
    yield page
    page.close()


def shown(page, later_ms: int = MINUTE_MS) -> tuple[str, str]:
    """What stands there after that time, and as what."""
    page.clock.run_for(later_ms)
    return page.inner_text("p"), page.get_attribute("p", "class")


def test_what_an_action_came_to_stays_until_the_next_one(page):
    """After six seconds it was gone, read or not."""
    page.evaluate("tell('monet-0001.jpg, 1.2 MB', { quiet: true })")
    assert shown(page) == ("monet-0001.jpg, 1.2 MB", "gs-told")
    page.evaluate("tell('')")
    assert shown(page, 0)[0] == ""


def test_what_need_not_be_kept_goes_and_takes_nothing_else_along(page):
    page.evaluate("tell('The link is copied.', { passing: true })")
    assert shown(page, 1000) == ("The link is copied.", "gs-told")
    page.evaluate("tell('The server does not answer.')")
    assert shown(page) == ("The server does not answer.", "gs-notice"), "an error stays, whatever stood there before"
    page.evaluate("tell('The link is copied.', { passing: true })")
    assert shown(page)[0] == ""


def test_where_a_branch_goes_on_is_told_beside_its_run(page):
    """Showing the new run took the sentence away at once."""
    page.evaluate("""() => {
        const call = async () => ({ ok: true, id: "00012-dcgan-x" });
        const at = () => ({ run: "00011-dcgan-x", step: 8400 });
        const forks = travelForks({ call, at, run: () => ({ snapshots: [] }), chosen: async () => tell(""), tell });
        document.body.append(forks.branch.element);
        forks.branch.element.hidden = false;
    }""")
    page.click("button")
    page.wait_for_function("document.querySelector('p').textContent === '00012-dcgan-x goes on from step 8,400.'")
    assert shown(page)[1] == "gs-told"

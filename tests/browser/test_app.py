"""The application as a whole: every tab opens without a complaint, by mouse and by address."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TABS = {
    "Explore": "#explore-picture img",
    "Interpolate": "#interpolate .gs-studio",
    "Style transfer": "#paint .gs-studio",
    "Training": "#lab .gs-studio",
    "Models": "#shelf .gs-studio",
    "Hub": "#hub .gs-studio",
}


@pytest.mark.parametrize("width", [1280, 390])
def test_every_tab_opens_without_a_complaint(browser, address: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(60_000)
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(address)
    for name, part in TABS.items():
        page.get_by_role("tab", name=name).click()
        page.locator(part).first.wait_for()
        page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")  # No tab is wider than the page.
    page.close()
    assert not said

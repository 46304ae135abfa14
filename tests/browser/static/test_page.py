"""The frame of the static target's page in a real browser: tabs, theme, sizes, progress, errors, and no word sent."""

import json
import re
from pathlib import Path

import pytest

from tests.browser.static_bundle import until, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDTHS = (390, 768, 1280, 2560)


def chosen(page) -> str:
    return page.locator("[role=tab][aria-selected=true]").inner_text()


def test_a_picture_stands_in_the_page_itself(bundle: Path) -> None:
    """Before any script: the first model's picture is in the HTML, and the title cannot end a tag."""
    html = (bundle / "index.html").read_text()
    assert 'src="models/tiny-dcgan/first.webp"' in html
    assert "<title>Two &amp; more</title>" in html
    facts = json.loads(re.search(r'id="facts">(.*?)</script>', html, re.S)[1])
    assert [(one["name"], one["kind"]) for one in facts["models"]] == [
        ("tiny-dcgan", "generator"),
        ("tiny-grey", "generator"),
        ("tiny-cyclegan", "translator"),
    ]
    assert "directions" not in facts["models"][0]  # Their vectors are long; the page asks for them.
    assert 'href="https://huggingface.co/spaces/alice/two/tree/main"' in html


def test_tabs_by_mouse_and_keyboard(page) -> None:
    tabs = page.get_by_role("tab")
    assert tabs.all_inner_texts() == ["Explore", "Interpolate", "Style transfer"]
    tabs.nth(0).focus()
    page.keyboard.press("ArrowLeft")
    assert chosen(page) == "Style transfer"
    page.wait_for_selector("#paint-after[data-look]")
    assert page.locator("#explore").is_hidden()
    page.keyboard.press("Home")
    assert chosen(page) == "Explore"
    assert page.evaluate("document.activeElement.id") == "tab-explore"
    assert [one.get_attribute("tabindex") for one in tabs.all()] == ["0", "-1", "-1"]


def test_a_reload_opens_the_tab_that_was_open(page) -> None:
    page.get_by_role("tab", name="Style transfer").click()
    page.reload()
    page.wait_for_selector("#paint-after[data-look]")
    assert chosen(page) == "Style transfer"


@pytest.mark.parametrize(
    ("scheme", "query", "dark"),
    [("dark", "", True), ("dark", "?__theme=light", False), ("light", "?__theme=dark", True)],
)
def test_light_and_dark_follow_the_system_and_the_address(
    browser, url: str, scheme: str, query: str, dark: bool
) -> None:
    with visit(browser, url, color_scheme=scheme) as page:
        page.goto(url + query)
        ground = "rgb(17, 17, 19)" if dark else "rgb(250, 250, 250)"
        until(page, f"getComputedStyle(document.body).backgroundColor === '{ground}'")


def test_nothing_hangs_over_the_edge_at_any_width(page) -> None:
    before = page.viewport_size
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for name in ("Explore", "Interpolate", "Style transfer"):
            page.get_by_role("tab", name=name).click()
            until(page, f"document.documentElement.scrollWidth <= {width}")
    page.set_viewport_size(before)


def test_what_is_loaded_is_told_in_bytes_and_then_that_nothing_is_sent(browser, url: str) -> None:
    with visit(browser, url) as page:
        page.add_init_script(
            """window.lines = [];
            document.addEventListener("DOMContentLoaded", () => new MutationObserver(() =>
              lines.push(document.querySelector("#ps-line").innerText)).observe(
                document.querySelector("#ps-line"), { subtree: true, childList: true, characterData: true }));"""
        )
        page.goto(url)
        page.wait_for_selector("html[data-ready=explore]")
        page.wait_for_selector("#ps-line:not(.ps-loading)")
        lines = page.evaluate("lines")
        sizes = [re.fullmatch(r"Loading the engine: ([\d.]+) of ([\d.]+) MB", line) for line in lines]
        loaded = [(float(found[1]), float(found[2])) for found in sizes if found]
        assert loaded
        assert all(part <= whole == 14.2 for part, whole in loaded)
        assert page.inner_text("#ps-line") == "Computed in this browser; nothing is sent anywhere."


def test_a_picture_goes_from_explore_to_interpolate_in_the_page(page) -> None:
    page.locator("#explore-seed input").fill("77")
    page.keyboard.press("Enter")
    until(page, "sessionStorage.getItem('gan-studio:explore').includes('\"77\"')")
    page.get_by_role("tab", name="Interpolate").click()
    page.wait_for_selector("#interpolate-keys li")
    before = page.locator("#interpolate-keys li").count()
    page.click("#interpolate-add-explore")
    until(page, f"document.querySelectorAll('#interpolate-keys li').length === {before + 1}")


def test_a_part_that_cannot_be_fetched_is_told_in_its_place(browser, url: str) -> None:
    with visit(browser, url, service_workers="block") as page:
        page.route("**/components/paint.js", lambda route: route.abort())
        page.goto(url)
        page.wait_for_selector("html[data-ready=explore]")
        page.get_by_role("tab", name="Style transfer").click()
        told = page.locator("#paint [role=alert]")
        told.wait_for()
        assert "could not be fetched" in told.inner_text()
        page.get_by_role("tab", name="Explore").click()  # The others go on.
        assert page.locator("#explore-picture img").is_visible()
        page.unroute("**/components/paint.js")
        page.get_by_role("tab", name="Style transfer").click()
        page.get_by_role("button", name="Try again").click()
        page.wait_for_selector("#paint-after[data-look]")


def test_what_broke_off_is_no_longer_said_to_be_loading(browser, url: str) -> None:
    """The line in the head stayed at the bytes that had come."""
    with visit(browser, url, service_workers="block") as page:
        page.route("**/*.onnx*", lambda route: route.fulfill(body=b"part", content_type="application/octet-stream"))
        page.goto(url)
        page.wait_for_selector("#explore-directions .xp-row")  # The picture is there before anything can be pressed.
        page.click("#explore-dice")
        until(page, "document.querySelector('#explore-message').innerText.includes('has 4 bytes instead of')")
        until(page, "document.querySelector('#ps-line').innerText.startsWith('Computed in this browser; nothing')")
        page.unroute("**/*.onnx*")
        page.click("#explore-dice")
        until(page, "document.querySelector('#explore-picture img').src.startsWith('data:image/png')")


def test_without_web_assembly_the_page_says_so(browser, url: str) -> None:
    with visit(browser, url, service_workers="block") as page:
        page.add_init_script("delete globalThis.WebAssembly")
        page.goto(url)
        told = page.locator("main [role=alert]")
        told.wait_for()
        assert "no WebAssembly" in told.inner_text()
        until(page, "document.documentElement.dataset.failed?.includes('Use a newer browser')")


def test_nothing_can_be_sent_to_another_place(page) -> None:
    """The page's own policy refuses it: the sentence in its head is kept by the browser."""
    refused = page.evaluate(
        """async () => {
            const request = { method: "POST", body: "a photograph", mode: "no-cors" };
            const sent = await fetch("http://127.0.0.1:9/", request).then(() => "sent", (error) => error.name);
            const script = await new Promise((resolve) => {
                const element = document.createElement("script");
                element.textContent = "window.injected = true";
                document.body.append(element);
                setTimeout(() => resolve(window.injected === true), 100);
            });
            return [sent, script];
        }"""
    )
    assert refused == ["TypeError", False]


def test_the_check_before_a_deploy_draws_and_paints(page) -> None:
    found = page.evaluate("ganStudioCheck()")
    assert found["error"] is None
    drawn = [(one["model"], one["width"], one["height"]) for one in found["pictures"]]
    assert drawn == [("tiny-dcgan", 16, 16), ("tiny-grey", 32, 32)]
    assert [one["model"] for one in found["paintings"]] == ["tiny-cyclegan"]
    assert all(one["high"] > one["low"] for one in found["pictures"])

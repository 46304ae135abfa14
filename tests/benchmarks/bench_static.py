"""Pictures a second in a drag of the page without a server: the built bundle, a real browser, the real mouse.

    python -m tests.benchmarks.bench_static [--rounds 3] [--size 64] [--write]

A DCGAN of the reference size (random weights cost the same) is exported and put into a bundle, which its own serve.py
shows. The mouse moves to and fro on the seed plane and on a direction's slider, with an event every few milliseconds
that waits for nobody, as a hand's do. A picture counts once it is decoded and a frame has been drawn after it.
"""

import argparse
import asyncio
import math
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import torch

from gan_core.config import ModelConfig
from gan_core.deploy.static import write_static
from gan_core.devices import describe
from gan_core.models import dcgan
from gan_core.weights import network_json, save
from tests.browser.measure_latency import ARGUMENTS, WATCH
from tests.browser.static_bundle import serving

RESULTS = Path(__file__).with_name("RESULTS.md")
DRAG_S, EVERY_S = 4.0, 0.008


def make_bundle(folder: Path, size: int) -> Path:
    network = dcgan.Network(size=size)
    torch.manual_seed(0)
    save(folder / "bench-dcgan", ModelConfig(family="dcgan", network=network_json(network)), dcgan.build(network))
    out = folder / "bundle"
    out.mkdir()
    write_static(out, [folder / "bench-dcgan"], title="Bench")
    return out


async def drag(page: Any, session: Any, selector: str) -> tuple[float, list[float]]:
    """Pictures a second, and milliseconds of the engine for each."""
    area = page.locator(selector).first
    await area.scroll_into_view_if_needed()
    box = await area.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    reach = box["width"] * 0.3

    def mouse(kind: str, at: float) -> Any:
        down = {"button": "left", "buttons": 1, "clickCount": 1} if kind != "mouseReleased" else {"button": "left"}
        return session.send("Input.dispatchMouseEvent", {"type": kind, "x": at, "y": y, **down})

    await page.mouse.move(x, y)
    await mouse("mousePressed", x)
    await page.evaluate("window.shown = 0; window.engine = []")
    began = time.monotonic()
    waiting: set[asyncio.Task[Any]] = set()
    while (elapsed := time.monotonic() - began) < DRAG_S:
        task = asyncio.ensure_future(mouse("mouseMoved", x + reach * math.sin(elapsed * 2)))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
        await asyncio.sleep(EVERY_S)
    count, engine = await page.evaluate("[window.shown, window.engine]")
    await asyncio.gather(*waiting)
    await mouse("mouseReleased", x)
    await page.wait_for_timeout(700)
    return count / elapsed, engine


COLLECT = """
() => {
  window.engine = [];
  const facts = document.querySelector("#explore-facts");
  new MutationObserver(() => {
    const found = /([0-9.]+) ms/.exec(facts.textContent);
    if (found) window.engine.push(Number(found[1]));
  }).observe(facts, { childList: true, characterData: true, subtree: true });
}
"""


async def measure(bundle: Path, rounds: int, size: int) -> str:
    from playwright.async_api import async_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("No browser is installed. Nothing was measured. Install chromium.")
    plane, slider, engine = [], [], []
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1280, "height": 1000})
        with serving(bundle) as address:
            began = time.monotonic()
            await page.goto(address)
            await page.wait_for_selector("#explore-picture img")
            first_s = time.monotonic() - began
            await page.wait_for_selector("#explore-directions input[type=range]")
            await page.evaluate(WATCH, ["#explore", "#explore-picture"])
            await page.evaluate(COLLECT)
            await page.click("#explore-dice")
            await page.locator("#explore-facts", has_text=" ms").wait_for()
            engine_s = time.monotonic() - began
            await page.wait_for_timeout(5000)  # What loads behind the first picture is over.
            session = await page.context.new_cdp_session(page)
            for _ in range(rounds):
                rate, ms = await drag(page, session, "#explore-plane")
                plane.append(rate)
                engine += ms
                rate, ms = await drag(page, session, "#explore-directions input[type=range]")
                slider.append(rate)
                engine += ms
            threads = await page.evaluate("crossOriginIsolated ? navigator.hardwareConcurrency : 1")
        await browser.close()
    machine = f"{describe(torch.device('cpu'))}, load {os.getloadavg()[0]:.1f}"
    lines = [
        f"Without a server, {size} px, {date.today()}, {machine}, {threads} processors for the page:",
        "",
        "| | |",
        "| --- | --- |",
        f"| pictures a second in a drag: plane, slider | {median(plane):.0f}, {median(slider):.0f} |",
        f"| the best of {rounds} rounds | {max(plane):.0f}, {max(slider):.0f} |",
        f"| engine, a picture | {median(engine):.1f} ms |" if engine else "| engine | not seen |",
        f"| first picture on the screen | {first_s:.1f} s |",
        f"| first picture computed there | {engine_s:.1f} s |",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--write", action="store_true", help="add the table to RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        text = asyncio.run(measure(make_bundle(Path(temporary), options.size), options.rounds, options.size))
    print(text)
    if options.write:
        with RESULTS.open("a") as file:
            file.write(f"\n{text}\n")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()

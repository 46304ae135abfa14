"""From the hand's movement to the new picture on the screen: the real application, a real browser, the real mouse.

    python -m tests.browser.measure_latency [--rounds 3] [--write]

A 64 px model of the reference size (random weights cost the same). Two yardsticks in the same run, alternating: the
bare network's forward, and the smallest possible event of the same kind, a component whose server function gives a
picture back that is there already. Ours should take at most 1.5 times their sum.

A move is timed from when the browser got it (the event's own time, up to a frame before the page hears of it by
pointermove) to the frame after the new picture is decoded; the next one waits for it. In
a drag the mouse does not wait: pictures that were shown are counted.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median, quantiles

import torch

from gan_core.config import ModelConfig
from gan_core.devices import describe
from gan_core.images import to_pictures
from gan_core.inference.generator import Generator
from gan_core.models import dcgan
from gan_core.recipe import Recipe
from gan_core.weights import load, network_json, save

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "tests" / "benchmarks" / "RESULTS.md"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
NETWORK = dcgan.Network(size=64)
MOVES, DRAG_S, FORWARDS = 40, 4.0, 60

WATCH = """
([area, image]) => {
  window.times = [];
  window.shown = 0;
  window.told = [];
  let began = null;
  let told = null;
  const host = document.querySelector(area);
  for (const kind of ["pointermove", "input"]) {
    host.addEventListener(kind, (event) => {
      began = began ?? event.timeStamp;
      told = told ?? performance.now();
    }, { capture: true });
  }
  const seen = async (picture) => {
    await picture.decode().catch(() => null);
    requestAnimationFrame(() => setTimeout(() => {
      window.shown += 1;
      if (began !== null) {
        window.times.push(performance.now() - began);
        window.told.push(performance.now() - told);
      }
      began = told = null;
    }));
  };
  const root = document.querySelector(image);
  new MutationObserver(() => { const picture = root.querySelector("img"); if (picture) seen(picture); })
    .observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["src"] });
}
"""

ECHO = '''
import gradio as gr
from PIL import Image
from gan_core.ui.pictures import data_url

URLS = [data_url(Image.effect_noise((64, 64), 90).convert("RGB")) for _ in range(2)]
CALLS = [0]

def echo(request):
    CALLS[0] += 1
    return {"ok": True, "url": URLS[CALLS[0] % 2]}

SCRIPT = """
const pad = element.querySelector(".pad"), image = element.querySelector("img");
let busy = false, waiting = false;
const go = async () => {
  if (busy) { waiting = true; return; }
  busy = true;
  const answer = await server.echo({});
  image.src = answer.url;
  busy = false;
  if (waiting) { waiting = false; go(); }
};
pad.addEventListener("pointermove", go);
"""
with gr.Blocks(analytics_enabled=False) as page:
    gr.HTML('<div class="pad" style="width:400px;height:200px;background:#ccc"></div><div class="out"><img></div>',
            elem_id="echo", js_on_load=SCRIPT, server_functions=[echo])
import sys
page.launch(server_port=int(sys.argv[1]), quiet=True, run_history=False)
'''


@dataclass
class Times:
    """Milliseconds a move."""

    sliders: list[float] = field(default_factory=list)
    plane: list[float] = field(default_factory=list)
    plane_told: list[float] = field(default_factory=list)
    echo: list[float] = field(default_factory=list)
    forward: list[float] = field(default_factory=list)
    plane_rate: list[float] = field(default_factory=list)
    slider_rate: list[float] = field(default_factory=list)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(command: list[str], port: int):
    """A server of its own process, once it answers."""
    quiet = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=quiet)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            with suppress(OSError):
                urllib.request.urlopen(url, timeout=5).close()
                break
            if server.poll() is not None:
                sys.exit("The server ended. Nothing was measured. What it said stands above.")
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def make_model(folder: Path) -> Generator:
    torch.manual_seed(0)
    save(folder / "bench-dcgan", ModelConfig(family="dcgan", network=network_json(NETWORK)), dcgan.build(NETWORK))
    return Generator(load(folder / "bench-dcgan", only=("generator",)))


def moves(page, box: dict[str, float], y: float, reach: float) -> list[float]:
    """Single moves, each after the picture of the one before."""
    page.evaluate("window.times = []")
    left = box["x"] + box["width"] * (0.5 - reach / 2)
    page.mouse.move(left, y)
    page.mouse.down()
    for number in range(1, MOVES + 1):
        before = page.evaluate("window.times.length")
        page.mouse.move(left + box["width"] * reach * number / MOVES, y)
        with suppress(Exception):
            page.wait_for_function("before => window.times.length > before", arg=before, timeout=3000, polling=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    return page.evaluate("window.times")[2:]  # The first ones warm up.


def drag(page, box: dict[str, float], y: float) -> float:
    """Pictures a second while the mouse goes to and fro."""
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.evaluate("window.shown = 0")
    began_at = time.monotonic()
    number = 0
    while (elapsed_s := time.monotonic() - began_at) < DRAG_S:
        number += 1
        swing = abs((number % 100) / 50 - 1) * 0.7 + 0.15
        page.mouse.move(box["x"] + box["width"] * swing, y)
        page.wait_for_timeout(8)
    shown = page.evaluate("window.shown")
    page.mouse.up()
    page.wait_for_timeout(500)
    return shown / elapsed_s


def forwards(generator: Generator) -> list[float]:
    """The same latent through the plain network to the same uint8 picture, without recipe, transport and packing."""
    z = generator.latent(Recipe(seed=1))[None]
    network = load(generator.folder, only=("generator",)).networks["generator"].eval()
    times = []
    for _ in range(FORWARDS):
        began_at = time.perf_counter()
        with torch.inference_mode():
            to_pictures(network(z))
        times.append((time.perf_counter() - began_at) * 1000)
    return times[5:]


def measure(rounds: int) -> Times:
    from playwright.sync_api import sync_playwright

    times = Times()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("No browser is installed. Nothing was measured. Install chromium.")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as driver:
        models, echo = Path(temporary) / "models", Path(temporary) / "echo.py"
        generator = make_model(models)
        echo.write_text(ECHO)
        port, other = free_port(), free_port()
        command = [sys.executable, "app.py", "--port", str(port), "--models", str(models), "--runs", temporary]
        echo_command = [
            sys.executable,
            "-c",
            f"import sys; sys.argv=['echo','{other}']; exec(open({str(echo)!r}).read())",
        ]
        with served(command, port) as ours, served(echo_command, other) as yardstick:
            browser = driver.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.goto(ours)
            page.wait_for_selector("#explore-picture img")
            page.wait_for_selector("#explore-directions input[type=range]")
            page.evaluate(WATCH, ["#explore", "#explore-picture"])
            bare = browser.new_page(viewport={"width": 1280, "height": 1000})
            bare.goto(yardstick)
            bare.wait_for_selector("#echo .pad")
            bare.evaluate(WATCH, ["#echo", "#echo .out"])
            for _ in range(rounds):
                page.bring_to_front()
                slider = page.locator("#explore-directions input[type=range]").first
                slider.scroll_into_view_if_needed()
                box = slider.bounding_box()
                times.sliders += moves(page, box, box["y"] + box["height"] / 2, 0.8)
                times.slider_rate.append(drag(page, box, box["y"] + box["height"] / 2))
                pad = page.locator("#explore-plane")
                pad.scroll_into_view_if_needed()
                box = pad.bounding_box()
                page.evaluate("window.told = []")
                times.plane += moves(page, box, box["y"] + box["height"] / 2, 0.8)
                times.plane_told += page.evaluate("window.told")[2:]
                times.plane_rate.append(drag(page, box, box["y"] + box["height"] / 2))
                bare.bring_to_front()
                box = bare.locator("#echo .pad").bounding_box()
                times.echo += moves(bare, box, box["y"] + box["height"] / 2, 0.8)
                times.forward += forwards(generator)
            browser.close()
    return times


def report(times: Times) -> str:
    def row(name: str, values: list[float]) -> str:
        low, *_, high = quantiles(values, n=20)
        return f"| {name} | {median(values):.1f} ms | {low:.1f} to {high:.1f} |"

    budget = median(times.forward) + median(times.echo)
    sliders, plane = median(times.sliders) / budget, median(times.plane) / budget
    rates = f"sliders {median(times.slider_rate):.0f}, plane {median(times.plane_rate):.0f}"
    lines = [
        f"Hand to picture, 64 px, {date.today()}, {describe(torch.device('cpu'))}, {len(times.echo)} moves:",
        "",
        "| | median | 5 to 95 % |",
        "| --- | --- | --- |",
        row("a direction's slider", times.sliders),
        row("seed plane", times.plane),
        row("seed plane, from the page's pointermove", times.plane_told),
        row("yardstick: smallest event", times.echo),
        row("yardstick: bare forward", times.forward),
        "",
        f"Ratio to the yardsticks' sum ({budget:.1f} ms): sliders {sliders:.2f}, plane {plane:.2f}.",
        f"Pictures a second in a drag: {rates}.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="add the table to RESULTS.md")
    options = parser.parse_args()
    text = report(measure(options.rounds))
    print(text)
    if options.write:
        with RESULTS.open("a") as file:
            file.write(f"\n{text}\n")


if __name__ == "__main__":
    main()

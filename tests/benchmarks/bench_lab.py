"""What the live training lab costs its server, and how soon a long run is seen: polls by visitors, opening by points.

    python -m tests.benchmarks.bench_lab
    python -m tests.benchmarks.bench_lab --points 1000 1000000 --visitors 1 50 --no-browser

A poll is what an open page asks each second: the lists and the chosen run, and the curves of two panels where something
was written. Visitors ask in turn, at the server's functions, without the network; a line is written before each round.
"Points" are lines of metrics.jsonl with ten values each. Opening is measured in the real application and a headless
browser, from the press on the run to its drawn curves, for runs that this server has not read yet.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # As a file too, and without an installation.

from gan_core.config import RunConfig, train_config
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder, create_run
from gan_core.ui.lab import watched
from gan_core.ui.lab.curves import RunCurves
from gan_core.ui.lab.runs import Runs
from gan_core.ui.services import Services

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["loss_g", "loss_d", "d_real", "d_fake", "elapsed_s"]
"""What the panels that are open at first ask for."""
POINTS = (1_000, 10_000, 100_000, 1_000_000)
VISITORS = (1, 10, 50)
DRAWN_POINTS = 1536
"""What a chart of 600 px asks for."""
OPEN_S = 120.0


def line(number: int) -> str:
    """As a trainer of a DCGAN writes it."""
    wave = number * 0.618 % 1
    return (
        f'{{"step": {number * 20}, "elapsed_s": {number * 0.3:.3f}, "images": {number * 640}, '
        f'"loss_g": {1 + wave:.6f}, "loss_d": {1.4 - wave / 2:.6f}, "d_real": {0.5 + wave / 3:.6f}, '
        f'"d_fake": {0.5 - wave / 3:.6f}, "grad_g": {2 + wave:.6f}, "grad_d": {1 + wave:.6f}, '
        f'"images_per_s": {900 + wave:.2f}, "lr_g": 0.0002, "lr_d": 0.0002, "memory_mb": 812}}\n'
    )


def make_run(runs_dir: Path, points: int) -> RunFolder:
    train = train_config("dcgan", data="shapes", size=32, steps=points * 20)
    run = create_run(runs_dir, RunConfig(family="dcgan", train=train, network={}, recipe={}), f"points-{points}")
    with (run.path / "metrics.jsonl").open("w") as file:
        for start in range(1, points + 1, 10_000):
            file.write("".join(map(line, range(start, min(start + 10_000, points + 1)))))
    run.write_status(state="finished", step=points * 20, total_steps=points * 20, device="CPU", pid=None)
    return run


def shown(values_s: list[float]) -> str:
    """Median (quartiles) in ms."""
    low, middle, high = quantiles(values_s, n=4) if len(values_s) > 1 else values_s * 3
    return f"{middle * 1e3:.3g} ({low * 1e3:.3g}-{high * 1e3:.3g})"


# Polls.


def visit(curves: RunCurves, run: RunFolder) -> Callable[[], Any]:
    """A page that has the run open; each call asks for what is new."""
    stamp = None

    def ask() -> Any:
        nonlocal stamp
        (answer,) = curves.curves([{"run": run.id, "names": NAMES, "have": stamp, "points": DRAWN_POINTS}])["runs"]
        stamp = answer["stamp"] if answer and "stamp" in answer else stamp
        return answer

    return ask


def look(runs: Runs, run: RunFolder) -> Callable[[], Any]:
    """The rest of a page's poll: the list of runs and the chosen one, of which it has everything."""
    stamps: dict[str, Any] = {"list": None, "look": None}

    def ask() -> Any:
        answer = runs.watch(run.id, stamps["look"], stamps["list"])
        stamps["list"], stamps["look"] = answer["list"].get("stamp"), (answer.get("look") or {}).get("stamp")
        return answer

    return ask


def settled(
    services: Services, run: RunFolder, visitors: int
) -> tuple[list[Callable[[], Any]], list[Callable[[], Any]]]:
    """Visitors that have the whole run: what they ask of the curves, and of the rest."""
    curves, runs = RunCurves(services), Runs(services)
    pages = [visit(curves, run) for _ in range(visitors)]
    one = curves.watched(run.id)
    while "reading" in (pages[0]() or {}) and one._sample:
        time.sleep(0.01)
    rest = [look(runs, run) for _ in range(visitors)]
    for ask in (*pages, *rest):
        ask()
    return pages, rest


def measure_polls(services: Services, run: RunFolder, visitors: int, rounds: int) -> dict[str, list[float]]:
    """Seconds for one round of all visitors: nothing new, one new line, and the rest of the poll."""
    pages, rest = settled(services, run, visitors)
    count = sum(1 for _ in (run.path / "metrics.jsonl").open("rb"))
    taken: dict[str, list[float]] = {"nothing new": [], "a new line": [], "list and run": []}
    for number in range(rounds):
        taken["nothing new"].append(seconds(pages))
        with (run.path / "metrics.jsonl").open("a") as file:
            file.write(line(count + number + 1))
        time.sleep(watched.READ_S * 1.1)
        taken["a new line"].append(seconds(pages))
        taken["list and run"].append(seconds(rest))
    return taken


def seconds(asks: list[Callable[[], Any]]) -> float:
    began = time.perf_counter()
    for ask in asks:
        ask()
    return time.perf_counter() - began


# Opening.


def measure_opening(services: Services, run: RunFolder) -> tuple[float, float, int]:
    """Seconds to the first answer of a server that has not read the run, to the whole one; bytes of the whole one."""
    began = time.perf_counter()
    ask = visit(RunCurves(services), run)
    answer = ask()
    first_s = time.perf_counter() - began
    while not (answer and "series" in answer and answer["reading"] is None):
        time.sleep(0.01)
        answer = ask()
    return first_s, time.perf_counter() - began, len(json.dumps(answer))


@contextmanager
def application(runs_dir: Path, models_dir: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port), "--runs", str(runs_dir), "--models", str(models_dir)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, **quiet)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            with suppress(OSError):
                urllib.request.urlopen(address, timeout=5).close()
                break
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def measure_browser(runs: list[RunFolder], runs_dir: Path, models_dir: Path) -> dict[str, tuple[float, float, float]]:
    """By run: ms from the press to drawn curves, to those of every point, and the median of 20 redraws."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import ARGUMENTS, BROWSERS

    path = next(filter(None, map(shutil.which, BROWSERS)))
    found = {}
    with application(runs_dir, models_dir) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(OPEN_S * 1000)
        page.goto(address)
        page.get_by_role("tab", name="Training").click()
        for run in runs:
            page.wait_for_selector(f'[data-run="{run.id}"] .lb-run')
            found[run.id] = tuple(page.evaluate(OPEN, [f'[data-run="{run.id}"] .lb-run', run.id]))
        browser.close()
    return found


OPEN = """
async ([card, run]) => {
  const chart = document.querySelector("#lab-chart");
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const until = async (holds) => { while (!holds()) await frame(); };
  const canvas = () => chart.querySelector(".lc-plot canvas")?.getAttribute("aria-label") ?? "";
  const began = performance.now();
  document.querySelector(card).click();
  await until(() => canvas().includes(run) && Number(chart.dataset.step) > 0);
  await frame();
  const first = performance.now() - began;
  await until(() => !chart.querySelector(".lc-told").textContent.startsWith("A long run"));
  const whole = performance.now() - began;
  const slider = chart.querySelector(".lc-smoothing input");
  const drawn = [];
  for (let at = 0; at < 20; at++) {
    slider.value = 0.5 + at / 50;
    slider.dispatchEvent(new Event("input"));
    await frame();
    await frame();
    drawn.push(Number(chart.dataset.drawMs));
  }
  return [first, whole, drawn.sort((a, b) => a - b)[10]];
}
"""


def main() -> None:
    options = argparse.ArgumentParser(description="Measures what watching runs costs.")
    options.add_argument("--points", type=int, nargs="+", default=POINTS)
    options.add_argument("--visitors", type=int, nargs="+", default=VISITORS)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--no-browser", action="store_true")
    arguments = options.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{date.today()}, {os.cpu_count()} cores, load {load}\n")
    with tempfile.TemporaryDirectory(prefix="bench-lab-") as scratch:
        settings = Settings(runs_dir=Path(scratch) / "runs", models_dir=Path(scratch) / "models")
        services = Services(settings)
        runs = [make_run(settings.runs_dir, points) for points in arguments.points]
        print("| points | visitors | curves, nothing new, ms | curves, a new line, ms | list and run, ms |")
        print("| --- | --- | --- | --- | --- |")
        for run, points in zip(runs, arguments.points, strict=True):
            for visitors in arguments.visitors:
                taken = measure_polls(services, run, visitors, arguments.rounds)
                print(f"| {points:,} | {visitors} | {' | '.join(map(shown, taken.values()))} |", flush=True)
        drawn = {} if arguments.no_browser else measure_browser(runs, settings.runs_dir, settings.models_dir)
        print("\n| points | first answer, ms | all read, ms | answer, kB | seen, ms | all seen, ms | a redraw, ms |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for run, points in zip(runs, arguments.points, strict=True):
            served = [measure_opening(services, run) for _ in range(3)]
            first, whole, size = (median(column) for column in zip(*served, strict=True))
            seen = " | ".join(f"{value:.3g}" for value in drawn[run.id]) if run.id in drawn else " | | "
            print(f"| {points:,} | {first * 1e3:.3g} | {whole * 1e3:.3g} | {size / 1e3:.3g} | {seen} |", flush=True)


if __name__ == "__main__":
    main()

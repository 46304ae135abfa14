"""What watching costs the trainer: its images/s with and without the application and an open page beside it.

    python -m tests.benchmarks.bench_watching
    python -m tests.benchmarks.bench_watching --rounds 3 --phase 8

One real training on one thread with low priority, as the application starts it. Beside it, in turn: nothing (the
application and the browser are stopped by a signal), the application with no page, a visitor on another machine (what
an open page asks once a second, over HTTP), and a page in headless Chromium on this very machine, which draws without
a GPU. Each phase's speed is that of the lines which the trainer wrote in it.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import quantiles
from threading import Event, Thread

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # As a file too, and without an installation.

from gan_core.training.run_folder import RunFolder
from tests.benchmarks.bench_lab import DRAWN_POINTS, NAMES
from tests.serving import App, serve

ROOT = Path(__file__).resolve().parents[2]
PHASES = ("alone", "application", "visitor", "page on this machine")
SMALL = {"--size": "32", "--batch": "32", "--generator-features": "32", "--discriminator-features": "32"}
SETTLING_S = 2.0


@contextmanager
def trainer(folder: Path) -> Iterator[RunFolder]:
    """A run that goes on until it is killed."""
    options = {**SMALL, "--data": "shapes", "--steps": "1000000", "--log-steps": "2", "--sample-steps": "200"}
    words = [word for pair in options.items() for word in pair]
    command = [sys.executable, "-m", "gan_core", "train", "dcgan", *words, "--run", str(folder), "--quiet"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    psutil.Process(process.pid).nice(10)
    run = RunFolder(folder)
    try:
        while len(run.metrics()) < 5:
            assert process.poll() is None, "the trainer has ended"
            time.sleep(0.2)
        yield run
    finally:
        process.kill()
        process.wait()


def family(pid: int) -> list[psutil.Process]:
    one = psutil.Process(pid)
    return [one, *one.children(recursive=True)]


def send(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        process.send_signal(number)


def speed(run: RunFolder, phase_s: float) -> float:
    """images/s of the lines written in the next `phase_s`."""
    time.sleep(SETTLING_S)
    before = run.metrics(newest=3)[-1]
    time.sleep(phase_s)
    after = run.metrics(newest=3)[-1]
    return (after["images"] - before["images"]) / (after["elapsed_s"] - before["elapsed_s"])


class Visitor:
    """Asks as an open page does: the list, the run and two panels of curves, once a second, while `here` is set."""

    def __init__(self, app: App, run: RunFolder) -> None:
        self._app, self._run = app, run
        self.here = Event()
        Thread(target=self._ask, daemon=True).start()

    def _ask(self) -> None:
        list_stamp = stamp = have = None
        while True:
            self.here.wait()
            told = self._app.call("lab", "watch", {"run": self._run.id, "stamp": stamp, "list_stamp": list_stamp})
            list_stamp, stamp = told["list"].get("stamp"), (told.get("look") or {}).get("stamp")
            ask = {"run": self._run.id, "names": NAMES, "have": have, "points": DRAWN_POINTS}
            (news,) = self._app.call("lab", "curves", {"asks": [ask]})["runs"]
            have = (news or {}).get("stamp", have)
            time.sleep(1.0)


def measure(folder: Path, rounds: int, phase_s: float) -> dict[str, list[float]]:
    """images/s by phase, one value a round; the phases of a round in an order by chance."""
    from playwright.sync_api import sync_playwright

    found: dict[str, list[float]] = {name: [] for name in PHASES}
    path = shutil.which("chromium") or shutil.which("google-chrome")
    order = random.Random(0)
    with (
        trainer(folder / "runs" / "00000-dcgan-shapes") as run,
        serve(folder, runs=folder / "runs", models=folder / "models") as app,
        sync_playwright() as driver,
    ):
        known = {process.pid for process in family(os.getpid())}
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        windows = [process for process in family(os.getpid()) if process.pid not in known]
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(app.url)
        page.get_by_role("tab", name="Training").click()
        page.wait_for_selector("#lab-chart canvas", timeout=120_000)
        page.wait_for_timeout(5_000)
        server, visitor = family(app.process.pid), Visitor(app, run)
        for _ in range(rounds):
            for name in order.sample(PHASES, len(PHASES)):
                send(server, signal.SIGSTOP if name == "alone" else signal.SIGCONT)
                send(windows, signal.SIGCONT if name.startswith("page") else signal.SIGSTOP)
                (visitor.here.set if name == "visitor" else visitor.here.clear)()
                found[name].append(speed(run, phase_s))
                visitor.here.clear()
        time.sleep(1.5)  # A question may be under way.
        send(server + windows, signal.SIGCONT)
        browser.close()
    return found


def shown(values: list[float]) -> str:
    low, middle, high = quantiles(values, n=4) if len(values) > 1 else values * 3
    return f"{middle:.3g} ({low:.3g}-{high:.3g})"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--phase", type=float, default=12.0, help="seconds")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), asked.rounds, asked.phase)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{date.today()}, {os.cpu_count()} cores, load {load}, {asked.rounds} rounds of {asked.phase:g} s\n")
    print("| beside the trainer | images/s | ratio to alone |\n| --- | --- | --- |")
    for name in PHASES:
        ratios = [value / alone for value, alone in zip(found[name], found["alone"], strict=True)]
        ratio = "1" if name == "alone" else shown(ratios)
        print(f"| {name} | {shown(found[name])} | {ratio} |")


if __name__ == "__main__":
    main()

"""What pushing costs the trainer: its images/s with and without the background process that pushes beside it.

    python -m tests.benchmarks.bench_mirror
    python -m tests.benchmarks.bench_mirror --rounds 3 --phase 8

One real training on one thread. Beside it, in turn: nothing (the process that pushes is stopped by a signal), a push
every two seconds to a Hub on this machine, mostly with a new model and a new state, and a Hub that drops every
connection. The process that pushes has low priority, as always; the Hub's own work is done on this machine too. Each
phase's speed is that of the lines which the trainer wrote in it.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # As a file too, and without an installation.

from gan_core.mirror import read_record
from gan_core.training.run_folder import RunFolder
from tests.benchmarks.bench_watching import ROOT, SMALL, family, shown, speed
from tests.hub.conftest import Process
from tests.hub_server import HubServer, hub_server

PHASES = ("alone", "pushed every 2 s", "the Hub is down")
NAME = "user/run"
STEPS = {
    "--steps": "1000000",
    "--log-steps": "2",
    "--sample-steps": "50",
    "--snapshot-steps": "50",
    "--state-steps": "25",
}


@contextmanager
def trainer(folder: Path, endpoint: str, home: Path) -> Iterator[tuple[RunFolder, list[psutil.Process]]]:
    """A run that is pushed and goes on until it is killed, and the processes that push it."""
    options = {**SMALL, **STEPS, "--data": "shapes", "--push-to": NAME, "--push-minutes": str(2 / 60)}
    words = [word for pair in options.items() for word in pair]
    command = [sys.executable, "-m", "gan_core", "train", "dcgan", *words, "--run", str(folder), "--quiet"]
    environment = Process.environment(endpoint, home, HF_TOKEN="hf_user", OMP_NUM_THREADS="1")
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    run, pushing = RunFolder(folder), []
    try:
        while read_record(run, NAME).sent is None:
            assert process.poll() is None, "the trainer has ended"
            time.sleep(0.2)
        pushing = [one for one in psutil.process_iter() if mirrors(one, folder)]
        assert len(pushing) == 1
        yield run, pushing
    finally:
        process.kill()
        process.wait()
        send(pushing, SIGCONT)
        for one in pushing:
            with suppress(psutil.Error):
                one.kill()


def mirrors(process: psutil.Process, folder: Path) -> bool:
    with suppress(psutil.Error):
        return "gan_core.mirror" in process.cmdline() and str(folder.resolve()) in process.cmdline()
    return False


def send(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        with suppress(psutil.Error):
            for one in family(process.pid):
                one.send_signal(number)


def measure(folder: Path, hub: HubServer, rounds: int, phase_s: float) -> tuple[dict[str, list[float]], float, int]:
    """images/s by phase, one value a round, the phases of a round in an order by chance; MB and number of pushes."""
    found: dict[str, list[float]] = {name: [] for name in PHASES}
    order = random.Random(0)
    with trainer(folder / "runs" / "00000-dcgan-shapes", hub.endpoint, folder / "home") as (run, pushing):
        for _ in range(rounds):
            for name in order.sample(PHASES, len(PHASES)):
                hub.failures.rules.clear()
                if name == PHASES[2]:
                    hub.failures.add("", "drop")
                send(pushing, SIGSTOP if name == "alone" else SIGCONT)
                found[name].append(speed(run, phase_s))
        sent = read_record(run, NAME).total_bytes / 1e6
    return found, sent, len(hub.repository(NAME).commits) - 1


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--phase", type=float, default=12.0, help="seconds")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, hub_server() as hub:
        found, sent, pushes = measure(Path(folder), hub, asked.rounds, asked.phase)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{date.today()}, {os.cpu_count()} cores, load {load}, {asked.rounds} rounds of {asked.phase:g} s")
    print(f"{pushes} pushes of {sent / max(pushes, 1):.1f} MB\n")
    print("| beside the trainer | images/s | ratio to alone |\n| --- | --- | --- |")
    for name in PHASES:
        ratios = [value / alone for value, alone in zip(found[name], found["alone"], strict=True)]
        print(f"| {name} | {shown(found[name])} | {'1' if name == 'alone' else shown(ratios)} |")


if __name__ == "__main__":
    main()

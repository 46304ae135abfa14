"""How long a static deploy takes, and the next ones with the same models: what was exported before is not traced again.

    python -m tests.benchmarks.bench_deploy
    python -m tests.benchmarks.bench_deploy --model nouns-dcgan --rounds 3

The published models go to a Hub on this machine, each deploy in a process of its own as the command line has it, from
a data folder that is empty at the beginning of each round: first to a new Space, then to the same, where nothing has
changed, then to another new one. The page is tried in a headless Chromium, if there is one, where something is sent.
What the upload takes over a real line is not measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # As a file too, and without an installation.

import torch

from gan_core.devices import describe
from tests.hub.conftest import Process
from tests.hub_server import HubServer, hub_server

ROOT = Path(__file__).resolve().parents[2]
DEPLOYS = (
    ("the first", "user/first"),
    ("again, nothing changed", "user/first"),
    ("the same models to another Space", "user/second"),
)
STEPS = ("look", "build", "check", "upload")
Told = dict[str, Any]
"""`spent`: seconds by step; `sent`: bytes that went to the Hub; `bytes`: of the bundle."""
CODE = """
import json, sys, time
began_at = time.perf_counter()
from pathlib import Path
from gan_core.deploy.publish import Wish, publish
from gan_core.hub.client import Address
from gan_core.settings import Settings
spent, last = {"import": time.perf_counter() - began_at}, time.perf_counter()
def tell(step, words, share):
    global last
    now = time.perf_counter()
    spent[step] = spent.get(step, 0.0) + now - last
    last = now
name, *models = sys.argv[1:]
wish = Wish(address=Address.parse(name), models=tuple(map(Path, models)), wait=False)
done = publish(wish, Settings(), tell=tell)
spent["all"] = time.perf_counter() - began_at
print(json.dumps({"spent": spent, "sent": done.deployed.plan.bytes, "bytes": done.bundle_bytes}))
"""


def deploy(hub: HubServer, folder: Path, name: str, models: list[Path]) -> Told:
    environment = Process.environment(hub.endpoint, folder / "home", HF_TOKEN="hf_user")
    environment["GAN_CORE_DATA"] = str(folder / "data")
    done = subprocess.run(
        [sys.executable, "-c", CODE, name, *map(str, models)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=1800,
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure(models: list[Path], rounds: int) -> list[list[Told]]:
    """Of each round, of each of `DEPLOYS`."""
    found = []
    for _ in range(rounds):
        with hub_server() as hub, tempfile.TemporaryDirectory() as place:
            found.append([deploy(hub, Path(place), name, models) for _, name in DEPLOYS])
    return found


def report(found: list[list[Told]], models: list[Path]) -> str:
    machine = f"{describe(torch.device('cpu'))}, load {os.getloadavg()[0]:.1f}"
    names, rounds = ", ".join(one.name for one in models), f"{len(found)} round{'s' if len(found) > 1 else ''}"
    lines = [
        f"A static deploy of {names} ({found[0][0]['bytes'] / 1e6:.0f} MB), {date.today()}, {machine}, {rounds}:",
        "",
        f"| | {' | '.join(STEPS)} | in all | of the first | sent |",
        f"| --- |{' --- |' * (len(STEPS) + 3)}",
    ]
    first = median(one[0]["spent"]["all"] for one in found)
    for number, (words, _) in enumerate(DEPLOYS):
        spent = [one[number]["spent"] for one in found]
        steps = " | ".join(f"{median(one.get(step, 0.0) for one in spent):.1f} s" for step in STEPS)
        whole = median(one["all"] for one in spent)
        sent = median(one[number]["sent"] for one in found)
        lines.append(f"| {words} | {steps} | {whole:.1f} s | {whole / first:.2f} | {sent / 1e6:.1f} MB |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", action="append", help="name in pretrained/; default: all that are there")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    folders = sorted(path for path in (ROOT / "pretrained").iterdir() if (path / "config.json").is_file())
    models = [one for one in folders if not options.model or one.name in options.model]
    if not models:
        sys.exit("There is no such model in pretrained/. Nothing was measured.")
    print(report(measure(models, options.rounds), models))


if __name__ == "__main__":
    main()

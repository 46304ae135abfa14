"""Fifty visitors of a public Space on two cores: what each of them waits for, alone and among the others.

    python -m tests.benchmarks.bench_visitors
    python -m tests.benchmarks.bench_visitors --visitors 50 --seconds 40 --app FOLDER
    python -m tests.benchmarks.bench_visitors --come-and-go 20

The application is started as a Space starts it, from FOLDER (a bundle of `gan-core deploy --to-folder`) or this
checkout, with the models that are published with it. Each visitor is a program that asks over HTTP what the page asks:
explorers drag (30 pictures, one after the other, then they look for a while), walkers change a walk and see its
preview, painters look at an example and then have a photograph of their own (1.5 megapixels) painted. All of them
compute on the server's cores. First one visitor of each kind alone, then all at once, twice; then one who drags while
a photograph of 12 megapixels is painted at full size.

--come-and-go: instead of all that, ten visitors at a time for a few seconds each, and ten others after them; what the
server's memory comes to after every round tells whether something of each visitor stays.
"""

import argparse
import io
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median, quantiles
from threading import Thread
from typing import Any

import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # As a file too, and without an installation.

from tests.serving import PROXY, SPACE, App, serve

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "pretrained"
GENERATOR, TRANSLATOR = "nouns-dcgan", "monet2photo-cyclegan"
ALONE_S = 12.0
DRAG = 30
TEN, SHORT_S, REST_S = 10, 6.0, 150.0
"""Visitors that come and go, how long they stay, and how long the server is left alone at the end."""
LOOK_S = (1.0, 4.0)
KINDS = ("picture", "walk", "preview", "painting")
PIXELS = (4000, 3000)
OWN_PX = (1500, 1000)


@dataclass
class Seen:
    """What visitors met with."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds from asking to the answer, by kind; a painting's until it is done."""
    busy: int = 0
    errors: list[str] = field(default_factory=list)


PARTS: dict[str, dict[str, tuple[int, list[str]]]] = {}
"""The page's components by where it answers."""


class Visitor:
    """One page: an address of its own, and a role."""

    def __init__(self, app: App, number: int, seen: Seen, until: float) -> None:
        self._app, self._seen, self._until = app, seen, until
        self._headers = {**PROXY, "X-Forwarded-For": f"198.51.{number // 250}.{number % 250 + 1}"}
        self._session = f"visit-{number}"
        self._chance = random.Random(number)

    def ask(self, element: str, name: str, sent: dict[str, Any]) -> Any:
        """The answer; None where the server said that it is busy, or something went wrong."""
        try:
            answer = self._asked(element, name, sent)
        except OSError as error:
            self._seen.errors.append(f"{name}: {error}")
            return None
        if answer.get("ok"):
            return answer
        if "busy" in str(answer.get("error")):
            self._seen.busy += 1
        else:
            self._seen.errors.append(f"{name}: {answer.get('error')}")
        return None

    def _asked(self, element: str, name: str, sent: dict[str, Any]) -> Any:
        """As `App.call`, in a visit of one's own: Gradio remembers something of each."""
        if self._app.url not in PARTS:
            PARTS[self._app.url] = self._app.components()
        component = PARTS[self._app.url][element][0]
        body = {"data": sent, "fn_name": name, "session_hash": self._session, "component_id": component}
        return self._app.post("/gradio_api/component_server", body, self._headers)

    def timed(self, kind: str, work: Callable[[], Any]) -> Any:
        began_at = time.perf_counter()
        answer = work()
        if answer:
            self._seen.times[kind].append(time.perf_counter() - began_at)
        return answer

    @property
    def here(self) -> bool:
        return time.monotonic() < self._until

    def look(self) -> None:
        time.sleep(self._chance.uniform(*LOOK_S))

    def explore(self, pauses: bool = True) -> None:
        self.ask("explore", "open", {"model": GENERATOR})
        while self.here:
            seed = self._chance.randrange(10**6)
            for step in range(DRAG):
                recipe = {"format": 1, "seed": seed, "model": {"name": GENERATOR}, "truncation": 0.5 + step / DRAG}
                sent = {"recipe": recipe, "live": True}
                self.timed("picture", lambda sent=sent: self.ask("explore", "draw", sent))
                if not self.here:
                    return
            if pauses:
                self.look()

    def walk(self) -> None:
        self.ask("interpolate", "open", {"model": GENERATOR})
        while self.here:
            keys = [{"format": 1, "seed": self._chance.randrange(10**6)} for _ in range(3)]
            walk = {"format": 1, "keys": keys, "path": "slerp", "loop": True, "frames": 90}
            sent = {"model": GENERATOR, "walk": walk, "most": 24}
            self.timed("walk", lambda sent=sent: self.ask("interpolate", "preview", sent))
            self.look()

    def paint(self) -> None:
        """First the examples, then a photograph of one's own: its previews, and twice the whole of it."""
        opened = self.ask("paint", "open", {"model": TRANSLATOR})
        own = None
        while self.here and opened:
            photo = own or self._chance.choice(opened["examples"])["id"]
            sent = {"model": TRANSLATOR, "direction": self._chance.choice(("ab", "ba")), "photo": photo}
            self.timed("preview", lambda sent=sent: self.ask("paint", "preview", sent))
            if own:
                self.timed("painting", lambda sent=sent: self.painted({**sent, "brush": "broad"}))
            self.look()
            own = own or self.bring()

    def bring(self) -> str | None:
        """The id of a photograph that is uploaded, another one for each visitor."""
        shades = Image.effect_noise((60, 40), 80).convert("RGB").resize(OWN_PX, Image.Resampling.BICUBIC)
        file = io.BytesIO()
        shades.save(file, "JPEG")
        path = self._app.upload(file.getvalue(), "own.jpg", self._headers)
        if isinstance(path, tuple):
            self._seen.errors.append(f"upload: {path}")
            return None
        taken = self.ask("paint", "take", {"path": path, "name": "own.jpg"})
        return taken and taken["photo"]["id"]

    def painted(self, sent: dict[str, Any]) -> Any:
        """Begin to paint, and ask until it is done."""
        began = self.ask("paint", "paint", sent)
        while began:
            told = self.ask("paint", "poll", {"job": began["job"]})
            if told is None or told["state"] in ("done", "failed", "stopped"):
                if told and told["state"] != "done":
                    self._seen.errors.append(f"painting: {told}")
                return told
        return None


def visit(app: App, roles: list[str], seconds: float, first: int = 0) -> Seen:
    """All of them at once, each in its role. first: the number of the first, if others were here before."""
    seen, until = Seen(), time.monotonic() + seconds
    visitors = [Visitor(app, first + number, seen, until) for number in range(len(roles))]
    threads = [Thread(target=getattr(one, role)) for one, role in zip(visitors, roles, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def roles_of(count: int) -> list[str]:
    """Three in five explore, one walks, one paints."""
    return [("explore", "explore", "walk", "explore", "paint")[number % 5] for number in range(count)]


def beside_a_painting(app: App) -> tuple[Seen, Seen, float]:
    """One who drags, while nothing else happens and while 12 megapixels are painted; how long that painting takes."""
    import numpy as np

    shades = np.add.outer(np.arange(PIXELS[1]), np.arange(PIXELS[0])) % 256
    file = io.BytesIO()
    Image.fromarray(shades.astype(np.uint8)).convert("RGB").save(file, "JPEG")
    path = app.upload(file.getvalue(), "large.jpg")
    painter = Visitor(app, 900, Seen(), float("inf"))
    photo = painter.ask("paint", "take", {"path": path, "name": "large.jpg"})["photo"]["id"]

    def drag(seconds: float) -> Seen:
        seen = Seen()
        Visitor(app, 901, seen, time.monotonic() + seconds).explore(pauses=False)
        return seen

    idle = drag(8)
    began_at = time.monotonic()
    sent = {"model": TRANSLATOR, "direction": "ba", "photo": photo, "brush": "fine"}
    work = Thread(target=painter.painted, args=(sent,))
    work.start()
    time.sleep(1)
    busy = drag(8)
    work.join()
    return idle, busy, time.monotonic() - began_at


def come_and_go(app: App, server: psutil.Process, rounds: int) -> str:
    """Memory after each round, and when the last have been gone for a while."""
    found, errors = [], []
    for turn in range(rounds):
        seen = visit(app, roles_of(TEN), SHORT_S, first=TEN * turn)
        errors += seen.errors
        found.append(server.memory_info().rss / 1e6)
    time.sleep(REST_S)
    half, later = len(found) // 2, server.memory_info().rss / 1e6
    return (
        f"{TEN} visitors for {SHORT_S:.0f} s, {rounds} rounds, {date.today()}, load {os.getloadavg()[0]:.1f}: "
        f"{', '.join(f'{size:.0f}' for size in found)} MB; {later:.0f} MB {REST_S:.0f} s later. "
        f"Median of the first half {median(found[:half]):.0f}, of the second {median(found[half:]):.0f} MB. "
        f"Errors: {len(errors)} {sorted(set(errors))[:3]}"
    )


def started(app_folder: Path, temporary: Path) -> Iterator[tuple[App, float]]:
    began_at = time.monotonic()
    quiet = {"OMP_NUM_THREADS": "2", "CPU_CORES": "2", "TMPDIR": str(temporary)}
    with serve(temporary, runs=temporary / "runs", models=MODELS, root=app_folder, **SPACE, **quiet) as app:
        yield app, time.monotonic() - began_at


def ms(values: list[float]) -> str:
    """Median and 95 %, in milliseconds."""
    if len(values) < 2:
        return "-"
    return f"{median(values) * 1000:,.0f} ms, {quantiles(values, n=20)[-1] * 1000:,.0f} ms"


def report(alone: dict[str, Seen], together: Seen, roles: list[str], seconds: float, memory: list[float]) -> str:
    who = ", ".join(f"{roles.count(role)} {role}" for role in ("explore", "walk", "paint"))
    where = f"{os.cpu_count()} cores shared with the visitors' programs, load {os.getloadavg()[0]:.1f}"
    lines = [
        f"{len(roles)} visitors for {seconds:.0f} s ({who}), {date.today()}, {where}:",
        "",
        "| | alone: median, 95 % | among all: median, 95 % | ratio | answers |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind in KINDS:
        one = next((seen.times[kind] for seen in alone.values() if seen.times[kind]), [])
        many = together.times[kind]
        ratio = f"{median(many) / median(one):.1f}" if one and many else "-"
        lines.append(f"| {kind} | {ms(one)} | {ms(many)} | {ratio} | {len(many)} |")
    steps = ("every model open", "one visitor of each kind", "all of them", "all of them again")
    told = ", ".join(f"{size:.0f} MB after {step}" for size, step in zip(memory, steps, strict=True))
    lines += [
        "",
        f"Told that the server is busy: {together.busy}. Errors: {len(together.errors)}.",
        f"Memory of the server: {told}.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--app", type=Path, default=ROOT, help="folder with app.py; default: this checkout")
    parser.add_argument("--painting", action="store_true", help="the one who drags beside a painting, alone")
    parser.add_argument("--come-and-go", type=int, metavar="ROUNDS", help="ten visitors at a time, alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for app, start_s in started(options.app.resolve(), Path(temporary)):
            server = psutil.Process(app.process.pid)
            print(f"The page answers after {start_s:.1f} s, with {server.memory_info().rss / 1e6:.0f} MB.", flush=True)
            for folder in sorted(MODELS.iterdir()):
                app.call("explore", "open", {"model": folder.name}, PROXY)
                app.call("paint", "choose", {"model": folder.name}, PROXY)
            memory = [server.memory_info().rss / 1e6]
            if options.come_and_go:
                print(f"With every model open {memory[0]:.0f} MB.", flush=True)
                print(come_and_go(app, server, options.come_and_go))
                continue
            if not options.painting:
                alone = {role: visit(app, [role], ALONE_S) for role in ("explore", "walk", "paint")}
                memory.append(server.memory_info().rss / 1e6)
                roles = roles_of(options.visitors)
                for _ in range(2):  # The second time tells whether memory goes on growing.
                    together = visit(app, roles, options.seconds)
                    memory.append(server.memory_info().rss / 1e6)
                print(report(alone, together, roles, options.seconds, memory))
                print("\n".join(sorted(set(together.errors))[:10]))
            idle, busy, painting_s = beside_a_painting(app)
            print(
                f"\nA drag by itself: {ms(idle.times['picture'])}; beside a painting of 12 megapixels "
                f"({painting_s:.0f} s): {ms(busy.times['picture'])} "
                f"(ratio {median(busy.times['picture']) / median(idle.times['picture']):.1f}). "
                f"Memory then: {server.memory_info().rss / 1e6:.0f} MB."
            )


if __name__ == "__main__":
    main()

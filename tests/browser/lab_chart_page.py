"""The curves of the Training tab in the hands of a test: runs to draw, and what the page shows of them."""

import json
import random
from pathlib import Path

import psutil

from gan_core.config import RunConfig, train_config
from gan_core.training.run_folder import RunFolder, create_run

CHART = "document.querySelector('#lab-chart')"
EVERY_STEPS = 10


def line(number: int) -> str:
    draw = random.Random(number)
    values = {
        "step": number * EVERY_STEPS,
        "elapsed_s": number * 0.5,
        "images": number * 320,
        "loss_g": round(1.5 + draw.gauss(0, 0.3), 6),
        "loss_d": round(1.2 + draw.gauss(0, 0.2), 6),
        "d_real": round(0.6 + draw.uniform(-0.1, 0.1), 6),
        "d_fake": round(0.4 + draw.uniform(-0.1, 0.1), 6),
        "grad_g": round(2 + draw.random(), 6),
        "images_per_s": 640.0,
        "lr_g": 0.0002,
        "memory_mb": 512,
    }
    return json.dumps(values) + "\n"


def begin(runs: Path, name: str, lines: int, *, state: str = "finished", family: str = "dcgan") -> RunFolder:
    """A run as a trainer leaves it, or one with a trainer that does nothing."""
    train = train_config(family, data="shapes", size=32, steps=100_000)
    run = create_run(runs, RunConfig(family=family, train=train, network={}, recipe={}), name)
    (run.path / "metrics.jsonl").write_text("".join(line(number) for number in range(1, lines + 1)))
    trainer = {"pid": None, "pid_started_at": None}
    if state == "running":  # Whoever tidies up afterwards kills it.
        process = psutil.Popen(["sleep", "600"])
        trainer = {"pid": process.pid, "pid_started_at": process.create_time()}
    run.write_status(state=state, step=lines * EVERY_STEPS, total_steps=100_000, device="CPU", **trainer)
    return run


def end(run: RunFolder) -> None:
    psutil.Process(run.status()["pid"]).kill()
    run.write_status(state="finished", step=1, total_steps=1, device="CPU", pid=None, pid_started_at=None)


def view(page) -> list[float] | None:
    text = page.evaluate(f"{CHART}.dataset.view")
    return [float(part) for part in text.split()] if text else None


def zoomed(page, yes: bool = True) -> None:
    page.wait_for_function(f"{CHART}.dataset.view {'!=' if yes else '=='} ''")


def plot(page) -> dict[str, float]:
    box = page.locator(".lc-plot").first.bounding_box()
    return {"x": box["x"] + 54, "y": box["y"] + 60, "width": box["width"] - 64}


def values(page) -> dict[str, str]:
    """What stands beside each name."""
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.lc-key')]"
        ".map(key => [key.title, key.querySelector('b').textContent]))"
    )


def inked(page) -> float:
    """Share of the first canvas that is drawn on."""
    return page.evaluate(
        "() => { const c = document.querySelector('.lc-plot canvas');"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n / (d.length / 4); }"
    )

"""A run through time: its sheets of samples one by one, one seed of every snapshot, films, branches, and the way back.

A step that the page names is looked for among those that are there; nothing it sends becomes a path.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from PIL import Image

from gan_core.config import MAX_SEED
from gan_core.errors import ConfigError, GanCoreError, ModelError, PictureError, RunError
from gan_core.families import get_family
from gan_core.recipe import Recipe
from gan_core.training.run_folder import RunFolder
from gan_core.ui.film_folder import film_folder
from gan_core.ui.jobs import Jobs, Progress
from gan_core.ui.lab.sheet_film import checked, sheet_film
from gan_core.ui.limits import within_limits
from gan_core.ui.pictures import data_url, file_url, jpeg_url
from gan_core.ui.serve import Answer
from gan_core.ui.services import RUN, Services

LOOKS: dict[str, tuple[str, ...]] = {
    "sheets": ("run",),
    "sample": ("run", "step"),
    "seed_at": ("run", "step", "seed"),
    "travel_film": ("run", "options"),
    "travel_film_poll": ("job",),
    "travel_film_stop": ("job",),
}
CHANGES: dict[str, tuple[str, ...]] = {"branch": ("run", "step"), "roll_back": ("run", "step")}

MAX_SHEET_BYTES = 32_000_000
SEED_PX = 256
GAP_PX = 2
TRANSLATOR_COLUMNS = 4  # A, B from A, B, A from B: training/cyclegan.py.
TAIL_BYTES = 4096
POLL_S = 0.25
SEEDS_AT_ONCE = 12
"""Requests that draw or wait; a page asks for one snapshot after the other."""


class Travel:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._films = Jobs(at_once=1)  # Two at once take as long on the same cores.
        self._drawing = BoundedSemaphore(SEEDS_AT_ONCE)

    # Sheets.

    def sheets(self, run: object) -> Answer:
        """How the sheets of a run are laid out, and what their columns show; `layout` is None where that is unknown."""
        folder = self._services.runs.find(run)
        samples = folder.samples()
        layout = _layout(folder, samples[-1][1]) if samples else None
        return {"layout": layout, "columns": _columns(folder) if layout else None}

    def sample(self, run: object, step: object) -> Answer:
        """One sheet as a data URL, and the seconds of training before it (None where that is not recorded)."""
        folder = self._services.runs.find(run)
        path = _sheet(folder, _whole(step))
        if path is None:
            raise RunError(f"There are no samples of step {_said(step)} any more. The others can still be seen.")
        try:
            with Image.open(path) as sheet:
                width, height = sheet.size
            if path.stat().st_size > MAX_SHEET_BYTES:
                raise PictureError(f"The samples of step {_said(step)} are too large to be shown.")
            url = file_url(path)
        except (OSError, SyntaxError, Image.DecompressionBombError):
            raise PictureError(
                f"The samples of step {_said(step)} cannot be read: the file is damaged or gone. See another step."
            ) from None
        elapsed_s = elapsed_at(folder.path / "metrics.jsonl", int(path.stem))
        return {"url": url, "width": width, "height": height, "elapsed_s": elapsed_s}

    # One seed of one snapshot.

    def seed_at(self, run: object, step: object, seed: object) -> Answer:
        """What a kept snapshot draws for a seed."""
        from gan_core.inference.generator import Generator
        from gan_core.library import load

        folder = self._services.runs.find(run)
        value = f"{RUN}{folder.id}@{_whole(step)}"
        number = int(seed) if isinstance(seed, str) and seed.isdecimal() and len(seed) < 20 else -1
        if not 0 <= number <= MAX_SEED:
            raise ConfigError(f"A seed is a whole number from 0 to {MAX_SEED}. Nothing was drawn.")
        info = self._services.snapshot(value)
        if info is None or info.kind != "generator":
            raise ModelError(f"{folder.id} paints photographs and draws from no seed.")

        def draw() -> Image.Image:
            # A row of snapshots must not drive the models of the other tabs from memory.
            generator = load(info.folder, settings=self._services.settings, keep=False)
            assert isinstance(generator, Generator), "its kind was asked for above"
            return generator.picture(Recipe(seed=number))

        picture = self._in_turn(draw)
        hard = max(picture.size) <= SEED_PX
        if not hard:
            picture.thumbnail((SEED_PX, SEED_PX), Image.Resampling.LANCZOS)
        return {"url": data_url(picture) if hard or picture.mode not in ("L", "RGB") else jpeg_url(picture)}

    def _in_turn(self, draw: Callable[[], Image.Image]) -> Image.Image:
        """On the thread that draws for Explore too, which a crowd must not keep busy with this."""
        if not self._drawing.acquire(blocking=False):
            raise GanCoreError("Many seeds are being drawn just now. Nothing was drawn. Try again in a few seconds.")
        try:
            return self._services.at_hand(draw)
        finally:
            self._drawing.release()

    # Films.

    def travel_film(self, run: object, options: object) -> Answer:
        """Begin to write the film of a run's samples; tells the job's id. Raises `GanCoreError` for what cannot be."""
        folder = self._services.runs.find(run)
        samples = folder.samples()
        if len(samples) < 2:
            count = "one sheet of samples" if samples else "no samples"
            raise RunError(f"{folder.id} has {count} yet, and nothing would move. No film was made. Wait for the next.")
        layout = _layout(folder, samples[-1][1])
        wanted = checked(options, samples[-1][1], layout["cell_px"] if layout else None)
        path = film_folder().new(f"{folder.id}-training.{wanted.kind}")
        return {"job": self._films.start(sheet_film(samples, wanted, path))}

    def travel_film_poll(self, job: object, wait_s: float = POLL_S) -> Progress:
        """What the job has told; of one that is under way, after a while. At the end `path`, `name` and `bytes`."""
        return self._films.poll(job, wait_s)

    def travel_film_stop(self, job: object) -> Answer:
        self._films.stop(str(job))
        return {}

    # Another way on from a snapshot.

    def branch(self, run: object, step: object) -> Answer:
        """A new run that goes on from a snapshot, begun at once; tells its id and whether it goes on exactly."""
        from gan_core.training.branching import branch

        folder, at = self._point(run, step)
        within_limits(folder.config(), self._services.settings)
        made = branch(folder, at, self._services.settings.runs_dir)
        self._services.runs.launch(made)
        origin = made.about()["origin"] or {}
        return {"id": made.id, "exact": bool(origin.get("exact"))}

    def roll_back(self, run: object, step: object) -> Answer:
        """Take a run that is not active back to a snapshot; tells whether it goes on exactly from there."""
        from gan_core.training.branching import roll_back

        folder, at = self._point(run, step)
        if self._services.runs.state(folder).active:
            raise RunError(f"{folder.id} is training. Nothing was rolled back. Stop it first.")
        return {"exact": roll_back(folder, at)}

    def _point(self, run: object, step: object) -> tuple[RunFolder, int]:
        folder, at = self._services.runs.find(run), _whole(step)
        if at not in dict(folder.snapshots()):
            raise RunError(f"The snapshot of step {at:,} of {folder.id} is not kept any more. Nothing was changed.")
        return folder, at


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{str(value)[:40]!r} is no step. Nothing was done. Reload the page.")
    return value


def _said(step: object) -> str:
    return f"{step:,}" if isinstance(step, int) else repr(str(step)[:40])


def _sheet(run: RunFolder, step: int) -> Path | None:
    path = run.path / "samples" / f"{max(step, 0):06d}.webp"
    if step >= 0 and path.is_file():  # Listing thousands of them for each one would take longer than reading it.
        return path
    return dict(run.samples()).get(step)


def _layout(run: RunFolder, newest: Path) -> dict[str, int] | None:
    """Columns, rows, `cell_px` and `gap_px`: from samples/layout.json, or worked out from the run's configuration."""
    names = ("columns", "rows", "cell_px", "gap_px")
    with suppress(OSError, ValueError, TypeError, KeyError):
        told = json.loads((newest.parent / "layout.json").read_bytes())
        if all(type(told[name]) is int and 0 <= told[name] <= 10_000 for name in names) and min(
            told["columns"], told["rows"], told["cell_px"]
        ):
            return {name: told[name] for name in names}
    try:
        with Image.open(newest) as sheet:
            width, height = sheet.size
        config = run.config()
        cell = config.train.size
        if get_family(config.family).kind == "translator":
            cell = (width + GAP_PX) // TRANSLATOR_COLUMNS - GAP_PX
    except (GanCoreError, OSError, SyntaxError, Image.DecompressionBombError):
        return None
    columns, left = divmod(width + GAP_PX, cell + GAP_PX)
    rows, below = divmod(height + GAP_PX, cell + GAP_PX)
    if left or below or not columns or not rows:
        return None
    return {"columns": columns, "rows": rows, "cell_px": cell, "gap_px": GAP_PX}


def _columns(run: RunFolder) -> list[str] | None:
    """What the columns of a translator's sheet show; None for a generator."""
    from gan_core.library import describe

    snapshot = run.newest_snapshot()
    domains = describe(snapshot).domains if snapshot else None
    if domains is None:
        try:
            config = run.config()
        except GanCoreError:
            return None
        if get_family(config.family).kind != "translator":
            return None
        domains = {"a": config.train.domain_a or "A", "b": config.train.domain_b or "B"}
    a, b = domains["a"], domains["b"]
    return [a, f"as {b}", b, f"as {a}"]


def elapsed_at(metrics: Path, step: int) -> float | None:
    """Seconds of training at a step, from the first line at it or after it. Looks at some lines of a file of any size.

    Steps rise but where a run was resumed; there the answer may be that of a step close by.
    """
    try:
        with metrics.open("rb") as file:
            low, high = 0, file.seek(0, 2)
            while high - low > TAIL_BYTES:
                middle = (low + high) // 2
                file.seek(middle)
                file.readline()  # The rest of a line.
                line = _numbers(file.readline())
                if line is None or line[0] >= step:
                    high = middle
                else:
                    low = middle
            file.seek(low)
            lines = [line for line in map(_numbers, file.read(3 * TAIL_BYTES).split(b"\n")) if line]
    except OSError:
        return None
    if step == 0:
        return 0.0
    return next((elapsed_s for at, elapsed_s in lines if at >= step), lines[-1][1] if lines else None)


def _numbers(line: bytes) -> tuple[int, float] | None:
    with suppress(ValueError, TypeError, KeyError):
        told: Any = json.loads(line)
        return int(told["step"]), float(told["elapsed_s"])
    return None

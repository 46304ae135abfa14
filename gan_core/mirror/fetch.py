"""A run from the Hub to a run folder here: named by an allow-list, verified by hash, checked, and only then there."""

import gzip
import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from gan_core.config import RunConfig
from gan_core.data import check_spec, short_name
from gan_core.errors import DataError, GanCoreError, HubError, RunError
from gan_core.families import trainable
from gan_core.hub.client import Address, Progress, quietly
from gan_core.hub.fetching import fetch_file
from gan_core.hub.files import File, Tree, look
from gan_core.hub.pull import read_text
from gan_core.mirror.record import Record, Sent, write_record
from gan_core.mirror.stage import LINES, MODEL, RUN, STATUS, allowed
from gan_core.settings import Settings
from gan_core.training.records import append, by_step, json_lines
from gan_core.training.run_folder import ACTIVE, RunFolder, create_run

MOST_BYTES = 1_000_000_000
"""Of lines, unpacked."""
MOST_FILES = 200
SLACK_S = 120.0


@dataclass(frozen=True)
class Found:
    """A run in a repository, before anything large is fetched."""

    address: Address
    tree: Tree
    config: RunConfig
    status: Mapping[str, Any]
    files: Mapping[str, File]
    """Those that may be fetched, by their names there."""
    state: str
    """Name of the newest state."""

    @property
    def step(self) -> int:
        return int(Path(self.state).stem)

    def alive(self) -> str | None:
        """One sentence where the run still seems to be trained elsewhere."""
        pushed_at, every_s = self.status.get("pushed_at"), self.status.get("every_s")
        if self.status.get("state") not in ACTIVE or not isinstance(pushed_at, int | float):
            return None
        ago_s = max(time.time() - pushed_at, 0.0)
        if ago_s > 2 * (every_s if isinstance(every_s, int | float) else 600.0) + SLACK_S:
            return None
        ago = timedelta(seconds=round(ago_s))
        return (
            f"{self.address.repository} was {self.status['state']} elsewhere {ago} ago (h:mm:ss), and perhaps still "
            "is. Of two that push to one repository, the first to push goes on with it."
        )


def find_run(address: Address, *, token: str | None = None) -> Found:
    """The run of a repository. Raises `GanCoreError` where there is none that could be gone on with."""
    undone = f"{address} was not fetched"
    tree = look(address, undone, token=token)
    if tree.head is None:
        raise HubError(
            f"{undone}: there is no such repository, or this account may not see it. Check the name.", "missing"
        )
    files = {name: file for name, file in tree.files.items() if allowed(name, file.size)}
    if f"{RUN}config.json" not in files:
        raise HubError(
            f"{undone}: it holds no run to go on with. Begin one with its weights (--start-from hub:{address}).",
            "foreign",
        )
    states = sorted((int(Path(name).stem), name) for name in files if name.startswith(f"{RUN}state/"))
    if not states:
        raise HubError(f"{undone}: it holds no state to go on from yet. Try again later.", "foreign")
    if len(files) > MOST_FILES:
        raise HubError(f"{undone}: it holds {len(files):,} files of a run, and no run has so many.", "foreign")
    config = RunConfig.from_json(
        _json(address, tree, f"{RUN}config.json", undone, token), f"run/config.json of {address}"
    )
    if config.family not in trainable():
        raise RunError(f"{undone}: {config.family} is not trained here. Nothing was started.")
    status = _json(address, tree, STATUS, undone, token) if STATUS in files else {}
    return Found(address, tree, config, status if isinstance(status, dict) else {}, files, states[-1][1])


def _json(address: Address, tree: Tree, name: str, undone: str, token: str | None) -> Any:
    assert tree.head is not None
    try:
        return json.loads(read_text(address, name, tree.head, token=token))
    except (ValueError, RecursionError):
        raise HubError(f"{undone}: {name} is damaged. Nothing was fetched.", "foreign") from None


def bring(
    found: Found,
    settings: Settings,
    *,
    run: Path | None = None,
    config: RunConfig | None = None,
    token: str | None = None,
    progress: Progress = quietly,
) -> RunFolder:
    """A new run folder that goes on where the one on the Hub is. run: its path; None: the next number.

    config: what it goes on with; None: as it is there. Raises `GanCoreError`; nothing is left then.
    """
    address, config = found.address, config or found.config
    try:
        check_spec(config.train.data)
    except DataError:
        raise DataError(
            f"{address} was trained on {config.train.data!r}, which is not here. Nothing was started. Bring the same "
            "pictures here and name them: --data PATH"
        ) from None
    if run is not None and run.exists():
        raise RunError(f"{run} exists. Nothing was started. Go on with it by --run {run} --resume, or choose another.")

    def fill(folder: Path) -> None:
        _fill(found, folder, token, progress)
        new = RunFolder(folder)
        text = f"Fetched from {address} ({(found.tree.head or '')[:8]}): training goes on from step {found.step:,}."
        append(folder / "events.jsonl", {"step": found.step, "at": time.time(), "kind": "hub", "text": text})
        write_record(new, _record(found))

    try:
        if run is None:
            folder = create_run(settings.runs_dir, config, short_name(config.train.data), fill)
        else:
            folder = RunFolder(run)
            folder.create(config, fill)
        folder.write_status(state="stopped", step=found.step, total_steps=config.train.steps, device=None)
    except OSError as error:
        where = run or settings.runs_dir
        raise RunError(
            f"{where} cannot be written ({error.strerror or error}). Nothing was started. Make room, or choose another "
            "folder."
        ) from None
    return folder


def _record(found: Found) -> Record:
    """What the repository holds, so that the next push goes on top of it."""
    ours = {name: file for name, file in found.tree.files.items() if name in found.files or MODEL.fullmatch(name)}
    sent = Sent(
        ours, found.step, found.step, None, str(found.status.get("state")), at=time.time(), state_at=time.time()
    )
    return Record(found.address.repository, found.tree.head, sent)


def _fill(found: Found, folder: Path, token: str | None, progress: Progress) -> None:
    """All that may be fetched, below its own name; `run/` is the folder itself."""
    address, undone = found.address, f"{found.address} was not fetched"
    wanted = [name for name in found.files if not name.startswith(f"{RUN}state/") or name == found.state]
    wanted = [name for name in wanted if name not in (f"{RUN}config.json", STATUS)]
    total, done = sum(found.files[name].size for name in wanted), 0
    assert found.tree.head is not None
    for name in wanted:
        target = folder / name.removeprefix(RUN)
        target.parent.mkdir(exist_ok=True)
        size = found.files[name].size

        def report(count: int, before: int = done, size: int = size) -> None:
            progress(before + min(count, size), total)

        fetch_file(
            address.repository,
            name,
            found.files[name],
            found.tree.head,
            undone=undone,
            target=target,
            token=token,
            report=report,
        )
        done += size
        progress(done, total)
    for name in LINES:
        _unpack(folder / f"{name}.gz", undone)
    for name in ("about.json", "begun.json"):
        _check_object(folder / name, undone)
    for step, path in by_step(folder / "state", ".pt"):
        _check_state(step, path, undone)


def _unpack(packed: Path, undone: str) -> None:
    """Lines as they were; what is no line of a record is left out."""
    if not packed.exists():
        return
    lines = packed.with_suffix("")
    try:
        with gzip.open(packed) as source, lines.open("wb") as target:
            left = MOST_BYTES
            while block := source.read(1 << 20):
                left -= len(block)
                if left < 0:
                    raise HubError(f"{undone}: {packed.name} unpacks to more than any run writes.", "foreign")
                target.write(block)
    except (OSError, EOFError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # A full disk.
        raise HubError(f"{undone}: {packed.name} is damaged. Nothing was started.", "foreign") from None
    packed.unlink()
    if lines.stat().st_size and next(json_lines(lines), None) is None:
        raise HubError(f"{undone}: {lines.name} is no record of a run. Nothing was started.", "foreign")


def _check_object(path: Path, undone: str) -> None:
    try:
        good = not path.exists() or isinstance(json.loads(path.read_bytes()), dict)
    except (ValueError, RecursionError):
        good = False
    if not good:
        raise HubError(f"{undone}: {path.name} is damaged. Nothing was started.", "foreign")


def _check_state(step: int, path: Path, undone: str) -> None:
    """Only what training itself reads: tensors and plain values, nothing that could run (weights_only)."""
    import torch

    try:
        # PyTorch stores without compression: what is packed is no state of ours.
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > path.stat().st_size:
                raise ValueError("it unpacks to more than it is")
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        if content["step"] != step:
            raise ValueError(f"it is of step {content['step']}")
    except GanCoreError:
        raise
    except Exception as error:  # torch.load raises almost anything on a damaged file.
        why = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise HubError(
            f"{undone}: its state is damaged, or not one of ours ({why}). Nothing was started.", "foreign"
        ) from None

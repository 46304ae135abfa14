"""A finished log of another project becomes a run folder, which every list and every curve shows."""

import json
import re
import shutil
from pathlib import Path

from gan_core.config import RunConfig, train_config
from gan_core.errors import RunError
from gan_core.interop.logs import parse
from gan_core.training.run_folder import IMPORTED, RunFolder, create_run

LOG_NAME = "loss_log.txt"
OPTIONS_NAME = "train_opt.txt"  # junyanz' project writes it beside the log: one option a line.
MAX_OPTIONS_BYTES = 100_000
_BATCH_SIZE = re.compile(rb"^[ \t]{0,100}batch_?size: (\d{1,4})\b", re.MULTILINE | re.IGNORECASE)


def adopt_log(path: Path, runs_dir: Path, *, name: str | None = None) -> RunFolder:
    """Read `path` and make it a finished run: number-family-name.

    name: the data's part of the run's id; None: the experiment's folder of a `loss_log.txt`, else the file's name.
    Raises `RunError` for what is no log, and leaves nothing behind then.
    """
    batch = _batch_size(path) if path.name == LOG_NAME else None
    log = parse(path, batch=batch)
    known = {"batch": batch} if batch else {}
    file = path.name.encode(errors="replace").decode()  # Names may hold bytes that are no text.
    config = RunConfig(
        family=log.family,
        train=train_config(log.family, data=f"{IMPORTED}{file}", steps=log.total_steps, **known),
        network={},
        recipe={},
    )
    step = log.lines[-1]["step"]
    count = "1 line" if len(log.lines) == 1 else f"{len(log.lines):,} lines"
    told = [f"Read from {file}: {log.title}, {log.epochs} epochs, {count} of curves.", *log.notes]
    try:
        run = create_run(runs_dir, config, name or _name(path))
        try:
            content = "".join(json.dumps(line, allow_nan=False) + "\n" for line in log.lines)
            (run.path / "metrics.jsonl").write_text(content)
            for text in told:
                run.append_event(0, "import", text)
            nobody = {"pid": None, "pid_started_at": None, "host": None, "device": None}  # Trained it here.
            run.write_status(state="finished", step=step, total_steps=log.total_steps, notes=told, **nobody)
        except BaseException:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
    except OSError as error:
        raise RunError(f"The run could not be written to {runs_dir} ({error.strerror or error}).") from None
    return run


def _name(path: Path) -> str:
    """horse2zebra of checkpoints/horse2zebra/loss_log.txt, where the folder is that of an experiment."""
    folder = path.resolve().parent
    if path.name == LOG_NAME and ((folder / OPTIONS_NAME).exists() or any(folder.glob("*_net_*.pth"))):
        return folder.name
    return path.stem


def _batch_size(log: Path) -> int | None:
    """Pictures in one update, where the options stand beside the log."""
    try:
        with log.with_name(OPTIONS_NAME).open("rb") as file:
            found = _BATCH_SIZE.search(file.read(MAX_OPTIONS_BYTES))
    except OSError:
        return None
    return max(int(found[1]), 1) if found else None

"""What a run folder lets go of while it is trained."""

import shutil

from gan_core.training.records import crowded
from gan_core.training.run_folder import RunFolder


def thin_states(run: RunFolder, keep: int) -> None:
    """Keep the newest two states and, of the others, `keep` of steps that have a snapshot, evenly spread."""
    snapshots = {step for step, _ in run.snapshots()}
    older = run.states()[:-2]
    fitting = [step for step, _ in older if step in snapshots]
    gone = set(crowded(fitting, keep) if keep else fitting)
    for step, path in older:
        if step in gone or step not in snapshots:
            path.unlink(missing_ok=True)


def sweep(run: RunFolder) -> None:
    """Take away what a kill in the middle of a write left, where the trainer alone writes."""
    for name in ("samples", "snapshots", "state"):
        for left in (run.path / name).glob(".*.tmp"):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)

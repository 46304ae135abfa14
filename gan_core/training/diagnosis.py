"""Why a training had to stop, in one sentence: what happened, what is kept, what to do."""

import torch

from gan_core.devices import describe
from gan_core.training.run_folder import RunFolder

OUT_OF_ROOM = (OSError, MemoryError, torch.OutOfMemoryError)


def out_of_room(error: BaseException, step: int, run: RunFolder, device: torch.device) -> str:
    """A disk or a memory that has no room left."""
    if isinstance(error, OSError):
        what, remedy = f"{error.strerror or error}", "Make room, then go on with --resume"
    else:
        what = f"{describe(device)} is out of memory"
        remedy = "Begin a new run with a smaller --batch or a smaller network"
        if run.snapshots():
            remedy = f"Begin a new run with a smaller --batch; --start-from run:{run.id} takes these weights along"
    return f"Training stopped at step {step}: {what}. {_kept(run)}. {remedy}."


def not_finite(what: str, step: int, run: RunFolder) -> str:
    """A loss or a weight that is infinite or not a number."""
    return (
        f"Training stopped at step {step}: {what}. {_kept(run)}. Lower the learning rates (--lr-g, --lr-d), "
        "use --precision float32, or look for pictures that break the data."
    )


def _kept(run: RunFolder) -> str:
    states = run.states()
    return f"The state of step {states[-1][0]} is kept" if states else "No state had been saved yet"

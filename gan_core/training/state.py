"""Everything to resume from, in one file: networks, EMA, optimizers, pools and the step.

Data order and random draws are functions of seed and step (`draws.py`, `data/batches.py`), schedules are functions of
the step: the step is all of them that must be kept.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_core.atomic import write_file
from gan_core.errors import RunError

FORMAT = 1


def save_state(folder: Path, step: int, training: Any, pending: list[Tensor], elapsed_s: float) -> None:
    """Write `<step>.pt` whole into a folder that is there."""
    content = {
        "format": FORMAT,
        "step": step,
        "elapsed_s": elapsed_s,
        "modules": {name: module.state_dict() for name, module in training.modules.items()},
        "optimizers": {name: optimizer.state_dict() for name, optimizer in training.optimizers.items()},
        "extra": training.extra_state(),
        "pending": pending,
        "torch_rng": torch.get_rng_state(),
    }
    write_file(folder / f"{step:06d}.pt", lambda temporary: _write(content, temporary), make_folder=False)


def _write(content: dict[str, Any], path: Path) -> None:
    try:
        with path.open("wb") as file:
            torch.save(content, file)
    except RuntimeError as error:
        # On a full disk torch's own error, which names none, comes after the one of the file.
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__cause__ or cause.__context__
        raise cause or error from None


def load_state(path: Path, training: Any, device: torch.device) -> tuple[int, list[Tensor], float]:
    """Fill the training; gives back (step, pending metrics, elapsed seconds)."""
    try:
        content = torch.load(path, map_location=device, weights_only=True)
        if content["format"] != FORMAT:
            raise RunError(
                f"{path} is of format {content['format']}, this version reads {FORMAT}. Nothing was resumed."
            )
        for name, module in training.modules.items():
            module.load_state_dict(content["modules"][name])
        for name, optimizer in training.optimizers.items():
            optimizer.load_state_dict(content["optimizers"][name])
        training.load_extra_state(content["extra"])
        torch.set_rng_state(content["torch_rng"].cpu())
    except RunError:
        raise
    except Exception as error:  # torch.load raises almost anything on a damaged file.
        raise RunError(
            f"{path} is damaged or does not fit the run ({str(error).splitlines()[0]}). Nothing was resumed."
        ) from None
    return content["step"], list(content["pending"]), content["elapsed_s"]

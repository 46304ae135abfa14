"""What a training costs and is set to, for the lines of metrics.jsonl beside the losses."""

from contextlib import suppress
from typing import Any

import psutil
import torch

MB = 1e6


def meters(training: Any, device: torch.device) -> dict[str, float]:
    """lr_g, lr_d: learning rates of the last step. memory_mb: of this process. gpu_*: of the device, on CUDA."""
    found = {f"lr_{name[0]}": optimizer.param_groups[0]["lr"] for name, optimizer in training.optimizers.items()}
    found["memory_mb"] = round(psutil.Process().memory_info().rss / MB)
    if device.type == "cuda":
        found["gpu_memory_mb"] = round(torch.cuda.max_memory_reserved(device) / MB)
        with suppress(Exception):  # Needs a package of NVIDIA's that not everybody has.
            found["gpu_percent"] = float(torch.cuda.utilization(device))
    return found

"""Devices: which one, and how to compute there. The choices that differ by device stand here, with the reason."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn

from gan_core import spaces
from gan_core.errors import ConfigError


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is CUDA, else MPS, else the CPU. Raises `ConfigError` for a device that is not here."""
    if name == "auto" and spaces.zero_gpu():  # The card is lent for single calls: sliders do not ask for it.
        name = "cpu"
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ValueError):
        raise ConfigError(f"--device {name} is not available here. Use --device auto or --device cpu.") from None
    return device


def describe(device: torch.device) -> str:
    """For people: the card's name, or the number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    counted = "1 thread" if threads == 1 else f"{threads} threads"
    return f"CPU, {counted}" if device.type == "cpu" else device.type.upper()


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """bfloat16 forward passes where asked for; `auto` asks on CUDA alone, since CPUs are five times slower with it."""
    wanted = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, torch.bfloat16) if wanted else nullcontext()


def adam(parameters: Iterable[nn.Parameter], lr: float, betas: tuple[float, float]) -> torch.optim.Adam:
    """Adam in one fused kernel, which every device but MPS has and which is faster on each of them."""
    parameters = list(parameters)
    return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=parameters[0].device.type != "mps")


@contextmanager
def eval_mode(*networks: nn.Module) -> Iterator[None]:
    """Eval mode and inference mode inside the block; each network's own mode is restored after it."""
    modes = [network.training for network in networks]
    try:
        for network in networks:
            network.eval()
        with torch.inference_mode():
            yield
    finally:
        for network, mode in zip(networks, modes, strict=True):
            network.train(mode)


def all_finite(values: Iterable[Tensor]) -> bool:
    """One transfer from the device, however many tensors."""
    flags = [value.isfinite().all() for value in values if value.is_floating_point()]
    return bool(torch.stack(flags).all()) if flags else True

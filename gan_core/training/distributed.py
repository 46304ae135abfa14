"""Several processes on one training: PyTorch's own engine, started by torchrun.

Each process works on its shard of every batch; gradients are averaged, so that all hold the same weights. Rank 0 alone
writes the run folder.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gan_core.draws import Shard
from gan_core.errors import ConfigError, GanCoreError


@contextmanager
def process_group(device: torch.device) -> Iterator[Shard]:
    """This process's shard; joins the group that torchrun describes in the environment, if it does."""
    if dist.is_initialized():
        yield Shard(dist.get_rank(), dist.get_world_size())
        return
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield Shard()
        return
    # Control flags travel over gloo even where gradients use NCCL: they must not wait for the GPU.
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield Shard(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """The GPU that belongs to this process where one machine runs several."""
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device


def from_first(decide: Callable[[], Any]) -> Any:
    """What `decide` gives in the first process, in all of them; where it raises, all raise."""
    if not dist.is_initialized():
        return decide()
    result: list[Any] = [None]
    if dist.get_rank() == 0:
        try:
            result = [decide()]
        except GanCoreError as error:
            result = [error]
    dist.broadcast_object_list(result)
    if isinstance(result[0], GanCoreError):
        raise result[0]
    return result[0]


def check_share(batch: int, shard: Shard) -> None:
    if batch % shard.world:
        raise ConfigError(f"--batch {batch} cannot be shared by {shard.world} processes. Choose a multiple.")


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """The mean of all processes' gradients in place, in one message."""
    if not dist.is_initialized():
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    _average(gradients)


def average_buffers(modules: Iterable[nn.Module]) -> None:
    """Norm statistics see only their process's shard; before saving, all processes take the mean."""
    if dist.is_initialized():
        _average([b for module in modules for b in module.buffers() if b.is_floating_point()])


def _average(tensors: list[Tensor]) -> None:
    if not tensors:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    parts = flat.split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))


def any_process(flag: bool) -> bool:
    """Whether the flag is set in any process: all leave the loop at the same step."""
    if not dist.is_initialized():
        return flag
    shared = torch.tensor([int(flag)])
    dist.all_reduce(shared, dist.ReduceOp.MAX)
    return bool(shared)


def mean_over_processes(values: Tensor) -> Tensor:
    if dist.is_initialized():
        dist.all_reduce(values)
        values /= dist.get_world_size()
    return values

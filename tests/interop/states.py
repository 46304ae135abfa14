"""Weights of a small generator, and files that hold them."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan_core.errors import CheckpointError
from gan_core.interop import recognise
from tests.interop.dcgans import Named, dcgan, trained

State = dict[str, Tensor]


def state_of(seed: int = 0, name: str = "main") -> State:
    return Named(name, trained(dcgan(10, 4, 3, 3), seed)).state_dict()


def saved(path: Path, value: object, *, old: bool = False) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=not old)
    return path


def refused(path: Path, match: str) -> str:
    with pytest.raises(CheckpointError, match=match) as raised:
        recognise(path)
    told = str(raised.value)
    assert told.endswith(".")
    assert "\n" not in told
    return told

"""Runs the command line inside the test's process: exit status, standard output, standard error."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gan_core.cli import main


class Result(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """In an empty folder, with models and runs of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAN_CORE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("GAN_CORE_RUNS", str(tmp_path / "runs"))

    def call(*arguments: object) -> Result:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        return Result(int(left.value.code or 0), *capfd.readouterr())

    return call

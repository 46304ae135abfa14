"""Two processes over gloo do what one does: same run folder, same effective batch."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_core.cli import main
from gan_core.training.run_folder import RunFolder, list_runs
from tests.serving import free_port
from tests.training.tiny import assert_no_torn_file, command, config, lines


def torchrun(arguments: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """`torchrun --standalone --nproc-per-node 2 -m gan_core train ...`; `arguments` begin with python -m gan_core."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    # torchrun takes --run for an abbreviation of its own --run-path.
    ours = ["--run-folder" if part == "--run" else part for part in arguments[1:]]
    return subprocess.run([*launcher, *ours], capture_output=True, text=True, timeout=240, **options)


def together(arguments: list[str], folder: Path) -> tuple[int, str]:
    """What torchrun does, by forks of a process that has torch already; the worse exit status, and what was said."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gan_core.training.loop", "gan_core.cli.train", "torch._dynamo"])
    port = free_port()
    folder.mkdir()
    logs = [folder / f"{rank}.log" for rank in range(2)]
    both = [context.Process(target=one_of_two, args=(rank, port, arguments[3:], logs[rank])) for rank in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
        process.kill()
    return max(process.exitcode or 0 for process in both), "".join(log.read_text() for log in logs)


def one_of_two(rank: int, port: int, arguments: list[str], log: Path) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with log.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    torch.set_num_threads(1)
    main(arguments)


@pytest.mark.slow
def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    """Instance norm and no image pool: nothing depends on how the batch is shared, so that the losses must agree."""
    alike = config("cyclegan", 6, recipe={"pool_size": 0, "discriminator_steps": 1})
    one, two = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "two")
    with pytest.raises(SystemExit):
        main(command(alike, one.path)[3:])
    assert one.status()["state"] == "finished"
    both = torchrun(command(alike, two.path))
    assert both.returncode == 0, both.stderr

    assert two.status()["state"] == "finished"
    assert_no_torn_file(two.path)
    assert {path.name for path in two.path.iterdir()} == {path.name for path in one.path.iterdir()}
    assert [line["step"] for line in lines(two)] == [2, 4, 6], "rank 0 alone writes"
    for ours, theirs in zip(lines(two), lines(one), strict=True):
        assert ours["images"] == theirs["images"] == 2 * ours["step"]
        assert ours == pytest.approx(theirs, rel=1e-3)

    a, b = (torch.load(run.states()[-1][1], weights_only=True)["modules"]["generator_ab"] for run in (one, two))
    # A bias before a norm has no effect and so no gradient: Adam moves it by rounding errors.
    for key in [key for key in a if a[key].ndim > 1]:
        torch.testing.assert_close(b[key], a[key], atol=5e-4, rtol=0)


@pytest.mark.slow
def test_two_processes_resume(tmp_path: Path) -> None:
    """Batch norm is measured by each process on its part; stop and resume all the same change nothing."""
    run, whole = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "whole")
    longer = config("dcgan", 8, recipe={"decay_from": 1.0})
    begun = command(config("dcgan", 4, recipe={"decay_from": 1.0}), run.path)
    parts = (begun, command(longer, run.path, "--resume"), command(longer, whole.path))
    for number, arguments in enumerate(parts):
        status, said = together(arguments, tmp_path / f"part-{number}")
        assert status == 0, said
    assert lines(run) == lines(whole)
    assert json.loads((run.path / "status.json").read_text())["step"] == 8


def test_the_first_process_chooses_the_run_folder(tmp_path: Path) -> None:
    """Without --run, the usual form of torchrun works: all processes agree on one new folder."""
    arguments = command(config("dcgan", 2), tmp_path / "unused")[:-2]
    result = torchrun(arguments, env={**os.environ, "GAN_CORE_RUNS": str(tmp_path / "runs")})
    assert result.returncode == 0, result.stderr
    (run,) = list_runs(tmp_path / "runs")
    assert run.id == "00000-dcgan-shapes"
    assert run.status()["state"] == "finished"


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    odd = config("dcgan", 2, batch=3)
    arguments = [*command(odd, tmp_path / "run"), "--batch", "3"]
    status, said = together(arguments, tmp_path / "logs")
    assert status != 0
    assert "--batch 3 cannot be shared by 2 processes" in said

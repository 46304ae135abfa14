"""Exit statuses, help, and how fast it comes."""

import subprocess
import sys

import pytest

from gan_core import __version__
from gan_core.families import FAMILIES, trainable
from tests.cli.conftest import Run


def test_help_lists_every_command(run: Run) -> None:
    result = run("--help")
    assert result.status == 0
    for command in ("app", "train", "generate", "interpolate", "translate", "models", "runs", "keep"):
        assert f"  {command} " in result.out


def test_version(run: Run) -> None:
    assert run("--version").out.strip() == f"gan-core, version {__version__}"


def test_help_needs_neither_torch_nor_gradio() -> None:
    """What makes it answer within half a second; a time would depend on the machine."""
    code = (
        "import sys\ntry:\n from gan_core.cli import main\n main(sys.argv[1:])\n"
        "except SystemExit: print({'torch', 'gradio', 'numpy', 'rich'} & set(sys.modules))"
    )
    for arguments in (["--help"], ["train", "--help"], ["generate", "--help"]):
        result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
        assert result.stdout.splitlines()[-1] == "set()", result


def test_every_family_that_can_be_trained_has_its_command(run: Run) -> None:
    listed = [line.split()[0] for line in run("train", "--help").out.partition("Commands:")[2].strip().splitlines()]
    assert set(listed) == set(trainable()) < set(FAMILIES)
    for family in trainable().values():
        options = run("train", family.name, "--help").out
        for flag in ("--data", "--steps", "--lr-g", "--generator-features", "--run", "--resume", "--quiet"):
            assert flag in options


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        ([], 2, "Commands:"),
        (["paint"], 2, "No such command 'paint'"),
        (["train", "vae"], 2, "No such command 'vae'"),
        (["train", "dcgan", "--loss", "mse"], 2, "'mse' is not one of"),
        (["generate"], 2, "Name a MODEL"),
        (["generate", "nothing"], 2, "--out FILE"),
        (["generate", "nothing", "--out", "a.png"], 1, "Error: There is no model 'nothing'"),
        (["train", "dcgan"], 1, "Error: --data is missing"),
        (["train", "dcgan", "--data", "shapes", "--size", "65"], 1, "Error: --size is 65"),
        (["train", "dcgan", "--data", "no-such-place"], 1, "Error: --data no-such-place"),
        (["train", "dcgan", "--data", "shapes", "--resume"], 1, "Error: --resume needs --run"),
        (["train", "dcgan", "--data", "shapes", "--device", "cuda:77"], 1, "Error: --device cuda:77"),
    ],
)
def test_what_cannot_work_is_one_sentence(run: Run, arguments: list[str], status: int, text: str) -> None:
    result = run(*arguments)
    assert result.status == status
    assert text in result.err + result.out
    assert "Traceback" not in result.err
    if status == 1:
        assert result.err.count("\n") == 1
    assert run("runs").out.startswith("There are no runs"), "nothing was started"

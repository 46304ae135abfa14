"""README is true: its examples run, its other commands at least exist, its front matter is what a Space needs."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import yaml
from PIL import Image

from gan_core.cli import cli

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
_, FRONT_MATTER, BODY = README.split("---\n", 2)

BLOCK = re.compile(r"^(<!-- tested -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(bool(tested), language, code) for tested, language, code in BLOCK.findall(BODY)]
SHIPPED = re.findall(r"^\| `([a-z0-9-]+)` \|", BODY, re.MULTILINE)
COMMANDS = [
    line
    for _, language, code in BLOCKS
    if language == "bash"
    for line in code.splitlines()
    if line.startswith(("gan-core ", "torchrun "))
]


def examples(language: str) -> list[str]:
    return [code for tested, kind, code in BLOCKS if tested and kind == language]


def run(arguments: list[str], folder: Path) -> None:
    """Run a command where a reader would: the environment active, a photograph at hand, an empty folder."""
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "photo.jpg")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GAN_CORE_")}
    environment = {**kept, "PATH": path, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        arguments,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def skip_without_models(code: str) -> None:
    for name in SHIPPED:
        if name in code and not (ROOT / "pretrained" / name / "config.json").is_file():
            pytest.skip(f"pretrained/{name} is not in this checkout")


@pytest.mark.parametrize("code", examples("bash"), ids=lambda code: code.splitlines()[0][:40])
def test_shell_example_runs(code, tmp_path):
    skip_without_models(code)
    run(["bash", "-euo", "pipefail", "-c", code], tmp_path)
    for promised in re.findall(r"--(?:out|each) (\S+)", code):
        assert (tmp_path / promised).exists(), f"{promised} was promised and is not there"


@pytest.mark.parametrize("code", examples("python"), ids=lambda code: re.findall(r'load\("(.+?)"', code)[0])
def test_python_example_runs(code, tmp_path):
    skip_without_models(code)
    run([sys.executable, "-c", code], tmp_path)
    for promised in re.findall(r'save\("(.+?)"\)', code):
        assert (tmp_path / promised).exists(), f"{promised} was promised and is not there"


@pytest.mark.parametrize("line", COMMANDS)
def test_command_and_its_options_exist(line):
    """Also of the commands that take hours: each option is known, and its value is of the right kind."""
    words = shlex.split(line)
    arguments = words[words.index("gan_core") + 1 :] if words[0] == "torchrun" else words[1:]
    command: click.Command = cli
    while isinstance(command, click.Group):
        if command.invoke_without_command and not arguments:
            break
        if arguments[0] == "--resume":
            arguments.insert(0, "dcgan")  # A run that comes from the Hub knows its own family.
        found = command.get_command(click.Context(command), arguments.pop(0))
        assert found is not None, f"there is no such command: {line}"
        command = found
    command.make_context(str(command.name), arguments)


def test_front_matter_is_that_of_a_space():
    values = yaml.safe_load(FRONT_MATTER)
    needed = {"title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "license"}
    assert needed <= set(values)
    assert values["sdk"] == "gradio"
    assert isinstance(values["python_version"], str), "unquoted, 3.10 would be 3.1"
    assert isinstance(values["sdk_version"], str)
    assert len(values["short_description"]) <= 60
    colors = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {values["colorFrom"], values["colorTo"]} <= colors
    assert (ROOT / values["app_file"]).is_file()


def test_two_commands_come_first():
    """One that opens the application and one that passes the tests; `.ci/run` reads the second one out of README."""
    opens, passes = (code.strip() for _, _, code in BLOCKS[:2])
    assert opens.endswith("python app.py")
    assert passes.endswith("python -m pytest -n 2 --dist loadfile")
    script = (ROOT / ".ci" / "run").read_text()
    (pattern,) = re.findall(r"grep -m 1 -E '(.+?)' README.md", script)
    found = [line for line in README.splitlines() if re.search(pattern, line)]
    assert found == [passes]


def test_files_and_settings_are_those_that_exist():
    headings = {line.strip("# ").lower().replace(" ", "-") for line in BODY.splitlines() if line.startswith("#")}
    for name in re.findall(r"\]\((?!http)([^)]+)\)", BODY):
        if name.startswith("#"):
            assert name[1:] in headings, f"README points to {name}, which is not there"
            continue
        assert (ROOT / name).is_file(), f"README points to {name}, which is not there"
    known = set(re.findall(r"GAN_CORE_\w+", (ROOT / "gan_core" / "settings.py").read_text()))
    assert set(re.findall(r"`(GAN_CORE_\w+)`", BODY)) == known

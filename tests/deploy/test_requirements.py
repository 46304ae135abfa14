"""The pins of a Space's requirements.txt."""

import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from gan_core.deploy import requirements as module
from gan_core.deploy.requirements import NEEDED, requirements
from gan_core.errors import DeployError

ROOT = Path(__file__).resolve().parents[2]


def pins(target: str) -> dict[str, Requirement]:
    lines = [line for line in requirements(target).splitlines() if not line.startswith(("#", "-"))]
    return {one.name: one for one in map(Requirement, lines)}


def declared() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {one.name: one for one in map(Requirement, project["dependencies"])}


def test_names_what_the_project_needs():
    assert set(NEEDED) == set(declared())


@pytest.mark.parametrize("target", ["cpu", "zero-gpu"])
def test_pins_fit_what_the_project_asks_for(target):
    found = pins(target)
    assert set(declared()) <= set(found)
    for name, wanted in declared().items():
        (pin,) = found[name].specifier
        assert pin.operator == "=="
        assert pin.version in wanted.specifier, name
        assert "+" not in pin.version, "a version that only one index has"


def test_cpu_pins_what_is_installed_and_asks_for_pytorchs_cpu_index():
    found = pins("cpu")
    for name in NEEDED:
        assert str(found[name].specifier) == f"=={version(name).partition('+')[0]}"
    assert f"--extra-index-url {module.CPU_INDEX}\n" in requirements("cpu")
    assert "spaces" not in found


def test_zero_gpu_pins_the_torch_that_it_takes():
    found = pins("zero-gpu")
    assert str(found["torch"]) == "torch==2.11.0"
    assert str(found["torchvision"]) == "torchvision==0.26.0"
    assert "spaces" in found
    assert "index-url" not in requirements("zero-gpu"), "the CPU's PyTorch would find no GPU"


def test_signing_in_is_possible_outside_of_spaces_too():
    """The Space's build adds gradio[oauth] itself, in this very version; a bundle in a folder has none to add it."""
    assert str(pins("cpu")["gradio"]) == f"gradio[oauth]=={version('gradio')}"


def test_python_is_the_one_of_the_pins():
    assert module.python_version("cpu") == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert re.fullmatch(r"3\.12\.\d+", module.python_version("zero-gpu"))


@pytest.mark.parametrize("strange", ["2.16.0.dev20261101", "2.16.0a0+git1234", "unknown"])
def test_what_no_registry_has_is_refused(monkeypatch, strange):
    monkeypatch.setattr(module, "version", lambda name: strange if name == "torch" else "1.0")
    with pytest.raises(DeployError, match=re.escape(f"torch {strange} is no release")):
        requirements("cpu")


def test_builds_with_a_label_are_called_by_their_public_version(monkeypatch):
    monkeypatch.setattr(module, "version", lambda name: "2.15.0+cu132" if name == "torch" else "1.0")
    assert "torch==2.15.0\n" in requirements("cpu")

"""Environments for the trial of a bundle: installed from wheels of the test's own, or lent."""

import os
import shutil
import subprocess
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from gan_core.deploy import processes
from gan_core.deploy.environment import make_environment
from gan_core.errors import DeployError


def wheel(folder: Path, name: str, number: str, needs: tuple[str, ...] = ()) -> None:
    info = f"{name}-{number}.dist-info"
    needed = "".join(f"Requires-Dist: {need}\n" for need in needs)
    files = {
        f"{name}.py": f"NUMBER = {number!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n{needed}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{number}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]))


@pytest.fixture
def registry(tmp_path, monkeypatch) -> Path:
    """pip knows these wheels and nothing else."""
    folder = tmp_path / "wheels"
    for name, number in (("gradio", "6.31.0"), ("uvicorn", "0.54.0"), ("spaces", "0.51.0"), ("needed", "1.2")):
        wheel(folder, name, number)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def fresh(tmp_path: Path, text: str, told: list[str]) -> tuple[Path, str]:
    return make_environment(
        tmp_path / "venv",
        text,
        gradio="6.31.0",
        python_version="3.11",
        kind="fresh",
        log=tmp_path / "log",
        tell=told.append,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("registry")
def test_a_fresh_environment_is_installed_and_torch_is_lent(tmp_path):
    told: list[str] = []
    python, kind = fresh(tmp_path, "--extra-index-url http://127.0.0.1:9/cpu\ntorch==2.11.0\nneeded==1.2\n", told)
    code = "import needed, gradio, spaces, torch; print(needed.NUMBER, gradio.__file__, torch.__version__)"
    done = subprocess.run(
        [python, "-c", code], env=processes.clean_environment(tmp_path / "home"), capture_output=True, text=True
    )
    number, where, torch_version = done.stdout.split()
    assert kind == "fresh"
    assert number == "1.2"
    assert Path(where).is_relative_to(tmp_path / "venv"), "gradio of here did not slip in"
    assert torch_version == version("torch") or torch_version.startswith(version("torch").partition("+")[0])
    assert f"torch {version('torch').partition('+')[0]}" in told[-1]
    assert "instead of torch 2.11.0" in told[-1], "what was lent in the place of another version is told"


@pytest.mark.slow
def test_versions_that_cannot_be_had_together_are_told(tmp_path, registry):
    wheel(registry, "other", "1.0", needs=("needed<1",))
    with pytest.raises(DeployError, match=r"requirements\.txt cannot be installed") as caught:
        fresh(tmp_path, "needed==1.2\nother==1.0\n", [])
    assert "other 1.0 depends on needed<1" in str(caught.value)


@pytest.mark.slow
@pytest.mark.usefixtures("registry")
def test_without_a_connection_the_packages_here_are_used_and_that_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    told: list[str] = []
    python, kind = fresh(tmp_path, "click\n", told)
    assert kind == "linked"
    assert "cannot be fetched" in told[-2]
    assert "packages that are installed here" in told[-2]
    code = "import click, gradio"
    subprocess.run([python, "-c", code], env=processes.clean_environment(tmp_path / "home"), check=True)


def test_removing_what_is_lent_leaves_the_lender_alone(tmp_path):
    """The environment holds links: what the check removes at its end are those."""
    import click

    python, _ = make_environment(
        tmp_path / "venv",
        "click\n",
        gradio=version("gradio"),
        python_version="3.11",
        kind="linked",
        log=tmp_path / "log",
        tell=print,
    )
    (lent,) = python.parents[1].glob("lib/*/site-packages/click")
    assert lent.is_symlink()
    assert lent.resolve() == Path(click.__file__).resolve().parent
    shutil.rmtree(tmp_path / "venv")
    assert Path(click.__file__).is_file()

"""The check of a bundle: what works passes, what does not is told with the log's end, and nothing stays behind."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from gan_core.deploy import processes
from gan_core.deploy.bundle import Bundle, build_bundle
from gan_core.deploy.check import check, space_environment, started
from gan_core.deploy.environment import make_environment
from gan_core.deploy.scratch import scratch_folder, sweep
from gan_core.errors import Cancelled, DeployError
from gan_core.settings import Settings
from tests.deploy.tiny import tiny_generator, tiny_translator

TOKEN = "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("tiny")
    models = [tiny_generator(folder / "tiny-dcgan"), tiny_translator(folder / "tiny-cyclegan")]
    return build_bundle(
        folder / "space", target="cpu", models=models, title="Tiny", hub_id="alice/tiny", settings=Settings()
    )


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch) -> Path:
    """Where the check keeps what it needs for a while."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def bundle_of(folder: Path, app: str) -> Bundle:
    """A bundle without models that starts as told."""
    folder.mkdir()
    (folder / "pretrained").mkdir()
    (folder / "app.py").write_text(app)
    (folder / "requirements.txt").write_text("click\n")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    head = f"---\nsdk_version: {version('gradio')}\npython_version: '{python}'\n---\n"
    (folder / "README.md").write_text(head + "\n# A bundle\n")
    return Bundle(folder, "cpu", {})


def seen(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def children() -> set[int]:
    """Processes that this one began, and theirs: a session's browser and application are among them."""
    found = psutil.process_iter(["ppid", "status"])
    alive = {one.pid: one.info["ppid"] for one in found if one.info["status"] != psutil.STATUS_ZOMBIE}
    mine = {os.getpid()}
    while more := {pid for pid, parent in alive.items() if parent in mine} - mine:
        mine |= more
    return mine


@pytest.mark.slow
def test_a_good_bundle_passes_and_nothing_stays(bundle, scratch, tmp_path, monkeypatch):
    """Started as a Space starts it, whatever the variables here say, with each model drawing or painting."""
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / "sitecustomize.py").write_text("raise SystemExit('PYTHONPATH reached the bundle')")
    monkeypatch.setenv("PYTHONPATH", str(trap))
    monkeypatch.setenv("GAN_CORE_MODELS", str(trap))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    before, before_it, told = seen(bundle.folder), children(), []
    verdict = check(bundle, tell=told.append, environment="linked")
    assert verdict == "It works, with the packages that are installed here"
    assert list(dict.fromkeys(told)) == [
        "Nothing was installed for the trial: it uses the packages that are installed here.",
        "Starting the bundle as a Space starts it.",
        "tiny-cyclegan painted a photograph.",
        "tiny-dcgan drew a picture.",
    ]
    assert seen(bundle.folder) == before, "the bundle stays as it was built"
    assert not list(scratch.iterdir())
    assert children() <= before_it


@pytest.mark.slow
def test_a_model_that_draws_nothing_is_named(bundle, tmp_path, scratch):
    broken = tmp_path / "space"
    shutil.copytree(bundle.folder, broken)
    shutil.rmtree(broken / "pretrained" / "tiny-cyclegan")
    shutil.rmtree(broken / "pretrained" / "tiny-dcgan")
    tiny_generator(broken / "pretrained" / "dull", gain=0)
    (broken / "pretrained" / "dull" / "discriminator.safetensors").unlink()
    with pytest.raises(DeployError, match="The picture of dull is one flat colour") as caught:
        check(Bundle(broken, "cpu", {}), tell=print, environment="linked")
    assert "Nothing was uploaded" in str(caught.value)
    assert not list(scratch.iterdir())


def test_what_requirements_does_not_name_is_missing(bundle, tmp_path):
    """The environment lends what is named there and what that needs, and no more."""
    text = (bundle.folder / "requirements.txt").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("safetensors")]
    log = tmp_path / "log"
    python, _ = make_environment(
        tmp_path / "venv",
        "\n".join(lines),
        gradio=version("gradio"),
        python_version="3.11",
        kind="linked",
        log=log,
        tell=print,
    )
    code = "import torch, numpy, gradio, authlib\ntry:\n import safetensors\nexcept ImportError:\n print('missing')"
    done = subprocess.run(
        [python, "-c", code], env=processes.clean_environment(tmp_path / "home"), capture_output=True, text=True
    )
    assert done.stdout == "missing\n", done.stderr
    assert "gan_core" not in {path.name for path in (tmp_path / "venv").rglob("gan_core")}


def test_a_bundle_that_ends_is_told_with_its_last_words(tmp_path, scratch, monkeypatch):
    """Also: none of this process's secrets is there, and none that it prints is repeated."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_TOKEN", "a-secret")
    monkeypatch.setenv("GAN_CORE_RUNS", "somewhere")
    app = (
        "import os, sys\n"
        "print(sorted(name for name in os.environ if 'TOKEN' in name or name.startswith(('GAN_CORE', 'PYTHONPATH'))))\n"
        f"print('It was {TOKEN} all along')\n"
        "sys.exit('No camels here')\n"
    )
    with pytest.raises(DeployError) as caught:
        check(bundle_of(tmp_path / "space", app), tell=print, environment="linked")
    text = str(caught.value)
    assert text.startswith("The bundle ended by itself (status 1). Nothing was uploaded. The last it said:\n")
    assert text.endswith("\n  []\n  It was (secret) all along\n  No camels here")
    assert not list(scratch.iterdir())


def test_the_trial_has_the_space_s_variables(tmp_path):
    """They were set on the Space alone: one that no application could start with was found out there."""
    app = (
        "import os, sys\n"
        "names = 'GAN_CORE_MAX_SIZE SPACE_ID GRADIO_SERVER_NAME GAN_CORE_RUNS HF_HOME SITE'\n"
        "print(*(os.environ.get(name) for name in names.split()), sep='|')\n"
        "sys.exit(4)\n"
    )
    variables = {
        "GAN_CORE_MAX_SIZE": "64",
        "SPACE_ID": "other/space",
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GAN_CORE_RUNS": str(tmp_path / "runs"),
        "HF_HOME": "/data/huggingface",
        "SITE": "https://studio.example/a:b",
    }
    told: list[str] = []
    with pytest.raises(DeployError) as caught:
        check(bundle_of(tmp_path / "space", app), tell=told.append, environment="linked", variables=variables)
    text = str(caught.value)
    assert text.startswith(
        "The bundle ended by itself (status 4) with GAN_CORE_MAX_SIZE, GRADIO_SERVER_NAME, SITE, SPACE_ID. "
    )
    assert text.endswith("\n  64|someone/trial|127.0.0.1|None|None|https://studio.example/a:b")
    places = [line for line in told if "left out" in line]
    assert places == [
        f"{name} was left out of the trial: it names a place on the Space's disk."
        for name in ("GAN_CORE_RUNS", "HF_HOME")
    ]


@pytest.mark.slow
def test_a_variable_that_stops_the_application_is_found_before_the_upload(bundle, scratch):
    with pytest.raises(DeployError) as caught:
        check(bundle, tell=print, environment="linked", variables={"GAN_CORE_MAX_UPLOAD_MB": "many"})
    text = str(caught.value)
    assert "with GAN_CORE_MAX_UPLOAD_MB. Nothing was uploaded." in text
    assert "GAN_CORE_MAX_UPLOAD_MB='many' is not a number above 0" in text
    assert not list(scratch.iterdir())


def test_a_bundle_that_never_answers_is_ended_with_all_it_started(tmp_path, monkeypatch):
    pids = tmp_path / "pids"
    app = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "print('Waiting for a train', flush=True)\n"
        "time.sleep(600)\n"
    )
    monkeypatch.setattr(processes, "STOP_S", 0.5)
    folder = bundle_of(tmp_path / "space", app).folder
    begun = time.monotonic()
    with (
        pytest.raises(DeployError, match="does not answer within 15 s") as caught,
        started(Path(sys.executable), folder, tmp_path / "home", tmp_path / "log", limit_s=15),
    ):
        pass
    assert time.monotonic() - begun < 90
    assert "Waiting for a train" in str(caught.value)
    for pid in map(int, pids.read_text().split()):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_killed_process_leaves_no_trial_behind(tmp_path, scratch):
    """A kill -9 leaves nobody to clean up: the trial ends by itself, and its folder goes with the next deploy."""
    pids = tmp_path / "pids"
    app = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r} + '.new', 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(pids)!r} + '.new', {str(pids)!r})\n"
        "time.sleep(600)\n"
    )
    folder = bundle_of(tmp_path / "space", app).folder
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from gan_core.deploy.check import started\nfrom gan_core.deploy.scratch import scratch_folder\n"
        "place = Path(sys.argv[1])\n"
        "with scratch_folder('check', place / 'scratch') as own:\n"
        "    with started(Path(sys.executable), place / 'space', own / 'home', own / 'log'):\n"
        "        pass\n"
    )
    deploying = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).resolve().parents[2])
    until(pids.is_file)
    assert folder.is_dir()
    left = next(scratch.iterdir())
    old = time.time() - 3600
    os.utime(left, (old, old))
    sweep(scratch)
    assert left.is_dir(), "it is in use"
    deploying.kill()
    deploying.wait()
    for pid in map(int, pids.read_text().split()):
        until(lambda pid=pid: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    os.utime(left, (old, old))
    with scratch_folder("check") as own:
        assert list(scratch.iterdir()) == [own]


def test_a_trial_can_be_cancelled_while_it_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "STOP_S", 0.5)
    folder = bundle_of(tmp_path / "space", "import time\ntime.sleep(600)\n").folder

    def stop() -> None:
        raise Cancelled("Cancelled.")

    begun = time.monotonic()
    with pytest.raises(Cancelled), started(Path(sys.executable), folder, tmp_path, tmp_path / "log", pulse=stop):
        pass
    with pytest.raises(Cancelled):
        processes.finish(
            [sys.executable, "-c", "import time; time.sleep(600)"],
            cwd=tmp_path,
            environment={},
            log=tmp_path / "log",
            limit_s=600,
            pulse=stop,
        )
    assert time.monotonic() - begun < 60


def until(holds) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_variables_are_those_of_a_space(tmp_path, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "mine/own")
    monkeypatch.setenv("HOME", "/home/jane")
    found = space_environment(tmp_path, 7861)
    assert found["SYSTEM"] == "spaces"
    assert found["SPACE_ID"] == "someone/trial"
    assert found["GRADIO_SERVER_PORT"] == "7861"
    assert found["GRADIO_SERVER_NAME"] == "127.0.0.1"
    assert found["HOME"] == str(tmp_path)
    assert found["OAUTH_CLIENT_SECRET"] != space_environment(tmp_path, 7861)["OAUTH_CLIENT_SECRET"]
    allowed = {"PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "LANG", "USERPROFILE", "TMPDIR", "TEMP", "TMP"}
    ours = ("SPACE_", "OAUTH_", "GRADIO_", "OPENID_", "PYTHONUNBUFFERED", "PYTHONPYCACHEPREFIX", "CUDA_")
    others = {name for name in found if not name.startswith(ours)} - allowed
    assert others == {"HOME", "SYSTEM", "ACCELERATOR", "CPU_CORES", "MEMORY"}


def test_words_of_a_log_are_plain(tmp_path):
    log = tmp_path / "log"
    lines = [f"line {number}" for number in range(100)]
    log.write_text("\n".join([*lines, "\x1b[31mred\x07", json.dumps({"token": TOKEN}), "x" * 9999]))
    words = processes.last_words(log).splitlines()
    assert len(words) == processes.TAIL_LINES
    assert words[-3:] == ["  [31mred", '  {"token": "(secret)"}', "  " + "x" * 400]
    assert processes.last_words(tmp_path / "none") == ""

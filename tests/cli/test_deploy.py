"""`gan-core deploy` as people call it, in processes of its own, against a Hub on this machine.

The bundle is real (that of the application, which needs no export); whether it runs is `tests/deploy/test_check.py`'s.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hub.conftest import Process
from tests.hub_server import Account, HubServer

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
SPACE = ("user/studio", "--target", "zero-gpu", "--skip-check")


@pytest.fixture
def environment(hub: HubServer, dcgan_folder: Path, tmp_path: Path) -> dict[str, str]:
    models = str(dcgan_folder.parent)
    return Process.environment(
        hub.endpoint,
        tmp_path / "home",
        GAN_CORE_MODELS=models,
        GAN_CORE_RUNS=str(tmp_path / "runs"),
        HF_TOKEN="hf_user",
    )


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    def run(*arguments: str, **variables: str) -> Done:
        command = [sys.executable, "-m", "gan_core", "deploy", *arguments]
        env = {**environment, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), **variables}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240, check=False)

    return run


def told(done: Done) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_there_and_again(hub: HubServer, run: Run):
    plan = told(run(*SPACE, "--dry-run", "--json"))
    assert plan["dry_run"]
    assert plan["files"]["pretrained/tiny-dcgan/generator.safetensors"] > 1000
    assert plan["bytes"] == sum(plan["files"].values())
    assert hub.store.find("space", "user/studio") is None, "a plan makes nothing"
    first = run(*SPACE)
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"{hub.endpoint}/spaces/user/studio\n"
    assert "Models: tiny-dcgan" in first.stderr
    assert "Space: The Space runs" in first.stderr
    there = hub.repository("user/studio", "space")
    assert {name: there.files[name].size for name in plan["files"]} == plan["files"]
    assert not there.private
    names = "\n".join(there.files)
    assert not any(word in names for word in (".venv", "__pycache__", "runs/", "discriminator", ".git/"))
    again = told(run(*SPACE, "--json"))
    # Somebody may be at work on this very checkout while the test runs: what is sent is what differs, no more.
    assert len(again["files"]) < len(plan["files"]) / 4
    assert "pretrained/tiny-dcgan/generator.safetensors" not in again["files"]
    assert again["made"] is False
    assert again["app"] == "https://user-studio.hf.space"


def test_a_killed_upload_changes_nothing_and_the_next_one_goes_on(
    hub: HubServer, environment: dict[str, str], run: Run
):
    hub.failures.add("PUT", "held")
    command = [sys.executable, "-m", "gan_core", "deploy", *SPACE]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not hub.asked("PUT") and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    hub.failures.let_go()
    assert set(hub.repository("user/studio", "space").files) == {".gitattributes"}
    done = run(*SPACE, "--no-wait")
    assert done.returncode == 0, done.stderr
    assert "deployed.json" in hub.repository("user/studio", "space").files


def test_interrupted_while_it_builds_leaves_the_space_and_says_so(hub: HubServer, environment: dict[str, str]):
    hub.store.create("space", "user/studio", sdk="gradio", hardware="zero-a10g", stages=["BUILDING"])
    command = [sys.executable, "-m", "gan_core", "deploy", *SPACE]
    process = subprocess.Popen(
        command,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # A shell's background is deaf to it.
    )
    end = time.monotonic() + 120
    while (
        not hub.asked("GET /api/spaces/user/studio/runtime")[2:] and process.poll() is None and time.monotonic() < end
    ):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "It stays as it is and is built without us." in errors
    assert "Traceback" not in errors
    assert "deployed.json" in hub.repository("user/studio", "space").files


def test_a_failed_build_shows_its_log_and_no_secret(hub: HubServer, run: Run, tmp_path: Path):
    secret, token = "s3cretS3CRETs3cret", "hf_SECRETsecretSECRET"
    hub.store.accounts[token] = Account("user")
    lines = ["Collecting torch", f"KEY={secret}", f"token {token}", "ERROR: No matching distribution found"]
    hub.store.create("space", "user/studio", sdk="gradio", stages=["BUILDING", "BUILD_ERROR"], logs={"build": lines})
    arguments = (*SPACE, "--secret", "KEY", "--variable", "GAN_CORE_OWNERS=carol")
    done = run(*arguments, HF_TOKEN=token, KEY=secret)
    assert done.returncode == 1
    assert "ERROR: No matching distribution found" in done.stderr
    assert "KEY=[KEY]" in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("Error: user/studio was uploaded, but could not be built")
    there = hub.repository("user/studio", "space")
    assert there.more["secrets"] == {"KEY": secret}
    assert there.more["variables"] == {"GAN_CORE_OWNERS": "carol"}
    hub.failures.add("/commit/", "broken")
    said = [done, run(*arguments, "--json", HF_TOKEN=token, KEY=secret), run(*arguments, "--dry-run", KEY=secret)]
    for word in (secret, token):
        assert not any(word in one.stdout + one.stderr for one in said)
        for path in tmp_path.rglob("*"):
            assert not path.is_file() or word.encode() not in path.read_bytes(), path
        assert not any(word.encode() in hub.store.path(blob.sha256).read_bytes() for blob in there.files.values())


def test_a_persons_file_is_kept_and_named(hub: HubServer, run: Run):
    assert run(*SPACE, "--no-wait").returncode == 0
    there = hub.repository("user/studio", "space")
    there.change({"notes.txt": b"mine", "README.md": b"by hand"})
    refused = run(*SPACE, "--no-wait")
    assert refused.returncode == 1
    assert "README.md" in refused.stderr
    assert "Nothing was overwritten" in refused.stderr
    done = run(*SPACE, "--no-wait", "--force")
    assert done.returncode == 0, done.stderr
    assert "Kept, put there by a person: notes.txt" in done.stderr
    assert there.content("notes.txt") == b"mine"


@pytest.mark.parametrize(
    ("arguments", "variables", "text"),
    [
        (("user/s", "--target", "cpu"), {}, "It can have static or zero-gpu: --target static or --target zero-gpu."),
        (("user/s",), {"HF_TOKEN": "hf_wrong"}, "does not accept this login"),
        (("user/s",), {"HF_TOKEN": ""}, "you are not signed in"),
        (("other/s",), {}, "may not write to other"),
        (("../s",), {}, "is not of the form user/name"),
        (("user/s", "--model", "nobody"), {}, "There is no model 'nobody'"),
        (("user/s", "--secret", "MISSING_KEY"), {}, "the environment has no MISSING_KEY"),
        (("user/s", "--secret", "KEY=hf_abcdefgh"), {}, "takes the name of an environment variable"),
        (("user/s", "--variable", "KEY=hf_abcdefgh"), {}, "everybody can read it there"),
        (("user/s", "--variable", "KEY"), {}, "NAME=VALUE"),
        (("user/s", "--hardware", "t4-small"), {}, "--hardware: a static Space"),
    ],
)
@pytest.mark.usefixtures("hub")
def test_what_cannot_be_is_one_sentence_and_comes_before_the_work(run: Run, arguments, variables, text: str):
    done = run(*arguments, **variables)
    assert done.returncode == 1
    assert text in done.stderr
    assert "Build:" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if not line.startswith(("Models:", "Look:"))]
    assert len(errors) == 1
    assert errors[0].startswith("Error: ")
    assert "hf_abcdefgh" not in done.stderr


@pytest.mark.usefixtures("hub")
def test_without_a_name_it_is_wrong_usage(run: Run):
    assert run().returncode == 2


@pytest.mark.usefixtures("hub")
def test_a_folder_that_needs_nothing_of_this_one(run: Run, tmp_path: Path):
    out = tmp_path / "out"
    done = run("--to-folder", str(out), "--target", "zero-gpu", HF_TOKEN="")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"cd {out} && pip install -r requirements.txt && python app.py"
    assert (out / "app.py").is_file()
    assert (out / "pretrained" / "tiny-dcgan" / "generator.safetensors").is_file()
    full = run("--to-folder", str(out), "--target", "zero-gpu")
    assert full.returncode == 1
    assert "is not empty" in full.stderr


def test_help_names_the_targets_and_is_light(tmp_path: Path):
    code = (
        "import sys\nfrom gan_core.cli import main\ntry:\n    main(['deploy', '--help'])\nfinally:\n"
        "    print('HEAVY', sorted({'torch', 'gradio', 'huggingface_hub'} & set(sys.modules)))"
    )
    root = str(Path(__file__).resolve().parents[2])
    env = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert "static|zero-gpu|cpu" in done.stdout
    assert "HEAVY []" in done.stdout

"""`gan-core hub` as people call it, in processes of its own, against a Hub on this machine."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gan_core.cards import model_card
from gan_core.weights import read_config
from tests.hub.conftest import Process
from tests.hub_server import Account, HubServer

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def models(dcgan_folder: Path) -> Path:
    return dcgan_folder.parent


@pytest.fixture
def run(hub: HubServer, models: Path, tmp_path: Path) -> Run:
    def run(*arguments: str, token: str = "hf_user", folder: Path = models) -> subprocess.CompletedProcess[str]:
        signed_in = {"HF_TOKEN": token} if token else {}
        environment = Process.environment(hub.endpoint, tmp_path / "home", GAN_CORE_MODELS=str(folder), **signed_in)
        command = [sys.executable, "-m", "gan_core", "hub", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)

    return run


def states(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert done.returncode == 0, done.stderr
    return {one["model"]: one["state"] for one in json.loads(done.stdout)}


def test_there_and_back(hub: HubServer, run: Run, models: Path, tmp_path: Path):
    assert states(run("status", "--json")) == {"tiny-dcgan": "only here"}
    plan = run("push", "tiny-dcgan", "--dry-run")
    assert "send generator.safetensors" in plan.stdout
    assert hub.store.find("model", "user/tiny-dcgan") is None, "a plan changes nothing"
    done = run("push", "tiny-dcgan", "--tag", "v1")
    assert done.returncode == 0, done.stderr
    assert "tagged v1" in done.stdout
    assert hub.repository("user/tiny-dcgan").private
    assert states(run("status", "--json")) == {"tiny-dcgan": "in sync"}
    elsewhere = tmp_path / "elsewhere"
    done = run("pull", "user/tiny-dcgan@v1", "--name", "ducks", folder=elsewhere)
    assert done.returncode == 0, done.stderr
    weights = "generator.safetensors"
    assert (elsewhere / "ducks" / weights).read_bytes() == (models / "tiny-dcgan" / weights).read_bytes()


def test_sync_does_what_is_plain_and_names_what_is_not(hub: HubServer, run: Run, models: Path):
    for name in ("ahead", "behind", "both"):
        shutil.copytree(models / "tiny-dcgan", models / name)
        assert run("push", name).returncode == 0
    shutil.rmtree(models / "tiny-dcgan")
    (models / "ahead" / "README.md").write_text("mine")
    hub.repository("user/behind").change({"README.md": b"theirs"})
    (models / "both" / "README.md").write_text("mine")
    hub.repository("user/both").change({"README.md": b"theirs"})
    assert states(run("status", "--json")) == {"ahead": "ahead", "behind": "behind", "both": "diverged"}
    done = run("sync")
    assert done.returncode == 1
    assert "both changed on both sides" in done.stderr
    assert (models / "behind" / "README.md").read_text() == "theirs"
    assert hub.repository("user/ahead").content("README.md") == b"mine"
    assert (models / "both" / "README.md").read_text() == "mine"
    assert run("sync", "--take", "theirs").returncode == 0
    assert states(run("status", "--json")) == {"ahead": "in sync", "behind": "in sync", "both": "in sync"}


@pytest.mark.parametrize("failing", ["GET /api/models/user/b$", "POST /api/models/user/b/commit/"])
def test_a_hub_that_goes_away_leaves_what_is_known_and_done(hub: HubServer, run: Run, models: Path, failing: str):
    """All that had been seen and done before was never told."""
    for name in "abc":
        shutil.copytree(models / "tiny-dcgan", models / name)
    shutil.rmtree(models / "tiny-dcgan")
    assert run("sync", "--new").returncode == 0
    for name in "abc":
        (models / name / "README.md").write_text(f"mine, of {name}")
    hub.failures.add(failing, "down")
    looked = failing.startswith("GET")
    if looked:
        done = run("status", "--json")
        rows = json.loads(done.stdout)
        assert [row["model"] for row in rows] == ["a", "b", "c"]
        assert [row["state"] for row in rows] == ["ahead", None, None]
        assert done.returncode == 1
        assert rows[2]["error"] == "not looked at: the Hub answered 503 (Service Unavailable). Try again later."
        assert done.stderr.startswith("Error: user/b was not looked at: the Hub answered 503")
    done = run("sync")
    assert done.returncode == 1
    table = [line.split() for line in done.stdout.splitlines()[1:]]
    assert [row[0] for row in table] == ["a", "b", "c"]
    assert ["pushed" in row for row in table] == [True, False, False]
    assert [row[-2:] for row in table[1:]] == [["not", "done"]] * 2
    assert done.stderr.splitlines()[0] == "Not done: b, c"
    assert done.stderr.splitlines()[1].startswith("Error: ")
    assert hub.repository("user/a").content("README.md") == b"mine, of a"
    (models / "a" / "README.md").write_text("mine again")
    done = run("sync", "--json")
    assert [row["done"] for row in json.loads(done.stdout)] == ["pushed", "not done", "not done"]
    assert json.loads(done.stdout)[1]["state"] == ("unknown" if looked else "ahead")
    assert done.returncode == 1
    assert hub.repository("user/a").content("README.md") == b"mine again"


@pytest.mark.parametrize(
    ("arguments", "token", "text"),
    [
        (("push", "tiny-dcgan"), "", "you are not signed in"),
        (("push", "tiny-dcgan"), "hf_wrong", "does not accept this login"),
        (("push", "tiny-dcgan", "other/ducks"), "hf_user", "user may not write to other"),
        (("push", "nobody"), "hf_user", "There is no model 'nobody'"),
        (("push", "../x"), "hf_user", "cannot name a model"),
        (("pull", "user/none"), "hf_user", "there is no such model"),
        (("pull", "user/../x"), "hf_user", "is not of the form user/name"),
    ],
)
def test_what_cannot_be_is_one_sentence(hub: HubServer, run: Run, arguments, token: str, text: str):
    hub.store.accounts["hf_other"] = Account("other")
    hub.put("other/ducks", {})
    done = run(*arguments, token=token)
    assert done.returncode == 1
    assert text in done.stderr
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_pickle_is_never_run_and_a_broken_model_changes_nothing(
    hub: HubServer, run: Run, models: Path, tmp_path: Path
):
    attack = b"cposix\nsystem\n(S'touch " + str(tmp_path / "marker").encode() + b"'\ntR."
    hub.put("user/evil", {"pytorch_model.bin": attack, "config.json": b"{}"})
    done = run("pull", "user/evil")
    assert done.returncode == 1
    assert not (tmp_path / "marker").exists()
    assert not (models / "evil").exists()
    assert run("push", "tiny-dcgan").returncode == 0
    hub.repository("user/tiny-dcgan").change({"generator.safetensors": b"not weights"})
    before = (models / "tiny-dcgan" / "generator.safetensors").read_bytes()
    done = run("pull", "user/tiny-dcgan")
    assert done.returncode == 1
    assert "What was here before stays" in done.stderr
    assert (models / "tiny-dcgan" / "generator.safetensors").read_bytes() == before


def test_an_import_is_verified_and_fetches_what_stays_inside_alone(hub: HubServer, run: Run, models: Path):
    """Whatever arrived was imported, however large, and nobody had compared a hash."""
    hub.put("user/other", {"netG.pth": b"w" * 30_000, "../netD.pth": b"x", "a/../../netD.pth": b"x"})
    done = run("pull", "user/other")
    assert done.returncode == 1
    assert "user/other was not imported" in done.stderr
    assert not any("netD" in line for line in hub.requests)
    hub.put("user/flipped", {"netG.pth": b"v" * 30_000})
    stored = hub.store.path(hub.repository("user/flipped").files["netG.pth"].sha256)
    stored.write_bytes(b"v" * 29_999 + b"w")
    done = run("pull", "user/flipped")
    assert "netG.pth arrived damaged twice" in done.stderr
    assert not (models / "flipped").exists()


def test_no_token_in_anything_that_is_said_or_written(hub: HubServer, run: Run, models: Path, tmp_path: Path):
    token = "hf_SECRETsecretSECRET"
    hub.store.accounts[token] = Account("user")
    said = [run("push", "tiny-dcgan", token=token), run("status", token=token), run("pull", "user/none", token=token)]
    hub.failures.add("/commit/", "broken")
    (models / "tiny-dcgan" / "README.md").write_text("new")
    said.append(run("push", "tiny-dcgan", token=token))
    for done in said:
        assert token not in done.stdout + done.stderr
    for path in (*models.rglob("*"), *tmp_path.rglob("*")):
        if path.is_file() and "home" not in path.parts:
            assert token.encode() not in path.read_bytes(), path
    assert not any(token.encode() in body for body in hub.bodies)


def card(folder: Path, steps: int) -> str:
    config = replace(read_config(folder, check_network=False), trained={"steps": steps})
    return model_card(folder.name, config, {})


def test_a_card_on_the_hub_says_how_the_model_is_loaded_from_there(
    hub: HubServer, run: Run, models: Path, tmp_path: Path
):
    """It told strangers to load a name of the author's own machine."""
    here = models / "tiny-dcgan" / "README.md"
    here.write_text(card(here.parent, 11))
    before = here.read_bytes()
    hub.failures.add("PUT|/commit/", "quota")
    assert run("push", "tiny-dcgan").returncode == 1
    hub.failures.rules.clear()
    assert here.read_bytes() == before, "it is nowhere else"
    plan = json.loads(run("push", "tiny-dcgan", "--dry-run", "--json").stdout)
    assert here.read_bytes() == before
    assert run("push", "tiny-dcgan").returncode == 0
    there = hub.repository("user/tiny-dcgan").content("README.md")
    assert b'gan_core.load("hub:user/tiny-dcgan")' in there
    assert b"gan-core generate hub:user/tiny-dcgan --seeds" in there
    assert b"With GAN Studio installed:" in there
    assert plan["files"]["README.md"] == len(there), "as it was told"
    assert here.read_bytes() == there
    elsewhere = tmp_path / "elsewhere"
    assert run("pull", "user/tiny-dcgan", "--name", "ducks", folder=elsewhere).returncode == 0
    assert states(run("status", "--json", folder=elsewhere)) == {"ducks": "in sync"}
    assert states(run("status", "--json")) == {"tiny-dcgan": "in sync"}
    hub.failures.add("/tag/", "broken")
    here.write_text(card(here.parent, 22))
    assert "not tagged" in run("push", "tiny-dcgan", "--tag", "v1").stderr
    assert hub.repository("user/tiny-dcgan").content("README.md") == here.read_bytes(), "it went there before that"
    assert b"hub:user/tiny-dcgan" in here.read_bytes()


def test_a_card_that_was_edited_on_the_hub_is_kept(hub: HubServer, run: Run, models: Path):
    folder = models / "tiny-dcgan"
    (models / "tiny-dcgan" / "README.md").write_text(card(folder, 11))
    assert run("push", "tiny-dcgan").returncode == 0
    theirs = card(folder, 11) + "\nWritten by hand on the Hub.\n"
    hub.repository("user/tiny-dcgan").change({"README.md": theirs.encode()})
    (models / "tiny-dcgan" / "README.md").write_text(card(folder, 22))
    done = run("push", "tiny-dcgan")
    assert done.returncode == 0, done.stderr
    there = hub.repository("user/tiny-dcgan").content("README.md").decode()
    assert "Written by hand on the Hub." in there
    assert "| Steps | 22 |" in there
    assert "| Steps | 11 |" not in there

"""A Space's disk vanishes: what its owner wants kept comes back from the Hub, with the real client over HTTP."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from gan_core.errors import HubError
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder
from gan_core.ui import lasting
from tests.hub.conftest import Process
from tests.hub_server import HubServer
from tests.serving import serve
from tests.training.tiny import config, finished

READY = """
import gan_core.mirror.stage as stage
from gan_core.settings import Settings
from gan_core.ui.lasting import Lasting
stage.DRAW_S = 0.001
now, told = [0.0], []
def begin(models, runs):
    settings = Settings(models_dir=Path(models), runs_dir=Path(runs))
    return Lasting(settings, "user/studio", "hf_user", tell=told.append, clock=lambda: now[0])
"""


@pytest.fixture(scope="module")
def stranger(server: HubServer, tmp_path_factory: pytest.TempPathFactory):
    """A process whose own account may write nothing: all that is kept goes with the token that it is given."""
    process = Process(server.endpoint, tmp_path_factory.mktemp("home"))
    process.run(f"exec({READY!r})")
    yield process
    process.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "00007-dcgan-shapes"
    return finished(folder, config("dcgan", 8, snapshot_steps=4, sample_steps=4)).path


def begin(process: Process, space: Path) -> Any:
    process.run(
        f"globals().update(it=begin({str(space / 'models')!r}, {str(space / 'runs')!r})) or now.__setitem__(0, 0.0)"
    )
    process.run("told.clear()")
    return process.run("it.bring_back()")


def settle(process: Process) -> Any:
    """Two looks: what was written just now is left alone at the first."""
    return process.run("it.keep() + it.keep()")


def test_models_and_runs_come_back_after_the_disk_has_vanished(
    hub: HubServer, stranger: Process, tmp_path: Path, trained: Path, dcgan_folder: Path, cyclegan_folder: Path
) -> None:
    space = tmp_path / "space"
    bundled, brought = space / "models" / "bundled", space / "models" / "tiny-cyclegan"
    shutil.copytree(dcgan_folder, bundled)
    assert begin(stranger, space) == []
    assert settle(stranger) == [], "what the Space's own repository holds is not kept again"

    shutil.copytree(cyclegan_folder, brought)
    shutil.copytree(trained, space / "runs" / trained.name)
    assert stranger.run("it.keep()") == [trained.name]
    assert stranger.run("it.keep()") == ["tiny-cyclegan"]
    assert settle(stranger) == [], "nothing is new"
    kept = ("user/studio.tiny-cyclegan", "user/studio.00007-dcgan-shapes")
    assert all(hub.repository(name).private for name in kept)
    assert stranger.run("told") == []
    painted = (brought / "generator_ab.safetensors").read_bytes()

    (bundled / "directions.json").write_text("[]")
    assert settle(stranger) == ["bundled"], "what the owner changed is"

    shutil.rmtree(space)
    shutil.copytree(dcgan_folder, bundled)
    assert sorted(begin(stranger, space)) == ["00007-dcgan-shapes", "bundled", "tiny-cyclegan"]
    assert (bundled / "directions.json").read_text() == "[]"
    assert (brought / "generator_ab.safetensors").read_bytes() == painted
    back = RunFolder(space / "runs" / trained.name)
    assert back.status()["step"] == 8
    assert back.metrics() == RunFolder(trained).metrics()
    assert (back.path / "state" / "000008.pt").read_bytes() == (trained / "state" / "000008.pt").read_bytes()
    assert begin(stranger, space) == [], "all is there"
    assert settle(stranger) == [trained.name], "it waits to be gone on with now, which is told"
    assert settle(stranger) == []

    shutil.rmtree(space)
    shutil.copytree(dcgan_folder, bundled)
    weights = bundled / "generator.safetensors"
    weights.write_bytes((cyclegan_folder / "generator_ab.safetensors").read_bytes())
    assert "bundled" not in begin(stranger, space), "a newer deployment's weights stay"
    files = [path for path in space.rglob("*") if path.is_file()]
    assert not any(b"hf_user" in path.read_bytes() for path in files), "no token is written"


def test_nothing_of_another_prefix_comes_back(
    hub: HubServer, stranger: Process, tmp_path: Path, dcgan_folder: Path
) -> None:
    """studio-b's models came back to studio as b-NAME, and what studio kept as b-NAME went over them."""
    files = {path.name: path.read_bytes() for path in dcgan_folder.iterdir() if path.is_file()}
    for name in ("studio.ducks", "studio-b.geese", "studio-b-swans", "studio", "studio2.owls"):
        hub.put(f"user/{name}", files, private=True)
    assert begin(stranger, tmp_path / "space") == ["ducks"]
    shutil.copytree(dcgan_folder, tmp_path / "space" / "models" / "b-geese")
    assert settle(stranger) == ["b-geese"]
    assert hub.repository("user/studio.b-geese").private
    assert len(hub.repository("user/studio-b.geese").commits) == 2, "the first one, and the one above"


def test_a_hub_that_is_down_is_told_once_and_tried_again(
    hub: HubServer, stranger: Process, tmp_path: Path, dcgan_folder: Path
) -> None:
    space = tmp_path / "space"
    (space / "models").mkdir(parents=True)
    begin(stranger, space)
    shutil.copytree(dcgan_folder, space / "models" / "tiny-dcgan")
    hub.failures.add("", "down")
    assert settle(stranger) == []
    assert stranger.run("now.__setitem__(0, 200.0) or it.keep()") == []
    told = stranger.run("told")
    assert len(told) == 1, told
    assert "It is tried again." in told[0]
    assert "hf_user" not in told[0]
    hub.reset()
    assert stranger.run("it.keep()") == [], "not at once"
    assert stranger.run("now.__setitem__(0, 5000.0) or it.keep()") == ["tiny-dcgan"]
    assert hub.repository("user/studio.tiny-dcgan").private


def test_a_hub_that_is_down_at_the_start_brings_back_what_was_kept_later(
    hub: HubServer, stranger: Process, tmp_path: Path, dcgan_folder: Path, cyclegan_folder: Path
) -> None:
    """It was asked once, and what was kept stayed away until the next restart."""
    space = tmp_path / "space"
    shutil.copytree(dcgan_folder, space / "models" / "brought")
    begin(stranger, tmp_path / "before")
    stranger.run(f"globals().update(it=begin({str(space / 'models')!r}, {str(space / 'runs')!r}))")
    assert settle(stranger) == ["brought"], "it was never asked what was kept: everything is new"
    shutil.rmtree(space)

    hub.failures.add("GET /api/models", "broken")
    assert begin(stranger, space) == []
    assert stranger.run("it.bring_back()") == []
    assert len(stranger.run("told")) == 1, "told once"
    hub.failures.rules.clear()
    shutil.copytree(cyclegan_folder, space / "models" / "new")  # A visitor brought it meanwhile.
    assert stranger.run("it.bring_back()") == ["brought"]
    assert (space / "models" / "brought" / "config.json").is_file()
    assert settle(stranger) == ["new"], "what came meanwhile is kept, what came back is there"


def test_one_that_is_refused_stops_no_other(
    hub: HubServer, stranger: Process, tmp_path: Path, trained: Path, dcgan_folder: Path
) -> None:
    """Somebody changed the first one's repository: no model after it and no run was ever kept again."""
    space = tmp_path / "space"
    (space / "models").mkdir(parents=True)
    begin(stranger, space)
    for name in ("a", "b"):
        shutil.copytree(dcgan_folder, space / "models" / name)
    hub.put("user/studio.a", {"config.json": b"theirs"}, private=True)
    shutil.copytree(trained, space / "runs" / trained.name)
    assert settle(stranger) == [trained.name, "b"]
    assert settle(stranger) == []
    (told,) = stranger.run("told")
    assert "a was not pushed to user/studio.a" in told
    hub.put("user/studio.a", {"more.txt": b"x"})
    hub.repository("user/studio.a").change({"config.json": None})
    assert stranger.run("it.keep()") == [], "not at once"
    assert stranger.run("now.__setitem__(0, 700.0) or it.keep()") == ["a"]
    assert len(stranger.run("told")) == 1


def test_nothing_is_kept_unless_the_owner_says_so(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv(lasting.SECRET, "hf_x")
    assert lasting.begin(Settings(keep_on_hub="")) is None
    assert lasting.SECRET not in os.environ, "trainings do not inherit it"
    assert lasting.begin(Settings(keep_on_hub="alice/studio")) is None
    assert lasting.SECRET in capsys.readouterr().out
    monkeypatch.setenv(lasting.SECRET, "hf_x")
    assert lasting.begin(Settings(keep_on_hub="not a name")) is None
    assert "user/name" in capsys.readouterr().out
    for home in ("../x", "user/my.studio", "user"):
        with pytest.raises(HubError):
            lasting.Lasting(Settings(), home, "hf_x")


def test_an_application_keeps_what_was_brought_to_it(
    hub: HubServer, tmp_path: Path, dcgan_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real application: at its start it fetches what was kept, and no answer of it tells the token."""
    environment = Process.environment(hub.endpoint, tmp_path / "home")
    client = Process(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    client.run("exec('from gan_core.settings import Settings; from gan_core.sync import push_model')")
    models = f"Settings(models_dir=Path({str(dcgan_folder.parent)!r}))"
    client.run(f"push_model('tiny-dcgan', Address('user/studio.tiny-dcgan'), {models}).commit")
    client.close()
    hub_only = {name: value for name, value in environment.items() if name.startswith("HF_")}
    keeping = {"GAN_CORE_KEEP_ON_HUB": "user/studio", lasting.SECRET: "hf_user"}
    for name in [name for name in os.environ if name.startswith("HF_TOKEN")]:
        monkeypatch.delenv(name)
    (tmp_path / "empty").mkdir()
    with serve(
        tmp_path / "app", runs=tmp_path / "runs", models=tmp_path / "empty", SYSTEM="spaces", **hub_only, **keeping
    ) as app:
        end = time.monotonic() + 60
        while not (tmp_path / "empty" / "tiny-dcgan").exists():
            assert time.monotonic() < end, app.log()
            time.sleep(0.1)
        end = time.monotonic() + 60
        while "Back from the Hub: tiny-dcgan." not in app.log():
            assert time.monotonic() < end, app.log()
            time.sleep(0.1)
        assert "hf_user" not in app.log()
        assert app.call("explore", "open", {"model": "tiny-dcgan"})["model"]["value"] == "tiny-dcgan"

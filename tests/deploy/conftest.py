"""The real client in a process of its own, with what a deploy needs, against a Hub on this machine."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.conftest import Process
from tests.hub_server import HubServer, hub_server

Send = Callable[..., Any]

CODE = """
import gan_core.deploy.watch as watching
from gan_core.deploy.account import holder, targets_for
from gan_core.deploy.bundle import Bundle
from gan_core.deploy.look import look
from gan_core.deploy.space import Options, deploy, ready
from gan_core.deploy.watch import watch
watching.POLL_S = 0.02
told = []
def bundle(folder, target="static"):
    folder = Path(folder)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return Bundle(folder, target, {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths})
def sent(folder, name="user/page", target="static", **options):
    told.clear()
    done = deploy(bundle(folder, target), Address.parse(name), Options(**options), tell=told.append)
    plan = done.plan
    return {"send": sorted(plan.send), "delete": list(plan.delete), "kept": list(plan.kept), "commit": done.commit,
            "made": done.made, "url": done.url, "told": list(told)}
def watched(name="user/page", commit="", fresh=True, **options):
    told.clear()
    options = {"poll_s": 0.02, **options}
    try:
        done = watch(Address.parse(name), commit, fresh=fresh, tell=told.append, **options)
        return {"url": done.url, "told": list(told)}
    except watching.SpaceError as error:
        return {"failed": str(error), "reason": error.reason, "log": list(error.log), "told": list(told)}
"""


@pytest.fixture(scope="session", autouse=True)
def _data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Exports are kept in a folder of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_CORE_DATA", str(tmp_path_factory.mktemp("data")))
        yield


def prepared(process: Process) -> Process:
    process.run(f"exec({CODE!r}, globals())")
    return process


def space(hub: HubServer) -> Any:
    return hub.repository("user/page", "space")


@pytest.fixture(scope="package")
def server() -> Iterator[HubServer]:
    """One for all of these tests: `hub` empties it before each."""
    with hub_server() as running:
        yield running


@pytest.fixture(scope="package")
def client(server: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Signed in as "user", a free account."""
    process = prepared(Process(server.endpoint, tmp_path_factory.mktemp("home"), HF_TOKEN="hf_user"))
    yield process
    process.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What stands for a bundle: a page, a script in a folder, and weights that go by LFS."""
    made = tmp_path / "bundle"
    (made / "models").mkdir(parents=True)
    (made / "README.md").write_text("---\nsdk: static\n---\n")
    (made / "index.html").write_text("<p>page</p>")
    (made / "models" / "one.onnx").write_bytes(bytes(range(256)) * 40)
    return made


@pytest.fixture
def send(client: Process, folder: Path) -> Send:
    """Deploy the folder: what moved, or {"error", "reason"}."""

    def call(name: str = "user/page", **options: Any) -> Any:
        return client.run(f"sent({str(folder)!r}, {name!r}, **{options!r})")

    return call

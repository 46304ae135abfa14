"""The folder of the page without a server: what is in it, what its networks draw, and where its engine is from."""

import hashlib
import io
import json
import os
import re
import stat
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.config import ModelConfig
from gan_core.deploy import static_runtime
from gan_core.deploy.static import write_generator, write_static, write_worker
from gan_core.errors import DeployError, ModelError
from gan_core.library import load
from gan_core.models import dcgan
from gan_core.recipe import Recipe
from gan_core.weights import network_json, save
from tests.conftest import TINY_CONDITIONAL
from tests.deploy.tiny import louder, tiny_generator, tiny_translator

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    pytest.importorskip("onnxscript", reason="the extra [onnx] is not installed")
    place = tmp_path_factory.mktemp("models")
    torch.manual_seed(2)
    networks = dcgan.build(TINY_CONDITIONAL)
    louder(networks["generator"], 6)
    config = ModelConfig(family="dcgan", network=network_json(TINY_CONDITIONAL), classes=["ant", "bee", "cat"])
    save(place / "tiny-classes", config, networks, half=True)
    return [tiny_generator(place / "tiny-dcgan"), place / "tiny-classes", tiny_translator(place / "tiny-cyclegan")]


@pytest.fixture(scope="module")
def site(folders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    write_static(out, folders, title="Tiny <pictures>", hub_id="alice/tiny")
    return out


def test_the_folder_holds_all_that_a_page_needs(site: Path, folders: list[Path]) -> None:
    names = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert {"index.html", "page.js", "page.css", "engine.js", "engine-worker.js", "sw.js", "serve.py"} <= names
    assert {"components/explore.js", "components/interpolate.js", "components/paint.js", "ort/where.json"} <= names
    for folder in folders:
        assert f"models/{folder.name}/model.json" in names
    assert not [name for name in names if name.endswith((".safetensors", ".pyc"))]
    assert "Tiny &lt;pictures&gt;" in (site / "index.html").read_text()
    # What a module asks for is there.
    for path in site.glob("*.js"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("import ") and ' from "./' in line:
                assert line.split(' from "./')[1].removesuffix('";') in names, f"{path.name}: {line}"
        workers = re.findall(r'new Worker\(new URL\("([^"]+)"', path.read_text(encoding="utf-8"))
        assert set(workers) <= names, f"{path.name}: {workers}"


def test_the_service_worker_knows_every_file(site: Path) -> None:
    head = (site / "sw.js").read_text(encoding="utf-8").partition(";\n\n")[0]
    bundle = json.loads(head.removeprefix("const BUNDLE = "))
    there = {path.relative_to(site).as_posix(): path for path in site.rglob("*") if path.is_file()}
    assert set(bundle["files"]) == set(there) - {"sw.js", "serve.py"}
    for name, (size, mark) in bundle["files"].items():
        content = there[name].read_bytes()
        assert size == len(content)
        assert mark == (hashlib.sha256(content).hexdigest()[:8] if name.endswith((".onnx", ".wasm")) else None)


def test_the_version_follows_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "page.js").write_text("1")
    write_worker(tmp_path)
    first = (tmp_path / "sw.js").read_bytes()
    write_worker(tmp_path)
    assert (tmp_path / "sw.js").read_bytes() == first  # The same things, the same bytes: nothing to send anew.
    (tmp_path / "page.js").write_text("2")
    write_worker(tmp_path)
    assert (tmp_path / "sw.js").read_bytes() != first


@pytest.mark.parametrize("name", ["tiny-dcgan", "tiny-classes"])
def test_its_network_draws_what_ours_draws(site: Path, folders: list[Path], name: str) -> None:
    import onnxruntime

    model = load(next(folder for folder in folders if folder.name == name))
    about = json.loads((site / "models" / name / "model.json").read_text())
    content = (site / "models" / name / about["onnx"]["file"]).read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (about["onnx"]["bytes"], about["onnx"]["sha256"])
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for seed in (0, 555, 2**63 - 1):
        recipe = model.recipe(seed=seed, truncation=0.9)
        feeds = {"z": model.latent(recipe)[None].numpy()}
        if about["classes"]:
            feeds["classes"] = model.recipe_classes(recipe)[None].numpy()
        (x,) = session.run(None, feeds)
        levels = np.rint((x[0] + 1) * 127.5).clip(0, 255).transpose(1, 2, 0)
        expected = np.asarray(model.picture(recipe)).astype(int)
        assert expected.std() > 3
        assert np.abs(levels - expected).max() <= 1


def test_model_json_tells_what_a_recipe_needs(site: Path, folders: list[Path]) -> None:
    model = load(folders[1])
    about = json.loads((site / "models" / "tiny-classes" / "model.json").read_text())
    assert (about["format"], about["kind"], about["size"], about["channels"]) == (1, "generator", 16, 3)
    assert (about["latent_dim"], about["classes"]) == (8, ["ant", "bee", "cat"])
    assert about["sha256"] == model.sha256
    assert [one["id"] for one in about["directions"]] == [one.id for one in model.directions()]
    assert about["directions"][0]["vector"] == list(model.directions()[0].vector)
    with Image.open(site / "models" / "tiny-classes" / about["first"]["file"]) as first:
        assert np.array_equal(np.asarray(first), np.asarray(model.picture(Recipe(seed=555))))


def test_weights_keep_the_precision_that_they_have(folders: list[Path], tmp_path: Path) -> None:
    """Half the bytes for a model that is stored in half precision; the whole for one that is not."""
    whole = write_generator(tmp_path, folders[0])["onnx"]["bytes"]
    half = write_generator(tmp_path, folders[1])["onnx"]["bytes"]
    assert half < 0.75 * whole


def test_without_a_model_or_with_a_damaged_one_nothing_is_shown(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="without a model"):
        write_static(tmp_path, [], title="None")
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "config.json").write_bytes((folders[0] / "config.json").read_bytes())
    (damaged / "generator.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="damaged"):
        write_generator(tmp_path / "out", damaged)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ModelError, match="is no generator"):
        write_generator(tmp_path / "out", folders[2])


# The engine.


def test_without_npm_the_page_takes_it_pinned_from_a_public_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    laid = static_runtime.write_runtime(tmp_path / "site", tell=told.append, cache=tmp_path / "cache")
    assert laid.later == ()
    assert len(laid.elsewhere) == 3
    assert "npm is not here" in told[0]
    where = json.loads((tmp_path / "site" / "ort" / "where.json").read_text())
    assert where["where"] == "cdn"
    for build in ("wasm", "webgpu"):
        for file in where[build].values():
            assert file["url"].startswith("https://")
            assert f"@{static_runtime.VERSION}/" in file["url"]
            assert file["integrity"].startswith("sha384-")
    assert [path.name for path in (tmp_path / "site" / "ort").iterdir()] == ["where.json"]


def npm(folder: Path, content: bytes) -> None:
    """A program of that name, which packs what it likes."""
    (folder / "packed.tgz").write_bytes(content)
    name = f"{static_runtime.PACKAGE}-{static_runtime.VERSION}.tgz"
    program = folder / "npm"
    program.write_text(f'#!/bin/sh\nfor last; do :; done\n/bin/cp "{folder}/packed.tgz" "$last/{name}"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_another_package_than_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path, archive({"package/dist/ort.wasm.min.mjs": b"alert(1)"}))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    with pytest.raises(DeployError, match="its hash is another"):
        static_runtime.write_runtime(tmp_path / "site", tell=lambda _: None, cache=tmp_path / "cache")
    assert not (tmp_path / "site").exists()
    assert not list((tmp_path / "cache").iterdir())


def test_a_file_that_is_not_what_was_pinned_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "package.tgz"
    path.write_bytes(archive({"package/dist/ort.wasm.min.mjs": b"alert(1)"}))
    with pytest.raises(DeployError, match="not what was pinned"):
        static_runtime.unpacked(path, [static_runtime.BUILDS["wasm"]["main"]])


def test_npm_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "npm"
    program.write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    told: list[str] = []
    assert static_runtime.fetched(tmp_path / "cache", told.append) is None
    assert "no network" in told[-1]


def test_no_file_of_others_is_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no checkout of git")
    names = listed.stdout.split() + [f"assets/static/{path.name}" for path in (ROOT / "assets" / "static").iterdir()]
    assert not [name for name in names if name.endswith((".wasm", ".min.js", ".mjs.map", ".onnx", ".min.mjs", ".tgz"))]
    for path in (ROOT / "assets").rglob("*.js"):
        assert path.stat().st_size < 40_000, f"{path} is too large to be plain and ours"

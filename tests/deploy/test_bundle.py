"""What goes into a Space's folder, and above all what does not."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from gan_core.deploy import sources
from gan_core.deploy.browser import find_browser
from gan_core.deploy.bundle import Bundle, build_bundle
from gan_core.deploy.check import check
from gan_core.errors import ConfigError, DeployError, ModelError
from gan_core.hub.compare import write_meeting
from gan_core.settings import Settings
from tests.deploy.tiny import tiny_generator, tiny_translator

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567"
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [tiny_generator(folder / "tiny-dcgan"), tiny_translator(folder / "tiny-cyclegan")]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, models: list[Path]) -> Bundle:
    """For the CPU, of both models; only looked at."""
    return build(tmp_path_factory.mktemp("spaces") / "space", models)


def build(out: Path, models: list[Path], target: str = "cpu", **more) -> Bundle:
    given = {"title": "My GANs", "hub_id": "alice/gans", "settings": Settings(), **more}
    return build_bundle(out, target=target, models=models, **given)


def head(bundle: Bundle) -> dict:
    text = (bundle.folder / "README.md").read_text()
    assert text.startswith("---\n")
    return yaml.safe_load(text.split("---\n")[1])


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_holds_what_a_space_needs(bundle):
    tops = {name.partition("/")[0] for name in bundle.files}
    assert tops == {"README.md", "LICENSE", "app.py", "requirements.txt", "gan_core", "assets", "pretrained"}
    assert bundle.files == {
        path.relative_to(bundle.folder).as_posix(): path.stat().st_size
        for path in bundle.folder.rglob("*")
        if path.is_file()
    }
    carried = {name for name in bundle.files if name.startswith("pretrained/")}
    assert carried == {
        "pretrained/tiny-dcgan/config.json",
        "pretrained/tiny-dcgan/generator.safetensors",
        "pretrained/tiny-dcgan/metrics.json",
        "pretrained/tiny-dcgan/README.md",
        "pretrained/tiny-cyclegan/config.json",
        "pretrained/tiny-cyclegan/generator_ab.safetensors",
        "pretrained/tiny-cyclegan/generator_ba.safetensors",
    }
    # All of the program, and of the assets all that the page could ask for.
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "gan_core").rglob("*.py")}
    assert {name for name in bundle.files if name.startswith("gan_core/")} == modules
    kinds = {Path(name).suffix for name in bundle.files if name.startswith("assets/")}
    assert {".js", ".css", ".html"} <= kinds <= sources.ASSETS


def test_discriminators_go_along_when_asked(tmp_path, models):
    bundle = build(tmp_path / "space", models[:1], discriminators=True)
    assert "pretrained/tiny-dcgan/discriminator.safetensors" in bundle.files


@pytest.mark.parametrize("target", ["cpu", "zero-gpu"])
def test_same_things_give_the_same_bytes(tmp_path, models, bundle, target):
    """So that a second deployment of the same moves nothing."""
    one = bundle if target == "cpu" else build(tmp_path / "one", models, target)
    for folder in models:  # Older or newer files with the same content.
        os.utime(folder / "config.json", (1, 1))
    other = build(tmp_path / "other", list(reversed(models)), target)
    assert hashes(one.folder) == hashes(other.folder)


@pytest.mark.parametrize("target", ["cpu", "zero-gpu"])
def test_front_matter_is_what_spaces_takes(tmp_path, models, bundle, target):
    one = bundle if target == "cpu" else build(tmp_path / "space", models, target)
    told = head(one)
    assert told["title"] == "My GANs"
    assert told["sdk"] == "gradio"
    assert told["sdk_version"] == version("gradio")
    assert told["app_file"] == "app.py"
    assert isinstance(told["python_version"], str), "an unquoted 3.10 would be 3.1"
    assert told["python_version"] == ("3.12.12" if target == "zero-gpu" else "{}.{}".format(*sys.version_info))
    assert {told["colorFrom"], told["colorTo"]} <= COLOURS
    assert len(told["short_description"]) <= 60
    assert told["hf_oauth"] is True
    assert told["license"] == "apache-2.0"
    assert told["suggested_hardware"] == ("zero-a10g" if target == "zero-gpu" else "cpu-basic")
    assert {"gan", "dcgan", "cyclegan", "gan-core"} <= set(told["tags"])
    assert "models" not in told, "not on the Hub, as far as anybody knows"
    # The client's own reading of it, which the Hub's validation follows.
    from huggingface_hub import SpaceCard

    assert SpaceCard.load(one.folder / "README.md", ignore_metadata_errors=False).data.sdk == "gradio"


def test_models_known_on_the_hub_are_named(tmp_path):
    folder = tiny_generator(tmp_path / "models" / "tiny-dcgan")
    write_meeting(folder, "alice/tiny", "0" * 40, {})
    bundle = build(tmp_path / "space", [folder])
    assert head(bundle)["models"] == ["alice/tiny"]
    assert "https://huggingface.co/alice/tiny" in (bundle.folder / "README.md").read_text()
    assert not [name for name in bundle.files if ".hub.json" in name]


def test_nothing_private_gets_in(tmp_path, monkeypatch):
    """From a checkout with everything lying about that a person has: none of it is in the bundle, under no name."""
    checkout = tmp_path / "checkout"
    for name in ("gan_core", "assets"):
        shutil.copytree(ROOT / name, checkout / name)
    for name in ("app.py", "LICENSE"):
        shutil.copyfile(ROOT / name, checkout / name)
    secret = tmp_path / "elsewhere" / "diary.txt"
    secret.parent.mkdir()
    secret.write_text("private")
    (secret.parent / "code.py").write_text("private")
    model = tiny_generator(checkout / "pretrained" / "tiny-dcgan")
    private = [
        *(".env", ".git/config", ".venv/lib/torch.py", "runs/00001-dcgan/config.json", "token", "notes.md"),
        *("gan_core/.env", "gan_core/__pycache__/app.py", "gan_core/.hidden/module.py", "gan_core/key.pem"),
        *("gan_core/models/weights.safetensors", "assets/.token.js", "assets/photo.webp", "assets/uploads/me.jpg"),
        *("pretrained/tiny-dcgan/me.jpg", "pretrained/tiny-dcgan/notes.md", "pretrained/tiny-dcgan/state/rng.json"),
        *("pretrained/tiny-dcgan/.hub.json", "pretrained/another/config.json", "gradio_cached/upload.png"),
    ]
    for name in private:
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("private")
    (checkout / "gan_core" / "linked.py").symlink_to(secret.parent / "code.py")
    (checkout / "gan_core" / "linked").symlink_to(secret.parent)
    (checkout / "assets" / "linked.js").symlink_to(secret)
    (model / "preview.webp").symlink_to(secret)
    (model / "directions.json").symlink_to(secret)
    monkeypatch.setattr(sources, "BESIDE", checkout)
    monkeypatch.setattr(sources, "PACKAGE", checkout / "gan_core")
    told: list[str] = []
    bundle = build(tmp_path / "space", [model], tell=told.append)
    assert not [name for name in bundle.files if (bundle.folder / name).read_bytes() == b"private"]
    assert not {name for name in bundle.files if name in private or "linked" in name}
    assert not [path for path in bundle.folder.rglob("*") if path.is_symlink()]
    assert sum("stays here" in line for line in told) == 2, "links of the model that lead out are told"


def test_weights_behind_a_link_that_leads_out_are_refused(tmp_path):
    model = tiny_generator(tmp_path / "models" / "tiny-dcgan")
    weights = model / "generator.safetensors"
    weights.rename(tmp_path / "elsewhere.safetensors")
    weights.symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(DeployError, match="leads out of the model's folder"):
        build(tmp_path / "space", [model])
    assert not (tmp_path / "space").exists()


def test_a_copy_in_the_clients_cache_is_called_as_its_repository(tmp_path):
    """Its files are links into a store beside it, and its folder is named by a commit."""
    made = tiny_generator(tmp_path / "made")
    home = tmp_path / "cache" / "models--alice--Tiny"
    folder = home / "snapshots" / ("a" * 40)
    folder.mkdir(parents=True)
    (home / "blobs").mkdir()
    for path in made.iterdir():
        path.rename(home / "blobs" / path.name)
        (folder / path.name).symlink_to(f"../../blobs/{path.name}")
    bundle = build(tmp_path / "space", [folder])
    assert "pretrained/tiny/generator.safetensors" in bundle.files
    assert head(bundle)["models"] == ["alice/Tiny"]


def test_a_snapshot_is_called_as_its_run(tmp_path):
    folder = tiny_generator(tmp_path / "runs" / "00012-dcgan-nouns" / "snapshots" / "000400")
    bundle = build(tmp_path / "space", [folder])
    assert "pretrained/00012-dcgan-nouns/config.json" in bundle.files


SECRETS = {
    "a Hugging Face token": TOKEN,
    "a private key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "a GitHub token": "ghp_" + "a1" * 18,
    "an AWS key": "AKIA" + "ABCDEFGH23456789",
}


@pytest.mark.parametrize("what", SECRETS)
@pytest.mark.parametrize("place", ["README.md", "config.json"])
def test_a_secret_in_any_text_is_refused(tmp_path, what, place):
    model = tiny_generator(tmp_path / "models" / "tiny-dcgan")
    if place == "config.json":
        config = json.loads((model / place).read_text())
        config["trained"]["command"] = f"gan-core train --token {SECRETS[what]}"
        (model / place).write_text(json.dumps(config))
    else:
        (model / place).write_text(f"# Mine\n\n{SECRETS[what]}\n")
    with pytest.raises(DeployError, match=f"pretrained/tiny-dcgan/{place} holds {what}") as caught:
        build(tmp_path / "space", [model])
    assert SECRETS[what] not in str(caught.value)
    assert not (tmp_path / "space").exists()


def test_a_secret_in_the_weights_head_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    model = tiny_generator(tmp_path / "models" / "tiny-dcgan")
    weights = model / "generator.safetensors"
    save_file(load_file(weights), weights, metadata={"made_with": TOKEN})
    with pytest.raises(DeployError, match=r"generator\.safetensors holds a Hugging Face token"):
        build(tmp_path / "space", [model])


def test_the_own_token_is_refused_whatever_it_looks_like(tmp_path, monkeypatch):
    model = tiny_generator(tmp_path / "models" / "tiny-dcgan")
    (model / "README.md").write_text("It is api-Zx81-quite-unusual.\n")
    build(tmp_path / "first", [model])
    monkeypatch.setenv("HF_TOKEN", "api-Zx81-quite-unusual")
    with pytest.raises(DeployError, match="holds what HF_TOKEN holds"):
        build(tmp_path / "space", [model])


def test_a_folder_of_ones_own_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/jane")
    model = tiny_generator(tmp_path / "models" / "tiny-dcgan")
    (model / "README.md").write_text("Trained on /home/jane/pictures.\n")
    told: list[str] = []
    build(tmp_path / "space", [model], tell=told.append)
    assert told == [
        "pretrained/tiny-dcgan/README.md names a folder of yours (/home/jane/...), and everybody will see it."
    ]


def test_what_cannot_be_built_leaves_nothing(tmp_path, models):
    with pytest.raises(DeployError, match="shows nothing"):
        build(tmp_path / "space", [])
    with pytest.raises(ConfigError, match="--title is"):
        build(tmp_path / "space", models, title="one\ntwo")
    with pytest.raises(ConfigError, match="--target is 'gpu'"):
        build(tmp_path / "space", models, "gpu")
    broken = tmp_path / "models" / "broken"
    shutil.copytree(models[0], broken)
    weights = broken / "generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="damaged"):
        build(tmp_path / "space", [broken])
    twin = tmp_path / "models" / "tiny-dcgan"
    shutil.copytree(models[0], twin)
    with pytest.raises(DeployError, match="Two models are called tiny-dcgan"):
        build(tmp_path / "space", [models[0], twin])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path, models):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DeployError, match="is not empty"):
        build(tmp_path, models)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert build(empty, models[:1]).files


def test_the_program_in_it_is_the_one_that_runs(bundle):
    """Every module can be imported from the bundle alone, where the package `spaces` is not installed too.

    The program is the same for both targets.
    """
    code = """
import importlib, pathlib, sys
sys.modules["spaces"] = None  # Every import of it now fails.
for path in sorted(pathlib.Path("gan_core").rglob("*.py")):
    if path.name != "__main__.py":
        name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        module = importlib.import_module(name)
        assert pathlib.Path(module.__file__).is_relative_to(pathlib.Path.cwd()), name
"""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(bundle.folder)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=bundle.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_an_installed_wheel_carries_what_lies_beside_the_package(tmp_path, models):
    """A wheel lacked assets/ once: `gan-core app` ended with a missing style sheet wherever there was no checkout."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("gan_core", "assets"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("app.py", "LICENSE", "README.md", "pyproject.toml", "setup.py", "MANIFEST.in"):
        shutil.copyfile(ROOT / name, source / name)
    code = "import sys; from setuptools import build_meta as b; to = sys.argv[1]; b.build_wheel(to); b.build_sdist(to)"
    command = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=240)
    (wheel,), (sdist,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"assets/studio.js", "app.py", "LICENSE", "setup.py"} <= names
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = """
import sys
from pathlib import Path
from gan_core.deploy.bundle import build_bundle
from gan_core.settings import Settings
import gan_core
assert Path(gan_core.__file__).is_relative_to(sys.argv[1])
build_bundle(Path(sys.argv[2]), target="cpu", models=[Path(sys.argv[3])], title="My GANs", hub_id="alice/gans",
             settings=Settings())
"""
    for place, out in ((source, "from-checkout"), (site, "from-wheel")):
        environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
        words = [str(place), str(tmp_path / out), str(models[0])]
        subprocess.run([sys.executable, "-c", code, *words], cwd=tmp_path, env=environment, check=True, timeout=240)
    assert hashes(tmp_path / "from-wheel") == hashes(tmp_path / "from-checkout")


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("static")
    model = tiny_generator(folder / "models" / "tiny-dcgan")
    write_meeting(model, "alice/tiny", "0" * 40, {})
    return build(folder / "space", [model], "static")


@pytest.mark.slow
def test_static_bundle_has_its_head_terms_and_credits(static):
    told = head(static)
    assert told["sdk"] == "static"
    assert told["app_file"] == "index.html"
    assert told["models"] == ["alice/tiny"]
    assert told["custom_headers"]["cross-origin-opener-policy"] == "same-origin"
    assert told["custom_headers"]["cross-origin-embedder-policy"] == "require-corp"
    assert not {"sdk_version", "python_version", "hf_oauth", "suggested_hardware"} & set(told)
    needed = {"index.html", "serve.py", "LICENSE", "README.md", "models/tiny-dcgan/README.md"}
    assert needed <= set(static.files)
    assert not [name for name in static.files if name.endswith((".safetensors", ".hub.json"))]
    assert not [name for name in static.files if name.startswith(("gan_core/", "requirements"))]


@pytest.mark.slow
def test_static_bundle_is_the_same_again(tmp_path, static, monkeypatch):
    """Also on another computer, which has no exports of before."""
    monkeypatch.setenv("GAN_CORE_DATA", str(tmp_path / "data"))
    model = static.folder.parent / "models" / "tiny-dcgan"
    assert hashes(build(tmp_path / "again", [model], "static").folder) == hashes(static.folder)


@pytest.mark.slow
@pytest.mark.browser
def test_static_bundle_passes_its_check(static):
    if not list(static.folder.glob("ort/*/*.wasm")):
        pytest.skip("there is no npm to fetch ONNX Runtime Web with")
    if find_browser() is None:
        pytest.skip("there is no Chromium on this computer")
    told: list[str] = []
    assert check(static, tell=told.append) == "It works"
    assert told == ["Opening the page in a headless browser.", "tiny-dcgan drew a picture in the browser."]

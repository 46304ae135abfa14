"""What the tests of the form for a new run share: what the page sends, folders to choose from, and a form."""

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from gan_core.settings import Settings
from gan_core.ui.lab import form as form_module
from gan_core.ui.lab.form import CHANGES, Form
from gan_core.ui.serve import served
from gan_core.ui.services import Services
from tests.data.pictures import png, write_folder

TINY = {"generator_features": 4, "discriminator_features": 4}


def asked(family="dcgan", **changed):
    train = {"size": 16, "steps": 4, "batch": 2}
    values = {"family": family, "data": "shapes", "train": train, "network": TINY, "recipe": {}}
    if family == "cyclegan":
        values["network"] = {**TINY, "blocks": 1, "discriminator_layers": 1}
    return {**values, **changed, "train": {**train, **changed.get("train", {})}}


@pytest.fixture(autouse=True)
def uploads(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setattr(form_module, "get_upload_folder", lambda: str(folder))
    return folder


@pytest.fixture
def root(tmp_path) -> Path:
    """An allowed root with a folder of two classes, a zip, two domains, and what must not be seen."""
    root = tmp_path / "root"
    files = {f"{name}/{number}.png": png(number) for name in ("ants", "bees") for number in range(4)}
    write_folder(root / "insects", files)
    write_folder(root / "pairs", {f"train{side}/{number}.png": png(number) for side in "AB" for number in range(3)})
    with zipfile.ZipFile(root / "flat.zip", "w") as archive:
        archive.writestr("one.png", png(1))
        archive.writestr("two.png", b"broken")
    (root / "notes.txt").write_text("not data")
    (root / ".hidden").mkdir()
    secret = write_folder(tmp_path / "secret", {"a.png": png(1)})
    (root / "way-out").symlink_to(secret)
    (root / "loop").symlink_to(root / "loop")
    (root / "inside").symlink_to(root / "insects")
    return root


@pytest.fixture
def form(settings: Settings, root: Path) -> Form:
    return Form(Services(replace(settings, data_roots=(root,))))


def answer(made: Form, name: str, /, **request):
    return served(getattr(made, name), CHANGES[name])(request)

"""Models on their way out of the Models tab: the folder as a zip, and other projects' files."""

import zipfile
from pathlib import Path

import pytest
import torch

from gan_core.errors import ModelError
from gan_core.ui.packing import Packer
from gan_core.ui.serve import served
from gan_core.weights import load
from tests.ui.waiting import ended


def test_a_download_is_the_folder_as_a_zip(packer: Packer, dcgan_folder: Path, tmp_path: Path):
    told = ended(packer.pack_poll, packer.pack("tiny-dcgan", "folder")["job"])
    assert told["state"] == "done"
    assert told["name"] == "tiny-dcgan.zip"
    path = Path(told["path"])
    assert path.is_relative_to(tmp_path / "served")
    assert path.stat().st_size == told["bytes"]
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "again")
    again = tmp_path / "again" / "tiny-dcgan"
    assert {one.name for one in again.iterdir()} == {one.name for one in dcgan_folder.iterdir()}
    mine, theirs = (load(folder).networks["generator"].state_dict() for folder in (dcgan_folder, again))
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_export_gives_one_file_or_a_zip_of_several(packer: Packer, monkeypatch: pytest.MonkeyPatch):
    from gan_core.ui import packing

    def export(folder: Path, kind: str, out: Path) -> list[Path]:
        out.mkdir(parents=True)
        paths = [out / f"{folder.name}-{number}.{kind}" for number in range(2 if "cyclegan" in folder.name else 1)]
        for path in paths:
            path.write_bytes(b"graph")
        return paths

    monkeypatch.setattr(packing, "export", export)
    one = ended(packer.pack_poll, packer.pack("tiny-dcgan", "onnx")["job"])
    assert one["name"] == "tiny-dcgan-0.onnx"
    assert Path(one["path"]).read_bytes() == b"graph"
    two = ended(packer.pack_poll, packer.pack("tiny-cyclegan", "onnx")["job"])
    assert two["name"] == "tiny-cyclegan-onnx.zip"
    assert len(zipfile.ZipFile(two["path"]).namelist()) == 2


def test_what_no_other_project_can_hold_is_refused_in_the_page_s_words(packer: Packer):
    told = ended(packer.pack_poll, packer.pack("tiny-conditional", "torch")["job"])
    assert told["state"] == "failed"
    assert "classes" in told["error"]
    assert "--" not in told["error"]


def test_export_to_the_reference_project_s_file(packer: Packer):
    told = ended(packer.pack_poll, packer.pack("tiny-dcgan", "torch")["job"])
    assert told["state"] == "done", told["error"]
    assert Path(told["path"]).stat().st_size == told["bytes"] > 0


def test_what_cannot_be_exported_says_why_and_leaves_nothing(packer: Packer, dcgan_folder: Path, tmp_path: Path):
    content = (dcgan_folder / "generator.safetensors").read_bytes()
    (dcgan_folder / "generator.safetensors").write_bytes(content[:-100])
    told = ended(packer.pack_poll, packer.pack("tiny-dcgan", "onnx")["job"])
    assert told["state"] == "failed"
    assert "damaged" in told["error"]
    assert not list((tmp_path / "served").rglob("*"))


def test_only_known_kinds_of_listed_models_are_packed(packer: Packer):
    with pytest.raises(ModelError, match="no model"):
        packer.pack("../x", "folder")
    assert served(packer.pack, ("model", "kind"))({"model": "tiny-dcgan", "kind": "exe"})["ok"] is False

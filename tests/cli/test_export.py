"""`gan-core export`."""

import json
from pathlib import Path

import onnx
import pytest
import torch

from gan_core import weights
from gan_core.config import ModelConfig
from gan_core.models import cyclegan
from tests.cli.conftest import Run


@pytest.mark.usefixtures("dcgan_folder")
def test_a_generator_by_name_becomes_one_file(run: Run, tmp_path: Path) -> None:
    result = run("export", "tiny-dcgan", "--format", "onnx", "--out", "files/tiny.onnx", "--json")
    assert result.status == 0, result.err
    told = json.loads(result.out)
    assert told["written"] == ["files/tiny.onnx"]
    assert told["difference"] < 1e-4
    proto = onnx.load(tmp_path / "files" / "tiny.onnx")
    assert {entry.key: entry.value for entry in proto.metadata_props}["name"] == "tiny-dcgan"


def test_one_direction_of_a_run_in_training(run: Run, tmp_path: Path, cyclegan_folder: Path) -> None:
    snapshot = tmp_path / "runs" / "00000-cyclegan-x" / "snapshots" / "000010"
    snapshot.parent.mkdir(parents=True)
    cyclegan_folder.rename(snapshot)
    result = run("export", "runs/00000-cyclegan-x", "--out", "out", "--direction", "ba", "--opset", "20")
    assert (result.status, result.out) == (0, "out/generator_ba.onnx\n")
    assert "largest difference is" in result.err
    proto = onnx.load(tmp_path / "out" / "generator_ba.onnx")
    assert {entry.key: entry.value for entry in proto.metadata_props}["name"] == "00000-cyclegan-x"
    assert proto.opset_import[0].version == 20


@pytest.mark.usefixtures("cyclegan_folder")
def test_reference_files_come_with_the_way_to_open_them(run: Run, tmp_path: Path) -> None:
    result = run("export", "tiny-cyclegan", "--format", "torch", "--out", "back")
    assert result.status == 0
    files = [f"latest_net_{net}.pth" for net in ("D_A", "D_B", "G_A", "G_B")]
    assert sorted(result.out.splitlines()) == [f"back/{name}" for name in files]
    assert "test.py --model cycle_gan" in result.err
    assert "G_A makes photograph from painting" in result.err
    state = torch.load(tmp_path / "back" / "latest_net_G_A.pth", weights_only=True)
    assert "model.1.weight" in state
    again = run("export", "tiny-cyclegan", "--format", "torch", "--out", "back")
    assert again.status == 1
    assert "exists. Nothing was written." in again.err


def test_what_no_project_can_hold_is_one_sentence(run: Run, tmp_path: Path, conditional_folder: Path) -> None:
    result = run("export", conditional_folder, "--format", "torch", "--out", "out")
    assert result.status == 1
    assert result.err.startswith("Error: This model draws 3 classes on demand")
    network = cyclegan.Network(generator_features=4, blocks=1, upsample="resize", global_skip=True)
    config = ModelConfig(family="cyclegan", network=weights.network_json(network))
    weights.save(tmp_path / "models" / "painter", config, cyclegan.build(network))
    result = run("export", "painter", "--format", "torch", "--out", "out")
    assert result.status == 1
    assert "Export it with --format onnx." in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (("missing", "--out", "a.onnx"), 1, "There is no model 'missing'"),
        (("tiny-dcgan", "--out", "a.onnx", "--opset", "9"), 1, "--opset is 9"),
        (("tiny-dcgan", "--out", "a.onnx", "--direction", "ab"), 1, "has no directions"),
        (("tiny-dcgan", "--format", "torch", "--out", "a.pth"), 2, "must be a folder"),
        (("tiny-dcgan", "--format", "torch", "--out", "a", "--half"), 2, "belong to --format onnx"),
        (("tiny-dcgan",), 2, "--out"),
    ],
    ids=["model", "opset", "direction", "file", "half", "out"],
)
@pytest.mark.usefixtures("dcgan_folder")
def test_wrong_wishes(run: Run, tmp_path: Path, arguments: tuple[str, ...], status: int, why: str) -> None:
    result = run("export", *arguments)
    assert result.status == status
    assert why in result.err
    assert not list(tmp_path.glob("a*"))

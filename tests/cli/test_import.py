"""`gan-core import`: what it prints, where it writes, and that it shares its name with logs."""

import json

import pytest
import torch

from tests.interop.dcgans import Named, dcgan, trained


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "faces.pth"
    torch.save(Named("main", trained(dcgan(10, 4, 3, 4))).state_dict(), path)
    return path


def test_into_the_models_folder(run, tmp_path, checkpoint):
    result = run("import", checkpoint)
    assert result.status == 0, result.err
    assert result.out.startswith("Recognised: pytorch/examples DCGAN (32 x 32 px, RGB)\n")
    assert result.out.rstrip().endswith("faces")
    assert "Note: " in result.out
    again = run("import", checkpoint)  # A name that is taken is never overwritten.
    assert again.out.rstrip().endswith("faces-2")
    assert run("generate", "faces", "--seeds", "1", "--out", tmp_path / "one.png").status == 0
    assert [one["name"] for one in json.loads(run("models", "--json").out)] == ["faces", "faces-2"]


def test_into_a_folder_of_its_own_as_json(run, tmp_path, checkpoint):
    result = run("import", checkpoint, "--out", tmp_path / "elsewhere" / "mine", "--json")
    told = json.loads(result.out)
    assert told["folder"] == str(tmp_path / "elsewhere" / "mine")
    assert (told["family"], told["networks"], told["directions"]) == ("dcgan", ["generator"], None)
    assert told["network"]["size"] == 32
    assert (tmp_path / "elsewhere" / "mine" / "config.json").is_file()


def test_under_a_name(run, tmp_path, checkpoint):
    assert run("import", checkpoint, "--name", "my-faces").status == 0
    assert (tmp_path / "models" / "my-faces" / "README.md").read_text().count("# my-faces") == 1
    taken = run("import", checkpoint, "--name", "my-faces")
    assert taken.status == 1
    assert "exists. Nothing was imported" in taken.err


def test_one_line_for_what_is_refused(run, tmp_path):
    (tmp_path / "x.pth").write_text("no weights")
    result = run("import", tmp_path / "x.pth")
    assert (result.status, result.err.count("\n")) == (1, 1)
    assert result.err.startswith("Error: ")
    assert not (tmp_path / "models").exists()
    assert "is not there" in run("import", tmp_path / "missing.pth").err


def test_options_of_the_other_kind(run, tmp_path, checkpoint):
    assert "has no direction" in run("import", checkpoint, "--direction", "ba").err
    assert "is not a log" in run("import", checkpoint, "--runs", tmp_path / "runs").err


def test_a_log_becomes_a_run(run, tmp_path):
    lines = [
        f"[{epoch}/2][{step}/3]\tLoss_D: 0.5\tLoss_G: 2.0\tD(x): 0.6\tD(G(z)): 0.2 / 0.1"
        for epoch in range(2)
        for step in range(3)
    ]
    (tmp_path / "train.log").write_text("\n".join(lines) + "\n")
    result = run("import", tmp_path / "train.log", "--runs", tmp_path / "elsewhere", "--json")
    assert result.status == 0, result.err
    told = json.loads(result.out)
    assert told["folder"].startswith(str(tmp_path / "elsewhere"))

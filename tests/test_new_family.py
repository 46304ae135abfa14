"""A new family is one entry in the registry, one file of networks and one of training: everything else follows."""

import importlib
import json
import sys

import pytest
import torch
from click.testing import CliRunner, Result

import gan_core
from gan_core import cli, families, weights


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """Register the toy family, as if its two files stood in `models/` and `training/`. Gives the runs' folder."""
    family = families.Family(name="toy", title="Toy", kind="generator", summary="Paints one picture over and over.")
    monkeypatch.setitem(families.FAMILIES, "toy", family)
    networks = importlib.import_module("tests.toy_family.networks")
    monkeypatch.setitem(sys.modules, "gan_core.models.toy", networks)
    monkeypatch.setitem(sys.modules, "gan_core.training.toy", importlib.import_module("tests.toy_family.step"))
    monkeypatch.setenv("GAN_CORE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.cli, arguments, catch_exceptions=False)


@pytest.mark.usefixtures("toy")
def test_help_lists_the_family_and_its_options():
    assert "Paints one picture over and over." in run("train", "--help").output
    options = run("train", "toy", "--help").output
    assert "--brush-size" in options
    assert "--latent-dim" in options
    assert "--steps" in options


def test_training_gives_a_model_folder(toy):
    result = run(
        *[
            "train",
            "toy",
            "--data",
            "shapes",
            "--size",
            "8",
            "--batch",
            "4",
            "--steps",
            "3",
            "--latent-dim",
            "3",
            "--brush-size",
            "0.02",
            "--device",
            "cpu",
        ],
        *["--quiet", "--json"],
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["state"] == "finished"
    folder = toy / "00000-toy-shapes"
    snapshot = folder / "snapshots" / "000003"
    model = weights.load(snapshot)
    assert model.config.family == "toy"
    assert model.config.network == {"size": 8, "channels": 3, "latent_dim": 3}
    assert model.networks["generator"](torch.zeros(2, 3)).shape == (2, 3, 8, 8)
    assert json.loads((folder / "config.json").read_text())["recipe"] == {"brush_size": 0.02}


def test_a_run_of_the_family_resumes_and_draws(toy):
    """Also past the command line: the run is loaded by its folder's name and makes pictures."""
    folder = toy / "mine"
    begun = f"train toy --data shapes --size 8 --batch 4 --steps 2 --run {folder} --device cpu --quiet".split()
    assert run(*begun).exit_code == 0
    assert run(*f"train toy --run {folder} --resume --steps 4 --quiet".split()).exit_code == 0
    (picture,) = gan_core.load(folder).generate(seeds=[7])
    assert picture.size == (8, 8)
    assert (folder / "snapshots" / "000004").is_dir()

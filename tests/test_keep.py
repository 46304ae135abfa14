"""A snapshot becomes a named model: measured, with a preview and a card; its pictures are unchanged."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.config import RunConfig
from gan_core.errors import ModelError, RunError
from gan_core.keep import keep
from gan_core.library import load
from gan_core.settings import Settings
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder
from tests.training.tiny import config


def trained(folder: Path, run_config: RunConfig) -> RunFolder:
    run = RunFolder(folder)
    run.create(run_config)
    list(train(run_config, run))
    return run


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(models_dir=tmp_path / "models")


def test_a_generator_is_kept(tmp_path: Path, settings: Settings) -> None:
    run = trained(tmp_path / "run", config("dcgan", 4, snapshot_steps=2))
    folder = keep(run, "first", settings=settings, step=2, half=True, license="mit", notes="Drawn by code.")
    assert folder == settings.models_dir / "first"
    model, snapshot = load("first", settings=settings), load(dict(run.snapshots())[2])
    assert model.config.license == "mit"
    assert model.config.trained["steps"] == 2
    for a, b in zip(model.generate(range(8)), snapshot.generate(range(8)), strict=True):
        assert np.abs(np.asarray(a).astype(int) - np.asarray(b).astype(int)).max() <= 1, "half precision shows"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert 0 < metrics["pairwise_distance"]["real"] < 2
    with Image.open(folder / "preview.webp") as preview:
        assert preview.size == (4 * 66 - 2, 4 * 66 - 2)
    card = (folder / "README.md").read_text()
    for text in (
        "license: mit",
        "Drawn by code.",
        "gan-core train dcgan --data shapes",
        "pairwise distance",
        "| Seed | 0 |",
    ):
        assert text in card
    assert not (folder / "discriminator.safetensors").exists()
    assert "![Curves of the training](curve.webp)" in card
    with Image.open(folder / "curve.webp") as curve:
        assert curve.width == 860


def test_a_translator_is_kept(tmp_path: Path, settings: Settings) -> None:
    run = trained(tmp_path / "run", config("cyclegan", 2, domain_a="circle", domain_b="square", default_direction="ba"))
    folder = keep(run, "second", settings=settings, files={"ATTRIBUTION.csv": b"a,b\n"})
    metrics = json.loads((folder / "metrics.json").read_text())
    assert set(metrics) == {"circle to square", "square to circle"}
    assert metrics["square to circle"]["pictures"] == 64
    assert metrics["square to circle"]["round_trip_mean_absolute_difference"] > 0
    assert (folder / "ATTRIBUTION.csv").read_bytes() == b"a,b\n"
    assert load("second", settings=settings).default_direction == "ba"
    assert "circle and square" in (folder / "README.md").read_text()


def test_what_cannot_be_kept_changes_nothing(tmp_path: Path, settings: Settings) -> None:
    run = trained(tmp_path / "run", config("dcgan", 2))
    with pytest.raises(RunError, match="no snapshot of step 7"):
        keep(run, "first", settings=settings, step=7)
    with pytest.raises(RunError, match="not a run folder"):
        keep(RunFolder(tmp_path / "nowhere"), "first", settings=settings)
    with pytest.raises(ModelError, match="cannot name a model"):
        keep(run, "../first", settings=settings)
    with pytest.raises(ModelError, match="cannot be a file"):
        keep(run, "first", settings=settings, files={"../x": b""})
    assert not list(settings.models_dir.glob("*"))
    keep(run, "first", settings=settings)
    with pytest.raises(ModelError, match="exists"):
        keep(run, "first", settings=settings)

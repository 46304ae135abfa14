"""Folders of a test's own, and runs in them: one that has just begun, one that has finished."""

from pathlib import Path

import pytest

from gan_core.config import RunConfig, TrainConfig
from gan_core.settings import Settings
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder, create_run
from tests.training.tiny import config

CONFIG = RunConfig(family="dcgan", train=TrainConfig(data="shapes", size=16), network={"latent_dim": 8}, recipe={})
ROOM = 1e9
"""Bytes that a bench may take."""
PLAIN = {
    "dcgan": {"conditional": True, "recipe": {"augment": "", "decay_from": 0.5}},
    "cyclegan": {"recipe": {"discriminator_lead": 0, "discriminator_steps": 1}},
}
"""Networks and recipes of which a step is the sum of its halves."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(models_dir=tmp_path / "models", runs_dir=tmp_path / "runs", data_dir=tmp_path / "data")


@pytest.fixture
def a_run(tmp_path: Path):
    """A function: a finished run of four steps, with states at two and four."""

    def make(family: str, **changed) -> RunFolder:
        run_config = config(family, 4, state_steps=2, **{**PLAIN[family], **changed})
        run = RunFolder(tmp_path / "runs" / f"00000-{family}-shapes")
        run.create(run_config)
        list(train(run_config, run))
        return run

    return make


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """One that has just begun."""
    return create_run(tmp_path / "runs", CONFIG, "shapes")

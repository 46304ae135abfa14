"""Real trainings with options chosen to go wrong: each detector fires on the run that it is for, with figures and
advice in events.jsonl, and healthy runs of the same length are left alone.

16 px on the CPU, some hundred steps. What is chaotic (networks that chase each other) may take another seed on another
processor; what is not (a discriminator that does not learn) must fire at once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gan_core.config import RunConfig, TrainConfig
from gan_core.data.shapes import shapes
from gan_core.errors import RunError
from gan_core.images import to_float, to_pictures
from gan_core.training.events import Event, Noticed, Progress
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder

pytestmark = pytest.mark.slow

GENERAL: dict[str, Any] = {
    "data": "shapes",
    "size": 16,
    "batch": 8,
    "device": "cpu",
    "log_steps": 2,
    "quality_steps": 50,
    "sample_steps": 10_000,
    "snapshot_steps": 10_000,
    "state_steps": 10_000,
}
DCGAN = {"latent_dim": 16, "generator_features": 16, "discriminator_features": 16}
CYCLEGAN = {"generator_features": 8, "discriminator_features": 8, "blocks": 1, "discriminator_layers": 1}
TROUBLE = {"mode-collapse", "discriminator-overpowers", "generator-overpowers", "oscillation", "memorisation"}


def trained(
    folder: Path,
    steps: int,
    *,
    family: str = "dcgan",
    recipe: dict[str, Any] | None = None,
    network: dict[str, Any] | None = None,
    seen: Callable[[RunFolder, Event], bool | None] = lambda *_: None,
    **general: Any,
) -> RunFolder:
    """Train, and tell `seen` each event; it may change the rates, or end the training by True."""
    run = RunFolder(folder)
    config = RunConfig(
        family=family,
        train=TrainConfig(**{**GENERAL, **general}, steps=steps),
        network={**(DCGAN if family == "dcgan" else CYCLEGAN), **(network or {})},
        recipe=recipe or {},
    )
    run.create(config)
    enough: list[bool] = []
    for event in train(config, run, should_stop=lambda: any(enough)):
        enough.append(bool(seen(run, event)))
    return run


def told(kind: str) -> Callable[[RunFolder, Event], bool]:
    """True once such a notice came: the rest of the run would show no more."""
    return lambda _, event: isinstance(event, Noticed) and event.kind == kind


def found(run: RunFolder, kind: str) -> dict[str, Any]:
    """The one line of events.jsonl of this kind."""
    (event,) = [event for event in run.events() if event["kind"] == kind]
    return event


def kinds(run: RunFolder) -> set[str]:
    return {event["kind"] for event in run.events()}


def pictures(folder: Path, count: int, copies: int = 1) -> str:
    folder.mkdir()
    for number, picture in enumerate(to_pictures(to_float(shapes(16, count=count, seed=3)[0]))):
        for copy in range(copies):
            picture.save(folder / f"{copy}-{number:03d}.png")
    return str(folder)


def test_a_discriminator_that_learns_too_fast(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", 150, recipe={"lr_d": 2e-3, "lr_g": 1e-5}, seen=told("discriminator-overpowers"))
    event = found(run, "discriminator-overpowers")
    assert event["step"] <= 100
    assert event["evidence"]["d_real"] > 0.95
    assert event["evidence"]["d_fake"] < 0.03
    assert "(--lr-d, 0.002 now)" in event["text"]
    assert kinds(run) == {"discriminator-overpowers"}  # Samples that have not begun to change are no collapse.


def test_a_generator_that_collapses_and_recovers_by_the_remedy(tmp_path: Path) -> None:
    """Well at first; then the discriminator hardly learns and the generator fast, until all its pictures are one; the
    rates are set right while it runs, and it is over."""

    def turn(run: RunFolder, event: Event) -> bool:
        match event:
            case Progress(step=200):
                run.write_control(lr_g=5e-3, lr_d=1e-7)
            case Noticed(kind="mode-collapse"):
                run.write_control(lr_g=2e-4, lr_d=1e-3)
        return {"generator-overpowers-over", "mode-collapse"} <= kinds(run)

    run = trained(tmp_path / "run", 1500, recipe={"ema_decay": 0.9}, seen=turn)
    events = {event["kind"]: event for event in run.events()}
    assert 200 < events["generator-overpowers"]["step"] <= events["mode-collapse"]["step"]
    assert events["generator-overpowers"]["evidence"]["d_fake"] > 0.75
    assert "Raise the discriminator's learning rate (--lr-d, 1e-07 now)" in events["generator-overpowers"]["text"]
    assert events["mode-collapse"]["evidence"]["distinct"] < 0.4
    assert "look alike" in events["mode-collapse"]["text"]
    assert events["generator-overpowers-over"]["step"] > events["mode-collapse"]["step"]


def test_networks_that_chase_each_other(tmp_path: Path) -> None:
    """High rates, much momentum, few features."""
    recipe = {"lr_g": 1e-2, "lr_d": 5e-3, "beta1": 0.98, "ema_decay": 0.9}
    for seed in range(4):
        run = trained(
            tmp_path / str(seed),
            400,
            seed=seed,
            recipe=recipe,
            network={"discriminator_features": 4},
            seen=told("oscillation"),
        )
        if "oscillation" in kinds(run):
            break
    event = found(run, "oscillation")
    assert event["evidence"]["swings"] >= 4
    assert "Lower both learning rates (--lr-g, 0.01 now; --lr-d, 0.005 now)" in event["text"]
    assert "--beta1 0.5" in event["text"]


def test_weights_that_run_away(tmp_path: Path) -> None:
    """Adam without a second moment, so that a vanished gradient is divided by nothing."""
    recipe = {"lr_g": 1.0, "lr_d": 1.0, "beta1": 0.9, "beta2": 0.0, "loss": "hinge"}
    with pytest.raises(RunError, match=r"not finite|is nan|is inf"):
        trained(tmp_path / "run", 100, recipe=recipe)
    run = RunFolder(tmp_path / "run")
    assert run.status()["state"] == "failed"
    event = found(run, "non-finite")
    assert event["step"] <= 100
    assert "Lower the learning rates (--lr-g, --lr-d)" in event["text"]


def test_a_handful_of_pictures_learnt_by_heart(tmp_path: Path) -> None:
    run = trained(
        tmp_path / "run",
        1400,
        data=pictures(tmp_path / "few", 8),
        quality_steps=100,
        recipe={"lr_g": 2e-3, "lr_d": 2e-3, "ema_decay": 0.9},
        seen=told("memorisation"),
    )
    assert "8 pictures are few" in found(run, "few-pictures")["text"]
    event = found(run, "memorisation")
    assert event["evidence"]["nearest"] < 0.5
    assert "go back to an earlier snapshot" in event["text"]


def test_rates_so_low_that_nothing_is_learnt_any_more(tmp_path: Path) -> None:
    def halt(run: RunFolder, event: Event) -> bool:
        if isinstance(event, Progress) and event.step == 160:
            run.write_control(lr_g=1e-9, lr_d=1e-9)
        return isinstance(event, Noticed) and event.kind == "plateau"

    run = trained(tmp_path / "run", 400, quality_steps=20, recipe={"lr_g": 1e-3, "lr_d": 1e-3}, seen=halt)
    event = found(run, "plateau")
    assert 260 <= event["step"] < 400
    # The average of the weights comes to rest a little after them.
    assert 160 <= event["evidence"]["since"] <= 220
    assert "stopped improving" in event["text"]


def test_few_and_double_pictures(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", 4, data=pictures(tmp_path / "doubles", 20, copies=2), quality_steps=2)
    assert "40 pictures are few" in found(run, "few-pictures")["text"]
    assert found(run, "duplicates")["evidence"] == {"duplicates": 1.0}
    assert "100% of the pictures have a twin" in found(run, "duplicates")["text"]


@pytest.mark.parametrize(
    ("steps", "options"),
    [
        (320, {}),
        (320, {"seed": 1, "recipe": {"ema_decay": 0.9}}),
        (320, {"conditional": True}),
        (320, {"recipe": {"loss": "hinge"}, "network": {"spectral_norm": True}}),
        (84, {"family": "cyclegan", "batch": 3, "quality_steps": 6}),
    ],
    ids=["reference", "another-seed", "classes", "hinge", "cyclegan"],
)
def test_a_healthy_run_is_left_alone(tmp_path: Path, steps: int, options: dict[str, Any]) -> None:
    run = trained(tmp_path / "run", steps, **{"quality_steps": 25, **options})
    assert len(run.quality()) >= 12, "enough for each detector"
    assert not kinds(run) & {*TROUBLE, "plateau"}, run.events()

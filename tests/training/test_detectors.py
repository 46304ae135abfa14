"""Detectors on records written by hand: each fires with evidence and a remedy, and is silent on healthy records.

Real trainings that provoke each of them are in test_provoked.py.
"""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from gan_core.config import RunConfig, TrainConfig
from gan_core.training import cyclegan, dcgan
from gan_core.training.detectors import DETECTORS, KINDS, OVER, Watch, review, title
from gan_core.training.evidence import Record
from gan_core.training.run_folder import RunFolder
from gan_core.ui.words import in_page_words

DCGAN, CYCLEGAN = vars(dcgan.Recipe()), vars(cyclegan.Recipe())


def metrics(count: int = 80, **series: Any) -> list[dict[str, Any]]:
    """Lines of a healthy DCGAN unless told otherwise; a series is a number or a function of the line's number."""
    healthy = {"loss_g": 1.2, "loss_d": 1.2, "d_real": 0.62, "d_fake": 0.38, "grad_g": 1.0, "grad_d": 1.0} | series
    rows = []
    for number in range(count):
        values = {name: value(number) if callable(value) else value for name, value in healthy.items()}
        wobble = 1 + 0.05 * math.sin(2.4 * number)
        rows.append({"step": 20 * (number + 1), **{name: value * wobble for name, value in values.items()}})
    return rows


def quality(
    *distinct: float, distances: list[float] | None = None, nearest: float = 1.0, variety: float = 0.8
) -> list[dict[str, Any]]:
    """Lines every 500 steps; the distance falls unless told otherwise."""
    distances = distances or [2.0 / (number + 1) for number in range(len(distinct))]
    return [
        {"step": 500 * number, "variety": variety, "distinct": one, "distance": distance, "nearest": nearest}
        for number, (one, distance) in enumerate(zip(distinct, distances, strict=True))
    ]


HEALTHY_QUALITY = quality(0.9, 0.7, 0.75, 0.8, 0.85, 0.9, 0.9, 0.95, 0.95, 0.95, 0.95)
FLAT = [2.0] * 20
REST = [2, 1, 0.5, *[0.3] * 13]
STILL = quality(
    *[0.9] * 21,
    distances=[40, 33, 30, 28, 25, 24, 24, 30, 27, 26, 25, 24, 22, 21, 19, 17, 16, 15, 14, 13, 12],
)
"""Up for a while and then down to half: at step 5,500 a newcomer was told to stop there."""


def record(**changed: Any) -> Record:
    return Record(**{"metrics": metrics(), "quality": HEALTHY_QUALITY, "images": 5000, "recipe": DCGAN, **changed})


def kinds(one: Record) -> set[str]:
    return {found.kind for detect in DETECTORS if (found := detect(one))}


def terms(**series: Any) -> list[dict[str, Any]]:
    """Lines of a CycleGAN."""
    healthy = {"loss_g": 5.0, "loss_d_a": 0.2, "loss_d_b": 0.2, "grad_g": 1.0} | series
    return [{"step": 20 * (number + 1), **healthy} for number in range(80)]


@pytest.mark.parametrize(
    "healthy",
    [
        record(),
        record(recipe={}),
        record(metrics=[], quality=[], images=None),
        record(metrics=metrics(3)),
        record(quality=quality(0.02, 0.05, 0.1)),  # It has only just begun.
        record(quality=quality(0.1, 0.3, 0.25, 0.3, 0.34, 0.37, 0.39)),  # Alike as yet, but the distance falls.
        record(quality=quality(*[0.9] * 6, variety=0.15)),  # Pale as yet.
        record(quality=quality(*[0.9, 0.9, 0.3, 0.9] * 3)),  # One bad measurement.
        record(metrics=metrics(loss_g=lambda n: 3 * 0.97**n + 0.8)),
        record(metrics=metrics(200, loss_g=lambda n: 0.1 * math.sin(n / 2.5)), recipe=DCGAN | {"loss": "wasserstein"}),
        record(metrics=metrics(d_real=0.95, d_fake=0.06, loss_g=3.0)),  # Far ahead, but not out of sight.
        record(metrics=metrics(loss_d=-4.0, d_real=9.0, d_fake=7.0), recipe=DCGAN | {"loss": "wasserstein"}),
        record(metrics=metrics(d_real=1.3, d_fake=-1.1, loss_d=0.2), recipe=DCGAN | {"loss": "hinge"}),
        record(metrics=terms(), recipe=CYCLEGAN),
        record(quality=quality(*[0.9] * 12, distances=[3 * 0.9**n for n in range(12)])),
        *(record(quality=STILL[: count + 1]) for count in range(len(STILL))),
        record(quality=quality(*[0.9] * 16, distances=[2, 1, 0.5, 0.3, 0.31, 0.3, *[0.4, 0.4, 0.6, 0.6, 0.35] * 2])),
        record(quality=quality(*[0.9] * 16, distances=REST), total_steps=20_000),
        record(images=3000, duplicates=0.01),
    ],
)
def test_a_healthy_run_is_left_alone(healthy: Record) -> None:
    assert kinds(healthy) == set()


ILL = [
    (
        "mode-collapse",
        {"quality": quality(0.9, 0.9, 0.8, 0.85, 0.2, 0.18, distances=FLAT[:6])},
        "after 0.90",
        "(--lr-g, 0.0002",
    ),
    ("mode-collapse", {"quality": quality(*[0.1] * 9, distances=FLAT[:9])}, "0.10 times", "--loss hinge"),
    ("mode-collapse", {"quality": quality(*[1.0] * 9, distances=FLAT[:9], variety=0.02)}, "0.08 times", "--augment"),
    (
        "discriminator-overpowers",
        {"metrics": metrics(d_real=0.98, d_fake=0.002, loss_g=8.0, loss_d=0.01)},
        "D(G(z)) 0.002",
        "(--lr-d, 0.0002 now)",
    ),
    (
        "discriminator-overpowers",
        {"metrics": metrics(d_real=0.9, d_fake=0.002, loss_g=8.0), "recipe": DCGAN | {"real_target": 0.9}},
        "D(x) is 0.90",
        "learning rate",
    ),
    (
        "discriminator-overpowers",
        {"metrics": metrics(d_real=0.97, d_fake=0.06, loss_g=2.8, grad_g=lambda n: 0.8**n + 1e-4)},
        "its gradient 0.",
        "--real-target 0.9",
    ),
    (
        "discriminator-overpowers",
        {"metrics": metrics(d_real=1.4, d_fake=-1.3, loss_d=0.002), "recipe": DCGAN | {"loss": "hinge"}},
        "0.002",
        "--augment",
    ),
    ("discriminator-overpowers", {"metrics": terms(loss_d_a=0.002), "recipe": CYCLEGAN}, "0.002", "--lr-d"),
    ("generator-overpowers", {"metrics": metrics(d_real=0.5, d_fake=0.85)}, "0.85", "--discriminator-steps 2"),
    (
        "generator-overpowers",
        {"metrics": metrics(d_real=-0.2, d_fake=0.3), "recipe": DCGAN | {"loss": "hinge"}},
        "0.30",
        "Raise",
    ),
    ("generator-overpowers", {"metrics": terms(loss_d_b=0.48), "recipe": CYCLEGAN}, "0.48", "--lr-g"),
    (
        "oscillation",
        {"metrics": metrics(loss_g=lambda n: 2 + 1.6 * math.sin(n / 2.5))},
        "last 60 lines",
        "--loss hinge",
    ),
    (
        "oscillation",
        {"metrics": metrics(200, loss_g=lambda n: 2 + 1.6 * math.sin(n / 9)), "recipe": DCGAN | {"beta1": 0.9}},
        "last 160 lines",
        "--beta1 0.5",
    ),
    ("memorisation", {"quality": quality(*[0.9] * 6, nearest=0.2)}, "0.20", "--augment"),
    (
        "plateau",
        {"quality": quality(*[0.9] * 13, distances=[2, 1, 0.3, 0.3, *[0.4] * 9])},
        "5,000 steps ago, at step 1,000: the distance to the data was 0.3 then and is 0.4.",
        "if they are no better, go back to the snapshot nearest to that step, or go on with lower learning rates",
    ),
    (
        "plateau",
        {"quality": quality(*[0.9] * 14, distances=[2, 1, 0.5, 0.3, 0.31, 0.3, 0.302, 0.299, *[0.3, 0.301] * 3])},
        "has stayed near 0.3 since",
        "if they are no better, go on with lower learning rates (--lr-g, 0.0002 now",
    ),
    (
        "plateau",
        {"quality": quality(*[0.9] * 16, distances=[200, 150, 123, 123, 123, 180, 180, 180, *[124] * 8])},
        "was 120 then and, after 180, is 120.",
        "Compare the samples of then and now",
    ),
    ("few-pictures", {"images": 40}, "40 pictures", "--augment"),
    ("duplicates", {"duplicates": 0.3}, "30%", "Leave doubles"),
]


@pytest.mark.parametrize(("kind", "ill", "evidence", "remedy"), ILL)
def test_each_fires_with_evidence_and_remedy(kind: str, ill: dict[str, Any], evidence: str, remedy: str) -> None:
    found = [one for detect in DETECTORS if (one := detect(record(**ill)))]
    assert [one.kind for one in found] == [kind]
    assert evidence in found[0].text
    assert remedy in found[0].text
    assert found[0].evidence
    assert all(math.isfinite(value) for value in found[0].evidence.values())


@pytest.mark.parametrize(("kind", "ill", "evidence", "remedy"), ILL)
def test_sentences_read_on_the_page_too(kind: str, ill: dict[str, Any], evidence: str, remedy: str) -> None:  # noqa: ARG001
    (found,) = [one for detect in DETECTORS if (one := detect(record(**ill)))]
    said = in_page_words(found.text)
    assert "--" not in said
    assert re.fullmatch(r"[A-Z0-9][^\n]*\.", said)
    assert len(said) < 400


def test_every_kind_has_a_title() -> None:
    assert {detect.__name__.replace("_", "-") for detect in DETECTORS} <= set(KINDS)
    assert title("mode-collapse") == "Mode collapse"
    assert title("mode-collapse" + OVER) == "Mode collapse is over"
    assert title("something-new") == "Something new"


def test_no_remedy_that_the_recipe_lacks_or_has_already() -> None:
    """A CycleGAN knows no augmentation of this kind, and who uses it already is not sent there."""
    augmented = DCGAN | {"augment": "color", "loss": "hinge"}
    for recipe, without in ((CYCLEGAN, "--augment"), (augmented, "--augment"), (augmented, "--loss")):
        ill = record(quality=quality(*[0.1] * 9, distances=FLAT[:9]), images=40, recipe=recipe)
        texts = [one.text for detect in DETECTORS if (one := detect(ill))]
        assert len(texts) == 2
        assert not [text for text in texts if without in text]


def test_what_follows_from_another_finding_is_not_told_beside_it() -> None:
    still = quality(*[0.9] * 13, distances=[2, 1, 0.5, 0.3, *[0.4] * 9])
    won = metrics(d_real=0.98, d_fake=0.002, loss_g=8.0)
    watch = Watch()
    assert [one.kind for one in watch.look(record(quality=still, metrics=won))] == ["discriminator-overpowers"]
    told = [[one.kind for one in watch.look(record(quality=still))] for _ in range(8)]
    assert told == [[], [], ["discriminator-overpowers-over"], [], [], [], ["plateau"], []]


def test_a_plateau_is_none_before_half_of_the_steps_or_many_measurements() -> None:
    rows = quality(*[0.9] * 40, distances=[2, 1, 0.5, *[0.3] * 37])
    few, half, many = rows[:16], rows[:21], rows[:31]
    for seen, total, found in ((few, 20_000, set()), (half, 20_000, {"plateau"}), (many, 90_000, {"plateau"})):
        assert kinds(record(quality=seen, metrics=[], total_steps=total)) == found
    assert kinds(record(quality=few, total_steps=None)) == {"plateau"}


def test_what_is_over_says_since_when() -> None:
    watch, ill, well = Watch(), record(metrics=metrics(d_real=0.5, d_fake=0.85)), record(metrics=metrics(400))
    assert [one.text for looked in (ill, well, well, well) for one in watch.look(looked)][1:] == [
        "Generator overpowers is over since step 8,000."
    ]


def test_a_finding_is_told_once_and_again_after_it_was_over() -> None:
    watch, ill, well = Watch(), record(metrics=metrics(d_real=0.5, d_fake=0.85)), record()
    looks = [ill, ill, well, well, ill, well, well, well, well, ill]
    told = [[one.kind for one in watch.look(one)] for one in looks]
    over = ["generator-overpowers-over"]
    assert told == [["generator-overpowers"], [], [], [], [], [], [], over, [], ["generator-overpowers"]]


def test_a_resumed_run_knows_what_was_told() -> None:
    ill = record(metrics=metrics(d_real=0.5, d_fake=0.85))
    assert Watch(["generator-overpowers", "control"]).look(ill) == []
    assert Watch(["generator-overpowers", "generator-overpowers-over"]).look(ill) != []
    watch = Watch(["data", "control"])
    assert [watch.look(record()) for _ in range(5)] == [[]] * 5  # What no detector says does not end either.


def test_a_whole_record_is_looked_at_again(tmp_path: Path) -> None:
    """A run from before there were detectors, and a log without measurements."""
    run = RunFolder(tmp_path / "run")
    run.create(RunConfig(family="dcgan", train=TrainConfig(data="shapes"), network={}, recipe={}))
    for row in metrics(400, d_fake=lambda n: 0.85 if 100 <= n < 200 else 0.38):
        run.append_metrics(row)
    told = review(run)
    assert [one.kind for _, one in told] == ["generator-overpowers", "generator-overpowers-over"]
    assert 2000 < told[0][0] < 2400
    assert 4000 < told[1][0] < 4500
    for row in quality(0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1, distances=FLAT[:7]):
        run.append_quality({key: value for key, value in row.items() if key != "variety"} | {"variety": 0.8})
    assert "mode-collapse" in {one.kind for _, one in review(run)}


def test_records_of_older_versions_hold_no_distinct() -> None:
    rows = [{**row, "variety": row["distinct"]} for row in quality(0.1, 0.5, 0.7, 0.75, 0.2, 0.15, distances=FLAT[:6])]
    for row in rows:
        del row["distinct"]
    assert kinds(record(quality=rows)) == {"mode-collapse"}

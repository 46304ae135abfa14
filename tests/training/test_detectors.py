"""Detectors: each fires on a record made to provoke it and is silent on healthy ones."""

import math
from typing import Any

import pytest

from gan_core.training.detectors import DETECTORS, Record, Watch


def metrics(count: int = 80, **series: Any) -> list[dict[str, Any]]:
    """Lines of a healthy DCGAN unless told otherwise; a series is a number or a function of the line's number."""
    healthy = {"loss_g": 1.2, "loss_d": 1.2, "d_real": 0.62, "d_fake": 0.38, "grad_g": 1.0, "grad_d": 1.0} | series
    rows = []
    for number in range(count):
        values = {name: value(number) if callable(value) else value for name, value in healthy.items()}
        wobble = 1 + 0.05 * math.sin(2.4 * number)
        rows.append({"step": 20 * (number + 1), **{name: value * wobble for name, value in values.items()}})
    return rows


def quality(*varieties: float, distances: list[float] | None = None, nearest: float = 1.0) -> list[dict[str, Any]]:
    distances = distances or [2.0 / (number + 1) for number in range(len(varieties))]
    return [
        {"step": 500 * number, "variety": variety, "distance": distance, "nearest": nearest}
        for number, (variety, distance) in enumerate(zip(varieties, distances, strict=True))
    ]


HEALTHY_QUALITY = quality(0.05, 0.3, 0.5, 0.6, 0.68, 0.72, 0.75, 0.77, 0.78)


def record(**changed: Any) -> Record:
    return Record(**{"metrics": metrics(), "quality": HEALTHY_QUALITY, "images": 5000, **changed})


def kinds(one: Record) -> set[str]:
    return {found.kind for detect in DETECTORS if (found := detect(one))}


@pytest.mark.parametrize(
    "healthy",
    [
        record(),
        record(metrics=[], quality=[]),
        record(metrics=metrics(3)),
        record(quality=quality(0.02, 0.05, 0.1)),  # It has only just begun.
        record(quality=quality(0.02, 0.2, 0.25, 0.3, 0.34, 0.37, 0.39)),  # Slow, but rising.
        record(metrics=metrics(loss_g=lambda n: 3 * 0.97**n + 0.8)),
        record(metrics=metrics(d_real=0.95, d_fake=0.06, loss_g=3.0)),  # Far ahead, but not out of sight.
        record(quality=quality(*[0.7] * 9, distances=[2, 1, 0.5, 0.31, 0.3, 0.3, 0.301, 0.302, 0.3])),
        record(images=3000, duplicates=0.01),
    ],
)
def test_a_healthy_run_is_left_alone(healthy: Record) -> None:
    assert kinds(healthy) == set()


@pytest.mark.parametrize(
    ("kind", "ill", "evidence", "remedy"),
    [
        ("mode-collapse", {"quality": quality(0.1, 0.5, 0.7, 0.75, 0.2, 0.15)}, "0.15", "--augment"),
        ("mode-collapse", {"quality": quality(*[0.1] * 9)}, "0.10", "--loss hinge"),
        (
            "discriminator-overpowers",
            {"metrics": metrics(d_real=0.98, d_fake=0.002, loss_g=8.0, loss_d=0.01)},
            "D(G(z)) 0.002",
            "--lr-d",
        ),
        (
            "discriminator-overpowers",
            {"metrics": metrics(d_real=9.0, d_fake=-9.0, loss_d_a=0.002, loss_d_b=0.2), "probabilities": False},
            "0.002",
            "--lr-d",
        ),
        ("generator-overpowers", {"metrics": metrics(d_real=0.5, d_fake=0.85)}, "0.85", "--discriminator-steps"),
        ("oscillation", {"metrics": metrics(loss_g=lambda n: 2 + 1.6 * math.sin(n / 2.5))}, "swung", "learning rates"),
        ("memorisation", {"quality": quality(*[0.7] * 6, nearest=0.2)}, "0.20", "--augment"),
        (
            "plateau",
            {"quality": quality(*[0.7] * 12, distances=[2, 1, 0.5, 0.3, *[0.4] * 8])},
            "4,000 steps ago",
            "snapshot",
        ),
        ("data", {"images": 40}, "40 pictures", "--augment"),
        ("data", {"duplicates": 0.3}, "30%", "Leave doubles"),
    ],
)
def test_each_fires_with_evidence_and_remedy(kind: str, ill: dict[str, Any], evidence: str, remedy: str) -> None:
    found = [one for detect in DETECTORS if (one := detect(record(**ill)))]
    assert [one.kind for one in found] == [kind]
    assert evidence in found[0].text
    assert remedy in found[0].text


def test_a_finding_is_told_once_and_again_after_it_was_gone() -> None:
    watch, ill = Watch(), record(images=40)
    assert [one.kind for one in watch.look(ill)] == ["data"]
    assert watch.look(ill) == []
    assert watch.look(record()) == []
    assert [one.kind for one in watch.look(ill)] == ["data"]
    assert Watch(["data"]).look(ill) == []  # A resumed run has told it already.

"""What the curves say, in words: each detector looks at a run's record and tells what is wrong, why, and what helps.

Plain numbers in, sentences out: no torch, so that a record can be looked at again wherever it lies.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

Row = dict[str, Any]

WINDOW = 12  # Lines of metrics that a judgement rests on.
SWINGS_WINDOW = 60
FEW_PICTURES = 200


@dataclass(frozen=True)
class Diagnosis:
    kind: str
    text: str
    """What happens; the evidence; the remedy."""


@dataclass(frozen=True)
class Record:
    """What is known of a run so far."""

    metrics: Sequence[Row]
    """Lines of metrics.jsonl."""
    quality: Sequence[Row]
    """Lines of quality.jsonl."""
    images: int
    """Pictures in the data (the smaller domain's)."""
    duplicates: float = 0.0
    """Share of pictures that have a twin."""
    probabilities: bool = True
    """d_real and d_fake are probabilities (the bce loss)."""

    @property
    def step(self) -> int:
        return max([row["step"] for row in (*self.metrics[-1:], *self.quality[-1:])], default=0)

    def last(self, name: str, count: int = WINDOW) -> list[float]:
        """The newest values of one series; empty where there are fewer than `count`."""
        values = [row[name] for row in self.metrics[-count:] if name in row]
        return values if len(values) == count else []


def mode_collapse(record: Record) -> Diagnosis | None:
    """Samples far more alike than the data, after they were not, or for so long that they will not come apart."""
    rows = [row for row in record.quality if row["step"] > 0]
    if len(rows) < 3 or max(row["variety"] for row in rows[-2:]) >= 0.4:
        return None
    best = max(rows[:-2], key=lambda row: row["variety"])
    fell = best["variety"] - rows[-1]["variety"] > 0.2
    stuck = len(rows) >= 8 and rows[-1]["variety"] <= 1.1 * max(row["variety"] for row in rows[-6:-2])
    if not fell and not stuck:
        return None
    since = f", {best['variety']:.2f} at step {best['step']:,}" if fell else ""
    return Diagnosis(
        "mode-collapse",
        f"The samples are becoming alike: {rows[-1]['variety']:.2f} of the data's variety{since}. Go back to an "
        "earlier snapshot with a lower learning rate of the generator, or train with --augment color,translation or "
        "--loss hinge.",
    )


def discriminator_overpowers(record: Record) -> Diagnosis | None:
    """It tells every picture apart, so that the generator is told nothing."""
    real, fake, loss = record.last("d_real"), record.last("d_fake"), record.last("loss_g")
    if record.probabilities and real and fake:
        if fmean(real) < 0.95 or fmean(fake) > 0.03 or not loss or fmean(loss) < 4:
            return None
        evidence = f"D(x) is {fmean(real):.2f}, D(G(z)) {fmean(fake):.3f}, the generator's loss {fmean(loss):.1f}"
    else:
        judged = [record.last(name) for name in ("loss_d_a", "loss_d_b")]
        won = [values for values in judged if values and fmean(values) < 0.01]
        if not won:
            return None
        evidence = f"a discriminator's loss is {min(fmean(values) for values in won):.3f}"
    return Diagnosis(
        "discriminator-overpowers",
        f"The discriminator has won, so the generator learns nothing: {evidence}. Lower --lr-d, use --augment "
        "color,translation where the data are few, or --real-target 0.9.",
    )


def generator_overpowers(record: Record) -> Diagnosis | None:
    """Generated pictures look more real to the discriminator than real ones: it has lost track."""
    real, fake = record.last("d_real"), record.last("d_fake")
    if not record.probabilities or not real or not fake:
        return None
    if fmean(fake) < 0.75 and fmean(fake) < fmean(real) + 0.1:
        return None
    return Diagnosis(
        "generator-overpowers",
        f"The generator deceives the discriminator, which no longer leads it: D(G(z)) is {fmean(fake):.2f}, D(x) "
        f"{fmean(real):.2f}. Raise --lr-d or --discriminator-steps.",
    )


def oscillation(record: Record) -> Diagnosis | None:
    """Losses that swing to and fro, as large as they are."""
    values = record.last("loss_g", SWINGS_WINDOW)
    if not values:
        return None
    values = [fmean(values[max(at - 2, 0) : at + 1]) for at in range(len(values))]  # Noise of single lines is no swing.
    middle, spread = fmean(values), pstdev(values)
    if spread < 0.35 * abs(middle):
        return None
    sides = [1 if value > middle + 0.5 * spread else -1 if value < middle - 0.5 * spread else 0 for value in values]
    crossed = [side for side in sides if side]
    swings = sum(a != b for a, b in pairwise(crossed))
    if swings < 6:
        return None
    return Diagnosis(
        "oscillation",
        f"Both networks chase each other: the generator's loss swung {swings} times in the last {SWINGS_WINDOW} lines, "
        f"{spread:.1f} around {middle:.1f}. Lower both learning rates, or take --loss hinge.",
    )


def memorisation(record: Record) -> Diagnosis | None:
    """Samples nearer to pictures of the data than those are to each other."""
    rows = [row for row in record.quality if row["step"] > 0][-2:]
    if len(rows) < 2 or max(row["nearest"] for row in rows) >= 0.5:
        return None
    return Diagnosis(
        "memorisation",
        f"Samples repeat pictures of the data: the nearest is at {rows[-1]['nearest']:.2f} of the distance between "
        "real ones. Stop here or go back to an earlier snapshot, and use more pictures or --augment color,translation.",
    )


def plateau(record: Record) -> Diagnosis | None:
    """The distance to the data has not fallen for long."""
    rows = [row for row in record.quality if row["step"] > 0]
    if len(rows) < 8:
        return None
    best = min(rows, key=lambda row: row["distance"])
    after = rows[rows.index(best) + 1 :]
    idle = rows[-1]["step"] - best["step"]
    if len(after) < 5 or idle < 0.25 * rows[-1]["step"]:
        return None
    if fmean(row["distance"] for row in after) < 1.02 * best["distance"]:
        return None  # As good as the best: the curve only trembles.
    return Diagnosis(
        "plateau",
        f"This stopped improving {idle:,} steps ago: the distance to the data was {best['distance']:.3f} at step "
        f"{best['step']:,} and is {rows[-1]['distance']:.3f}. Keep the snapshot nearest to that step, or go on with "
        "lower learning rates.",
    )


def data_trouble(record: Record) -> Diagnosis | None:
    """Too few pictures, or the same ones again and again."""
    if record.duplicates > 0.05:
        return Diagnosis(
            "data",
            f"{record.duplicates:.0%} of the pictures have a twin, which is then learnt twice as well. Leave doubles "
            "out of the data.",
        )
    if record.images < FEW_PICTURES:
        counted = "1 picture is" if record.images == 1 else f"{record.images} pictures are"
        return Diagnosis(
            "data",
            f"{counted} few: the discriminator will know them by heart. Add pictures, or train with "
            "--augment color,translation,cutout.",
        )
    return None


DETECTORS: tuple[Callable[[Record], Diagnosis | None], ...] = (
    data_trouble,
    mode_collapse,
    discriminator_overpowers,
    generator_overpowers,
    oscillation,
    memorisation,
    plateau,
)


class Watch:
    """Tells a finding when it appears, and again only after it was gone. told: kinds that stand there already."""

    def __init__(self, told: Iterable[str] = ()) -> None:
        self._present = set(told)

    def look(self, record: Record) -> list[Diagnosis]:
        found = [one for detect in DETECTORS if (one := detect(record))]
        new = [one for one in found if one.kind not in self._present]
        self._present = {one.kind for one in found}
        return new

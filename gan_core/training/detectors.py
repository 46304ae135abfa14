"""What the curves say, in words: each detector looks at a run's record and tells what is wrong, why, and what helps.

Plain numbers in, sentences out: no torch, so that a record can be looked at again wherever it lies.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from statistics import fmean, median, pstdev

from gan_core.training.evidence import Diagnosis, Record, Row, two_digits
from gan_core.training.run_folder import RunFolder

SWINGS_WINDOWS = (60, 160)  # Lines of metrics in which swings are counted.
FEW_PICTURES = 200
PATIENCE = 3  # Looks without a finding until it is over: one good line in between is no recovery.
LOOKS = 100  # At a whole record.
LOOK_BACK = 200  # Lines of metrics that a look sees.
AT_REST = 6  # Measurements that must be alike before a plateau is one.
MANY = 30  # Measurements that tell enough, however many steps are to come.

KINDS = {
    "mode-collapse": "Mode collapse",
    "discriminator-overpowers": "Discriminator overpowers",
    "generator-overpowers": "Generator overpowers",
    "oscillation": "Oscillation",
    "memorisation": "Memorisation",
    "plateau": "Plateau",
    "few-pictures": "Few pictures",
    "duplicates": "Duplicates",
    "non-finite": "Not finite",
    "control": "Changed",
    "rolled-back": "Rolled back",
    "interrupted": "Interrupted",
    "branch": "Branch",
    "start": "Fine-tuning",
    "import": "Imported",
    "data": "Data",
    "skipped": "Skipped pictures",
    "state": "State",
    "time-limit": "Time limit",
    "tensorboard": "TensorBoard",
}
"""Kinds of events.jsonl and their titles; see `title`."""

OVER = "-over"  # Ends the kind of an event that tells that a finding is gone.


def title(kind: str) -> str:
    """A short title for any kind of event: "Mode collapse", "Mode collapse is over"."""
    bare = kind.removesuffix(OVER)
    return KINDS.get(bare, bare.replace("-", " ").capitalize()) + (" is over" if bare != kind else "")


def mode_collapse(record: Record) -> Diagnosis | None:
    """Samples far more alike than the data, after they were not, or for so long that they will not come apart."""
    rows = record.measured
    unlike = [_unlike(row) for row in rows]
    if len(rows) < 3 or max(unlike[-2:]) >= 0.4:
        return None
    best = max(range(len(rows) - 2), key=lambda number: unlike[number])
    fell = unlike[best] >= 0.5 and unlike[-1] < 0.6 * unlike[best]
    stuck = len(rows) >= 4 and max(unlike[-3:]) < 0.4
    if not (fell or stuck):
        return None
    before, after = (rows[:-2], rows[-2:]) if fell else (rows[:-3], rows[-3:])
    learning = min(row["distance"] for row in after) < 0.8 * min(row["distance"] for row in before)
    if learning and not (fell and max(unlike[-2:]) < 0.15):
        return None  # Alike as yet, but on the way.
    since = f", after {unlike[best]:.2f} at step {rows[best]['step']:,}" if fell else ""
    where = "Go back to an earlier snapshot and on" if fell else "Go on"
    return Diagnosis(
        "mode-collapse",
        f"The samples look alike: they differ {unlike[-1]:.2f} times as much as pictures of the data{since}. "
        + record.advice(
            f"{where} with a lower learning rate of the generator ({record.rate('lr_g')})", "augment", "loss"
        ),
        {name: rows[-1][name] for name in ("distinct", "variety") if name in rows[-1]},
    )


def _unlike(row: Row) -> float:
    """1: as unlike each other as the data's pictures. What is all but blank differs by its noise alone."""
    return max(float(min(row.get("distinct", row["variety"]), 4 * row["variety"])), 0.0)


def discriminator_overpowers(record: Record) -> Diagnosis | None:
    """It tells every picture apart, so that the generator is told nothing."""
    real, fake, loss = record.mean("d_real"), record.mean("d_fake"), record.mean("loss_g")
    if record.probabilities and real is not None and fake is not None and loss is not None:
        sure = real >= 0.95 * record.recipe.get("real_target", 1.0)  # Smoothed labels keep it from saying more.
        gradient = record.faded("grad_g")
        if not sure or not ((fake < 0.03 and loss > 4) or (fake < 0.1 and gradient is not None)):
            return None
        told = f"D(x) is {real:.2f}, D(G(z)) {fake:.3f}, the generator's loss {loss:.1f}"
        if gradient is not None:
            told += f", its gradient {gradient:.1%} of what it was"
        evidence = {"d_real": real, "d_fake": fake, "loss_g": loss}
    else:
        judged = {name: record.mean(name) for name in ("loss_d", "loss_d_a", "loss_d_b")}
        evidence = {name: value for name, value in judged.items() if value is not None and 0 <= value < 0.01}
        if not evidence:
            return None
        told = f"a discriminator's loss is {min(evidence.values()):.3f}"
    return Diagnosis(
        "discriminator-overpowers",
        f"The discriminator has won, so the generator learns little: {told}. "
        + record.advice(f"Lower the discriminator's learning rate ({record.rate('lr_d')})", "augment", "real_target"),
        evidence,
    )


def generator_overpowers(record: Record) -> Diagnosis | None:
    """Generated pictures look more real to the discriminator than real ones: it has lost track."""
    real, fake, loss = record.mean("d_real"), record.mean("d_fake"), record.recipe.get("loss")
    if real is not None and fake is not None:
        if record.probabilities:
            lost = fake > 0.75 or fake > real + 0.1
        else:  # Scores about 0 and 1, or -1 and 1. A critic's have no scale to be judged by.
            lost = loss in ("least-squares", "hinge") and fake > real + 0.2
        evidence = {"d_fake": fake, "d_real": real}
        told = f"D(G(z)) is {fake:.2f}, D(x) {real:.2f}"
    else:  # A least-squares discriminator that guesses has a loss of 0.25, one that is deceived 0.5.
        judged = {name: record.mean(name) for name in ("loss_d_a", "loss_d_b")}
        evidence = {name: value for name, value in judged.items() if value is not None and value > 0.4}
        lost = bool(evidence) and loss == "least-squares"
        told = f"a discriminator's loss is {max(evidence.values(), default=0):.2f}, where a guess has 0.25"
    if not lost:
        return None
    return Diagnosis(
        "generator-overpowers",
        f"The generator deceives the discriminator, which no longer leads it: {told}. "
        + record.advice(
            f"Raise the discriminator's learning rate ({record.rate('lr_d')}) or lower the generator's "
            f"({record.rate('lr_g')})",
            "discriminator_steps",
        ),
        evidence,
    )


def oscillation(record: Record) -> Diagnosis | None:
    """A loss that swings to and fro, quickly or slowly, as large as it is."""
    for lines in SWINGS_WINDOWS:
        values, what = record.last("loss_g", lines), "the generator's loss"
        real, fake = record.last("d_real", lines), record.last("d_fake", lines)
        if not record.probabilities and real and fake:  # Such a loss wanders with the critic's offset, to no harm.
            values, what = [a - b for a, b in zip(real, fake, strict=True)], "the discriminator's lead"
        wide = lines // 20  # Noise of single lines is no swing.
        values = [fmean(values[max(at + 1 - wide, 0) : at + 1]) for at in range(len(values))]
        if not values:
            continue
        middle, spread = fmean(values), pstdev(values)
        sides = [1 if value > middle + 0.5 * spread else -1 if value < middle - 0.5 * spread else 0 for value in values]
        swings = sum(a != b for a, b in pairwise(side for side in sides if side))
        if swings >= 4 and spread >= max(0.35 * abs(middle), 0.2):
            break
    else:
        return None
    return Diagnosis(
        "oscillation",
        f"The networks chase each other: {what} swung {swings} times in the last {lines} lines, by {spread:.1f} around "
        f"{middle:.1f}. "
        + record.advice(f"Lower both learning rates ({record.rate('lr_g')}; {record.rate('lr_d')})", "beta1", "loss"),
        {"middle": middle, "spread": spread, "swings": swings},
    )


def memorisation(record: Record) -> Diagnosis | None:
    """Samples nearer to pictures of the data than those are to each other."""
    rows = record.measured[-2:]
    if len(rows) < 2 or max(row["nearest"] for row in rows) >= 0.5:
        return None
    return Diagnosis(
        "memorisation",
        f"Samples repeat pictures of the data: from a sample to the most similar one it is {rows[-1]['nearest']:.2f} "
        "times as far as from one picture to the next. "
        + record.advice("Stop here or go back to an earlier snapshot, and add pictures", "augment"),
        {"nearest": rows[-1]["nearest"]},
    )


def plateau(record: Record) -> Diagnosis | None:
    """The distance to the data has not fallen for long, and has come to rest."""
    rows = record.measured
    if len(rows) < 2 * AT_REST or (len(rows) < MANY and record.step < (record.total_steps or 0) / 2):
        return None
    around = [rows[max(at - 1, 0) : at + 2] for at in range(len(rows))]
    distances = [median(row["distance"] for row in three) for three in around]  # One lucky measurement is no best.
    best = min(distances)
    since = next(at for at, distance in enumerate(distances) if distance <= 1.03 * best)
    idle, now = rows[-1]["step"] - rows[since]["step"], fmean(distances[-3:])
    if len(rows) - since <= AT_REST or idle < 0.3 * rows[-1]["step"] or _moving(distances[-AT_REST:]):
        return None
    ways = [f"go on with lower learning rates ({record.rate('lr_g')}; {record.rate('lr_d')})"]
    then, most, is_now = (two_digits(value) for value in (best, max(distances[since:]), now))
    if now > 1.1 * best:
        told = f"was {then} then and is {is_now}"
        ways.insert(0, "go back to the snapshot nearest to that step")
    elif max(distances[since:]) > 1.1 * best:
        told = f"was {then} then and, after {most}, is {is_now}"
    else:
        told = f"has stayed near {then} since"
    return Diagnosis(
        "plateau",
        f"This stopped improving {idle:,} steps ago, at step {rows[since]['step']:,}: the distance to the data {told}. "
        f"Compare the samples of then and now: if they are no better, {', or '.join(ways)}.",
        {"distance": now, "best": best, "since": rows[since]["step"]},
    )


def _moving(values: list[float]) -> bool:
    """Up and down, or on the way down again."""
    half = len(values) // 2
    return max(values) - min(values) > 0.2 * fmean(values) or fmean(values[half:]) < 0.95 * fmean(values[:half])


def few_pictures(record: Record) -> Diagnosis | None:
    if record.images is None or record.images >= FEW_PICTURES:
        return None
    counted = "1 picture is" if record.images == 1 else f"{record.images} pictures are"
    return Diagnosis(
        "few-pictures",
        f"{counted} few: the discriminator will know them by heart. {record.advice('Add pictures', 'augment')}",
        {"images": record.images},
    )


def duplicates(record: Record) -> Diagnosis | None:
    """The same pictures again and again."""
    if record.duplicates <= 0.05:
        return None
    return Diagnosis(
        "duplicates",
        f"{record.duplicates:.0%} of the pictures have a twin, so that they are learnt twice as well as the others. "
        "Leave doubles out of the data.",
        {"duplicates": record.duplicates},
    )


DETECTORS: tuple[Callable[[Record], Diagnosis | None], ...] = (
    few_pictures,
    duplicates,
    mode_collapse,
    discriminator_overpowers,
    generator_overpowers,
    oscillation,
    memorisation,
    plateau,
)

EXPLAIN = {"mode-collapse", "discriminator-overpowers", "generator-overpowers", "oscillation", "memorisation"}
"""Findings beside which, and for a while after which, a plateau is no news."""
CALM = 6  # Looks without any of them until a plateau counts.


class Watch:
    """Tells a finding when it appears, that it is over when it was gone for a while, and only then again.

    told: kinds of the events that stand there already, in their order.
    """

    def __init__(self, told: Iterable[str] = ()) -> None:
        self._missed: dict[str, int] = {}
        """Of each finding that stands: the looks in a row that did not find it."""
        for kind in told:
            if kind.endswith(OVER):
                self._missed.pop(kind.removesuffix(OVER), None)
            else:
                self._missed[kind] = 0
        self._calm = CALM
        self._ending = {detect.__name__.replace("_", "-") for detect in DETECTORS}

    def look(self, record: Record) -> list[Diagnosis]:
        found = [one for detect in DETECTORS if (one := detect(record))]
        kinds = {one.kind for one in found}
        self._missed = {kind: 0 if kind in kinds else count + 1 for kind, count in self._missed.items()}
        over = [kind for kind, count in self._missed.items() if count >= PATIENCE and kind in self._ending]
        for kind in over:
            del self._missed[kind]
        self._calm = 0 if kinds & EXPLAIN else self._calm + 1
        new = [one for one in found if one.kind not in self._missed]
        new = [one for one in new if one.kind != "plateau" or self._calm > CALM]
        self._missed |= {one.kind: 0 for one in new}
        since = f" since step {record.step:,}" if record.step else ""
        return [*(Diagnosis(kind + OVER, f"{title(kind + OVER)}{since}.") for kind in over), *new]


def review(run: RunFolder) -> list[tuple[int, Diagnosis]]:
    """What the detectors would have told of a recorded run, by step: of one from before there were any, or a log."""
    metrics, quality, watch, total = run.metrics(), run.quality(), Watch(), run.status()["total_steps"] or None
    steps = [row["step"] for row in quality] or [row["step"] for row in metrics]
    told, lines, measured = [], 0, 0
    for step in steps[:: max(len(steps) // LOOKS, 1)]:
        while lines < len(metrics) and metrics[lines]["step"] <= step:
            lines += 1
        while measured < len(quality) and quality[measured]["step"] <= step:
            measured += 1
        seen = Record(metrics[max(lines - LOOK_BACK, 0) : lines], quality[:measured], total_steps=total)
        told += [(step, one) for one in watch.look(seen)]
    return told

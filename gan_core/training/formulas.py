"""The two half steps in symbols, and what a step has done in words."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from gan_core.training.games import View

IMAGES = {
    "bce": (
        ("minimise −E[log D(x)] − E[log(1 − D(G(z)))]", "Goodfellow et al., 2014, eq. 1 with the sign turned"),
        ("minimise −E[log D(G(z))]", "Goodfellow et al., 2014, section 3, the non-saturating form"),
    ),
    "least-squares": (
        ("minimise E[(D(x) − 1)²] + E[D(G(z))²]", "Mao et al., 2017, eq. 9 without ½"),
        ("minimise E[(D(G(z)) − 1)²]", "Mao et al., 2017, eq. 9 without ½"),
    ),
    "hinge": (
        ("minimise E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]", "Miyato et al., 2018, eq. 16"),
        ("minimise −E[D(G(z))]", "Miyato et al., 2018, eq. 17"),
    ),
    "wasserstein": (
        ("minimise E[D(G(z))] − E[D(x)]", "Arjovsky et al., 2017, eq. 2 with the sign turned"),
        ("minimise −E[D(G(z))]", "Arjovsky et al., 2017, algorithm 1"),
    ),
}
DOMAINS = {
    "least-squares": (
        "minimise ½ E[(D_B(b) − 1)²] + ½ E[D_B(G(a))²], and for D_A with F(b)",
        "E[(D_B(G(a)) − 1)²] + E[(D_A(F(b)) − 1)²]",
    ),
    "bce": (
        "minimise −½ E[log D_B(b)] − ½ E[log(1 − D_B(G(a)))], and for D_A with F(b)",
        "−E[log D_B(G(a))] − E[log D_A(F(b))]",
    ),
    "hinge": (
        "minimise ½ E[max(0, 1 − D_B(b))] + ½ E[max(0, 1 + D_B(G(a)))], and for D_A with F(b)",
        "−E[D_B(G(a))] − E[D_A(F(b))]",
    ),
}
SURE = 0.95
"""A mean score this near to its end is a game that is won."""


def formulas(kind: str, recipe: Any) -> dict[str, dict[str, str]]:
    """{"d": {"text", "source"}, "g": ...}: the loss that each half step lowers; kind: generator or translator."""
    if kind == "translator":
        d, fool = DOMAINS[recipe.loss]
        more = f" + {recipe.cycle_weight:g} (E|F(G(a)) − a| + E|G(F(b)) − b|)"
        if recipe.identity_weight:
            more += f" + {recipe.identity_weight:g} (E|G(b) − b| + E|F(a) − a|)"
        source = "G makes b of a, F makes a of b. Zhu et al., 2017, eq. 1 to 3, sections 4 and 5.2"
        return {"d": {"text": d, "source": source}, "g": {"text": f"minimise {fool}{more}", "source": source}}
    (d, d_source), (g, g_source) = IMAGES[recipe.loss]
    if recipe.real_target != 1:
        d += f", with the target {recipe.real_target:g} on real pictures"
    extras = [
        (recipe.r1_weight, "the R1 penalty"),
        (recipe.gradient_penalty_weight, "the gradient penalty"),
        (recipe.clip, "clipped weights"),
        (recipe.augment, "augmented pictures"),
    ]
    if named := [words for there, words in extras if there]:
        d += f"; with {' and '.join(named)}"
    return {"d": {"text": d, "source": d_source}, "g": {"text": g, "source": g_source}}


def number(value: float) -> str:
    """Three digits that count: 0.0213, 1.24, 310."""
    return f"{float(f'{value:.3g}'):g}"


def moved(name: str, before: float, after: float) -> str:
    """G's loss rose from 0.5 to 0.7."""
    old, new = number(before), number(after)
    if old == new:
        return f"{name} stayed at {new}"
    return f"{name} {'rose' if after > before else 'fell'} from {old} to {new}"


def mean_score(view: View, real: bool) -> float:
    scores = [score for row in view.rows if row.real is real for score in row.scores]
    return sum(scores) / len(scores)


def what_happened(kind: str, loss: str, taken: Mapping[str, int], before: View, after: View, change: float) -> str:
    """One to three sentences on the steps taken ({"d": 1, "g": 0}).

    change: by how much the generated pictures changed, of their whole range.
    """
    if not all(isfinite(value) for value in after.losses.values()):
        return "The numbers are no longer finite: a step was too large, and the game is broken. Undo it, or reset."
    sentences = []
    d, g = taken["d"], taken["g"]
    apart, was = after.apart(loss), before.apart(loss)
    if d:
        if apart and was:
            told = "as before" if was == apart else f"{was[0]} before"
            sentences.append(f"D now tells {apart[0]} of {apart[1]} pictures apart ({told}).")
        else:
            gaps = [mean_score(view, True) - mean_score(view, False) for view in (before, after)]
            sentences.append(f"{moved('D’s lead of real over generated pictures', *gaps)}.")
    if g:
        scores = [mean_score(view, False) for view in (before, after)]
        told = f"they changed by {100 * change:.1f} % of their range"
        sentences.append(f"{moved('The mean score of G’s pictures', *scores)}; {told}.")
    if before.grad_g is not None and after.grad_g is not None:
        sentences.append(f"{moved('G’s gradient', before.grad_g, after.grad_g)}.")
    if kind == "translator" and d:
        sentences.append(f"{moved('The discriminators’ losses together', *_sums('loss_d', before, after))}.")
    if kind == "translator" and g:
        sentences.append(f"{moved('What is lost there and back', *_sums('loss_cycle', before, after))}.")
    return " ".join([*sentences, *_lesson(kind, loss, after)])


def _sums(term: str, *views: View) -> list[float]:
    """The losses of both domains together."""
    return [sum(view.losses[f"{term}_{domain}"] for domain in "ab") for view in views]


def _lesson(kind: str, loss: str, view: View) -> list[str]:
    if loss not in ("bce", "least-squares"):
        return []
    real, fake = mean_score(view, True), mean_score(view, False)
    if real > SURE and fake < 1 - SURE:
        return ["D has won: it is sure of every picture, real or generated. Let G step."]
    if fake > 0.5 and fake > real and kind == "generator":
        return ["G fools D: its pictures score above the real ones. Let D step."]
    return []

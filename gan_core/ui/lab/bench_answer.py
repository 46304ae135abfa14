"""What stands on the bench as the page gets it: a row of pictures is one wide picture, numbers are finite or null."""

from math import isfinite
from typing import TYPE_CHECKING, Any

from gan_core.ui.pictures import HARD_PX, data_url
from gan_core.ui.serve import Answer

if TYPE_CHECKING:
    from torch import Tensor

    from gan_core.training.games import Row, View
    from gan_core.training.stepping import Bench, Stepped

TERMS = {
    "loss_d": "Loss of D",
    "loss_d_a": "Loss of D, {a}",
    "loss_d_b": "Loss of D, {b}",
    "loss_g": "Loss of G",
    "loss_g_ab": "{a} → {b}: fool D",
    "loss_g_ba": "{b} → {a}: fool D",
    "loss_cycle_a": "{a}: there and back",
    "loss_cycle_b": "{b}: there and back",
    "loss_identity_a": "{a}: left alone",
    "loss_identity_b": "{b}: left alone",
}
NETWORKS = {
    "discriminator": "D",
    "generator": "G",
    "discriminator_a": "D, {a}",
    "discriminator_b": "D, {b}",
    "generator_ab": "{a} → {b}",
    "generator_ba": "{b} → {a}",
}
SCALES = {"bce": "probability", "least-squares": "target"}


def answer(bench: "Bench", stepped: "Stepped | None" = None) -> Answer:
    """The shown batch, and what the last steps did to it."""
    view = bench.view()
    before = stepped.before if stepped else None
    words = bench.game.feed.domains() or {}
    told: Answer = {
        "kind": bench.kind,
        "smooth": bench.game.training.plan.size > HARD_PX,
        "step": bench.step,
        "rows": [_row(row, before, stepped) for row in view.rows],
        "scale": _scale(bench.loss, [view, before] if before else [view]),
        "losses": _losses(view, before, words),
        "grad_g": {"before": _finite(before.grad_g) if before else None, "after": _finite(view.grad_g)},
        "layers": [],
        "steps": bench.steps,
        "undo": bool(bench.history),
        "formulas": bench.formulas(),
        "told": "",
    }
    if stepped:
        told["taken"], told["told"] = stepped.taken, stepped.told
        told["layers"] = [
            {
                "player": "d" if layer.network.startswith("discriminator") else "g",
                "network": NETWORKS[layer.network].format(**words),
                "name": layer.name,
                "change": _finite(layer.change),
                "gradient": _finite(layer.gradient),
            }
            for layer in stepped.layers
        ]
    return told


def _row(row: "Row", before: "View | None", stepped: "Stepped | None") -> Answer:
    from gan_core.images import to_uint8

    old = before.row(row.id) if before else None
    moved = old is not None and bool((old.values != row.values).any())
    change, factor = stepped.changed[row.id] if stepped else (None, 1.0)
    still = change is None or (not moved and row.attention is None) or not bool((change != change[0, 0, 0, 0]).any())
    return {
        "id": row.id,
        "title": row.title,
        "real": row.real,
        "count": len(row.values),
        "pictures": sprite(to_uint8(row.values)),
        "before": sprite(to_uint8(old.values)) if old is not None and moved else None,
        "looks": sprite(row.looks) if row.looks is not None else None,
        "asks": {"url": sprite(row.asks), "factor": row.asks_factor} if row.asks is not None else None,
        "changed": None
        if still or change is None
        else {"url": sprite(change), "factor": factor, "what": "pictures" if moved else "looks"},
        "scores": [_finite(score) for score in row.scores],
        "scores_before": [_finite(score) for score in old.scores] if old else None,
    }


def sprite(pictures: "Tensor") -> str:
    """(B, C, H, W) uint8 side by side as a PNG's data URL."""
    import torch

    from gan_core.images import to_float, to_pictures

    wide = torch.cat(list(pictures), 2)  # (C, H, B * W)
    return data_url(to_pictures(to_float(wide[None]))[0])


def _scale(loss: str, views: list["View"]) -> dict[str, Any]:
    """Where the bars of the scores begin and end."""
    if loss in SCALES:
        return {"kind": SCALES[loss], "low": 0.0, "high": 1.0}
    scores = [score for view in views for row in view.rows for score in row.scores if isfinite(score)]
    return {"kind": "score", "low": min(scores, default=0.0), "high": max(scores, default=1.0)}


def _losses(view: "View", before: "View | None", words: dict[str, str]) -> list[Answer]:
    return [
        {
            "id": name,
            "player": "d" if name.startswith("loss_d") else "g",
            "title": TERMS[name].format(**words),
            "before": _finite(before.losses[name]) if before else None,
            "after": _finite(value),
        }
        for name, value in view.losses.items()
    ]


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None

"""The dialect of junyanz' U-Net generator (pix2pix; CycleGAN with `--netG unet_256`): levels inside levels."""

import re

from gan_core.interop.dialect import Proposal, State
from gan_core.interop.resnet import notes

_INNER = re.compile(r"((?:[13]\.model\.)+)1\.weight")
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_KEY = re.compile(r"(?P<level>(?:[13]\.model\.)*)[0-7]\.(weight|bias|running_mean|running_var|num_batches_tracked)")


def propose(state: State) -> Proposal | None:
    """A U-Net, from the depth of its keys and its shapes; None where nothing in the state is a level inside a level."""
    root = next((key.partition("1.model.")[0] for key in state if "1.model.1.weight" in key), None)
    if root is None:
        return None
    inside = {key.removeprefix(root): key for key in state if key.startswith(root)}
    levels = [match[1].count("model.") for key in inside if (match := _INNER.fullmatch(key))]
    first, last = state.get(f"{root}0.weight"), state.get(f"{root}3.weight")
    if not levels or first is None or last is None or first.ndim != 4 or last.ndim != 4:
        return None
    keys = {theirs: f"model.model.{key}" for key, theirs in inside.items() if _KEY.fullmatch(key)}
    inputs, outputs, halvings = first.shape[1], last.shape[1], max(levels) + 1
    norm, bias = _norm_and_bias(state, root)
    legacy = frozenset(key for key in keys if norm != "batch" and key.endswith(_STATISTICS))
    details = [f"U-Net, {halvings} halvings", f"{norm} norm" if norm != "none" else "no norm"]
    return Proposal(
        dialect=f"junyanz pix2pix ({', '.join(details)})",
        family="pix2pix",
        part="generator_ab",
        network={
            "channels": inputs,
            "channels_b": None if outputs == inputs else outputs,
            "generator_features": first.shape[0],
            "halvings": halvings,
            "norm": norm,
            "bias": bias,
        },
        keys={key: ours for key, ours in keys.items() if key not in legacy},
        dropped=legacy,
        notes=notes(norm, True, bool(legacy)),  # Dropout has no keys; the authors train with it.
    )


def _norm_and_bias(state: State, root: str) -> tuple[str, bool | None]:
    """Norm, and whether the convolutions have biases where the norm alone would not say so."""
    batch, biased = f"{root}1.model.2.weight" in state, f"{root}0.bias" in state
    if batch:
        return "batch", True if biased else None
    return ("instance", None) if biased else ("none", None)

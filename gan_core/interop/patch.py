"""The dialect of junyanz' PatchGAN discriminator, taken along with the generators that it judged."""

import re

from gan_core.interop.dialect import Proposal, State

_FIRST = re.compile(r"((?:.*\.)?)0\.weight")
_WEIGHT = re.compile(r"([0-9]{1,4})\.weight")
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def propose(state: State) -> Proposal | None:
    """A discriminator of overlapping patches: kernel 4, biases at both ends, one channel out."""
    roots = [match[1] for key in state if (match := _FIRST.fullmatch(key))]
    if not roots or any("block" in key for key in state):
        return None
    root = roots[0]
    convolutions = {
        int(found[1]): value
        for key, value in state.items()
        if value.ndim == 4 and key.startswith(root) and (found := _WEIGHT.fullmatch(key, len(root)))
    }
    weights = [convolutions[index] for index in sorted(convolutions)]
    if f"{root}0.bias" not in state or len(weights) < 3 or weights[-1].shape[0] != 1 or weights[0].shape[2:] != (4, 4):
        return None
    layers = len(weights) - 2
    norm = "batch" if f"{root}3.weight" in state else "instance" if f"{root}2.bias" in state else "none"
    keys = {key: f"model.{key.removeprefix(root)}" for key in state if key.startswith(root)}
    legacy = frozenset(key for key in keys if norm != "batch" and key.endswith(_STATISTICS))
    return Proposal(
        dialect=f"junyanz PatchGAN discriminator ({layers} layer{'s' if layers > 1 else ''})",
        family="cyclegan",
        part="discriminator_a",
        network={
            "channels": weights[0].shape[1],
            "discriminator_features": weights[0].shape[0],
            "discriminator_layers": layers,
            "norm": norm,
        },
        keys={key: ours for key, ours in keys.items() if key not in legacy},
        dropped=legacy,
    )

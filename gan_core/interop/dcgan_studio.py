"""The DCGAN of StudioGAN, its backbone `deep_conv`: `linear0`, `blocks.i.0.deconv0` and `.bn0`, `conv4`.

With spectral norm in the generator, a weight is stored as `weight_orig` beside the vectors u and v of its power
iteration; in use it is divided by sigma = u^T W v (Miyato et al., 2018), which is done here once and for all.
"""

import re

from torch import Tensor

from gan_core.interop.dialect import Proposal, State

_BLOCK = re.compile(r"blocks\.(\d+)\.0\.deconv0\.weight(_orig)?")


def propose(state: State) -> Proposal | None:
    made, used = _folded(state)
    weights = {**state, **made}
    linear, paint = weights.get("linear0.weight"), weights.get("conv4.weight")
    numbers = sorted({int(match[1]) for key in state if (match := _BLOCK.fullmatch(key))})
    if linear is None or paint is None or not numbers or linear.ndim != 2 or paint.ndim != 4:
        return None
    blocks = [weights[f"blocks.{number}.0.deconv0.weight"] for number in numbers]
    if any(block.ndim != 4 for block in blocks):
        return None
    widths = [blocks[0].shape[0], *(block.shape[1] for block in blocks)]
    size = 4 * 2 ** len(blocks)
    # Attention blocks take places of their own, so that numbers have gaps; conditional batch norm has other leaves.
    wanted = [f"{name}.{leaf}" for name in ("linear0", "conv4") for leaf in ("weight", "bias")]
    for number in range(len(blocks)):
        wanted += [f"blocks.{number}.0.deconv0.{leaf}" for leaf in ("weight", "bias")]
        wanted += [
            f"blocks.{number}.0.bn0.{leaf}"
            for leaf in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        ]
    return Proposal(
        dialect=f"StudioGAN deep_conv ({size} x {size} px)",
        family="deep-conv",
        part="generator",
        network={"size": size, "channels": paint.shape[0], "latent_dim": linear.shape[1], "widths": widths},
        keys={key: key for key in wanted if key in state},
        made=made,
        dropped=used,
        notes=("The spectral norm of its weights was worked out and is part of them.",) if made else (),
    )


def _folded(state: State) -> tuple[dict[str, Tensor], frozenset[str]]:
    """Weights with their spectral norm divided out, by key, and the keys that were needed for it."""
    made: dict[str, Tensor] = {}
    used: set[str] = set()
    for key in [key for key in state if key.endswith(".weight_orig")]:
        name = key.removesuffix("_orig")
        weight, u, v = (state.get(f"{name}_{part}") for part in ("orig", "u", "v"))
        if weight is None or u is None or v is None or weight.ndim < 2:
            continue
        # A transposed convolution has its outputs second.
        matrix = (weight.transpose(0, 1) if ".deconv" in key else weight).flatten(1).double()
        if u.shape != matrix.shape[:1] or v.shape != matrix.shape[1:]:
            continue
        sigma = u.double() @ matrix @ v.double()
        made[name] = (weight.double() / sigma).float()
        used |= {f"{name}_{part}" for part in ("orig", "u", "v")}
    return made, frozenset(used)

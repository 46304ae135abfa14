"""The DCGAN of PyTorch-GAN: `l1.0`, then `conv_blocks.0` to `.9`."""

from math import isqrt

from gan_core.interop.dialect import Proposal, State

_BATCH_NORMS, _CONVOLUTIONS = (0, 3, 7), (2, 6, 9)


def propose(state: State) -> Proposal | None:
    linear, first, last = (state.get(f"{name}.weight") for name in ("l1.0", "conv_blocks.2", "conv_blocks.9"))
    if linear is None or first is None or last is None or linear.ndim != 2 or first.ndim != 4 or last.ndim != 4:
        return None
    features, channels = first.shape[1], last.shape[0]
    side = 4 * isqrt(linear.shape[0] // max(1, features))
    wanted = [f"l1.0.{leaf}" for leaf in ("weight", "bias")]
    wanted += [f"conv_blocks.{place}.{leaf}" for place in _CONVOLUTIONS for leaf in ("weight", "bias")]
    leaves = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    wanted += [f"conv_blocks.{place}.{leaf}" for place in _BATCH_NORMS for leaf in leaves]
    return Proposal(
        dialect=f"PyTorch-GAN DCGAN ({side} x {side} px)",
        family="upsample-dcgan",
        part="generator",
        network={
            "size": side,
            "channels": channels,
            "latent_dim": linear.shape[1],
            "features": features,
            "last_features": last.shape[1],
        },
        keys={key: key for key in wanted if key in state},
        notes=("Its batch norms divide with an epsilon of 0.8, as the project's code does.",),
    )

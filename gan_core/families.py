"""The registry: which model families there are.

A new family is one entry here, one file `models/<name>.py` with its networks and, where it is trained here, one file
`training/<name>.py` with its step (their docstrings say what those files hold). Command line, run folders, model
folders and the application's pickers follow from this table. It holds plain data: reading it costs no import of torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gan_core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Family:
    name: str
    """Name in commands, files and modules."""
    title: str
    """Name for people."""
    kind: Literal["generator", "translator"]
    """generator: latents to pictures, trained on one set. translator: pictures to pictures, trained on two domains."""
    summary: str
    """One sentence, shown by the command line and the application."""
    trainable: bool = True
    """False: its models are imported from other projects and used, not trained here."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Options of TrainConfig whose default is another for this family, as its paper has them."""


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            name="dcgan",
            title="DCGAN",
            kind="generator",
            summary="Learns one set of pictures and draws new ones from latents (Radford et al., 2015).",
        ),
        Family(
            name="cyclegan",
            title="CycleGAN",
            kind="translator",
            summary="Learns to turn pictures of one domain into another, and back, without pairs (Zhu et al., 2017).",
            defaults={"size": 256, "batch": 1, "flip": True, "steps": 100_000, "sample_steps": 1_000},
        ),
        Family(
            name="deconv",
            title="DCGAN variant",
            kind="generator",
            summary="Draws pictures from latents through any stack of transposed convolutions; learnt elsewhere.",
            trainable=False,
        ),
        Family(
            name="upsample-dcgan",
            title="PyTorch-GAN DCGAN",
            kind="generator",
            summary="Draws pictures from latents by enlargements and convolutions; learnt elsewhere with PyTorch-GAN.",
            trainable=False,
        ),
        Family(
            name="deep-conv",
            title="StudioGAN DCGAN",
            kind="generator",
            summary="Draws pictures from latents with StudioGAN's deep_conv network; learnt elsewhere.",
            trainable=False,
        ),
        Family(
            name="pix2pix",
            title="pix2pix",
            kind="translator",
            summary="Turns pictures of one kind into another, learnt elsewhere from pairs (Isola et al., 2017).",
            trainable=False,
        ),
    )
}


def trainable() -> dict[str, Family]:
    """The families that can be trained here, by name."""
    return {name: family for name, family in FAMILIES.items() if family.trainable}


def get_family(name: str) -> Family:
    if name not in FAMILIES:
        raise ConfigError(f"There is no model family {name!r}. Known families: {', '.join(FAMILIES)}.")
    return FAMILIES[name]

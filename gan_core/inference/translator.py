"""Translator: a picture of one domain to a picture of the other, of any size."""

from math import ceil
from pathlib import Path
from threading import Lock
from typing import Literal

import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn.functional import pad

from gan_core.config import ModelConfig
from gan_core.devices import eval_mode
from gan_core.errors import ConfigError, PictureError
from gan_core.images import open_picture, to_pictures, to_tensor
from gan_core.weights import Model

Direction = Literal["ab", "ba"]
MULTIPLE_PX = 4  # The networks halve twice.
SMALLEST_PX = 16  # Below it, reflection inside the network would reach beyond the picture.
MAX_MP = 12.0  # In one piece; larger photographs would need more memory than a small machine has.


class Translator:
    """A trained pair of generators, or one of them. Safe to use from several threads."""

    def __init__(self, model: Model) -> None:
        self.config: ModelConfig = model.config
        self.folder = model.folder
        self._networks = {
            direction: model.networks[f"generator_{direction}"]
            for direction in ("ab", "ba")
            if f"generator_{direction}" in model.networks
        }
        self._lock = Lock()

    @property
    def domains(self) -> dict[str, str]:
        """What a and b show, in words for people."""
        return self.config.domains or {"a": "domain A", "b": "domain B"}

    @property
    def directions(self) -> list[str]:
        """The directions that can be done: ab makes b from a."""
        return list(self._networks)

    @property
    def default_direction(self) -> str:
        wanted = self.config.default_direction
        return wanted if wanted in self._networks else self.directions[0]

    @property
    def channels(self) -> int:
        return int(self.config.network.get("channels", 3))

    def _network(self, direction: str | None) -> torch.nn.Module:
        direction = direction or self.default_direction
        if direction not in self._networks:
            raise ConfigError(f"This model cannot do direction {direction!r}. It can do {', '.join(self.directions)}.")
        return self._networks[direction]

    def forward(self, x: Tensor, direction: Direction | None = None) -> Tensor:
        """The bare network: x (B, C, H, W) in [-1, 1], H and W multiples of 4 -> the same shape and range."""
        if x.ndim != 4 or x.shape[1] != self.channels or x.shape[2] % MULTIPLE_PX or x.shape[3] % MULTIPLE_PX:
            raise ConfigError(
                f"The network takes (B, {self.channels}, H, W) with H and W multiples of {MULTIPLE_PX}, "
                f"not {tuple(x.shape)}."
            )
        network = self._network(direction)
        device = next(network.parameters()).device
        with self._lock, eval_mode(network):
            return network(x.to(device, torch.float32))

    def translate(
        self, photo: Image.Image | str | Path, direction: Direction | None = None, strength: float = 1.0
    ) -> Image.Image:
        """A picture of the same size in the other domain.

        direction: None is the model's default. strength: 0 the photograph itself, 1 the network's picture, above 1
        beyond it. Raises `PictureError` for a file that is no picture and for one that is too large.
        """
        if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength <= 2:
            raise ConfigError(f"Strength is {strength!r}; it must be a number from 0 to 2 (1 is the full effect).")
        image = open_picture(photo) if isinstance(photo, str | Path) else ImageOps.exif_transpose(photo)
        if image.width * image.height > MAX_MP * 1e6:
            raise PictureError(
                f"The picture has {image.width} x {image.height} pixels; at most {MAX_MP:g} megapixels are translated. "
                "Nothing was painted. Make it smaller."
            )
        x = to_tensor(image, self.channels)  # (1, C, H, W)
        padded = _padded(x)
        y = self.forward(padded, direction)[..., : image.height, : image.width].cpu()
        return to_pictures(x + strength * (y - x))[0]


def _padded(x: Tensor) -> Tensor:
    """Right and lower edge reflected up to sides that the network can take; tiny pictures repeat their edge instead."""
    for axis in (3, 2):
        side = x.shape[axis]
        wanted = max(ceil(side / MULTIPLE_PX) * MULTIPLE_PX, SMALLEST_PX)
        amount = [0, wanted - side, 0, 0] if axis == 3 else [0, 0, 0, wanted - side]
        x = pad(x, amount, mode="reflect" if wanted - side < side else "replicate")
    return x

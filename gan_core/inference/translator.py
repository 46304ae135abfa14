"""Translator: a picture of one domain to a picture of the other, of any size."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from gan_core.config import ModelConfig
from gan_core.devices import eval_mode
from gan_core.errors import ConfigError
from gan_core.images import MODES, open_picture, to_float, to_tensor, to_uint8, with_channels
from gan_core.inference import formula
from gan_core.inference.blend import blend, carried
from gan_core.inference.whole import Painting, Program, Progress, streamed
from gan_core.metrics import structural_similarity
from gan_core.recipe import ModelRef
from gan_core.settings import Settings
from gan_core.weights import Model

Direction = Literal["ab", "ba"]
MULTIPLE_PX = 4  # Where a network does not say otherwise: it halves twice.
SMALLEST_PX = 16  # Likewise: below it, reflection inside the network would reach beyond the picture.
MAX_STRENGTH = 2
AT_ONCE_MP = 3.0  # Of networks that must see the whole picture at once, such as a U-Net.


@dataclass(frozen=True)
class RoundTrip:
    """A photograph painted, and the painting turned back into a photograph."""

    picture: Image.Image
    """What came back."""
    fidelity: float
    """How much of the photograph's structure came back: structural similarity of the luma, 1 where they are equal."""


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
        self._programs: dict[str, Program | None] = {}
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
        """Of the pictures of domain a."""
        return int(self.config.network.get("channels", 3))

    @property
    def device(self) -> torch.device:
        return next(self._networks[self.default_direction].parameters()).device

    @property
    def can_round_trip(self) -> bool:
        return len(self._networks) == 2

    @cached_property
    def ref(self) -> ModelRef | None:
        """How a picture's metadata names this model; None for one that came from no folder.

        sha256: of the generator's file; where there are two, of both files' bytes, generator_ab before generator_ba.
        """
        if self.folder is None:
            return None
        digest = hashlib.sha256()
        try:
            for direction in self.directions:
                with (self.folder / f"generator_{direction}.safetensors").open("rb") as file:
                    while part := file.read(1 << 20):
                        digest.update(part)
        except OSError:  # The folder went away: the name is all there is to say.
            return formula.model_ref(self.folder, "")
        return formula.model_ref(self.folder, digest.hexdigest())

    def _network(self, direction: str | None) -> nn.Module:
        direction = direction or self.default_direction
        if direction not in self._networks:
            raise ConfigError(f"This model cannot do direction {direction!r}. It can do {', '.join(self.directions)}.")
        return self._networks[direction]

    def _program(self, direction: str | None) -> Program | None:
        """How to stream the network; None where it must see the picture at once."""
        direction = direction or self.default_direction
        if direction not in self._programs:
            self._programs[direction] = streamed(self._network(direction))
        return self._programs[direction]

    def forward(self, x: Tensor, direction: Direction | None = None) -> Tensor:
        """The bare network: x (B, C, H, W) in [-1, 1], H and W multiples of 4 -> the same shape and range.

        A network may ask for larger multiples, and make another number of channels.
        """
        network = self._network(direction)
        channels, multiple = _inputs(network, self.channels), _multiple(network)
        if x.ndim != 4 or x.shape[1] != channels or x.shape[2] % multiple or x.shape[3] % multiple:
            raise ConfigError(
                f"The network takes (B, {channels}, H, W) with H and W multiples of {multiple}, not {tuple(x.shape)}."
            )
        device = next(network.parameters()).device
        with self._lock, eval_mode(network):
            return network(x.to(device, torch.float32))

    def translate(
        self,
        photo: Image.Image | str | Path,
        direction: Direction | None = None,
        strength: float = 1.0,
        *,
        keep_colours: bool = False,
        progress: Progress | None = None,
    ) -> Image.Image:
        """A picture of exactly the same size in the other domain, transparent where the photograph is.

        photo: of any mode and size, or a file. direction: None is the model's default. strength, keep_colours: see
        `blend`. progress: called with the share that is done, 0 to 1, a few times a second; what it raises stops the
        work, and `errors.Cancelled` is meant for it.

        Memory is the picture itself, in and out, and at most about 1.1 GB whatever its size; see `whole`. Raises
        `PictureError` for a file that is no picture or over GAN_CORE_MAX_PICTURE_MP, and where the disk is full.
        """
        if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength <= MAX_STRENGTH:
            raise ConfigError(
                f"Strength is {strength!r}; it must be a number from 0 to {MAX_STRENGTH} (1 is the full effect). "
                "Nothing was painted."
            )
        self._network(direction)  # A direction that is not there is said before a large file is read.
        image = _opened(photo)
        full = self._painted(image, direction, progress) if strength else image
        if progress is not None:
            progress(1.0)
        return blend(image, full, strength, keep_colours)

    def preview(
        self, photo: Image.Image | str | Path, direction: Direction | None = None, *, side: int = 512
    ) -> tuple[Image.Image, Image.Image]:
        """The photograph made smaller, its longer side at most `side` px, and its painting at full strength."""
        self._network(direction)
        small = _smaller(_opened(photo), side)
        return small, self._painted(small, direction, None)

    def round_trip(
        self, photo: Image.Image | str | Path, direction: Direction | None = None, *, side: int = 512
    ) -> RoundTrip:
        """There and back, at a size of at most `side` px. Raises `ConfigError` where only one direction can be done."""
        self._network(direction)
        if not self.can_round_trip:
            raise ConfigError(
                f"This model can only do direction {self.default_direction}, so nothing comes back. Nothing was "
                "painted. Choose a model with both directions."
            )
        there = direction or self.default_direction
        small = _smaller(_opened(photo), side)
        painting = self._painted(small, there, None)
        back = self._painted(painting, there[::-1], None)
        return RoundTrip(back, float(structural_similarity(to_tensor(small, 1), to_tensor(back, 1))))

    def note(self, width: int, height: int, direction: Direction | None = None) -> str | None:
        """What to know of how a picture of this size is painted; None where there is nothing to say."""
        at = self._size_at_once(width, height, direction)
        if at == (width, height):
            return None
        return (
            f"This model's network sees the whole picture at once, so it painted at {at[0]} x {at[1]} px, "
            f"and the painting was enlarged to {width} x {height} px."
        )

    def _size_at_once(self, width: int, height: int, direction: str | None) -> tuple[int, int]:
        """The size that is painted: that of the picture, unless it is too large for a network that is not streamed."""
        shrink = (AT_ONCE_MP * 1e6 / (width * height)) ** 0.5
        if shrink >= 1 or self._program(direction) is not None:
            return width, height
        return max(1, int(width * shrink)), max(1, int(height * shrink))

    def _painted(self, image: Image.Image, direction: str | None, progress: Progress | None) -> Image.Image:
        """The network's picture at full strength."""
        network = self._network(direction)
        size = image.size
        laid = _laid(image, _inputs(network, self.channels))
        at = self._size_at_once(*size, direction)
        source = laid if at == size else laid.resize(at, Image.Resampling.LANCZOS)
        if progress is not None:
            progress(0.0)
        pixels = _pixels(source, _multiple(network), getattr(network, "smallest_px", SMALLEST_PX))
        steps = self._program(direction)
        if steps is not None:
            done = Painting(steps, pixels, next(network.parameters()).device).paint(progress)
        else:
            x = to_float(torch.from_numpy(pixels.copy())).permute(2, 0, 1)[None]  # Pillow's array is read-only.
            done = to_uint8(self.forward(x, direction))[0].permute(1, 2, 0).cpu().numpy()  # type: ignore[arg-type]
        done = np.ascontiguousarray(done[: at[1], : at[0]])
        painted = Image.fromarray(done[..., 0] if done.shape[2] == 1 else done)
        if at != size:
            painted = painted.resize(size, Image.Resampling.LANCZOS)
        return carried(image, laid, painted) if image.has_transparency_data else painted


def _inputs(network: nn.Module, channels: int) -> int:
    return int(getattr(network, "input_channels", channels))


def _multiple(network: nn.Module) -> int:
    return int(getattr(network, "multiple_px", MULTIPLE_PX))


def _opened(photo: Image.Image | str | Path) -> Image.Image:
    if isinstance(photo, str | Path):
        return open_picture(photo, max_mp=Settings().max_picture_mp)
    turned = photo.getexif().get(0x0112, 1) != 1  # Otherwise a copy would be made for nothing.
    return ImageOps.exif_transpose(photo) if turned else photo


def _laid(image: Image.Image, channels: int) -> Image.Image:
    """As the network takes it, transparency over white; the picture itself where it is so already."""
    ready = image.mode == MODES[channels] and (channels == 4 or not image.has_transparency_data)
    return image if ready else with_channels(image, channels)


def _smaller(image: Image.Image, side: int) -> Image.Image:
    shrink = side / max(image.size)
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = with_channels(image, 4 if image.has_transparency_data else 3)
    if shrink >= 1:
        return image
    size = tuple(max(1, round(length * shrink)) for length in image.size)
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)  # type: ignore[arg-type]


def _pixels(image: Image.Image, multiple: int, smallest: int) -> np.ndarray:
    """(H, W, C) uint8, mirrored at the right and lower edge up to sides that the network can take."""
    pixels = np.asarray(image)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    missing = [max(ceil(side / multiple) * multiple, smallest) - side for side in pixels.shape[:2]]
    return np.pad(pixels, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="reflect") if any(missing) else pixels

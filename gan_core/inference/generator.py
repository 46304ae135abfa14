"""Generator: latents to pictures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Lock

import torch
from PIL import Image
from torch import Tensor

from gan_core.config import ModelConfig
from gan_core.devices import eval_mode
from gan_core.errors import ConfigError
from gan_core.images import to_pictures
from gan_core.latent import check_seed, latents, truncate, walk
from gan_core.weights import Model

CHUNK = 16  # Pictures decoded at once: enough to fill the device, few enough to start showing soon.

Label = str | int | Mapping[str, float] | None


class Generator:
    """A trained generator. Safe to use from several threads."""

    def __init__(self, model: Model) -> None:
        self.config: ModelConfig = model.config
        self.folder = model.folder
        self._network = model.networks["generator"]
        self._lock = Lock()

    @property
    def classes(self) -> list[str] | None:
        return self.config.classes

    @property
    def latent_dim(self) -> int:
        return int(self._network.latent_dim)  # type: ignore[arg-type]

    @property
    def device(self) -> torch.device:
        return next(self._network.parameters()).device

    def latents(self, seeds: Sequence[int]) -> Tensor:
        """(B, latent_dim) float32 on the CPU: the latents that the seeds name."""
        if not isinstance(seeds, Iterable) or isinstance(seeds, str):
            raise ConfigError(f"Seeds are {seeds!r}; give a list of them, such as [7].")
        return latents(seeds, self.latent_dim)

    def class_weights(self, label: Label, count: int) -> Tensor | None:
        """(count, classes): the same weights in every row.

        label: a class's name or number, or weights by name ({"Bag": 0.5, "Boot": 0.5}) for a blend; None: the first.
        """
        if not self.classes:
            if label is not None:
                raise ConfigError(f"This model has no classes, so it cannot draw {label!r}. Leave the class out.")
            return None
        weights = torch.zeros(len(self.classes))
        for name, weight in label.items() if isinstance(label, Mapping) else [(label or 0, 1.0)]:
            weights[self._class_index(name)] = weight
        return weights.expand(count, -1)

    def _class_index(self, label: str | int) -> int:
        names = self.classes or []
        text = str(label)
        known = [name.casefold() for name in names]
        if text.casefold() in known:
            return known.index(text.casefold())
        if text.isdigit() and int(text) < len(names):
            return int(text)
        raise ConfigError(f"There is no class {label!r}. This model knows {', '.join(names)} (0 to {len(names) - 1}).")

    def decode(self, z: Tensor, label: Label = None) -> Tensor:
        """z (B, latent_dim) -> pictures (B, C, H, W) in [-1, 1], on the model's device."""
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise ConfigError(f"Latents of this model have the shape (B, {self.latent_dim}), not {tuple(z.shape)}.")
        return self._decode(z, self.class_weights(label, len(z)))

    def _decode(self, z: Tensor, classes: Tensor | None) -> Tensor:
        z = z.to(self.device, torch.float32)
        if classes is not None:
            classes = classes.to(self.device)
        with self._lock, eval_mode(self._network):
            return self._network(z, classes)

    def generate(self, seeds: Sequence[int], truncation: float = 1.0, label: Label = None) -> list[Image.Image]:
        """One picture a seed. Without a label, the seed also picks the class of a model that has classes."""
        z = truncate(self.latents(seeds), _checked(truncation))
        if label is None and self.classes:
            chosen = torch.tensor([check_seed(seed) % len(self.classes) for seed in seeds], dtype=torch.long)
            classes: Tensor | None = torch.nn.functional.one_hot(chosen, len(self.classes)).float()
        else:
            classes = self.class_weights(label, len(z))
        return list(self._pictures(z, classes))

    def explore(
        self, seed: int, truncation: float = 1.0, label: Label = None, offsets: Sequence[float] = ()
    ) -> Image.Image:
        """The picture of truncation * z(seed) + offsets, where offsets are added to the first latents."""
        z = truncate(self.latents([seed]), _checked(truncation))
        if len(offsets) > self.latent_dim:
            raise ConfigError(f"This model has {self.latent_dim} latents, so it cannot take {len(offsets)} offsets.")
        z[0, : len(offsets)] += torch.tensor([_checked(offset) for offset in offsets], dtype=torch.float32)
        if label is None and self.classes:
            label = check_seed(seed) % len(self.classes)
        return to_pictures(self.decode(z, label))[0]

    def interpolate(
        self,
        seeds: Sequence[int],
        frames: int = 60,
        mode: str = "slerp",
        *,
        truncation: float = 1.0,
        label: Label = None,
        loop: bool = False,
    ) -> Iterator[Image.Image]:
        """`frames` pictures along a walk from seed to seed; mode slerp or lerp; a loop returns to the first seed."""
        path = walk(truncate(self.latents(seeds), _checked(truncation)), frames, mode, loop)
        return self._pictures(path, self.class_weights(label, len(path)))

    def _pictures(self, z: Tensor, classes: Tensor | None) -> Iterator[Image.Image]:
        for start in range(0, len(z), CHUNK):
            part = slice(start, start + CHUNK)
            yield from to_pictures(self._decode(z[part], classes[part] if classes is not None else None))


def _checked(value: float) -> float:
    """A finite number of sensible size: latents beyond it are noise, and NaN would be drawn as grey."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -100 <= value <= 100:
        raise ConfigError(f"{value!r} is not a number from -100 to 100.")
    return float(value)

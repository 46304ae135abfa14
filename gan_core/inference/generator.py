"""Generator: latents and recipes to pictures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from threading import Lock
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from gan_core.config import ModelConfig
from gan_core.devices import eval_mode
from gan_core.errors import ConfigError, RecipeError
from gan_core.images import to_pictures
from gan_core.inference import formula, mixing
from gan_core.inference.directions import FILE, Direction, Staged, load, principal, sefa
from gan_core.inference.single import SinglePicture
from gan_core.latent import check_seed, latents, truncate, walk
from gan_core.recipe import Mix, ModelRef, Recipe, weights_sha256
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
        self._computing = Lock()
        self._named: tuple[int, list[Direction]] | None = None

    @property
    def classes(self) -> list[str] | None:
        return self.config.classes

    @property
    def latent_dim(self) -> int:
        return int(self._network.latent_dim)  # type: ignore[arg-type]

    @property
    def device(self) -> torch.device:
        return next(self._network.parameters()).device

    @cached_property
    def sha256(self) -> str:
        """Of generator.safetensors; empty for a generator that came from no folder."""
        return weights_sha256(self.folder) if self.folder else ""

    @cached_property
    def ref(self) -> ModelRef | None:
        """How recipes name this model; None for a generator that came from no folder."""
        return formula.model_ref(self.folder, self.sha256)

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

    def class_name(self, label: str | int | None) -> str | None:
        """The class that a name or number means; None for None. Raises `ConfigError` for an unknown one."""
        if label is None or not self.classes:
            self.class_weights(label, 1)
            return None
        return self.classes[self._class_index(label)]

    def decode(self, z: Tensor, label: Label = None, *, classes: Tensor | None = None) -> Tensor:
        """z (B, latent_dim) -> pictures (B, C, H, W) in [-1, 1], on the model's device.

        classes: (B, classes) weights, one row a picture, instead of one label for all.
        """
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise ConfigError(f"Latents of this model have the shape (B, {self.latent_dim}), not {tuple(z.shape)}.")
        wanted = (len(z), len(self.classes or ()))
        if classes is not None and (not self.classes or tuple(classes.shape) != wanted):
            raise ConfigError(f"Class weights of this model have the shape {wanted}, not {tuple(classes.shape)}.")
        return self._decode(z, self.class_weights(label, len(z)) if classes is None else classes)

    def _decode(self, z: Tensor, classes: Tensor | None, look: tuple[Tensor, Mix] | None = None) -> Tensor:
        z = z.to(self.device, torch.float32)
        if classes is not None:
            classes = classes.to(self.device, torch.float32)
        if look is None and len(z) == 1 and self._single is not None:
            with torch.inference_mode():
                return self._single(z, classes)
        with self._lock, eval_mode(self._network):
            if look is None:
                return self._network(z, classes)
            other, mix = look
            lent = classes if mix.label is None else self.class_weights(mix.label, len(z))
            lent = None if lent is None else lent.to(self.device)
            return mixing.forward(self._network, z, classes, other.to(self.device), lent, mix.stages, mix.amount)

    @cached_property
    def _single(self) -> SinglePicture | None:
        return SinglePicture(self._network) if self.device.type == "cpu" and isinstance(self._network, Staged) else None

    def generate(self, seeds: Sequence[int], truncation: float = 1.0, label: Label = None) -> list[Image.Image]:
        """One picture a seed. Without a label, the seed also picks the class of a model that has classes."""
        z = truncate(self.latents(seeds), _checked(truncation))
        if label is None and self.classes:
            chosen = torch.tensor([check_seed(seed) % len(self.classes) for seed in seeds], dtype=torch.long)
            classes: Tensor | None = torch.nn.functional.one_hot(chosen, len(self.classes)).float()
        else:
            classes = self.class_weights(label, len(z))
        return list(self._pictures(z, classes))

    # Recipes.

    def recipe(self, **fields: Any) -> Recipe:
        """A recipe for this model: `recipe(seed=7, truncation=0.8)`."""
        return Recipe(**{"model": self.ref, **fields})

    def directions(self) -> list[Direction]:
        """The model's directions: SeFa's, then the principal components, then its owner's own.

        What stands in the folder's directions.json (names, hidden ones) replaces what is computed. Computed once.
        """
        path = self.folder / FILE if self.folder else None
        written_at = path.stat().st_mtime_ns if path and path.exists() else 0
        with self._computing:  # Who asks while they are computed waits, and computes nothing twice.
            if self._named is None or self._named[0] != written_at:
                named = {one.id: one for one in load(self.folder)} if self.folder else {}
                fitting = {key: one for key, one in named.items() if len(one.vector) == self.latent_dim}
                self._named = written_at, list(({one.id: one for one in self._computed} | fitting).values())
            return list(self._named[1])

    @cached_property
    def _computed(self) -> list[Direction]:
        return [*sefa(self._network), *principal(self._network)]

    def stages(self) -> list[int]:
        """Sides in pixels of the stages that a mix can lend; stage 1 is the first of them."""
        if not isinstance(self._network, Staged):
            return []
        return [4 * 2**index for index in range(len(self._network.stages()))]

    def latent(self, recipe: Recipe) -> Tensor:
        """(latent_dim,) float32 on the CPU, by the formula of `inference/formula.py`."""
        vectors = {one.id: one.vector for one in self.directions()} if recipe.directions else {}
        return formula.latent(recipe, self.latent_dim, vectors)

    def recipe_classes(self, recipe: Recipe) -> Tensor | None:
        """(classes,) weights on the CPU; None for a model without classes. Without a label, the seed picks."""
        if recipe.label is None and self.classes and recipe.z is None:
            return formula.seed_classes(recipe, len(self.classes))
        weights = self.class_weights(recipe.label, 1)
        return None if weights is None else weights[0]

    def picture(self, recipe: Recipe) -> Image.Image:
        """The recipe's picture, drawn by itself and so bit for bit the same wherever it is asked for."""
        return next(self.pictures([recipe], chunk=1))

    def pictures(self, recipes: Iterable[Recipe], *, chunk: int = CHUNK) -> Iterator[Image.Image]:
        """Pictures of recipes, `chunk` at once, which is faster but may round a level differently than one by one."""
        remaining = iter(recipes)
        while part := list(islice(remaining, chunk)):
            z = torch.stack([self.latent(recipe) for recipe in part])
            rows = [row for recipe in part if (row := self.recipe_classes(recipe)) is not None]
            classes = torch.stack(rows) if rows else None
            looks = [self._look(recipe) for recipe in part]
            if any(looks):  # Each has a look of its own.
                for index, look in enumerate(looks):
                    only = slice(index, index + 1)
                    yield to_pictures(self._decode(z[only], None if classes is None else classes[only], look))[0]
            else:
                yield from to_pictures(self._decode(z, classes))

    def _look(self, recipe: Recipe) -> tuple[Tensor, Mix] | None:
        mix = recipe.mix
        if mix is None or not mix.stages or not mix.amount:
            return None
        if mix.stages[-1] > len(self.stages()):
            count = len(self.stages())
            raise RecipeError(
                f"The recipe mixes stage {mix.stages[-1]}, but this model has {count}. Nothing was drawn. "
                "Use the model that it was made with."
            )
        if mix.label is not None:
            self.class_weights(mix.label, 1)  # Complains where there is no such class.
        return truncate(self.latents([mix.seed]), recipe.truncation), mix

    def neighbours(self, recipe: Recipe, radius: float, count: int = 8) -> list[Recipe]:
        """`count` recipes around one, with latents sqrt(1 - radius^2) z + radius n_i; the same ones every time."""
        return formula.neighbours(recipe, self.latent(recipe), radius, count)

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
        """`frames` pictures along a walk from seed to seed; slerp, lerp or spline; a loop returns to the first seed."""
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

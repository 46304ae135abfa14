"""Find my picture: the latent whose picture comes nearest to a given one, by descent from the best of several seeds.

Zhu, Krähenbühl, Shechtman, Efros, "Generative visual manipulation on the natural image manifold", 2016, section 3.1,
with a distance that needs no other network.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, cos, pi

import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from gan_core.config import MAX_SEED, require_whole
from gan_core.images import to_tensor, with_channels
from gan_core.inference.generator import Generator, Label
from gan_core.latent import check_seed, latents
from gan_core.metrics import picture_distance
from gan_core.recipe import Recipe

LR = 0.2  # Of Adam, falling along half a cosine; latents have the standard deviation 1.
BETAS = (0.9, 0.99)
PRIOR = 0.01
PIXELS_AT_ONCE = 32_768  # Of one pass through the network, so that a stop and the next progress are never far.

Named = str | dict[str, float] | None  # A label as recipes hold it.


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a projection is: the best recipe so far."""

    step: int
    """Steps of descent done; 0 while starts are compared."""
    steps: int
    """Steps asked for."""
    distance: float
    """`picture_distance` of the recipe's picture from the target."""
    recipe: Recipe
    """With z, and with the class of a model that has classes."""
    last: bool
    """Nothing follows: done, or stopped."""


def fitted(generator: Generator, picture: Image.Image) -> Image.Image:
    """What is looked for: the picture's middle at the size and in the colours of the model."""
    channels, height, width = _shape(generator)
    return ImageOps.fit(with_channels(picture, channels), (width, height), Image.Resampling.LANCZOS)


def project(
    generator: Generator,
    picture: Image.Image,
    *,
    steps: int = 300,
    starts: int = 64,
    label: Label = None,
    seed: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Look for the latent of a picture; yields what was found so far after every pass, and once more as the last.

    The seeds from `seed` on are compared; from the best few, Adam goes down

        picture_distance(G(z), target)^2 + PRIOR * max(0, |z| / sqrt(nz) - 1 - 2 / sqrt(2 nz))^2

    and worse ones are given up on the way. (|z| / sqrt(nz) of seeds is 1 give or take 1 / sqrt(2 nz): a latent much
    longer than that comes nearer to some pictures, but the sliders go nowhere from there.) label: a class, or weights
    by name; None: for a model that has classes, the best is found among the starts. The same arguments give the same
    result on the same machine. Stopping keeps the best so far. Raises `ConfigError`.
    """
    require_whole("--steps", steps, 1, 5_000)
    require_whole("--starts", starts, 1, 4_096)
    check_seed(seed)
    target = to_tensor(fitted(generator, picture), _shape(generator)[0]).to(generator.device)
    labels: list[Named] = [*generator.classes] if generator.classes else [None]
    if label is not None:
        labels = [_named(generator, label)]
    return _search(_Search(generator, target, labels), steps, starts, seed, should_stop)


def _shape(generator: Generator) -> tuple[int, ...]:
    """(C, H, W) of the model's pictures."""
    return tuple(generator.decode(torch.zeros(1, generator.latent_dim), 0 if generator.classes else None).shape[1:])


def _named(generator: Generator, label: Label) -> Named:
    """A class by its name, whichever way it was given; raises `ConfigError` for one that is not there."""
    weights = generator.class_weights(label, 1)
    assert weights is not None, "a label of a model without classes is refused"
    shares = {name: float(weight) for name, weight in zip(generator.classes or [], weights[0], strict=True) if weight}
    return next(iter(shares)) if list(shares.values()) == [1.0] else shares


class _Search:
    """A private copy of the network, the target, and the best latent so far."""

    def __init__(self, generator: Generator, target: Tensor, labels: list[Named]) -> None:
        # Others draw with the generator meanwhile: the copy needs no lock, and its weights need no gradient.
        self._network: nn.Module = copy.deepcopy(generator._network).eval().requires_grad_(False)
        self._generator, self._target, self.labels = generator, target, labels
        weights = [generator.class_weights(label, 1) for label in labels]
        self._classes = torch.cat([one for one in weights if one is not None]) if generator.classes else None
        self.nz = generator.latent_dim
        self._best = self._distance = float("inf")
        self._z, self._label = torch.zeros(self.nz), 0
        side = target.shape[-2] * target.shape[-1]
        self.chunk = max(1, min(16, PIXELS_AT_ONCE // side))
        self.few = max(2, min(8, PIXELS_AT_ONCE // side))

    def distances(self, z: Tensor, labels: list[int]) -> Tensor:
        """z (B, nz) and the numbers of their labels -> (B,)."""
        device = self._target.device
        classes = self._classes[labels].to(device) if self._classes is not None else None
        return picture_distance(self._network(z.to(device), classes), self._target)

    def losses(self, z: Tensor, labels: list[int]) -> Tensor:
        """z (B, nz) -> (B,); the best is remembered."""
        distance = self.distances(z, labels)
        excess = z.norm(dim=1) / self.nz**0.5 - 1 - 2 / (2 * self.nz) ** 0.5
        loss = distance.square() + PRIOR * excess.clamp_min(0).square().to(distance.device)
        known = loss.detach()
        least = int(known.argmin())
        if float(known[least]) < self._best:
            self._best, self._distance = float(known[least]), float(distance.detach()[least])
            self._z, self._label = z[least].detach().clone(), labels[least]
        return loss

    def progress(self, step: int, steps: int, last: bool = False) -> Progress:
        """The recipe's numbers are rounded to five decimals; the last distance is measured with these."""
        z = tuple(round(value, 5) for value in self._z.clamp(-100, 100).tolist())
        distance = self._distance
        if last:
            with torch.no_grad():
                distance = float(self.distances(torch.tensor([z]), [self._label]))
        recipe = self._generator.recipe(seed=None, z=z, label=self.labels[self._label])
        return Progress(step=step, steps=steps, distance=distance, recipe=recipe, last=last)


def _search(search: _Search, steps: int, starts: int, seed: int, should_stop: Callable[[], bool]) -> Iterator[Progress]:
    # Starts: seeds one after the other. Where the class is to be found too, four times as many, shared by the classes.
    kinds = len(search.labels)
    each = starts if kinds == 1 else ceil(4 * starts / kinds)
    seeds = latents([(seed + number) % (MAX_SEED + 1) for number in range(each)], search.nz)  # (each, nz)
    z = seeds.repeat_interleave(kinds, 0)  # (each * kinds, nz)
    labels = list(range(kinds)) * each
    losses: list[float] = []
    for start in range(0, len(z), search.chunk):
        part = slice(start, start + search.chunk)
        with torch.no_grad():
            losses += search.losses(z[part], labels[part]).tolist()
        if should_stop():
            yield search.progress(0, steps, last=True)
            return
        yield search.progress(0, steps)

    # Descent: each candidate is a tensor of its own, so that Adam passes over those that were given up.
    chosen = _best_few(losses, labels, search.few if len(z) > 1 else 1)
    points = {number: z[number].clone().requires_grad_() for number in chosen}
    adam = torch.optim.Adam(points.values(), lr=LR, betas=BETAS)
    for step in range(steps):
        if step in _halvings(steps):
            chosen = sorted(chosen, key=lambda number: losses[number])[: max(1, len(chosen) // 2)]
        adam.param_groups[0]["lr"] = LR * (1 + cos(pi * step / steps)) / 2
        adam.zero_grad()
        for start in range(0, len(chosen), search.chunk):
            part_of = chosen[start : start + search.chunk]
            loss = search.losses(torch.stack([points[one] for one in part_of]), [labels[one] for one in part_of])
            loss.sum().backward()
            for one, value in zip(part_of, loss.tolist(), strict=True):
                losses[one] = value
            if should_stop():
                yield search.progress(step, steps, last=True)
                return
            if start + search.chunk < len(chosen):
                yield search.progress(step, steps)
        adam.step()
        yield search.progress(step + 1, steps)
    with torch.no_grad():
        search.losses(torch.stack([points[one] for one in chosen]), [labels[one] for one in chosen])
    yield search.progress(steps, steps, last=True)


def _best_few(losses: list[float], labels: list[int], few: int) -> list[int]:
    """Numbers of the best starts; of several classes, none has more than half of them."""
    most = few if len(set(labels)) == 1 else (few + 1) // 2
    chosen: list[int] = []
    for number in sorted(range(len(losses)), key=lambda one: losses[one]):
        if len(chosen) < few and sum(labels[other] == labels[number] for other in chosen) < most:
            chosen.append(number)
    return chosen


def _halvings(steps: int) -> set[int]:
    """After a sixth, a third and a half of the way the worse half of the candidates is given up."""
    return {ceil(steps * part / 6) for part in (1, 2, 3)}

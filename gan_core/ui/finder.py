"""Find my picture, from Explore: the search for a picture's latent as a job that the page asks after."""

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from PIL import Image

from gan_core.errors import ConfigError
from gan_core.recipe import ModelRef, Recipe
from gan_core.ui.explorer import decoded, ref, to_page
from gan_core.ui.jobs import Jobs, Progress, Work
from gan_core.ui.pictures import data_url
from gan_core.ui.services import Services

if TYPE_CHECKING:
    from gan_core.inference.generator import Generator

STEPS = 300
DRAW_S = 0.2
SCALE_SEEDS = range(8)
"""Pictures of these seeds tell how far apart two pictures of a model are."""


class Finder:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._jobs = Jobs(at_once=1)  # Two at once take as long on the same cores, and nobody has a result sooner.

    def find_start(self, model: object, name: object, content: object, label: object = None) -> dict[str, Any]:
        """Begin to look for a picture (a file in base64); tells the job's id and the picture as the model sees it.

        label: the class to look in; None: any.
        """
        from gan_core.images import open_picture
        from gan_core.inference.projection import fitted

        generator = self._services.generator(model)
        if label is not None and label not in (generator.classes or []):
            raise ConfigError("There is no such class in this model. Nothing was started. Choose another one.")
        title = str(name)[:80] or "The picture"
        limits = self._services.settings
        picture = open_picture(decoded(content, title, limits.max_upload_mb), name=title, max_mp=limits.max_picture_mp)
        target = fitted(generator, picture)
        job = self._jobs.start(search(generator, ref(str(model), generator), target, label))
        return {"job": job, "target": data_url(target), "side": max(target.size)}

    def find_poll(self, job: object) -> Progress:
        """How far it is: state, step, steps, distance, scale (what to compare it with), recipe, url of its picture."""
        return self._jobs.poll(job)

    def find_stop(self, job: object) -> dict[str, Any]:
        """End a search; what it found so far stays."""
        self._jobs.stop(job)
        return {}


def search(generator: "Generator", model: ModelRef, target: Image.Image, label: Any) -> Work:
    """The job: what `project` finds, as the page shows it."""

    def work(should_stop: Any) -> Iterator[Progress]:
        from gan_core.inference.projection import project

        scale = mean_distance(generator, label)
        shown: tuple[Recipe, str] | None = None
        drawn_at = 0.0
        for found in project(generator, target, steps=STEPS, label=label, should_stop=should_stop):
            recipe = replace(found.recipe, model=model)
            # The page asks a few times a second: a picture for every step would be drawn for nobody.
            due = found.last or time.monotonic() - drawn_at > DRAW_S
            if shown is None or (due and shown[0] != recipe):
                drawn_at = time.monotonic()
                shown = (recipe, data_url(generator.picture(recipe)))
            told = {"step": found.step, "steps": found.steps, "distance": found.distance, "scale": scale}
            yield {**told, "recipe": to_page(shown[0]), "url": shown[1]}

    return work


def mean_distance(generator: "Generator", label: Any) -> float:
    """How far apart two pictures of a model are on average, by `picture_distance`."""
    import torch

    from gan_core.images import to_tensor
    from gan_core.metrics import picture_distance

    pictures = generator.pictures([Recipe(seed=seed, label=label) for seed in SCALE_SEEDS])
    tensors = [to_tensor(picture, len(picture.getbands())) for picture in pictures]
    pairs = list(combinations(tensors, 2))
    return float(picture_distance(torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs])).mean())

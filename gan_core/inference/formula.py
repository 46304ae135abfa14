"""From recipes to latents: z = truncation * b + sum_k s_k d_k + sum_i e_i u_i, in double precision, rounded once.

The sums run in the order of the names, so that the order in which sliders were moved cannot change the last bit.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_core.errors import RecipeError
from gan_core.latent import normal, plane, plane_latent
from gan_core.recipe import ModelRef, Recipe

CACHE = "models--"
"""What the Hub's cache calls its folders: models--user--name/snapshots/commit."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


def latent(recipe: Recipe, latent_dim: int, vectors: Mapping[str, tuple[float, ...]]) -> Tensor:
    """(latent_dim,) float32 on the CPU. vectors: the directions' vectors by id; asked for those of the recipe alone.

    Raises `RecipeError` where the recipe is for a model with other latents or directions.
    """
    if recipe.z is not None:
        if len(recipe.z) != latent_dim:
            raise _foreign(f"a z of {len(recipe.z)} numbers", f"this model has {latent_dim} latents")
        base = np.array(recipe.z)
    else:
        assert recipe.seed is not None
        base = plane_latent(recipe.seed, recipe.shift, latent_dim)
    z = recipe.truncation * base
    for name in sorted(recipe.directions):
        if name not in vectors or len(vectors[name]) != latent_dim:
            raise _foreign(f"the direction {name}", "this model does not have it")
        z = z + recipe.directions[name] * np.array(vectors[name])
    for place, move in recipe.latents.items():
        if place > latent_dim:
            raise _foreign(f"an edit of latent {place}", f"this model has {latent_dim}")
        z[place - 1] += move
    return torch.from_numpy(z.astype(np.float32))


def seed_classes(recipe: Recipe, count: int) -> Tensor:
    """(count,): the class that the seed picks, seed modulo count. Between seeds theirs blend, so that nothing jumps."""
    weights = torch.zeros(count)
    for seed, weight in plane(recipe.seed or 0, recipe.shift):
        weights[seed % count] += weight
    return weights


def neighbours(recipe: Recipe, point: Tensor, radius: float, count: int) -> list[Recipe]:
    """Recipes whose latents are sqrt(1 - r^2) p + r n_i, p (latent_dim,) the recipe's own; the difference as edits.

    The root keeps a standard normal latent standard normal. The noise follows from the recipe alone: the same
    neighbours in the same places, at every radius.
    """
    if isinstance(radius, bool) or not isinstance(radius, int | float) or not 0 <= radius <= 1:
        raise RecipeError(f"The radius is {radius!r}; it must be a number from 0 to 1. Nothing was drawn.")
    own = point.double().numpy()
    first = int.from_bytes(hashlib.sha256(recipe.dumps().encode()).digest()[:7])
    found = []
    for seed in range(first, first + count):
        move = math.sqrt(1 - radius**2) * own + radius * normal(seed, len(own)) - own
        # Four decimals: none can be seen, and the recipe still fits into an address.
        edits = {
            place: round(min(max(recipe.latents.get(place, 0.0) + step, -10.0), 10.0), 4)
            for place, step in enumerate(move.tolist(), 1)
        }
        found.append(replace(recipe, latents=edits))
    return found


def model_ref(folder: Path | None, sha256: str) -> ModelRef | None:
    """How a recipe names the model of a folder: a run by its id, a model in the Hub's cache by its repository."""
    if folder is None:
        return None
    folder, hub = folder.resolve(), None
    name = folder.name
    if folder.parent.name == "snapshots":
        name = folder.parent.parent.name
        if name.startswith(CACHE):
            hub = name.removeprefix(CACHE).replace("--", "/", 1)
            name = hub.rpartition("/")[2]
            if _COMMIT.fullmatch(folder.name):
                hub = f"{hub}@{folder.name}"  # Its very weights, whatever is pushed there later.
    return ModelRef(name=name, sha256=sha256 or None, hub=hub)


def _foreign(what: str, why: str) -> RecipeError:
    return RecipeError(f"The recipe holds {what}, but {why}. Nothing was drawn. Use the model that it was made with.")

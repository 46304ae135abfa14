"""Writes vectors.json: what a seed, a recipe and a way between latents are, by Python, for the page's JavaScript.

    python -m tests.deploy.vectors

The file is a promise, like the noise itself: it is only written anew when a case is added, and old ones stay.
"""

import json
from pathlib import Path

import torch

from gan_core.inference import formula
from gan_core.latent import along, normal
from gan_core.metrics import picture_distance
from gan_core.recipe import Recipe

FILE = Path(__file__).with_suffix(".json")
LATENT_DIM = 6
CLASSES = ["ant", "bee", "cat"]
DIRECTIONS = {"sefa-1": (0.5, -0.25, 0.0, 1.0, 0.125, -0.75), "pca-2": (-0.1, 0.2, 0.3, -0.4, 0.5, -0.6)}
REF = {"name": "träumer", "sha256": "ab" * 32, "hub": "alice/träumer"}
RECIPES = [
    {"seed": "0"},
    {"seed": "555", "truncation": 0.7},
    {"seed": "9223372036854775807", "shift": [0.25, 0.5]},
    {"seed": "1234", "shift": [0, 0.1], "truncation": 2, "label": "Bee", "directions": {"sefa-1": 1.5, "pca-2": -2}},
    {"seed": "7", "label": {"ant": 0.25, "cat": 0.75}, "latents": {"1": -0.5, "6": 1e-05}, "model": REF},
    {
        "z": [0.1, -2, 3.5, 0, 1e-06, 0.30000000000000004],
        "truncation": 0.5,
        "label": "2",
        "directions": {"pca-2": 0.35},
    },
]
SEEDS = [("0", 8), ("1", 7), ("555", 4), ("4294967296", 5), ("9007199254740993", 4), ("9223372036854775807", 9)]
WAYS = [("slerp", False), ("slerp", True), ("lerp", True), ("spline", False), ("spline", True)]
SHAPES = [(3, 16, 16), (1, 9, 21), (3, 4, 4)]


def made() -> dict:
    recipes = []
    for values in RECIPES:
        recipe = Recipe.from_json({"format": 1, **values})
        near = formula.neighbours(recipe, formula.latent(recipe, LATENT_DIM, DIRECTIONS), 0.4, 2)
        recipes.append(
            {
                "recipe": {"format": 1, **values},
                "dumps": recipe.dumps(),
                "z": formula.latent(recipe, LATENT_DIM, DIRECTIONS).tolist(),
                "classes": class_weights(recipe),
                "neighbours": [{str(place): edit for place, edit in one.latents.items()} for one in near],
            }
        )
    keys = torch.stack([torch.from_numpy(normal(seed, LATENT_DIM)) for seed in (3, 4, 5)])
    keys[2] = -keys[1]  # Opposite ones have no great circle of their own.
    places = [0.0, 0.25, 0.5, 1.0, 1.75, 2.0]
    pairs = [[torch.from_numpy(normal(seed, 3 * 16 * 21)).tanh() for seed in (8, 9)] for _ in SHAPES]
    return {
        "about": {
            "latent_dim": LATENT_DIM,
            "classes": CLASSES,
            "directions": [{"id": key, "vector": list(vector)} for key, vector in DIRECTIONS.items()],
        },
        "normal": [{"seed": seed, "numbers": normal(int(seed), count).tolist()} for seed, count in SEEDS],
        "recipes": recipes,
        "keys": keys.tolist(),
        "places": places,
        "ways": [
            {"mode": mode, "loop": loop, "points": along(keys.double(), places, mode, loop).tolist()}
            for mode, loop in WAYS
        ],
        "distances": [
            {
                "shape": list(shape),
                "seeds": ["8", "9"],
                "distance": float(picture_distance(*(cut(one, shape) for one in two))[0]),
            }
            for shape, two in zip(SHAPES, pairs, strict=True)
        ],
    }


def cut(numbers: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    count = shape[0] * shape[1] * shape[2]
    return numbers[:count].view(1, *shape)


def class_weights(recipe: Recipe) -> list[float]:
    """As `Generator.recipe_classes`, by hand."""
    if recipe.label is None:
        if recipe.z is None:
            return formula.seed_classes(recipe, len(CLASSES)).tolist()
        return [1.0, 0.0, 0.0]
    named = recipe.label if isinstance(recipe.label, dict) else {recipe.label: 1.0}
    known = {name: at for at, name in enumerate(CLASSES)} | {str(at): at for at in range(len(CLASSES))}
    weights = [0.0] * len(CLASSES)
    for name, weight in named.items():
        weights[known[name.lower()]] = weight
    return weights


if __name__ == "__main__":
    FILE.write_text(json.dumps(made(), indent=1) + "\n", encoding="utf-8")
    print(f"Written to {FILE}")

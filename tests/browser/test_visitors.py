"""Ten visitors at once, over HTTP as the page asks: nobody's state touches another's, and memory stays flat."""

import base64
import io
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import numpy as np
import psutil
import pytest
from PIL import Image

from gan_core.library import load
from gan_core.recipe import Recipe

pytestmark = [pytest.mark.slow]

VISITORS, EVENTS = 10, 200
GROWTH = 64e6
"""Bytes that 2,000 events may add to the server: 32 KB each would be too much."""


class Visitor:
    """One page: a session of its own, and the server functions of Explore."""

    def __init__(self, address: str, component: int) -> None:
        self._url = f"{address}/gradio_api/component_server"
        self._component, self._session = component, uuid4().hex

    def ask(self, function: str, argument: dict) -> dict:
        body = {"session_hash": self._session, "component_id": self._component, "fn_name": function, "data": argument}
        request = urllib.request.Request(
            self._url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)


@pytest.fixture
def component(address: str) -> int:
    with urllib.request.urlopen(f"{address}/config", timeout=60) as answer:
        parts = json.load(answer)["components"]
    return next(part["id"] for part in parts if part["props"].get("elem_id") == "explore")


def recipe_of(visitor: int, event: int) -> Recipe:
    label = ["ant", "bee", "cat"][(visitor + event) % 3]
    return Recipe(seed=visitor * 10_000 + event, truncation=0.5 + event % 10 / 10, label=label, latents={1: 0.5})


def pixels(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


def sent(recipe: Recipe) -> dict:
    return {**recipe.to_json(), "model": {"name": "tiny-dcgan"}}


def test_ten_visitors_get_their_own_pictures_and_memory_stays_flat(address: str, component: int, models: Path) -> None:
    port = int(address.rpartition(":")[2])
    (server,) = (
        process
        for process in psutil.process_iter(["cmdline"])
        if str(port) in (process.info["cmdline"] or []) and "app.py" in (process.info["cmdline"] or [])
    )

    def explore(number: int) -> list[tuple[Recipe, str]]:
        visitor = Visitor(address, component)
        seen = []
        for event in range(EVENTS):
            recipe = recipe_of(number, event)
            answer = visitor.ask("draw", {"recipe": sent(recipe), "live": True})
            assert answer["ok"], answer
            if event % 50 == 49:
                seen.append((recipe, answer["url"]))
        return seen

    explore(VISITORS)  # Threads, caches and buffers are there before anything is weighed.
    before = server.memory_info().rss
    with ThreadPoolExecutor(VISITORS) as pool:
        results = list(pool.map(explore, range(VISITORS)))
    grown = server.memory_info().rss - before

    generator = load(models / "tiny-dcgan", device="cpu")
    for recipe, url in [one for seen in results for one in seen]:
        assert np.array_equal(pixels(url), np.asarray(generator.picture(recipe)))
    assert grown < GROWTH, f"{grown / 1e6:.0f} MB more after {VISITORS * EVENTS} events"


@pytest.mark.parametrize(
    "argument",
    [
        None,
        7,
        [],
        "x" * 100_000,
        {"recipe": None},
        {"recipe": {"format": 1, "seed": 10**30}},
        {"recipe": {"format": 2}},
    ],
    ids=["none", "number", "list", "long text", "no recipe", "huge seed", "another format"],
)
def test_nonsense_is_answered_with_a_sentence(address: str, component: int, argument: object) -> None:
    answer = Visitor(address, component).ask("draw", argument)  # type: ignore[arg-type]
    assert answer["ok"] is False
    assert answer["error"].endswith(".")
    assert "Error)" not in answer["error"], "an exception of ours, not a sentence"

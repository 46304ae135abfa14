"""The server side of Explore: recipes to pictures, and everything a recipe can be made from.

Every public method takes what the page sent, checks all of it and gives back what JSON can hold. The browser holds the
state, one recipe; no visitor's is kept here. torch waits until a picture is asked for.
"""

import base64
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image

from gan_core.errors import ConfigError, GanCoreError, ModelError, PictureError, RecipeError
from gan_core.recipe import Mix, ModelRef, Recipe, embed_png, read
from gan_core.ui.pictures import HARD_PX, data_url, jpeg_url
from gan_core.ui.services import HUB, RUN, Services, file_stem, step_of, value_of
from gan_core.ui.thumbnails import Thumbnails
from gan_core.ui.words import in_page_words

if TYPE_CHECKING:
    from gan_core.inference.directions import Direction
    from gan_core.inference.generator import Generator
FIRST_SEED = 555  # Its neighbours on the plane have short names too.
GROUPS = ("Here", "In training", "Runs", "On the Hub")
NAME_LENGTH = 80
NO_MODELS = "There are no generators yet. Train one in the Training tab, or put a model folder into the models folder."


class Explorer:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._thumbnails = Thumbnails(self._sample)

    def _sample(self, value: str) -> Image.Image:
        generator = self._generator(value)
        return self._services.at_hand(lambda: generator.picture(Recipe(seed=FIRST_SEED)))

    # Models.

    def list_models(self, model: object = None) -> dict[str, Any]:
        """What the picker shows; the first is the one to begin with. model: the chosen one, listed if it can be."""
        found = []
        known = self._services.with_snapshot(self._services.generators(fresh=True), model, "generator")
        for value, info in known.items():
            group, samples = 0, None
            facts = [f"{info.size} px", info.title, info.data]
            if value.startswith(RUN):
                run = self._services.run_of(value)
                group = 1 if self._services.runs.state(run).active else 2
                last = info.steps if step_of(value) is not None else None
                samples = next((path for at, path in reversed(run.samples()) if last is None or at <= last), None)
                facts.append(f"step {info.steps:,}")
            elif value.startswith(HUB):
                group = 3
            entry: dict[str, Any] = {"value": value, "name": self._services.title(value), "group": GROUPS[group]}
            entry |= {"facts": ", ".join(filter(None, facts)), "url": None}
            with suppress(GanCoreError):  # Damaged weights: one bad model must not hide the others.
                entry["url"] = self._thumbnails.of(value, info, samples)
            found.append((group, entry))
        return {"models": [entry for _, entry in sorted(found, key=lambda one: one[0])]}

    def open(
        self, model: object = None, recipe: object = None, start: object = None, lenient: object = False
    ) -> dict[str, Any]:
        """A model's facts, the recipe to begin with and its picture, and all models for the picker.

        recipe: shown as it is; start: seed, shift and truncation that another model was left with. lenient: what the
        browser remembered may be gone by now; then it is passed over. A model that is gone gives way to the first.
        """
        chosen = named_in(recipe) or model
        models = self.list_models(chosen)["models"]
        if not models:
            return {"models": [], "model": None, "told": NO_MODELS}
        if recipe is not None:
            try:
                return {"models": models, **self._opened(Recipe.from_json(recipe))}
            except GanCoreError:
                if not lenient:
                    raise
        value: str = next((one["value"] for one in models if one["value"] == model), models[0]["value"])
        begin = start if isinstance(start, dict) else {}
        known = {key: begin[key] for key in ("seed", "shift", "truncation") if begin.get(key) is not None}
        note = self._services.gone(model)
        opened = self._opened(Recipe.from_json({"format": 1, "seed": FIRST_SEED, **known}), value)
        return {"models": models, "note": note, **opened}

    def _opened(self, recipe: Recipe, value: str | None = None) -> dict[str, Any]:
        value = value or self._value(recipe)
        generator = self._generator(value)
        recipe = replace(recipe, model=ref(value, generator))
        facts = {
            "value": value,
            "name": value.removeprefix(RUN),
            "sha256": generator.sha256,
            "classes": generator.classes,
            "latent_dim": generator.latent_dim,
            "stages": generator.stages(),
        }
        return {"model": facts, "recipe": to_page(recipe), "picture": self._drawn(generator, recipe, live=False)}

    def _value(self, recipe: Recipe) -> str:
        """The picker's value of the model that a recipe of this page names."""
        if recipe.model is None:
            raise RecipeError("The recipe names no model. Nothing was changed. Choose a model first.")
        known, name = self._services.generators(), recipe.model.name
        return name if name in known or name.startswith(HUB) else RUN + name

    def _generator(self, value: object) -> "Generator":
        return self._services.generator(value)

    def list_directions(self, model: object) -> dict[str, Any]:
        """The directions' names and shares; computed when first asked for, which takes a moment."""
        return {"directions": _told(self._generator(model).directions())}

    def save_directions(self, model: object, directions: object) -> dict[str, Any]:
        """Names and what is hidden, into the model folder's directions.json; vectors stay as they are."""
        from gan_core.inference.directions import FILE, save

        if str(model).startswith(HUB):
            raise ModelError(
                "This is a copy of a model on the Hub, and stays as it is there. Nothing was saved. "
                "Pull the model in the Hub tab, and name the directions of yours."
            )
        generator = self._generator(model)
        present = generator.directions()
        sent = directions if isinstance(directions, list) else []
        wanted = {str(one.get("id")): one for one in sent if isinstance(one, dict)}
        if not wanted or set(wanted) - {one.id for one in present}:
            raise ConfigError("These are not this model's directions. Nothing was saved. Reload the page.")
        changed = [_renamed(one, wanted.get(one.id, {})) for one in present]
        names = [one.name.casefold() for one in changed]
        if twice := next((one.name for one in changed if names.count(one.name.casefold()) > 1), None):
            raise ConfigError(f"Two directions are called {twice}. Nothing was saved. Give one of them another name.")
        assert generator.folder is not None, "only models in folders are listed"
        save(generator.folder, changed)
        return {"told": f"Saved in {FILE} of {str(model).removeprefix(RUN)}."}

    # Pictures.

    def draw(self, recipe: object, live: object = False) -> dict[str, Any]:
        """The picture of a recipe. live: a hand is still moving, so a large picture may lose a little."""
        checked = Recipe.from_json(recipe)
        value = self._value(checked)
        generator = self._generator(value)
        return {"model": ref(value, generator).to_json(), **self._drawn(generator, checked, live=live is True)}

    def _drawn(self, generator: "Generator", recipe: Recipe, *, live: bool) -> dict[str, Any]:
        def draw() -> tuple[Image.Image, float]:
            began_at = time.perf_counter()
            return generator.picture(recipe), (time.perf_counter() - began_at) * 1000

        picture, ms = self._services.at_hand(draw)
        return {"url": _url(picture, live), "ms": ms, "width": picture.width, "height": picture.height}

    def neighbours(self, recipe: object, radius: object = 0.4) -> dict[str, Any]:
        """Eight pictures around that of a recipe."""
        checked = Recipe.from_json(recipe)
        if isinstance(radius, bool) or not isinstance(radius, int | float) or not 0 < radius <= 1:
            raise ConfigError("The radius is a number above 0, up to 1. The picture stays.")
        generator = self._generator(self._value(checked))
        recipes = generator.neighbours(checked, float(radius))
        pictures = self._services.at_hand(lambda: list(generator.pictures(recipes)))
        told = zip(pictures, recipes, strict=True)
        return {"pictures": [{"url": _url(picture, True), "recipe": to_page(one)} for picture, one in told]}

    def download(self, recipe: object) -> dict[str, Any]:
        """The picture as a PNG file that carries its recipe."""
        checked = Recipe.from_json(recipe)
        value = self._value(checked)
        generator = self._generator(value)
        full = replace(checked, model=ref(value, generator))
        base = "found" if full.seed is None else f"seed-{full.seed}"
        content = embed_png(generator.picture(full), full)
        return {"base64": base64.b64encode(content).decode(), "name": f"{file_stem(value)}-{base}.png"}

    def read_recipe(self, name: object, content: object) -> dict[str, Any]:
        """The recipe in a file that was dropped here (base64), made to fit the models that are here.

        Raises `GanCoreError` for a file without one, and where the model is not here: it says which to fetch. Where
        that is on the Hub, the answer has its name as `fetch`.
        """
        title = str(name)[:80] or "The file"
        recipe = read(decoded(content, title, self._services.settings.max_upload_mb), name=title)
        try:
            value, note = self._match(recipe)
        except ModelError as error:
            if recipe.model is None or not recipe.model.hub:
                raise
            return {"ok": False, "error": in_page_words(str(error)), "fetch": recipe.model.hub}
        generator = self._generator(value)
        recipe = replace(recipe, model=ref(value, generator))
        generator.latent(recipe)  # Complains of directions and classes that are not this model's.
        return {"recipe": to_page(recipe), "note": note}

    def _match(self, recipe: Recipe) -> tuple[str, str | None]:
        """The picker's value of the model of a recipe from elsewhere, and a sentence where its weights differ."""
        from gan_core.library import find_recipe_model

        folder = find_recipe_model(recipe.model, self._services.settings).folder
        value = self._value(recipe)
        known = self._services.generators(fresh=True)
        if value != value_of(folder) and (value not in known or known[value].folder != folder):
            value = next((one for one, info in known.items() if info.folder == folder), value_of(folder))
        assert recipe.model is not None, "a recipe without a model is refused"
        if recipe.model.sha256 in (None, self._generator(value).sha256):
            return value, None
        return value, f"{recipe.model.name} has other weights here: the picture may differ from the one that was saved."


def to_page(recipe: Recipe) -> dict[str, Any]:
    """A recipe as the page holds it: seeds as text, since numbers above 2^53 lose digits in a browser."""
    values = recipe.to_json()
    if recipe.seed is not None:
        values["seed"] = str(recipe.seed)
    if isinstance(recipe.mix, Mix):
        values["mix"]["seed"] = str(recipe.mix.seed)
    return values


def named_in(recipe: object) -> str | None:
    """The picker's value of a snapshot that a recipe of this page names."""
    model = recipe.get("model") if isinstance(recipe, dict) else None
    name = model.get("name") if isinstance(model, dict) else None
    if not isinstance(name, str):
        return None
    return name if name.startswith(HUB) else RUN + name


def ref(value: str, generator: "Generator") -> ModelRef:
    """How a recipe names a model of the picker."""
    hub = generator.ref.hub if generator.ref else None
    return ModelRef(name=value.removeprefix(RUN), sha256=generator.sha256 or None, hub=hub)


def _told(directions: "list[Direction]") -> list[dict[str, Any]]:
    return [{"id": one.id, "name": one.name, "share": one.share, "hidden": one.hidden} for one in directions]


def _renamed(direction: "Direction", sent: dict[str, Any]) -> "Direction":
    name = sent.get("name", direction.name)
    if not isinstance(name, str) or not 0 < len(name.strip()) <= NAME_LENGTH or not name.isprintable():
        raise ConfigError(f"A name has 1 to {NAME_LENGTH} letters. Nothing was saved. Change it and save again.")
    return replace(direction, name=name.strip(), hidden=sent.get("hidden", direction.hidden) is True)


def _url(picture: Image.Image, live: bool) -> str:
    # A PNG of a large picture takes longer to pack than the picture to draw; up to 128 px it costs a millisecond.
    lossy = live and max(picture.size) > HARD_PX and picture.mode in ("L", "RGB")
    return jpeg_url(picture) if lossy else data_url(picture)


def decoded(content: object, name: str, most_mb: float) -> bytes:
    """What the page sent of a file, in base64. Raises `GanCoreError` where it is too large or did not arrive whole."""
    if not isinstance(content, str) or len(content) > most_mb * 1e6 * 4 / 3:
        raise PictureError(f"{name} is over {most_mb:g} MB. It was not read. Choose a smaller file.")
    try:
        return base64.b64decode(content + "=" * (-len(content) % 4), validate=True)
    except ValueError:  # binascii.Error is one.
        raise RecipeError(f"{name} did not arrive whole. Nothing was changed. Try it once more.") from None

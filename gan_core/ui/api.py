"""What programs may call: /generate, /interpolate, /project and /translate, by gradio_client, HTTP, or as MCP tools.

What they may ask of trainings stands in `training_api.py`.

Gradio reads types, defaults and descriptions from the functions themselves. Calls wait in its queue, one of each kind
at a time, so that programs do not crowd out the people at the page.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import gradio as gr
from gradio import FileData
from gradio.utils import get_function_description

from gan_core.atomic import write_bytes
from gan_core.errors import ConfigError, GanCoreError, PictureError
from gan_core.inference.brush import brush_px
from gan_core.recipe import Recipe, embed_png
from gan_core.ui.film_folder import FilmFolder, film_folder
from gan_core.ui.films import Films
from gan_core.ui.heavy import painted
from gan_core.ui.paintings import Look, file_name, packed
from gan_core.ui.photos import title_of
from gan_core.ui.services import Services
from gan_core.ui.training_api import training_functions
from gan_core.ui.translating import direction_of, ref_of
from gan_core.ui.turns import Report
from gan_core.ui.words import in_page_words

if TYPE_CHECKING:
    from gan_core.inference.generator import Generator

MAX_PICTURES = 64
MAX_STEPS = 1000


def build(services: Services, page: gr.Blocks) -> None:
    """Add the functions to the page that is being built."""
    for function in (*functions(services, film_folder()), *training_functions(services)):
        event = gr.api(_complaining(function), api_name=function.__name__)
        _describe(page.fns[event["id"]], function)


def _describe(event: Any, function: Callable[..., Any]) -> None:
    """Put what the docstring says of each entry where the API page and gradio_client look for it.

    By itself Gradio gives these descriptions to MCP alone, and calls the entries 1st, 2nd, 3rd.
    """
    _, entries, results = get_function_description(function)
    entries.pop("request", None)  # Gradio gives it, not the caller.
    named = [*entries.items(), *(result.split(": ", 1) for result in results)]
    for component, (name, text) in zip([*event.inputs, *event.outputs], named, strict=True):
        component.label = name
        component._api_info |= {"description": text, "additional_description": text}


def functions(services: Services, folder: FilmFolder) -> tuple[Callable[..., Any], ...]:
    """The functions, bound to the models that are here and to where files go."""
    films, turns = Films(services, folder), services.turns

    def generate(
        model: str, seeds: str = "0", truncation: float = 1.0, label: str | None = None, recipe: str = ""
    ) -> list[FileData]:
        """Draw pictures with a trained generator. Each picture is a PNG that carries its recipe as metadata.

        Args:
            model: Name of a generator in the models folder, or "run:" and the id of a training run.
            seeds: Seeds from 0 to 2^63 - 1, such as "1, 5, 9" or "0-15"; one picture each, at most 64.
            truncation: From 0 (the mean picture) to 2; 1 draws as the model was trained.
            label: A class by name, for models that have classes; without one, each seed picks its class.
            recipe: A recipe as JSON, as /project gives it and as pictures made here carry it; it stands for all
                entries but model.

        Returns:
            pictures: PNG files, in the order of the seeds.
        """
        from gan_core.latent import parse_seeds
        from gan_core.recipe import loads

        generator = services.generator(model)
        ref = generator.recipe().model
        if recipe:  # As text, or as /project gives it.
            wanted = [loads(recipe) if isinstance(recipe, str) else Recipe.from_json(recipe)]
        else:
            numbers = parse_seeds(str(seeds), MAX_PICTURES)  # A program may send one as a number.
            wanted = [Recipe(seed=seed, truncation=truncation, label=label) for seed in numbers]
        # As plain values: Gradio gives addresses to files in a list of these, and to none in a list of objects.
        files: list[Any] = [_png(generator, replace(one, model=ref), folder).model_dump() for one in wanted]
        return files

    def interpolate(
        model: str,
        seeds: str = "7, 42, 1234",
        frames: int = 90,
        path: Literal["slerp", "lerp", "spline"] = "slerp",
        loop: bool = True,
        fps: float = 30,
        size: int = 512,
        kind: Literal["mp4", "webm", "gif", "webp"] = "mp4",
        truncation: float = 1.0,
        label: str | None = None,
    ) -> FileData:
        """Make a film that walks through the latent space of a trained generator, from seed to seed.

        Args:
            model: Name of a generator in the models folder, or "run:" and the id of a training run.
            seeds: The key frames by seed, such as "7, 42, 1234" or "0-5", at most 64.
            frames: Number of frames, 1 to 3000.
            path: slerp along the sphere of latents, lerp in straight lines, spline smoothly through all key frames.
            loop: Whether the film comes back to its first key frame, so that it repeats without a seam.
            fps: Frames per second, 1 to 60; GIF 1 to 50.
            size: Longer side of the film in pixels, 16 to 1024.
            kind: mp4 (H.264), webm (VP9), gif or webp (animated).
            truncation: Factor on the latents of the key frames, 0 to 2; below 1 nearer to the mean picture.
            label: A class by name, for models that have classes; without one, each seed picks its own.

        Returns:
            film: The file.
        """
        from gan_core.latent import parse_seeds

        numbers = parse_seeds(str(seeds), MAX_PICTURES)
        keys = [Recipe(seed=seed, truncation=truncation, label=label).to_json() for seed in numbers]
        walk = {"format": 1, "keys": keys, "path": path, "loop": loop, "frames": frames}
        *_, told = films.film(model, walk, fps=fps, size=size, kind=kind)(lambda: False)
        return FileData(path=told["path"], orig_name=told["name"], size=told["bytes"])

    def project(
        model: str, picture: FileData, steps: int = 200, label: str | None = None
    ) -> tuple[dict[str, Any], float, FileData]:
        """Find the latent whose picture comes nearest to a given picture (inversion).

        Args:
            model: Name of a generator in the models folder, or "run:" and the id of a training run.
            picture: The picture to look for, as PNG, JPEG or WebP; its middle is fitted to the model's size.
            steps: Steps of the descent, 1 to 1000; more come nearer and take longer.
            label: A class by name, for models that have classes; without one, the best is looked for.

        Returns:
            recipe: What was found, as JSON; /generate draws it again.
            distance: Picture distance of what was found from what was looked for; 0 means equal.
            picture: What was found, as a PNG file.
        """
        from gan_core.images import open_picture
        from gan_core.inference.projection import project as search

        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MAX_STEPS:
            raise ConfigError(f"Steps are {steps!r}. Nothing was begun. Give a whole number from 1 to {MAX_STEPS}.")
        generator = services.generator(model)
        image = open_picture(uploaded(picture), max_mp=services.settings.max_picture_mp)
        *_, last = search(generator, image, steps=steps, label=label)
        found = replace(last.recipe, model=generator.recipe().model)
        return found.to_json(), last.distance, _png(generator, found, folder)

    def translate(
        model: str,
        photo: FileData,
        direction: str | None = None,
        strength: float = 1.0,
        keep_colours: bool = False,
        brush: Literal["fine", "medium", "broad"] = "fine",
        kind: Literal["png", "jpg", "webp"] = "png",
        mark: bool = False,
    ) -> FileData:
        """Turn a photograph into a painting, or what else a trained translator does. The result has the photo's size.

        Args:
            model: Name of a translator in the models folder, or "run:" and the id of a training run.
            photo: The photograph, in any common format; it is turned upright, and its metadata stay behind.
            direction: ab or ba, or the name of what the result shows, such as "Monet painting"; without one, the
                model's own default.
            strength: From 0 (the photograph) to 1.5; 1 is what the network paints.
            keep_colours: Whether the painting changes the brightness alone.
            brush: fine paints every pixel; medium and broad paint a large photo at 1280 and 512 px and lay the change
                over the whole of it.
            kind: png, jpg or webp.
            mark: Whether a visible line in the corner says that it was made here.

        Returns:
            painting: The file; its metadata say how it was made.
        """
        from gan_core.images import open_picture
        from gan_core.inference.blend import blend

        look = Look.checked({"strength": strength, "keep_colours": keep_colours, "kind": kind, "mark": mark})
        translator = services.translator(model)
        way, ref, source = direction_of(translator, direction), ref_of(model, translator), uploaded(photo)
        image = open_picture(source, max_mp=services.settings.max_picture_mp)

        px = brush_px(brush, image.size)

        def paint(report: Report) -> Any:
            full = painted(translator, image, way, px, report)
            return blend(image, full, look.strength, look.keep_colours)

        picture = turns.finish(paint)  # After, or before, what the people at the page are waiting for.
        path = folder.new(file_name(title_of(source.name), ref.name, look.kind))
        write_bytes(path, packed(picture, look, model=ref, direction=way, painted_px=px))
        return FileData(path=str(path), orig_name=path.name)

    return generate, interpolate, project, translate


def uploaded(picture: Any) -> Path:
    """Where Gradio put the caller's file. Raises `PictureError` for anything that was not uploaded.

    Gradio checks the place of what is marked as a file, and of nothing else: an unmarked path could be any on the disk.
    """
    marked = isinstance(picture, dict) and isinstance(picture.get("meta"), dict)
    if not marked or picture["meta"].get("_type") != "gradio.FileData" or not isinstance(picture.get("path"), str):
        raise PictureError("No picture was given. Nothing was begun. Send a file, by gradio_client with handle_file().")
    return Path(picture["path"])


def _png(generator: "Generator", recipe: Recipe, folder: FilmFolder) -> FileData:
    base = "found" if recipe.seed is None else f"seed-{recipe.seed}"
    path = folder.new(f"{recipe.model.name if recipe.model else 'picture'}-{base}.png")
    write_bytes(path, embed_png(generator.picture(recipe), recipe))
    return FileData(path=str(path), orig_name=path.name)


def _complaining(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its `GanCoreError` as what Gradio shows to callers, without a traceback in the log."""

    @wraps(function)
    def call(*values: Any, **named: Any) -> Any:
        try:
            return function(*values, **named)
        except GanCoreError as error:
            raise gr.Error(in_page_words(str(error)), print_exception=False) from None

    return call

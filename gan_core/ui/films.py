"""The server side of Interpolate: thumbnails of key frames, the preview of a walk with its jumps, films as jobs.

Every public method takes what the page sent, checks all of it and gives back what JSON can hold. No state of a visitor
is kept but the films themselves. torch waits until a picture is asked for.
"""

import math
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image

from gan_core.errors import ConfigError
from gan_core.recipe import ModelRef, Recipe
from gan_core.ui.aside import walks
from gan_core.ui.explorer import Explorer, to_page
from gan_core.ui.film_folder import FilmFolder
from gan_core.ui.jobs import POLL_S, Jobs, Progress, Work
from gan_core.ui.pictures import HARD_PX, data_url, jpeg_url
from gan_core.ui.serve import Answer
from gan_core.ui.services import RUN, file_stem

if TYPE_CHECKING:
    from gan_core.inference.generator import Generator
    from gan_core.inference.walk import Walk
    from gan_core.ui.services import Services

FIRST_SEEDS = (7, 42, 1234)
MIN_SIZE_PX, MAX_SIZE_PX = 16, 1024
MAX_FILM_MP = 1000
"""Pixels of all frames together: 3,000 frames of 577 px, or 953 of 1,024 px."""
MAX_PICTURES = 24_000
"""Pictures that the generator draws for one film: 3,000 frames of 8 cells."""
MAX_PREVIEW_FRAMES = 96
PREVIEW_PICTURES = 256
"""Drawn for one preview at most, whatever the grid."""
CELL_PX = 256
"""Largest side of a frame in the preview."""
SHEET_MP = 6
LOSSLESS_MP = 0.5
"""A PNG of a larger sheet takes longer to pack than its pictures to draw."""
THUMB_PX = 128
MAX_KEYS = 64


class Films:
    def __init__(self, services: "Services", folder: FilmFolder) -> None:
        self._services = services
        self._folder = folder
        self._explorer = Explorer(services)
        self._jobs = Jobs(at_once=1)  # Two at once take as long on the same cores, and nobody has a film sooner.

    # What is there.

    def list_models(self, model: object = None) -> Answer:
        """What the picker shows; the first is the one to begin with. model: the chosen one."""
        return self._explorer.list_models(model)

    def open(self, model: object = None) -> Answer:
        """All models for the picker, the facts of one of them and key frames to begin with.

        A model that is gone gives way to the first; without any, `model` is None.
        """
        models = self.list_models(model)["models"]
        if not models:
            return {"models": [], "model": None}
        value: str = next((one["value"] for one in models if one["value"] == model), models[0]["value"])
        generator = self._services.generator(value)
        known = generator.recipe().model
        name = value.removeprefix(RUN)
        ref = ModelRef(name=name, sha256=generator.sha256 or None, hub=known.hub if known else None)
        side = self._services.info(value).size or 0
        facts = {
            "value": value,
            "name": name,
            "ref": ref.to_json(),
            "classes": generator.classes or [],
            "side": side,
            "hard": side <= HARD_PX,
            "most": {"film_mp": MAX_FILM_MP, "pictures": MAX_PICTURES},
        }
        return {
            "models": models,
            "model": facts,
            "note": self._services.gone(model),
            "keys": [to_page(Recipe(model=ref, seed=seed)) for seed in FIRST_SEEDS],
        }

    # Before the film.

    def thumbnails(self, model: object, keys: object) -> Answer:
        """A small picture of each key frame, as data URLs."""
        if not isinstance(keys, list) or not 1 <= len(keys) <= MAX_KEYS:
            raise ConfigError(f"A walk has 1 to {MAX_KEYS} key frames. Nothing was drawn. Take some away.")
        generator = self._services.generator(model)
        recipes = [Recipe.from_json(key) for key in keys]
        pictures = walks().do(lambda: list(generator.pictures(recipes)))
        return {"urls": [data_url(_small(picture, THUMB_PX)) for picture in pictures]}

    def preview(self, model: object, walk: object, most: object) -> Answer:
        """Frames of the walk at even times, on one sheet, with the picture distances between them.

        most: how many frames at most; there are fewer where a frame has many cells.
        jumps: from each frame to the next; in a closed loop also from the last to the first.
        """
        if isinstance(most, bool) or not isinstance(most, int) or most < 2:
            raise ConfigError("The preview needs at least two frames. Nothing was drawn.")
        generator, checked = self._services.generator(model), _walk(walk)
        count = min(checked.frames, most, MAX_PREVIEW_FRAMES, max(4, PREVIEW_PICTURES // checked.cells))
        pictures, jumps = walks().do(lambda: _drawn(generator, replace(checked, frames=count)))
        sheet, columns, cell = _sheet(pictures)
        lossless = sheet.width * sheet.height <= LOSSLESS_MP * 1e6 or sheet.mode not in ("L", "RGB")
        return {
            "sheet": data_url(sheet) if lossless else jpeg_url(sheet),
            "columns": columns,
            "cell": list(cell),
            "frames": count,
            "jumps": jumps,
        }

    # The film.

    def render(self, model: object, walk: object, fps: object, size: object, kind: object) -> Answer:
        """Begin to write a film; tells the job's id. Raises `GanCoreError` for what cannot be."""
        return {"job": self._jobs.start(self.film(model, walk, fps=fps, size=size, kind=kind))}

    def film(self, model: object, walk: object, *, fps: object, size: object, kind: object) -> Work:
        """The work of writing a film, checked; its last progress holds the file's `path`, `name` and `bytes`."""
        generator, checked = self._services.generator(model), _walk(walk)
        rate, side, ending = check_film(checked, fps=fps, size=size, kind=kind)
        name = f"{file_stem(str(model))}-{_seeds(checked)}{ending}"

        def work(should_stop: Any) -> Iterator[Progress]:
            from gan_core.inference.walk import frames
            from gan_core.video import write

            path = self._folder.new(name)
            taken: list[int] = []  # The encoder's thread appends, this one reads the last.

            def encode() -> bool:
                pictures: Iterable[Image.Image] = frames(generator, checked)
                return write(path, pictures, fps=rate, size=side, should_stop=should_stop, on_frame=taken.append)

            with ThreadPoolExecutor(1) as pool:
                future = pool.submit(encode)
                while not wait([future], 0.2).done:
                    yield {"frame": taken[-1] if taken else 0, "frames": checked.frames}
                if future.result():
                    if should_stop():  # Too late for the encoder, and still: a cancel leaves no file.
                        shutil.rmtree(path.parent)
                        return
                    seconds = checked.frames / rate
                    told = {"frame": checked.frames, "frames": checked.frames, "seconds": seconds}
                    yield {**told, "path": str(path), "name": name, "bytes": path.stat().st_size}

        return work

    def poll(self, job: object, wait_s: float = POLL_S) -> Progress:
        """What the job has told; of one that is under way, after a while."""
        return self._jobs.poll(job, wait_s)

    def stop(self, job: object) -> Answer:
        self._jobs.stop(job)
        return {}


def check_film(walk: "Walk", *, fps: object, size: object, kind: object) -> tuple[float, int, str]:
    """Frames a second, longer side in px and ending of the file, or a sentence."""
    from gan_core.video import KINDS, MAX_FPS, MAX_GIF_FPS

    ending = f".{kind}".lower()
    if not isinstance(kind, str) or ending not in KINDS:
        kinds = ", ".join(one.removeprefix(".") for one in KINDS)
        raise ConfigError(f"{kind!r} is no kind of film. Nothing was rendered. Choose one of {kinds}.")
    rate = _number("Frames per second", fps, 1, MAX_GIF_FPS if ending == ".gif" else MAX_FPS)
    side = _number("Size", size, MIN_SIZE_PX, MAX_SIZE_PX)
    if side != int(side):
        raise ConfigError(f"Size is {side:g} px. Nothing was rendered. Give a whole number of pixels.")
    if walk.frames * side**2 > MAX_FILM_MP * 1e6:
        fitting = math.isqrt(int(MAX_FILM_MP * 1e6 / walk.frames))
        raise ConfigError(
            f"{walk.frames} frames of {side:.0f} px are too much for this server. Nothing was rendered. "
            f"Take a size of at most {fitting} px, or fewer frames."
        )
    if walk.frames * walk.cells > MAX_PICTURES:
        raise ConfigError(
            f"{walk.frames} frames of {walk.cells} pictures are too many for this server. Nothing was rendered. "
            f"Take at most {MAX_PICTURES // walk.cells} frames, or a smaller grid."
        )
    return rate, int(side), ending


def _walk(value: object) -> "Walk":
    from gan_core.inference.walk import Walk

    return Walk.from_json(value)


def _number(name: str, value: object, low: float, high: float) -> float:
    # A comparison with NaN is false, so NaN is refused too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ConfigError(f"{name} is {value!r}. Nothing was rendered. Give a number from {low:g} to {high:g}.")
    return float(value)


def _seeds(walk: "Walk") -> str:
    """The first seeds, for a file's name."""
    named = ["found" if key.seed is None else str(key.seed) for key in walk.keys[:4]]
    return "-".join(named) + ("-and-more" if len(walk.keys) > 4 else "")


def _small(picture: Image.Image, side: int) -> Image.Image:
    if max(picture.size) > side:
        picture = picture.copy()
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture


def _sheet(pictures: list[Image.Image]) -> tuple[Image.Image, int, tuple[int, int]]:
    """All pictures on one, row by row; how many in a row; and the size of each."""
    side = min(CELL_PX, math.isqrt(int(SHEET_MP * 1e6 / len(pictures))))
    small = [_small(picture, side) for picture in pictures]
    width, height = small[0].size
    columns = math.ceil(math.sqrt(len(small)))
    sheet = Image.new(small[0].mode, (columns * width, math.ceil(len(small) / columns) * height))
    for number, picture in enumerate(small):
        sheet.paste(picture, (number % columns * width, number // columns * height))
    return sheet, columns, (width, height)


def _drawn(generator: "Generator", walk: "Walk") -> tuple[list[Image.Image], list[float]]:
    """What `walk.frames` and `walk.jumps` give, with each picture decoded once for both."""
    import torch

    from gan_core.images import grid, to_pictures
    from gan_core.inference.generator import CHUNK
    from gan_core.inference.walk import latents
    from gan_core.metrics import picture_distance

    cells, squares = [], torch.zeros(walk.frames)
    for cell in range(walk.cells):
        z, classes = latents(generator, walk, cell)
        parts = [slice(start, start + CHUNK) for start in range(0, len(z), CHUNK)]
        x = torch.cat([generator.decode(z[part], classes=None if classes is None else classes[part]) for part in parts])
        cells.append(to_pictures(x))
        squares += picture_distance(x, x.roll(-1, 0)).square().cpu()  # The last one is that of a loop.
    jumps = (squares / walk.cells).sqrt().tolist()
    sheets = cells[0] if walk.cells == 1 else [grid(sheet, walk.columns) for sheet in zip(*cells, strict=True)]
    return sheets, jumps if walk.loop else jumps[:-1]

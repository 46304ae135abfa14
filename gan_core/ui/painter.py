"""The server side of Style transfer: photographs to previews at once, to paintings of full size as jobs, to files.

Every public method takes what the page sent, checks all of it and gives back what JSON can hold. The page blends
photograph and painting by itself while a hand moves; what it downloads is blended here, at full size. torch waits until
a picture is asked for.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from gan_core.errors import Cancelled, GanCoreError
from gan_core.inference.brush import brush_px
from gan_core.ui.aside import previews
from gan_core.ui.explorer import GROUPS, to_page
from gan_core.ui.film_folder import FilmFolder
from gan_core.ui.heavy import painted
from gan_core.ui.jobs import POLL_S, Jobs, Progress, Work
from gan_core.ui.paintings import Look, Painting, Paintings
from gan_core.ui.photo_folder import PhotoFolder
from gan_core.ui.photos import EXAMPLE, Photo, Photos, smaller, title_of
from gan_core.ui.pictures import data_url, jpeg_url, thumbnail_url
from gan_core.ui.previewing import Previews
from gan_core.ui.serve import Answer
from gan_core.ui.services import HUB, RUN, step_of
from gan_core.ui.thumbnails import SIDE_PX, Thumbnails
from gan_core.ui.translating import direction_of, ref_of
from gan_core.ui.turns import Report

if TYPE_CHECKING:
    from gan_core.inference.translator import Direction, Translator
    from gan_core.ui.services import Services

PREVIEW_PX = 512
COMPARE_PX = 256
AUTO_S = 5.0
"""A whole photograph that takes less is painted without being asked for."""
SLOWER = 1.25  # A large photograph takes longer per pixel than its preview.
MEASURED_MP = 0.5
"""A photograph of more than this tells how long others will take."""
LOSSLESS_MP = 0.5
LAY_OVER_S = 0.15  # A megapixel, of what a broader brush has painted.
SAMPLING_S = 1.0
"""Thumbnails are painted by their models: for so long, then whoever opens the tab sees it."""
NO_MODELS = "There are no translators yet. Train a CycleGAN, or bring a checkpoint of another project."


class Painter:
    def __init__(self, services: "Services", folder: PhotoFolder, films: FilmFolder, uploads: Path) -> None:
        self.services = services
        self.photos = Photos(services, folder, uploads)
        self._previews = Previews(self.photos)
        self.paintings = Paintings(self.photos, folder, films)
        self.jobs = Jobs(at_once=16)  # They wait for their turn to paint.
        self._thumbnails = Thumbnails(self._sample)
        self._sampled: set[str] = set()  # Models that have a thumbnail.
        self._guessed: dict[str, float] = {}  # Seconds per megapixel by model, from previews,
        self._measured: dict[str, float] = {}  # and from whole photographs.

    # What is there.

    def list_models(self, model: object = None) -> Answer:
        """What the picker shows; the first is the one to begin with. model: the chosen one, listed if it can be."""
        found, began_at = [], time.monotonic()
        known = self.services.with_snapshot(self.services.translators(), model, "translator")
        for value, info in known.items():
            group, facts = 0, [info.title, info.data]
            if value.startswith(RUN):
                active = self.services.runs.state(self.services.run_of(value)).active
                group = 1 if active else 2
                facts.append(f"step {info.steps:,}")
            elif value.startswith(HUB):
                group = 3
            url = None
            if value in self._sampled or time.monotonic() - began_at < SAMPLING_S:  # The others next time.
                with suppress(GanCoreError):  # Damaged weights: whoever chooses it is told.
                    url = self._thumbnails.of(value, info)
                    self._sampled.add(value)
            entry = {"value": value, "name": self.services.title(value), "group": GROUPS[group]}
            found.append((group, {**entry, "facts": ", ".join(filter(None, facts)), "url": url}))
        return {"models": [entry for _, entry in sorted(found, key=lambda one: one[0])]}

    def _sample(self, value: str) -> Image.Image:
        return self.services.translator(value).preview(next(iter(self.services.examples.values())), side=2 * SIDE_PX)[1]

    def open(self, model: object = None, photo: object = None) -> Answer:
        """All models for the picker, the facts of one of them, the examples, and the photograph to begin with.

        A model or a photograph that is gone gives way to the first.
        """
        from gan_core.ui.batch import MOST_FILES

        models = self.list_models(model)["models"]
        limits = self.services.settings
        answer: Answer = {
            "models": models,
            "note": self.services.gone(model),
            "examples": self._examples,
            "most_mb": limits.max_upload_mb,
            "most_files": MOST_FILES,
        }
        try:
            answer["photo"] = self.photos.find(photo).to_json()
        except GanCoreError:
            answer["photo"] = self.photos.find(self._examples[0]["id"]).to_json()
        values = [one["value"] for one in models]
        values.sort(key=lambda value: value != model)  # A stable order: what was asked for, then as listed.
        told = NO_MODELS
        for value in values:
            try:
                return {**answer, "model": self.choose(value)["model"]}
            except GanCoreError as error:
                told = str(error)
        return {**answer, "model": None, "told": told}

    @cached_property
    def _examples(self) -> list[dict[str, Any]]:
        pictures = {EXAMPLE + key: picture for key, picture in self.services.examples.items()}
        return [{**self.photos.find(key).to_json(), "url": thumbnail_url(one)} for key, one in pictures.items()]

    def choose(self, model: object) -> Answer:
        """The facts of a model: its directions in words, its own default first."""
        translator = self.services.translator(model)
        domains, default = translator.domains, translator.default_direction
        ways = sorted(translator.directions, key=lambda way: way != default)
        facts = {
            "value": model,
            "name": self.services.title(str(model)),
            "directions": [{"way": way, "from": domains[way[0]], "to": domains[way[1]]} for way in ways],
            "round_trip": translator.can_round_trip,
        }
        # Training sends snapshots, which no picker has listed before.
        listed = self.list_models(model) if step_of(str(model)) is not None else {}
        return {"model": facts, **listed}

    def take(self, path: object, name: object) -> Answer:
        """A photograph that Gradio's upload route received; from now on only this page can name it."""
        return {"photo": self.photos.take(path, name).to_json()}

    # Previews.

    def preview(
        self, model: object, direction: object, photo: object, brush: object = None, side: object = None
    ) -> Answer:
        """Photograph and painting at small size, how long the whole would take, and the whole where it is there.

        side: anything asks for the smaller one of Compare.
        """
        translator, kept = self.services.translator(model), self.photos.find(photo)
        painted_px = brush_px(brush, kept.size)
        way = direction_of(translator, direction)
        px = PREVIEW_PX if side is None else COMPARE_PX
        before, after, elapsed_s = self._previews.draw(translator, kept, way, px)
        rate = elapsed_s / max(before.width * before.height / 1e6, 0.01)
        self._guessed[str(model)] = min(rate * SLOWER, self._guessed.get(str(model), float("inf")))
        estimate_s = self._estimate_s(str(model), kept, painted_px)
        painting = self.paintings.of(self._key(translator, way, kept, painted_px))
        if painting is None and before.size == kept.size:  # It is the whole photograph.
            painting = self._keep(translator, str(model), way, kept, None, after, elapsed_s)
        pair = {"photo_url": _url(before), "full_url": _url(after), "width": before.width, "height": before.height}
        facts: dict[str, Any] = {"direction": way, "painting": painting.to_json() if painting else None}
        facts["note"] = None if painted_px else translator.note(*kept.size, way)
        facts["finer"] = painted_px is None and max(kept.size) > 2 * PREVIEW_PX
        return {**pair, **facts, "estimate_s": estimate_s, "at_once_s": AUTO_S}

    def _estimate_s(self, model: str, photo: Photo, painted_px: int | None) -> float:
        rate = self._measured.get(model, self._guessed[model])
        if painted_px is None:
            return rate * photo.mp
        return rate * photo.mp * (painted_px / max(photo.size)) ** 2 + LAY_OVER_S * photo.mp

    def round_trip(self, model: object, direction: object, photo: object) -> Answer:
        """The photograph there and back again, and how much of it came back: structural similarity, 1 is all."""
        translator, kept = self.services.translator(model), self.photos.find(photo)
        way = direction_of(translator, direction)
        trip = previews().do(lambda: translator.round_trip(self.photos.small(kept), way, side=PREVIEW_PX))
        return {"url": _url(trip.picture), "fidelity": trip.fidelity}

    # The whole photograph.

    def paint(self, model: object, direction: object, photo: object, brush: object = None) -> Answer:
        """Begin to paint at full size; tells the job's id."""
        translator, kept = self.services.translator(model), self.photos.find(photo)
        px = brush_px(brush, kept.size)
        work = self._painting(translator, str(model), direction_of(translator, direction), kept, px)
        return {"job": self.jobs.start(work)}

    def _painting(self, translator: "Translator", model: str, way: "Direction", photo: Photo, px: int | None) -> Work:
        def work(should_stop: Any) -> Iterator[Progress]:
            if found := self.paintings.of(self._key(translator, way, photo, px)):
                yield {"share": 1.0, "painting": found.to_json()}
                return

            def paint(report: Report) -> tuple[Image.Image, float]:
                began_at = time.perf_counter()
                full = painted(translator, self.photos.open(photo), way, px, report)
                return full, time.perf_counter() - began_at

            try:
                full, elapsed_s = yield from self.services.turns.run(paint, should_stop)
            except Cancelled:
                return
            if px is None and photo.mp > MEASURED_MP:
                self._measured[model] = elapsed_s / photo.mp
            painting = self._keep(translator, model, way, photo, px, full, elapsed_s)
            yield {"share": 1.0, "painting": painting.to_json()}

        return work

    def _key(self, translator: "Translator", way: str, photo: Photo, px: int | None) -> tuple[str, ...]:
        ref = translator.ref  # A run's newest snapshot is another model than the one before it.
        return (str(translator.folder), ref.sha256 or "" if ref else "", way, photo.id, str(px))

    def _keep(
        self,
        translator: "Translator",
        model: str,
        way: str,
        photo: Photo,
        px: int | None,
        full: Image.Image,
        elapsed_s: float,
    ) -> Painting:
        key, ref = self._key(translator, way, photo, px), ref_of(model, translator)
        return self.paintings.keep(key, photo, full, model=ref, direction=way, elapsed_s=elapsed_s, painted_px=px)

    def poll(self, job: object, wait_s: float = POLL_S) -> Progress:
        """What the job has told; of one that is under way, after a while."""
        return self.jobs.poll(job, wait_s)

    def stop(self, job: object) -> Answer:
        self.jobs.stop(job)
        return {}

    def show(self, painting: object, side: object = None) -> Answer:
        """Photograph and finished painting as large as the page shows them."""
        found = self.paintings.find(painting)
        px = side if isinstance(side, int) and not isinstance(side, bool) and 16 <= side <= 1600 else 1600
        before, after = smaller(self.photos.small(found.photo), px), smaller(self.paintings.open(found), px)
        return {"photo_url": _url(before), "full_url": _url(after), "width": after.width, "height": after.height}

    def download(self, painting: object, look: object) -> Answer:
        """The painting as a file of full size that says how it was made: its `path`, `name` and `bytes`."""
        found, checked = self.paintings.find(painting), Look.checked(look)
        return self.paintings.hand_out(self.paintings.write(found, checked))

    # Many at once, and what a picture says of itself.

    def paint_many(
        self, model: object, direction: object, photos: object, look: object, brush: object = None
    ) -> Answer:
        """Begin to paint many photographs into one zip; tells the job's id."""
        from gan_core.ui.batch import batch

        translator = self.services.translator(model)
        work = batch(self, translator, str(model), direction, photos, Look.checked(look), brush)
        return {"job": self.jobs.start(work)}

    def check(self, path: object, name: object) -> Answer:
        """Whether a picture that was sent says that it was made here; it is not kept."""
        from gan_core.recipe import made_here

        source = self.photos.upload(path)
        try:
            made = made_here(source, name=title_of(name))
        finally:
            source.unlink(missing_ok=True)
        if made is None:
            return {"made": None}
        told: dict[str, Any] = {"kind": made.kind, "software": made.software, "model": None, "recipe": None}
        if made.recipe:
            told |= {"recipe": to_page(made.recipe), "model": made.recipe.model and made.recipe.model.to_json()}
        if made.translation:
            told |= {"translation": made.translation.to_json()}
            told["model"] = made.translation.model and made.translation.model.to_json()
        return {"made": told}


def _url(picture: Image.Image) -> str:
    # A PNG of a large picture takes long to pack and to send.
    lossless = picture.width * picture.height <= LOSSLESS_MP * 1e6 or picture.mode not in ("L", "RGB")
    return data_url(picture) if lossless else jpeg_url(picture)

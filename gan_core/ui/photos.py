"""The photographs that visitors work on: taken from an upload or the examples, opened at full size or made small."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any

from PIL import Image

from gan_core.errors import PictureError
from gan_core.scenes import EXAMPLES
from gan_core.ui.photo_folder import PhotoFolder

if TYPE_CHECKING:
    from gan_core.ui.services import Services

EXAMPLE = "example:"
SHOWN_PX = 1600
"""Long side of what the page is sent at most; results are made from the whole photograph."""
MOST_SMALL = 12
OPENED_AT_ONCE = 2  # A large photograph takes a few hundred MB while it is decoded.
MOST_FACTS = 1000
NAME_LENGTH = 80


@dataclass(frozen=True)
class Photo:
    """What is known of a photograph without opening it again."""

    id: str
    name: str
    size: tuple[int, int]
    """Width and height in px, upright."""
    alpha: bool = False
    """Whether some of it is transparent, which a JPEG cannot hold."""

    @property
    def mp(self) -> float:
        return self.size[0] * self.size[1] / 1e6

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "width": self.size[0], "height": self.size[1], "alpha": self.alpha}


class Photos:
    def __init__(self, services: "Services", folder: PhotoFolder, uploads: Path) -> None:
        """uploads: where files lie that visitors sent; nothing outside of it is ever read."""
        self._services, self._folder, self._uploads = services, folder, uploads.resolve()
        self._facts: OrderedDict[str, Photo] = OrderedDict()
        self._small: OrderedDict[str, Image.Image] = OrderedDict()
        self._lock = Lock()
        self._opening = BoundedSemaphore(OPENED_AT_ONCE)
        folder.when_gone(self._gone)

    def upload(self, path: object) -> Path:
        """Where Gradio put a file, checked: another path of this machine is refused."""
        try:
            found = Path(path if isinstance(path, str) else "").resolve(strict=True)
        except (OSError, ValueError):
            found = Path()
        if not found.is_file() or found.parent.parent != self._uploads:
            raise PictureError("The file did not arrive whole. Nothing was changed. Try it once more.")
        return found

    def take(self, path: object, name: object) -> Photo:
        """A photograph that was sent just now. Raises `PictureError` where it cannot be read; the file goes then."""
        source = self.upload(path)
        title = title_of(name)
        file_id = self._folder.take(source)
        try:
            picture = self._opened(self._folder.find(file_id), title)
        except BaseException:
            self._folder.drop(file_id)
            raise
        photo = Photo(file_id, title, picture.size, picture.has_transparency_data)
        with self._lock:
            self._facts[file_id] = photo
            while len(self._facts) > MOST_FACTS:
                self._facts.popitem(last=False)
        self._remember(file_id, smaller(picture, SHOWN_PX))
        return photo

    def find(self, photo_id: object) -> Photo:
        """Raises `PictureError` for a photograph that is not kept any more."""
        if key := self._example(photo_id):
            return Photo(EXAMPLE + key, EXAMPLES[key].title, self._services.examples[key].size)
        self._folder.find(photo_id)
        with self._lock:
            facts = self._facts.get(str(photo_id))
        if facts is None:
            raise PictureError("This photograph is not kept any more. Nothing was painted. Choose it again.")
        return facts

    def open(self, photo: Photo) -> Image.Image:
        """The whole photograph."""
        if key := self._example(photo.id):
            return self._services.examples[key]
        return self._opened(self._folder.find(photo.id), photo.name)

    def small(self, photo: Photo) -> Image.Image:
        """The photograph, at most `SHOWN_PX` long."""
        with self._lock:
            kept = self._small.get(photo.id)
            if kept is not None:
                self._small.move_to_end(photo.id)
        if kept is not None and not self._example(photo.id):
            self._folder.find(photo.id)  # It counts as used.
        if kept is None:
            kept = smaller(self.open(photo), SHOWN_PX)
            self._remember(photo.id, kept)
        return kept

    def _gone(self, photo_id: str) -> None:
        with self._lock:
            self._facts.pop(photo_id, None)
            self._small.pop(photo_id, None)

    def _example(self, photo_id: object) -> str | None:
        key = photo_id.removeprefix(EXAMPLE) if isinstance(photo_id, str) and photo_id.startswith(EXAMPLE) else None
        return key if key in EXAMPLES else None

    def _opened(self, path: Path, name: str) -> Image.Image:
        from gan_core.images import open_picture

        with self._opening:
            return open_picture(path, name=name, max_mp=self._services.settings.max_picture_mp)

    def _remember(self, photo_id: str, small: Image.Image) -> None:
        with self._lock:
            self._small[photo_id] = small
            while len(self._small) > MOST_SMALL:
                self._small.popitem(last=False)


def title_of(name: object) -> str:
    """What to call a file that somebody sent: its name without what no name should hold."""
    text = "".join(sign for sign in str(name or "") if sign.isprintable() and sign not in '/\\:*?"<>|#%')
    return text.strip(" .")[-NAME_LENGTH:] or "photograph"


def smaller(picture: Image.Image, side: int) -> Image.Image:
    """The picture, its long side at most `side` px."""
    if max(picture.size) <= side:
        return picture
    scale = side / max(picture.size)
    size = tuple(max(1, round(length * scale)) for length in picture.size)
    return picture.resize((size[0], size[1]), Image.Resampling.LANCZOS, reducing_gap=3.0)

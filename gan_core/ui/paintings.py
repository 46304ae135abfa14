"""Finished paintings: kept at full strength, and written to files with strength, colours and provenance."""

import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock
from typing import TYPE_CHECKING, Any

from PIL import Image

from gan_core.atomic import write_bytes
from gan_core.errors import ConfigError, PictureError
from gan_core.ui.film_folder import FilmFolder
from gan_core.ui.photo_folder import PhotoFolder
from gan_core.ui.photos import Photo, Photos

if TYPE_CHECKING:
    from gan_core.recipe import ModelRef

KINDS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
MAX_STRENGTH = 1.5
MOST_PAINTINGS = 400


@dataclass(frozen=True, kw_only=True)
class Look:
    """What becomes of a painting on its way into a file."""

    strength: float = 1.0
    """0 the photograph, 1 the painting, up to 1.5 beyond it."""
    keep_colours: bool = False
    """The painting changes the brightness alone."""
    kind: str = "jpg"
    mark: bool = False
    """A visible line in the corner."""

    def __post_init__(self) -> None:
        # A comparison with NaN is false, so NaN is refused too.
        number = isinstance(self.strength, int | float) and not isinstance(self.strength, bool)
        if not number or not 0 <= self.strength <= MAX_STRENGTH:
            raise ConfigError(f"Strength is {self.strength!r}. Nothing was written. Give 0 to 1.5; 1 is the painting.")
        if self.kind not in KINDS:
            raise ConfigError(f"{self.kind!r} is no kind of file here. Nothing was written. Take png, jpg or webp.")

    @classmethod
    def checked(cls, value: object) -> "Look":
        """Out of what a page or a program sent."""
        sent = value if isinstance(value, dict) else {}
        kind = sent.get("kind", "jpg")
        return cls(
            strength=sent.get("strength", 1.0),
            keep_colours=sent.get("keep_colours") is True,
            kind=kind if isinstance(kind, str) else "",
            mark=sent.get("mark") is True,
        )


@dataclass(frozen=True)
class Painting:
    """A photograph painted at full size and full strength."""

    id: str
    photo: Photo
    model: "ModelRef"
    direction: str
    elapsed_s: float
    mode: str
    file: str
    """Its pixels, by the folder's id."""
    painted_px: int | None
    """As `Translation.painted_px`."""

    def to_json(self) -> dict[str, Any]:
        width, height = self.photo.size
        return {"id": self.id, "width": width, "height": height, "elapsed_s": self.elapsed_s}


class Paintings:
    """Known by an id that only the page knows which asked for it; found again by what they were made from."""

    def __init__(self, photos: Photos, folder: PhotoFolder, films: FilmFolder) -> None:
        self._photos, self._folder, self._films = photos, folder, films
        self._kept: OrderedDict[tuple[str, ...], Painting] = OrderedDict()
        self._lock = Lock()

    def keep(
        self,
        key: tuple[str, ...],
        photo: Photo,
        full: Image.Image,
        *,
        model: "ModelRef",
        direction: str,
        elapsed_s: float,
        painted_px: int | None,
    ) -> Painting:
        with NamedTemporaryFile(prefix="gan-studio-", delete=False) as raw:
            try:
                raw.write(full.tobytes())  # As it is: packing it would take longer than painting a small one.
            except OSError as error:
                Path(raw.name).unlink(missing_ok=True)
                raise PictureError(f"The painting cannot be kept ({error.strerror}). Paint a smaller one.") from None
        file = self._folder.take(Path(raw.name))
        painting = Painting(secrets.token_hex(16), photo, model, direction, elapsed_s, full.mode, file, painted_px)
        with self._lock:
            self._kept[key] = painting
            while len(self._kept) > MOST_PAINTINGS:
                self._folder.drop(self._kept.popitem(last=False)[1].file)
        return painting

    def of(self, key: tuple[str, ...]) -> Painting | None:
        """The painting that was made of this, where it is kept still."""
        with self._lock:
            found = self._kept.get(key)
        try:
            if found:
                self._folder.find(found.file)
        except PictureError:
            return None
        return found

    def find(self, painting_id: object) -> Painting:
        with self._lock:
            found = next((one for one in self._kept.values() if one.id == painting_id), None)
        if found is None:
            raise PictureError("This painting is not kept any more. Nothing was written. Paint it again.")
        return found

    def open(self, painting: Painting) -> Image.Image:
        pixels = self._folder.find(painting.file).read_bytes()
        return Image.frombytes(painting.mode, painting.photo.size, pixels)

    def new(self, name: str) -> Path:
        """A path for a new file in the folder that is served."""
        return self._films.new(name)

    def hand_out(self, path: Path) -> dict[str, Any]:
        """What the page is told of a file to fetch; it goes with the photographs."""
        self._folder.lend(path)
        return {"path": str(path), "name": path.name, "bytes": path.stat().st_size}

    def write(self, painting: Painting, look: Look) -> Path:
        """A file in the folder that is served, made from photograph and painting; it carries its provenance."""
        from gan_core.inference.blend import blend

        photo = self._photos.open(painting.photo)
        picture = blend(photo, self.open(painting), look.strength, look.keep_colours)
        path = self.new(file_name(painting.photo.name, painting.model.name, look.kind))
        content = packed(
            picture, look, model=painting.model, direction=painting.direction, painted_px=painting.painted_px
        )
        write_bytes(path, content)
        return path


def packed(picture: Image.Image, look: Look, *, model: "ModelRef", direction: str, painted_px: int | None) -> bytes:
    """The picture's file, with its provenance inside and, where wished, the visible mark."""
    from gan_core.images import marked
    from gan_core.recipe import Translation, embed

    made = Translation(
        model=model,
        direction=direction,
        strength=float(look.strength),
        keep_colours=look.keep_colours,
        size=picture.size,
        painted_px=painted_px,
    )
    return embed(marked(picture) if look.mark else picture, made, KINDS[look.kind])


def file_name(photo: str, model: str, kind: str) -> str:
    """harbour.jpg by monet2photo -> harbour-monet2photo.png."""
    stem = Path(photo).stem[:60] or "photograph"
    return re.sub(r"[^\w.\-]+", "-", f"{stem}-{model}").strip("-.") + f".{kind}"

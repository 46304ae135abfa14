"""What data may be chosen on the page: known names, folders and zips under allowed roots, uploads, the Hub's data sets.

The page names data by a value that never is a path: shapes, mnist, hub:user/name, at:0/paintings/monet.zip (in the
first root), upload:4f1c.../mine.zip. What leaves a root, by dots or by a link, is neither listed nor taken.
"""

import re
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from gan_core.errors import DataError
from gan_core.settings import Settings
from gan_core.ui.jobs import Jobs, Progress
from gan_core.ui.uploads import keep_upload

if TYPE_CHECKING:
    from gan_core.data.listing import Listing

SHAPES = "shapes"
HUB = re.compile(r"hub:[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}(@[\w.-]{1,100})?")
UPLOAD = re.compile(r"upload:([0-9a-f]{12})/([a-z0-9][a-z0-9-]{0,39})\.zip")
AT = re.compile(r"at:(\d{1,3})/(.*)", re.DOTALL)
KNOWN = {
    # Name: what it shows, where its files lie in the data folder, megabytes to download.
    SHAPES: ("Shapes", "4,096 drawn circles, squares, triangles and rings. Nothing to download.", "", 0),
    "fashion-mnist": ("Fashion-MNIST", "70,000 articles of clothing in ten classes, grey, 28 px.", "FashionMNIST", 31),
    "mnist": ("MNIST", "70,000 handwritten digits, grey, 28 px.", "MNIST", 12),
    "cifar10": ("CIFAR-10", "60,000 photographs in ten classes, 32 px.", "cifar-10-batches-py", 170),
    "eurosat": ("EuroSAT", "27,000 satellite pictures in ten classes, 64 px.", "eurosat", 94),
}
MOST_LISTED = 500
LISTED_S = 30.0  # A folder is listed again after so long.
KEPT = 6
NOT_HERE = "This data is not here any more. Nothing was started. Choose it again."


class Sources:
    def __init__(self, settings: Settings, uploads: Path) -> None:
        """uploads: where Gradio's upload route writes; nothing else is taken for an upload."""
        self._settings, self._uploads = settings, uploads
        self._lock = Lock()
        self._listed: dict[str, tuple[float, dict[str, Listing]]] = {}
        self._fetched: set[str] = set()
        self._jobs = Jobs(at_once=1)

    # What there is to choose from.

    def known(self) -> list[dict[str, Any]]:
        return [
            {"value": name, "title": title, "summary": summary, "here": self.is_here(name), "mb": mb}
            for name, (title, summary, _, mb) in KNOWN.items()
        ]

    def uploaded(self) -> list[dict[str, Any]]:
        """What was uploaded before, newest first."""
        kept = ((path.stat(), path) for path in self._kept().glob("*/*.zip"))
        files = sorted(((facts.st_mtime, facts.st_size, path) for facts, path in kept), reverse=True)[:20]
        return [
            {"value": f"upload:{path.parent.name}/{path.name}", "title": path.stem, "at": at, "bytes": size}
            for at, size, path in files
        ]

    def browse(self, place: object) -> dict[str, Any]:
        """The folders and zips at a place: "" for the roots themselves, else at:N/..., as `entries` name them."""
        roots = self._roots()
        if not place:
            entries = [
                {"value": f"at:{number}/", "name": root.name or str(root), "kind": "folder"}
                for number, root in enumerate(roots)
                if root.is_dir()
            ]
            return {"place": "", "title": "On this server", "parent": None, "entries": entries, "more": 0}
        path = self._at(str(place))
        if not path.is_dir():
            raise DataError(NOT_HERE)
        number, rest = self._parts(str(place))
        base = rest.strip("/")
        found = sorted(self._entries(path), key=lambda one: (one[1] != "folder", one[0].lower()))
        entries = [
            {"value": f"at:{number}/{f'{base}/' if base else ''}{name}", "name": name, "kind": kind}
            for name, kind in found[:MOST_LISTED]
        ]
        above = "" if not base else f"at:{number}/{base.rpartition('/')[0]}"
        title = "/".join(filter(None, [roots[number].name, base]))
        more = max(0, len(found) - MOST_LISTED)
        return {"place": str(place), "title": title, "parent": above, "entries": entries, "more": more}

    def _entries(self, folder: Path) -> Iterator[tuple[str, str]]:
        try:
            children = list(folder.iterdir())
        except OSError:
            raise DataError(f"The folder {folder.name} cannot be read. Choose another one.") from None
        for child in children:
            if child.name.startswith(".") or not child.name.isprintable() or not self._inside(child):
                continue
            try:
                mode = child.stat().st_mode
            except OSError:
                continue
            if stat.S_ISDIR(mode):
                yield child.name, "folder"
            elif stat.S_ISREG(mode) and child.suffix.lower() == ".zip":
                yield child.name, "zip"

    # From a value to data.

    def spec(self, value: object) -> str:
        """What `--data` is given for a value of the page. Raises `DataError` for what may not be chosen."""
        text = value if isinstance(value, str) else ""
        if text in KNOWN or HUB.fullmatch(text):
            return text
        if match := UPLOAD.fullmatch(text):
            path = self._kept() / match[1] / f"{match[2]}.zip"
            if not path.is_file():
                raise DataError(NOT_HERE)
            return str(path)
        if AT.fullmatch(text):
            path = self._at(text)
            if not (path.is_dir() or (path.is_file() and path.suffix.lower() == ".zip")):
                raise DataError(NOT_HERE)
            return str(path)
        if text.startswith("hub:"):
            raise DataError(
                f"{text[:80]!r} is no data set of the Hub. Nothing was started. Type its owner and name: user/name."
            )
        raise DataError("No data is chosen. Nothing was started. Choose some.")

    def offers(self, spec: str) -> bool:
        """Whether a `--data` that somebody else wrote may be read here: a name, or what lies where data is kept."""
        if spec in KNOWN or HUB.fullmatch(spec):
            return True
        try:
            path = Path(spec).expanduser()
            return self._inside(path) or path.resolve(strict=True).is_relative_to(self._kept())
        except (OSError, ValueError, RuntimeError):
            return False

    def is_here(self, value: str) -> bool:
        """Whether looking at it downloads nothing."""
        if value.startswith("hub:"):
            return value in self._fetched
        folder = KNOWN[value][2] if value in KNOWN else ""
        return not folder or (self._settings.data_dir.expanduser() / folder).is_dir()

    def listings(self, value: str) -> "dict[str, Listing] | None":
        """The pictures' names by set, none of them read; None for `shapes`, which has no files."""
        from gan_core.data import _listings

        spec = self.spec(value)
        if spec == SHAPES:
            return None
        with self._lock:
            listed_at, found = self._listed.get(value, (float("-inf"), {}))
            if time.monotonic() - listed_at > LISTED_S:
                found = _listings(spec, self._settings)
                self._listed = dict(list(self._listed.items())[1 - KEPT :])
                self._listed[value] = time.monotonic(), found
        return found

    # Bringing.

    def receive(self, sent: object, kind: str) -> str:
        """Keep a zip that the upload route wrote, and return its value. kind: generator or translator."""
        uploads = self._uploads.resolve()
        path = Path(sent) if isinstance(sent, str) and "\0" not in sent else Path()
        if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(uploads):
            raise DataError("The file did not arrive. Nothing was kept. Try it once more.")
        try:
            if path.stat().st_size > self._settings.max_upload_mb * 1e6:
                raise DataError(f"{path.name} is over {self._settings.max_upload_mb:g} MB. Nothing was kept.")
            kept = keep_upload(path, kind, self._settings)
        finally:
            path.unlink(missing_ok=True)
        return f"upload:{kept.parent.name}/{kept.name}"

    def fetch(self, value: object) -> str:
        """Begin to download what is not here yet; the job's id."""
        spec = self.spec(value)

        def work(should_stop: Callable[[], bool]) -> Iterator[Progress]:  # noqa: ARG001 - downloads end by themselves.
            yield {"told": "Downloading"}
            self.listings(spec)
            self._fetched.add(spec)
            yield {"told": "Here"}

        return self._jobs.start(work)

    def fetch_poll(self, job: object) -> Progress:
        return self._jobs.poll(job)

    # Paths.

    def _kept(self) -> Path:
        return self._settings.data_dir.expanduser().resolve() / "uploads"

    def _roots(self) -> list[Path]:
        return [root.expanduser().resolve() for root in self._settings.data_roots]

    def _parts(self, value: str) -> tuple[int, str]:
        match = AT.fullmatch(value)
        if not match or int(match[1]) >= len(self._settings.data_roots):
            raise DataError(NOT_HERE)
        return int(match[1]), match[2]

    def _at(self, value: str) -> Path:
        number, rest = self._parts(value)
        path = self._roots()[number] / rest.lstrip("/")
        if not self._inside(path):
            raise DataError(NOT_HERE)
        return path.resolve()

    def _inside(self, path: Path) -> bool:
        """Whether a path, all links followed, is there and under one of the roots."""
        try:
            real = path.resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            return False
        return any(real.is_relative_to(root) for root in self._roots())

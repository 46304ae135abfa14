"""Many photographs into one zip: each in its turn, bad ones named, the rest goes on."""

import traceback
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.errors import Cancelled, ConfigError, GanCoreError
from gan_core.inference.brush import brush_px
from gan_core.ui.heavy import painted
from gan_core.ui.jobs import Progress, Work
from gan_core.ui.paintings import Look, file_name, packed
from gan_core.ui.photos import Photo
from gan_core.ui.translating import direction_of, ref_of
from gan_core.ui.turns import Report

if TYPE_CHECKING:
    from gan_core.inference.translator import Translator
    from gan_core.ui.painter import Painter

MOST_FILES = 50
MOST_ZIP_BYTES = 800_000_000  # The folder of files for visitors holds 1 GB.


def batch(
    painter: "Painter",
    translator: "Translator",
    model: str,
    direction: object,
    photos: object,
    look: Look,
    brush: object = None,
) -> Work:
    """The job, checked. It tells {"files": [{"state", "share", "error"}], "done", "count"}; at last also the zip."""
    brush_px(brush, (1, 1))  # It complains now.
    way, ref = direction_of(translator, direction), ref_of(model, translator)
    if not isinstance(photos, list) or not 1 <= len(photos) <= MOST_FILES:
        raise ConfigError(f"Give 1 to {MOST_FILES} photographs at once. Nothing was painted.")
    files: list[dict[str, Any]] = [{"state": "waiting", "share": 0.0, "error": None} for _ in photos]

    def one(photo: Photo, should_stop: Any) -> Generator[Progress, None, bytes]:
        def paint(report: Report) -> bytes:
            from gan_core.inference.blend import blend

            original = painter.photos.open(photo)
            px = brush_px(brush, original.size)
            full = painted(translator, original, way, px, report)
            picture = blend(original, full, look.strength, look.keep_colours)
            return packed(picture, look, model=ref, direction=way, painted_px=px)

        return (yield from painter.services.turns.run(paint, should_stop))

    def work(should_stop: Any) -> Iterator[Progress]:
        path = painter.paintings.new(f"paintings-{ref.name}.zip")
        path.parent.mkdir(mode=0o700)
        temporary = path.with_name(f".{path.name}")
        names: set[str] = set()
        try:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:  # Pictures are packed already.
                for entry, photo_id in zip(files, photos, strict=True):
                    entry["state"] = "painting"
                    try:
                        photo = painter.photos.find(photo_id)
                        content = yield from _told(one(photo, should_stop), entry, files)
                        _add(archive, _new_name(photo, ref.name, look.kind, names), content)
                        entry |= {"state": "done", "share": 1.0}
                    except Cancelled:
                        raise
                    except GanCoreError as error:
                        entry |= {"state": "failed", "error": str(error)}
                    except Exception as error:  # Whatever one photograph does, the others go on.
                        traceback.print_exc()
                        entry |= {"state": "failed", "error": f"That went wrong ({type(error).__name__})."}
                    yield _progress(files)
            if not any(entry["state"] == "done" for entry in files):
                raise GanCoreError("None of the photographs could be painted. There is no zip. The list says why.")
            temporary.rename(path)
            yield {**_progress(files), **painter.paintings.hand_out(path)}
        except Cancelled:
            pass
        except OSError as error:
            raise GanCoreError(f"The zip cannot be written ({error.strerror}). Nothing was kept. Take fewer.") from None
        finally:
            temporary.unlink(missing_ok=True)
            if not path.exists():
                path.parent.rmdir()

    return work


def _told(
    work: Generator[Progress, None, bytes], entry: dict[str, Any], files: list[dict[str, Any]]
) -> Generator[Progress, None, bytes]:
    """`work` with its progress put into the entry of its file; returns what it returns."""
    while True:
        try:
            progress = next(work)
        except StopIteration as end:
            content: bytes = end.value
            return content
        entry["share"] = progress.get("share", 0.0)
        yield {**_progress(files), "place": progress.get("place", 0)}


def _progress(files: list[dict[str, Any]]) -> Progress:
    over = sum(one["state"] in ("done", "failed") for one in files)
    share = sum(1.0 if one["state"] == "failed" else one["share"] for one in files) / len(files)
    return {"files": [dict(one) for one in files], "done": over, "count": len(files), "share": share}


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    if sum(info.file_size for info in archive.filelist) + len(content) > MOST_ZIP_BYTES:
        raise GanCoreError(f"The zip is full ({MOST_ZIP_BYTES // 10**6} MB). It was left out. Paint it separately.")
    archive.writestr(name, content)


def _new_name(photo: Photo, model: str, kind: str, names: set[str]) -> str:
    """A name that no other file of the zip has."""
    base = Path(file_name(photo.name, model, kind))
    name, number = base.name, 2
    while name.casefold() in names:
        name, number = f"{base.stem}-{number}{base.suffix}", number + 1
    names.add(name.casefold())
    return name

"""Data that visitors bring: a zip of pictures, kept where a resumed run finds it again."""

import hashlib
import re
import shutil
import zipfile
from pathlib import Path

from gan_core.errors import DataError
from gan_core.settings import Settings


def keep_upload(upload: Path, kind: str, settings: Settings) -> Path:
    """A copy of an uploaded zip that lasts: the run reads it again whenever it is resumed.

    kind: generator or translator. Raises `DataError` for what cannot be read, and for data of the other kind.
    """
    from gan_core.data.listing import list_path

    try:
        zipfile.ZipFile(upload).close()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise DataError(f"{upload.name} is not a readable zip. Choose another file.") from None
    try:
        found = list_path(upload, max_mp=settings.max_picture_mp)
    except DataError as error:
        text = str(error).replace(f"--data {upload}", upload.name)  # The visitor's own name.
        raise DataError(text.replace("Nothing was started.", "Nothing was kept. Choose another file.")) from None
    if (kind == "translator") != ({"trainA", "trainB"} <= set(found)):
        wanted = "folders trainA and trainB" if kind == "translator" else "one set of pictures"
        raise DataError(
            f"{upload.name} does not hold {wanted}, which this family needs. Nothing was kept. Choose another file."
        )
    name = re.sub(r"[^a-z0-9]+", "-", upload.stem.lower()).strip("-")[:40] or "data"
    with upload.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    kept = settings.data_dir.expanduser().resolve() / "uploads" / digest / f"{name}.zip"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".part")
        shutil.copyfile(upload, partial)
        partial.replace(kept)
    return kept

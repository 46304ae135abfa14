"""Models on their way out of the Models tab: the folder as a zip, or another project's files, each as a job."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from gan_core.errors import ConfigError, GanCoreError
from gan_core.ui.film_folder import FilmFolder
from gan_core.ui.jobs import POLL_S, Jobs, Progress, Work
from gan_core.ui.model_facts import own_files
from gan_core.ui.serve import Answer
from gan_core.ui.services import RUN

if TYPE_CHECKING:
    from gan_core.ui.shelf import Shelf

CHUNK_BYTES = 4_000_000
KINDS = ("folder", "onnx", "torch")


class Packer:
    def __init__(self, shelf: "Shelf", folder: FilmFolder) -> None:
        """folder: from where the server serves what is made here."""
        self._shelf = shelf
        self._folder = folder
        self._jobs = Jobs(at_once=1)  # Exports take all cores.

    def pack(self, model: object, kind: object) -> Answer:
        """Begin to make a file of a model: its folder as a zip, ONNX, or the reference project's files."""
        info = self._shelf.info(model)
        if kind not in KINDS:
            raise ConfigError(f"{kind!r} is no kind of file. Nothing was made. Choose one of {', '.join(KINDS)}.")
        name = str(model).removeprefix(RUN)
        work = self._zipped(info.folder, name) if kind == "folder" else self._exported(info.folder, name, str(kind))
        return {"job": self._jobs.start(work)}

    def pack_poll(self, job: object, wait_s: float = POLL_S) -> Progress:
        """What the job has told; of one that is under way, after a while. At the end `path`, `name` and `bytes`."""
        return self._jobs.poll(job, wait_s)

    def pack_stop(self, job: object) -> Answer:
        self._jobs.stop(job)
        return {}

    def _zipped(self, folder: Path, name: str) -> Work:
        def work(should_stop: Callable[[], bool]) -> Iterator[Progress]:
            yield from self._written(own_files(folder), f"{name}.zip", name, should_stop)

        return work

    def _exported(self, folder: Path, name: str, kind: str) -> Work:
        def work(should_stop: Callable[[], bool]) -> Iterator[Progress]:
            yield {"told": "Exporting and checking against PyTorch" if kind == "onnx" else "Exporting"}
            with tempfile.TemporaryDirectory(prefix="gan-studio-export-") as scratch:
                try:
                    files = export(folder, kind, Path(scratch) / name)
                except GanCoreError as error:
                    raise type(error)(str(error).replace("it with --format onnx", "it as ONNX instead")) from None
                if should_stop():
                    return
                ending = f"{name}-{kind}.zip"
                yield from self._written(files, files[0].name if len(files) == 1 else ending, name, should_stop)

        return work

    def _written(
        self, files: list[Path], title: str, folder: str, should_stop: Callable[[], bool]
    ) -> Iterator[Progress]:
        """Put the files where the server serves them, as one; they appear whole or not at all."""
        path = self._folder.new(title)
        path.parent.mkdir(mode=0o700, parents=True)
        part = path.with_name(f".{path.name}")
        try:
            if len(files) == 1 and path.suffix == files[0].suffix:
                shutil.copyfile(files[0], part)
            else:
                yield from zipped(files, part, folder, should_stop)
            if should_stop():
                return
            part.rename(path)
            yield {"share": 1.0, "path": str(path), "name": title, "bytes": path.stat().st_size}
        finally:
            if not path.exists():
                shutil.rmtree(path.parent, ignore_errors=True)


def export(folder: Path, kind: str, out: Path) -> list[Path]:
    """The model as ONNX files named after `out`, or as the reference project's files in the folder `out`.

    Raises `GanCoreError` where it cannot be written so that it draws the same.
    """
    from gan_core import weights
    from gan_core.interop import onnx, reference

    model = weights.load(folder)
    if kind == "onnx":
        return onnx.export(model, out.with_name(f"{out.name}.onnx"))
    out.mkdir(parents=True)
    return reference.export(model, out)


def zipped(files: list[Path], path: Path, folder: str, should_stop: Callable[[], bool]) -> Iterator[Progress]:
    """Write files into `folder/` of a new zip; weights do not get smaller, so nothing is compressed."""
    total = sum(file.stat().st_size for file in files) or 1
    done = 0
    with ZipFile(path, "w", ZIP_STORED) as archive:
        for file in files:
            entry = ZipInfo.from_file(file, f"{folder}/{file.name}", strict_timestamps=False)
            with file.open("rb") as source, archive.open(entry, "w", force_zip64=True) as sink:
                while chunk := source.read(CHUNK_BYTES):
                    if should_stop():
                        return
                    sink.write(chunk)
                    done += len(chunk)
                    yield {"told": "Packing", "share": done / total}

"""ONNX Runtime Web for the page without a server: pinned, and never part of this repository.

With npm its package is fetched once, held against the hash below, and the few files that a page needs are laid into the
bundle. Without npm the page takes the same files from a public CDN, and holds each against its own hash.
"""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gan_core.atomic import write_bytes, write_json
from gan_core.errors import DeployError

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Of the package, as its registry tells it."""
LICENSE = (
    "MIT License, Copyright (c) Microsoft Corporation. https://github.com/microsoft/onnxruntime/blob/main/LICENSE\n"
)
CDN = f"https://cdn.jsdelivr.net/npm/{PACKAGE}@{VERSION}/dist/"
CACHE = Path("~/.cache/gan-core/npm")
TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Part:
    """A file of the package's folder dist/."""

    name: str
    bytes: int
    sha384: str
    """In base64, as browsers take it."""

    @property
    def integrity(self) -> str:
        return f"sha384-{self.sha384}"


_LOADER = "ort-wasm-simd-threaded"
BUILDS = {
    "wasm": {
        "main": Part("ort.wasm.min.mjs", 50_126, "SfFfy/pvthiOsgaw3KX0bV5TfQ6Iq+oY9KutMe4SxIuHH4cl+DCSD4rTsYOoG1tJ"),
        "loader": Part(f"{_LOADER}.mjs", 24_381, "XcXA/MtAf0WpB8e023xQH9CM7RIjiugakT7x99DIwpFf7k56BIFFcAPerIF7FDad"),
        "binary": Part(
            f"{_LOADER}.wasm", 14_239_897, "vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM"
        ),
    },
    "webgpu": {
        "main": Part("ort.webgpu.min.mjs", 66_349, "FPQBMbud8ICuP0Ii+Gr95KWEX9pKHtUC3lacIp0aPI8WYluKvTsEGQ3AE2Ze3QlL"),
        "loader": Part(
            f"{_LOADER}.asyncify.mjs", 53_057, "qViEcCGzsR/m8nlQwIsbYh7afN4thuraqFYDQY6huvmoLVoZq/eYawQ1wrv8nnhA"
        ),
        "binary": Part(
            f"{_LOADER}.asyncify.wasm",
            26_781_914,
            "EPVDLTxuO663dkZO/pcKJF6vOyyfq/5z9FY1oksN0UWFX2ABH4wDDZQHeNoUleWR",
        ),
    },
}
"""What the page loads: for WebAssembly, and the larger build that also knows WebGPU."""
FOLDER = "ort"


@dataclass(frozen=True)
class Laid:
    """Where a page finds the runtime."""

    later: tuple[str, ...] = ()
    """Files that few visitors need (WebGPU), as paths in the bundle."""
    elsewhere: tuple[str, ...] = ()
    """Addresses of what every visitor needs and is not in the bundle."""


def write_runtime(out: Path, *, tell: Callable[[str], None], cache: Path | None = None) -> Laid:
    """Lay the runtime into `out`/ort, with where.json, which the page reads. Raises `DeployError`.

    cache: where the package is kept between deploys.
    """
    parts = [part for build in BUILDS.values() for part in build.values()]
    package = fetched(cache or CACHE.expanduser(), tell)
    if package:
        for part, content in unpacked(package, parts).items():
            write_bytes(out / FOLDER / VERSION / part.name, content)
        write_bytes(out / FOLDER / VERSION / "LICENSE", LICENSE.encode())
    else:
        host = CDN.split("/")[2]
        tell(f"npm is not here: the page will take {PACKAGE} {VERSION} from {host}, held against its hashes.")
    base = f"{VERSION}/" if package else CDN
    told = {
        name: {
            role: {"url": base + part.name, "bytes": part.bytes, "integrity": part.integrity}
            for role, part in build.items()
        }
        for name, build in BUILDS.items()
    }
    where = {"package": PACKAGE, "version": VERSION, "where": "here" if package else "cdn", **told}
    write_json(out / FOLDER / "where.json", where)
    if not package:
        return Laid(elsewhere=tuple(CDN + part.name for part in BUILDS["wasm"].values()))
    return Laid(later=tuple(f"{FOLDER}/{VERSION}/{part.name}" for part in BUILDS["webgpu"].values()))


def fetched(cache: Path, tell: Callable[[str], None]) -> Path | None:
    """The package's archive, proved; None where there is no npm and none was kept. Raises `DeployError`."""
    archive = cache / f"{PACKAGE}-{VERSION}.tgz"
    if archive.is_file() and _integrity(archive) == INTEGRITY:
        return archive
    npm = shutil.which("npm")
    if npm is None:
        return None
    tell(f"Fetching {PACKAGE} {VERSION} with npm (33 MB, once).")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        # Nothing of the package runs here: no scripts, and no install.
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--silent", "--pack-destination", folder]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            tell(f"npm did not fetch {PACKAGE} ({type(error).__name__}): the page will take it from a public CDN.")
            return None
        found = Path(folder) / archive.name
        if done.returncode or not found.is_file():
            reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1][:200]
            tell(f"npm did not fetch {PACKAGE} ({reason}): the page will take it from a public CDN.")
            return None
        if _integrity(found) != INTEGRITY:
            raise DeployError(
                f"What npm fetched is not {PACKAGE} {VERSION} as it was published: its hash is another. Nothing was "
                "written. See which registry npm asks (npm config get registry)."
            )
        found.replace(archive)
    return archive


def unpacked(archive: Path, parts: list[Part]) -> dict[Part, bytes]:
    """The files, each proved. Nothing else of the archive is unpacked."""
    found = {}
    with tarfile.open(archive, "r:gz") as opened:
        for part in parts:
            file = opened.extractfile(f"package/dist/{part.name}")
            content = file.read() if file else b""
            if len(content) != part.bytes or _base64(hashlib.sha384(content)) != part.sha384:
                raise DeployError(f"{part.name} of {PACKAGE} {VERSION} is not what was pinned. Nothing was written.")
            found[part] = content
    return found


def _integrity(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha512-{_base64(hashlib.file_digest(file, 'sha512'))}"


def _base64(digest: "hashlib._Hash") -> str:
    return base64.b64encode(digest.digest()).decode()

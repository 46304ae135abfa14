"""The page that needs no server, as a folder: generators and translators in ONNX, and everything that shows them.

index.html page.js ... components/    the page, out of assets/
models/<name>/                        model.json, *.onnx, first.webp, preview.webp, directions and all
ort/                                  ONNX Runtime Web, or where it is: see `static_runtime`
sw.js                                 keeps all of it for the time without a network
serve.py                              shows it here: python serve.py
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.atomic import write_bytes, write_json
from gan_core.deploy.exports import exported, exports_folder
from gan_core.deploy.static_pictures import thumb, webp
from gan_core.deploy.static_runtime import CDN, write_runtime
from gan_core.deploy.telling import Tell, silent
from gan_core.errors import DeployError, ModelError
from gan_core.families import get_family
from gan_core.settings import BESIDE, Settings
from gan_core.weights import Model, load, read_config

if TYPE_CHECKING:
    from gan_core.inference.generator import Generator

FORMAT = 1
FIRST_SEED = 555
"""What Explore opens with; that picture comes with the model, so that it is seen before the engine is there."""
PAGE = BESIDE / "assets" / "static"
TEMPLATE, WORKER, SERVE = "index.html", "sw.js", "serve.py"
LARGE = (".onnx", ".wasm")


def write_static(
    out: Path,
    models: Sequence[Path],
    *,
    title: str,
    hub_id: str | None = None,
    settings: Settings | None = None,
    tell: Tell = silent,
) -> None:
    """Write the page with these model folders into the folder `out`, in their order.

    title: of the page. hub_id: the Space, user/name, for the page's links. settings: where exports are kept;
    None: all is exported anew. tell: is given what is worth a sentence.
    Raises `DeployError`, `ModelError` for a damaged model, `GanCoreError` where the extra [onnx] is not installed.
    """
    from gan_core.deploy.static_page import write_page
    from gan_core.deploy.static_translators import write_translator

    if not models:
        raise DeployError("A page without a model shows nothing. Nothing was written. Name at least one model.")
    told, kept_in = [], exports_folder(settings) if settings else None
    for folder in models:
        kind = get_family(read_config(folder, check_network=False).family).kind
        write = write_generator if kind == "generator" else write_translator
        told.append(write(out, folder, name=folder.name, kept_in=kept_in, tell=tell))
        if (folder / "preview.webp").is_file():
            shutil.copyfile(folder / "preview.webp", out / "models" / folder.name / "preview.webp")
    laid = write_runtime(out, tell=tell)
    for path in sorted(PAGE.iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.name not in (TEMPLATE, WORKER, SERVE, "page.css"):
            write_bytes(out / path.name, path.read_bytes())
    origins = ["/".join(CDN.split("/")[:3])] if laid.elsewhere else []
    write_page(out, title=title, models=told, hub_id=hub_id, origins=origins, tell=tell)
    write_worker(out, later=laid.later, elsewhere=laid.elsewhere)
    write_bytes(out / SERVE, (PAGE / SERVE).read_bytes())


def write_generator(
    out: Path,
    folder: Path,
    *,
    name: str | None = None,
    kept_in: Path | None = None,
    tell: Tell = silent,
) -> dict[str, Any]:
    """Write models/<name>/ of a generator into `out`; returns what its model.json holds. kept_in: see `exported`.

    Pictures are equal to `Generator.picture` to 1/255: the weights keep the precision in which the folder stores them.
    Raises `ModelError` for a damaged model and for a translator, `GanCoreError` without the extra [onnx].
    """
    from gan_core.inference.generator import Generator
    from gan_core.recipe import Recipe

    model = load(folder)
    if "generator" not in model.networks:
        raise ModelError(f"{folder.name} is no generator. Nothing was written. Choose another model.")
    generator, name = Generator(model), name or folder.name
    place = out / "models" / name
    (written,) = exported(model, place, name=name, half=_is_half(model), kept_in=kept_in)
    content = written.path.read_bytes()
    picture = generator.picture(Recipe(seed=FIRST_SEED))
    write_bytes(place / "first.webp", webp(picture, lossless=True))
    channels = len(picture.getbands())
    about = {
        "format": FORMAT,
        "name": name,
        "kind": "generator",
        "family": model.config.family,
        "facts": _facts(model, picture.width),
        "size": picture.width,
        "channels": channels,
        "latent_dim": generator.latent_dim,
        "classes": generator.classes,
        "sha256": generator.sha256,
        "hub": generator.ref.hub if generator.ref else None,
        "license": model.config.license,
        "onnx": {"file": written.path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()},
        "first": {"file": "first.webp", "width": picture.width, "height": picture.height},
        "thumb": thumb(picture),
        "directions": _directions(generator),
    }
    write_json(place / "model.json", about)
    tell(f"{name}: {len(content) / 1e6:.1f} MB, PyTorch's pictures to {written.difference * 127.5:.2f} of 255 levels")
    return about


def write_worker(out: Path, *, later: Sequence[str] = (), elsewhere: Sequence[str] = ()) -> None:
    """Write sw.js with the list of all files in `out`.

    later: paths that are kept only once they are used. elsewhere: addresses of other origins that are kept too.
    """
    files = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.is_file() and name not in (WORKER, SERVE, "README.md") and not name.startswith("."):
            files[name] = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    version = hashlib.sha256(json.dumps(files).encode()).hexdigest()[:12]
    listed = {name: [size, mark if name.endswith(LARGE) else None] for name, (size, mark) in files.items()}
    facts = {"version": version, "files": listed, "later": list(later), "elsewhere": list(elsewhere)}
    bundle = json.dumps(facts, indent=1)
    code = (PAGE / WORKER).read_text(encoding="utf-8")
    write_bytes(out / WORKER, f"const BUNDLE = {bundle};\n\n{code}".encode())


def _is_half(model: Model) -> bool:
    """Whether every weight that is stored in float16 stays the number it is: then half the bytes lose nothing."""
    weights = [one for one in model.networks["generator"].state_dict().values() if one.ndim > 1]
    return all(bool((one.half().float() == one).all()) for one in weights)


def _directions(generator: "Generator") -> list[dict[str, Any]]:
    return [{**asdict(one), "vector": list(one.vector)} for one in generator.directions()]


def _facts(model: Model, side: int) -> str:
    """For the picker: one short line."""
    facts: Mapping[str, Any] = model.config.data
    return ", ".join(filter(None, [f"{side} px", get_family(model.config.family).title, str(facts.get("name", ""))]))

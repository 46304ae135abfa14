"""Translators for the static target: ONNX with weights of half precision, and what the page must know of them."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gan_core.atomic import write_bytes, write_json
from gan_core.deploy.exports import exported
from gan_core.deploy.static_pictures import thumb, webp
from gan_core.errors import ModelError
from gan_core.families import get_family
from gan_core.inference.translator import Translator
from gan_core.interop.graph import sides
from gan_core.scenes import EXAMPLES
from gan_core.weights import load

FORMAT = 1
MOST_MP = 1.5
"""Painted at once by a network of `FEATURES` features: some 1.2 of the 4 GB that WebAssembly can address."""
FEATURES = 32
LEAST_MP = 0.2


def write_translator(
    out: Path,
    folder: Path,
    *,
    name: str | None = None,
    kept_in: Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Write models/<name>/ of a bundle: a file for each direction, model.json, and the first painting that is shown.

    folder: a model folder. Its networks paint to 2/255 as they do here; see `onnx.write`. kept_in: see `exported`.
    Raises `ModelError` for what is no translator or cannot be exported, `GanCoreError` without the extra [onnx].
    """
    model = load(folder)
    family = get_family(model.config.family)
    if family.kind != "translator":
        raise ModelError(f"{folder.name} is no translator. Nothing was written. Choose another model.")
    name = name or folder.name
    translator = Translator(model)
    place = out / "models" / name
    written = exported(model, place, name=name, half=True, kept_in=kept_in)
    translations = {}
    for one in written:
        way = one.path.stem.removeprefix("generator_")
        path = one.path.rename(place / f"{way}.onnx")
        network = model.networks[f"generator_{way}"]
        multiple, smallest = sides(network)
        features = int(next(network.parameters()).shape[0])
        content = path.read_bytes()
        translations[way] = {
            "file": path.name,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "channels": int(next(network.parameters()).shape[1]),
            "multiple_px": multiple,
            "smallest_px": smallest,
            "most_mp": round(max(LEAST_MP, MOST_MP * FEATURES / max(features, 16)), 2),
        }
        if tell is not None:
            source, target = ((model.config.domains or {}).get(side, side.upper()) for side in way)
            levels = f"PyTorch's pictures to {one.difference * 127.5:.2f} of 255 levels"
            tell(f"{name}, {source} to {target}: {len(content) / 1e6:.1f} MB, {levels}")
    key, example = next(iter(EXAMPLES.items()))
    painting = translator.translate(example.draw())
    write_bytes(place / "first.webp", webp(painting.convert("RGB")))
    ref = translator.ref
    data = str(model.config.data.get("name", ""))
    about: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "kind": "translator",
        "family": family.name,
        "facts": ", ".join(filter(None, [family.title, data])),
        "channels": translator.channels,
        "sha256": ref.sha256 if ref else None,
        "hub": ref.hub if ref else None,
        "license": model.config.license,
        "domains": translator.domains,
        "default_direction": translator.default_direction,
        "directions": translator.directions,
        "translations": translations,
        "thumb": thumb(painting),
        "first": {
            "file": "first.webp",
            "photo": f"example:{key}",
            "direction": translator.default_direction,
            "width": painting.width,
            "height": painting.height,
        },
    }
    write_json(place / "model.json", about)
    return about

"""What the check asks of a running application: a picture of each generator, a painting by each translator.

Through the public API by plain HTTP, as any program would call it.
"""

import io
import json
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from gan_core.errors import DeployError

CALL_S = 180.0
"""For one picture, the loading of its model included: two slow cores may take their time."""
FLAT = 4
"""A picture whose brightest and darkest bytes differ by less shows nothing."""
PHOTO_PX = (144, 96)
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # Nothing is between us and this computer.


def is_up(url: str) -> bool:
    try:
        with _DIRECT.open(url, timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


def generate(url: str, model: str) -> None:
    """Draw seed 7 with a generator. Raises `DeployError` where no picture comes."""
    pictures = _call(url, "generate", {"model": model, "seeds": "7"})
    _checked(_fetch(url, pictures[0]), f"The picture of {model}")


def translate(url: str, model: str) -> None:
    """Paint a small photograph with a translator. Raises `DeployError` where no painting of its size comes."""
    photo = _photo()
    path = _upload(url, photo)
    sent = {"path": path, "orig_name": "photo.jpg", "meta": {"_type": "gradio.FileData"}}
    painting = _checked(
        _fetch(url, _call(url, "translate", {"model": model, "photo": sent})), f"The painting by {model}"
    )
    if painting.size != PHOTO_PX:
        raise DeployError(f"The painting by {model} has {painting.size} pixels and its photo {PHOTO_PX}.")


def _photo() -> bytes:
    from gan_core.scenes import EXAMPLES

    file = io.BytesIO()
    next(iter(EXAMPLES.values())).draw().resize(PHOTO_PX).save(file, "JPEG")
    return file.getvalue()


def _checked(content: bytes, what: str) -> Any:
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(content))
        picture.load()
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise DeployError(f"{what} is no picture ({error}).") from None
    extremes: Any = picture.convert("RGB").getextrema()
    if max(high - low for low, high in extremes) < FLAT:
        raise DeployError(f"{what} is one flat colour: its weights draw nothing.")
    return picture


def _call(url: str, name: str, given: dict[str, Any]) -> Any:
    """The first result of a public event. given: by name; the others are as the event's description has them."""
    entries = json.loads(_open(f"{url}/gradio_api/info"))["named_endpoints"][f"/{name}"]["parameters"]
    data = [given.get(entry["parameter_name"], entry.get("parameter_default")) for entry in entries]
    begun = json.loads(_open(f"{url}/gradio_api/call/{name}", json.dumps({"data": data}).encode()))
    said = _open(f"{url}/gradio_api/call/{name}/{begun['event_id']}").decode()
    lines = [line for line in said.splitlines() if line]
    kind, text = (lines[-2].removeprefix("event: "), lines[-1].removeprefix("data: ")) if len(lines) > 1 else ("", "")
    if kind != "complete":
        raise DeployError(f"/{name} answers with an error: {_told(text)}")
    return json.loads(text)[0]


def _told(text: str) -> str:
    try:
        told = json.loads(text)
    except ValueError:
        told = text
    said = str((told.get("error") if isinstance(told, dict) else told) or "it says nothing")
    return said.splitlines()[0][:400]


def _upload(url: str, photo: bytes) -> str:
    border = uuid4().hex
    head = f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="photo.jpg"\r\n'
    body = f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + photo + f"\r\n--{border}--\r\n".encode()
    kind = f"multipart/form-data; boundary={border}"
    return str(json.loads(_open(f"{url}/gradio_api/upload", body, kind))[0])


def _fetch(url: str, file: dict[str, Any]) -> bytes:
    return _open(f"{url}/gradio_api/file={quote(str(file['path']))}")


def _open(url: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
    """An answer's content, within `CALL_S` in all, however slowly it drips."""
    request = urllib.request.Request(url, body, {"Content-Type": kind} if body else {})
    end, parts = time.monotonic() + CALL_S, []
    try:
        with _DIRECT.open(request, timeout=CALL_S) as answer:
            while part := answer.read1(1 << 20):
                parts.append(part)
                if time.monotonic() > end:
                    raise TimeoutError
    except urllib.error.HTTPError as error:
        raise DeployError(f"{request.selector} answers {error.code}.") from None
    except TimeoutError:
        raise DeployError(f"{request.selector} gave no answer within {CALL_S:.0f} s.") from None
    except OSError as error:
        raise DeployError(f"{request.selector} cannot be reached: {getattr(error, 'reason', error)}.") from None
    return b"".join(parts)

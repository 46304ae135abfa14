"""Style transfer's page in the hands of a test: what it shows, and files that are given to it and taken from it."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PICTURE = "#paint-picture"
MESSAGE = "#paint-message"
FIRST = "tiny-cyclegan"


def painted(page) -> None:
    page.wait_for_selector(f"{PICTURE}[aria-busy=false][data-painted]")


def says(page, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)", arg=[MESSAGE, text]
    )


def facts(page, text: str) -> None:
    page.wait_for_function("text => document.querySelector('#paint-facts').innerText.includes(text)", arg=text)


def canvas(page, name: str) -> np.ndarray:
    """(H, W, 4) of what is drawn."""
    url = page.evaluate(f"document.querySelector('#paint-{name}').toDataURL()")
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return np.asarray(image.convert("RGBA")).astype(float)


def photograph(path: Path, width: int, height: int) -> Path:
    slope = np.add.outer(np.arange(height), np.arange(width)) % 256
    Image.fromarray(np.stack([slope, slope[::-1], np.full_like(slope, 90)], -1).astype(np.uint8)).save(path)
    return path


def change_answer(page, function: str, patch: dict[str, Any]) -> None:
    """Let the server's answers to one function say something else too."""

    def change(route) -> None:
        if json.loads(route.request.post_data or "{}").get("fn_name") != function:
            return route.fallback()
        response = route.fetch()
        return route.fulfill(response=response, json={**response.json(), **patch})

    page.route("**/component_server/**", change)


def downloaded(page, button: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.click(button)
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def send_event(page, kind: str, target: str, files: dict[str, Path]) -> None:
    """Paste or drop files, as the browser tells a page of it."""
    sent = {name: base64.b64encode(path.read_bytes()).decode() for name, path in files.items()}
    page.evaluate(
        """([kind, target, sent]) => {
            const carried = new DataTransfer();
            for (const [name, text] of Object.entries(sent)) {
                const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
                carried.items.add(new File([bytes], name, { type: "image/png" }));
            }
            const event = kind === "paste"
                ? new ClipboardEvent("paste", { clipboardData: carried, bubbles: true })
                : new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true });
            document.querySelector(target).dispatchEvent(event);
        }""",
        [kind, target, sent],
    )

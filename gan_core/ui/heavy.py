"""Painting a whole photograph: here, or on ZeroGPU on the card that is lent for it. Sliders never ask for the card."""

from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
from PIL import Image

from gan_core import spaces
from gan_core.errors import GanCoreError
from gan_core.inference.brush import painted as painted_here

if TYPE_CHECKING:
    from gan_core.inference.translator import Direction, Translator
    from gan_core.ui.services import Services
    from gan_core.ui.turns import Report

START_S, MEGAPIXEL_S, MOST_S = 8.0, 1.0, 60.0
"""What a card is asked for: a process with the weights on it begins, then so much for each megapixel."""
_PLACED: "dict[str, Translator]" = {}
"""Translators whose weights lie on the card, by folder. `spaces` hands them to the process that has it."""


def seconds(folder: str, direction: "Direction", px: int | None, photo: Image.Image) -> float:  # noqa: ARG001 - as `_on_card`.
    width, height = photo.size
    scale = 1.0 if px is None else min(1.0, px / max(width, height)) ** 2
    return min(MOST_S, START_S + MEGAPIXEL_S * scale * width * height / 1e6)


@spaces.on_gpu(seconds)
def _on_card(folder: str, direction: "Direction", px: int | None, photo: Image.Image) -> Image.Image:
    return painted_here(_PLACED[folder], photo, direction, px, lambda _: None)


def place(services: "Services") -> None:
    """On ZeroGPU, put the translators that are here on the card, before the page is launched; elsewhere nothing."""
    if not spaces.zero_gpu():
        return
    from gan_core.library import load

    for info in services.translators().values():
        try:
            model = load(info.folder, device="cuda", settings=services.settings, keep=False)
        except GanCoreError as error:  # Whoever chooses it is told.
            print(f"{info.name} is painted on the processor: {error}", flush=True)
            continue
        _PLACED[_key(info.folder)] = model  # type: ignore[assignment]


def painted(
    translator: "Translator", photo: Image.Image, direction: "Direction", px: int | None, report: "Report"
) -> Image.Image:
    """As `inference.brush.painted`, where it is fastest. The card tells nothing while it paints."""
    key = _key(translator.folder)
    if key not in _PLACED:  # One that came after the start has no weights there.
        return painted_here(translator, photo, direction, px, report)
    report(0.0)
    try:
        picture = _on_card(key, direction, px, photo)
    except gr.Error as error:  # So `spaces` says that a visitor's quota is used up, or that no card is free.
        print(f"Painted on the processor, since no card was lent: {error.message}", flush=True)
        picture = painted_here(translator, photo, direction, px, report)
    report(1.0)
    return picture


def _key(folder: Path | None) -> str:
    return str(folder.resolve()) if folder else ""

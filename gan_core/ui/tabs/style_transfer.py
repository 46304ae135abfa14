"""Style transfer: a photograph beside what a translator makes of it."""

from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from gan_core.errors import GanCoreError, PictureError
from gan_core.scenes import EXAMPLES
from gan_core.ui import assets
from gan_core.ui.bind import caption, message_line, open_choice, wire
from gan_core.ui.services import Painting, Services
from gan_core.ui.session import Photo

FIRST = Photo(example=next(iter(EXAMPLES)))
SHOWN_PX = 1600  # The original is shown at most this large; the result always in full.
NO_MODELS = "There is no translator yet. Train one in the Training tab, or put a model folder into the models folder."


def paint(
    services: Services, model: str | None, direction: str | None, strength: float, photo: Photo
) -> tuple[Any, ...]:
    """Translate the photograph."""
    if model is None:
        raise GanCoreError(NO_MODELS)
    painting = services.paint(model, photo, direction)
    return _result(painting, strength)


def blend(
    services: Services, model: str | None, direction: str | None, strength: float, photo: Photo
) -> tuple[Any, ...]:
    """Another strength of a painting that is there; otherwise Paint waits to be pressed."""
    painting = services.painted(model, photo, direction) if model else None
    return _result(painting, strength) if painting else (gr.skip(), gr.skip())


def upload(services: Services, file: str | None) -> tuple[Any, ...]:
    """A photograph of the visitor's own: shown at once, painted when asked."""
    if file is None:
        return tuple(gr.skip() for _ in range(5))
    photo = Photo(path=file)
    picture = services.photo(photo)
    return photo, _shown(picture), None, f"{Path(file).name}, {_size(picture)}", services.thumbnails(None)


def choose_example(
    services: Services, examples: list[dict[str, Any]], model: str | None, direction: str | None, strength: float
) -> tuple[Any, ...]:
    """One of the drawn photographs; small, so it is painted at once."""
    key = next((choice.get("key") for choice in examples if choice.get("chosen")), None)
    if key not in EXAMPLES:
        raise PictureError(f"There is no such example. The picture stays. Choose one of {', '.join(EXAMPLES)}.")
    photo = Photo(example=key)
    painted = paint(services, model, direction, strength, photo) if model else (None, NO_MODELS)
    return photo, services.photo(photo), *painted


def choose_model(services: Services, model: str | None) -> tuple[Any, ...]:
    """What the chosen model can do."""
    return (_directions(services.directions(model) if model else []),)


def open_page(services: Services) -> tuple[Any, ...]:
    """What a visitor finds at once: the models that are here and an example, which `paint_first` is painting."""
    choices = services.choices("translator")
    model = choices[0][1] if choices else None
    picker = gr.Dropdown(choices=choices, value=model, interactive=bool(choices))
    ways = services.directions(model) if model else []
    picture, note = (gr.skip(), gr.skip()) if model else (None, NO_MODELS)
    shown = (services.thumbnails(FIRST.example), services.photo(FIRST), picture, note)
    return picker, _directions(ways), 1.0, FIRST, *shown, gr.Button(interactive=bool(choices))


def paint_first(services: Services) -> tuple[Any, ...]:
    """The first example by the first model, so that nobody meets an empty box."""
    choices = services.choices("translator")
    if not choices:
        return gr.skip(), gr.skip()
    model = choices[0][1]
    return paint(services, model, services.directions(model)[0][1], 1.0, FIRST)


def refresh(services: Services, model: str | None) -> tuple[Any, ...]:
    """The models that are here by now."""
    if model is None:
        *page, _, _, button = open_page(services)
        return (*page, *(paint_first(services) if services.choices("translator") else (None, NO_MODELS)), button)
    return (gr.Dropdown(choices=services.choices("translator")), *(gr.skip() for _ in range(8)))


def _directions(ways: list[tuple[str, str]]) -> gr.Dropdown:
    return gr.Dropdown(choices=ways, value=ways[0][1] if ways else None, interactive=bool(ways))


def _result(painting: Painting, strength: float) -> tuple[Any, ...]:
    return painting.at(strength), f"{_size(painting.full)}, {painting.elapsed_s:.1f} s"


def _size(picture: Image.Image) -> str:
    return f"{picture.width} \N{MULTIPLICATION SIGN} {picture.height} px"


def _shown(picture: Image.Image) -> Image.Image:
    small = picture.convert("RGBA" if picture.mode in ("RGBA", "LA", "P") else "RGB")
    small.thumbnail((SHOWN_PX, SHOWN_PX))
    return small


def _image(title: str, elem_id: str, kind: str, buttons: list[Any]) -> gr.Image:
    """A picture under its title; Gradio's own label would lie over the picture."""
    with gr.Column(elem_classes="gs-group"):
        caption(title)
        return gr.Image(
            label=title,
            show_label=False,
            elem_id=elem_id,
            elem_classes="gs-image",
            interactive=False,
            buttons=buttons,
            format=kind,
            alt_text=title,
        )


def build(services: Services, page: gr.Blocks, tab: gr.Tab) -> None:
    photo = gr.State(FIRST)
    with gr.Row(elem_classes="gs-split gs-wide"):
        with gr.Column(elem_classes="gs-stage"):
            with gr.Row(elem_classes="gs-pair"):
                original = _image("Original", "style-original", "jpeg", ["fullscreen"])
                result = _image("Result", "style-result", "png", ["download", "fullscreen"])
            note = gr.HTML("", elem_id="style-note", elem_classes="gs-note", js_on_load=None)
            message = message_line("style-message")
        with gr.Column(elem_classes="gs-controls"):
            model = open_choice(gr.Dropdown([], label="Model", elem_id="style-model"))
            direction = open_choice(gr.Dropdown([], label="Direction", elem_id="style-direction"))
            strength = gr.Slider(0, 1, 1, step=0.01, label="Strength", elem_id="style-strength", buttons=[])
            button = gr.Button("Paint", variant="primary", elem_id="style-paint")
            with gr.Column(elem_classes="gs-group"):
                caption("Your photograph")
                file = gr.File(
                    label="Your photograph", show_label=False, elem_id="style-file", elem_classes="gs-drop", height=64
                )
            with gr.Column(elem_classes="gs-group"):
                caption("Examples")
                examples = gr.HTML(
                    [],
                    html_template=assets.text("choices.html"),
                    js_on_load=assets.text("choices.js"),
                    elem_id="style-examples",
                )

    painted = [result, note]
    asked = [model, direction, strength, photo]
    wire(
        [button.click],
        paint,
        services,
        inputs=asked,
        outputs=painted,
        message=message,
        api_name="translate",
        live=False,
        progress_on=result,
    )
    wire([strength.input], blend, services, inputs=asked, outputs=painted, message=message)
    uploaded = wire(
        [file.upload],
        upload,
        services,
        inputs=[file],
        outputs=[photo, original, result, note, examples],
        message=message,
        live=False,
    )
    # The place stays free for the next file, whether this one could be read or not.
    uploaded.then(None, None, file, js="() => null", queue=False, show_progress="hidden")
    wire(
        [examples.select],
        choose_example,
        services,
        inputs=[examples, model, direction, strength],
        outputs=[photo, original, *painted],
        message=message,
        live=False,
        progress_on=result,
    )
    wire([model.input], choose_model, services, inputs=[model], outputs=[direction], message=message)
    everything = [model, direction, strength, photo, examples, original, *painted, button]
    opening: dict[str, Any] = {"outputs": everything, "message": message, "live": False, "progress_on": result}
    wire([tab.select], refresh, services, inputs=[model], **opening)
    wire([page.load], open_page, services, outputs=everything, message=message)
    wire([page.load], paint_first, services, outputs=painted, message=message, live=False, progress_on=result)

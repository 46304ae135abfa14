"""Explore: a picture, and everything that moves it."""

import secrets
from typing import Any

import gradio as gr

from gan_core.ui import assets
from gan_core.ui.bind import message_line, open_choice, wire
from gan_core.ui.pictures import empty, figure
from gan_core.ui.services import Services

SLIDERS = 10
FIRST_SEED = "7"
DICE = 1_000_000  # Short enough to read aloud.
NO_MODELS = "There are no generators yet. Train one in the Training tab, or put a model folder into the models folder."


def draw(
    services: Services, model: str | None, seed: str, truncation: float, label: str | None, *offsets: float
) -> tuple[Any, ...]:
    """The picture of a seed; offsets are added to its first latents."""
    if model is None:
        return (empty(NO_MODELS),)
    drawn = services.draw(model, seed, truncation, label, offsets)
    width, height = drawn.picture.size
    shown = figure(
        drawn.picture,
        alt=f"Picture of seed {seed.strip()} by {model}",
        caption=f"{width} \N{MULTIPLICATION SIGN} {height} px, {drawn.elapsed_s * 1000:.0f} ms",
        file_name=f"{model.replace(':', '-')}-seed-{seed.strip()}.png",
    )
    return (shown,)


def roll(
    services: Services, model: str | None, truncation: float, label: str | None, *offsets: float
) -> tuple[Any, ...]:
    """Another seed, by chance."""
    seed = str(secrets.randbelow(DICE))
    return (seed, *draw(services, model, seed, truncation, label, *offsets))


def reset(services: Services, model: str | None, seed: str, label: str | None) -> tuple[Any, ...]:
    """Truncation 1 and all latents back to the seed's own."""
    zeros = [0.0] * SLIDERS
    return (1.0, *zeros, *draw(services, model, seed, 1.0, label, *zeros))


def choose_model(
    services: Services, model: str | None, seed: str, truncation: float, *offsets: float
) -> tuple[Any, ...]:
    """Another model: its classes, and its picture of the same seed."""
    classes = (services.info(model).classes or []) if model else []
    label = classes[0] if classes else None
    picker = gr.Dropdown(choices=classes, value=label, visible=bool(classes))
    return (picker, *draw(services, model, seed, truncation, label, *offsets))


def open_page(services: Services) -> tuple[Any, ...]:
    """What a visitor finds: the models that are here, and a picture of the first."""
    choices = services.choices("generator")
    model = choices[0][1] if choices else None
    picker = gr.Dropdown(choices=choices, value=model, interactive=bool(choices))
    zeros = [0.0] * SLIDERS
    return (picker, FIRST_SEED, 1.0, *zeros, *choose_model(services, model, FIRST_SEED, 1.0, *zeros))


def refresh(services: Services, model: str | None) -> tuple[Any, ...]:
    """The models that are here by now."""
    if model is None:
        return open_page(services)
    return (gr.Dropdown(choices=services.choices("generator")), *(gr.skip() for _ in range(SLIDERS + 4)))


def build(services: Services, page: gr.Blocks, tab: gr.Tab) -> None:
    with gr.Row(elem_classes="gs-split"):
        with gr.Column(elem_classes="gs-stage"):
            picture = gr.HTML(
                '<div class="gs-empty gs-square"></div>',
                elem_id="explore-picture",
                js_on_load=assets.text("picture.js"),
            )
            message = message_line("explore-message")
        with gr.Column(elem_classes="gs-controls"):
            model = open_choice(gr.Dropdown([], label="Model", elem_id="explore-model"))
            with gr.Row(elem_classes="gs-line-up"):
                seed = gr.Textbox(FIRST_SEED, label="Seed", elem_id="explore-seed", max_lines=1)
                dice = gr.Button("Random", elem_id="explore-dice", variant="primary")
                label = open_choice(gr.Dropdown([], label="Class", elem_id="explore-class", visible=False))
            truncation = gr.Slider(0, 2, 1, step=0.01, label="Truncation", elem_id="explore-truncation")
            with gr.Row(elem_classes="gs-heading"):
                gr.HTML("<h2>Latents</h2>", js_on_load=None)
                undo = gr.Button("Reset all", size="sm", elem_id="explore-reset")
            with gr.Column(elem_classes="gs-latents"):
                offsets = [
                    gr.Slider(-3, 3, 0, step=0.01, label=str(number), elem_id=f"explore-latent-{number}", buttons=[])
                    for number in range(1, SLIDERS + 1)
                ]

    moved = [seed.change, truncation.input, label.input, *(offset.input for offset in offsets)]
    controls = [model, seed, truncation, label, *offsets]
    wire(moved, draw, services, inputs=controls, outputs=[picture], message=message, api_name="explore")
    wire(
        [dice.click],
        roll,
        services,
        inputs=[model, truncation, label, *offsets],
        outputs=[seed, picture],
        message=message,
    )
    wire(
        [undo.click],
        reset,
        services,
        inputs=[model, seed, label],
        outputs=[truncation, *offsets, picture],
        message=message,
    )
    wire(
        [model.input],
        choose_model,
        services,
        inputs=[model, seed, truncation, *offsets],
        outputs=[label, picture],
        message=message,
    )
    everything = [model, seed, truncation, *offsets, label, picture]
    wire([tab.select], refresh, services, inputs=[model], outputs=everything, message=message)
    wire([page.load], open_page, services, outputs=everything, message=message)

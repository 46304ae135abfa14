"""Training: start a run, watch it move, stop it, go on with it."""

from html import escape
from typing import Any

import gradio as gr

from gan_core.families import trainable
from gan_core.ui.bind import caption, message_line, open_choice, wire
from gan_core.ui.curves import plot
from gan_core.ui.pictures import empty, sheet
from gan_core.ui.runner import RunState
from gan_core.ui.services import Services
from gan_core.ui.session import Seen

TICK_S = 1.0
LISTED = 50
SIZE, STEPS, BATCH = 64, 2_000, 32  # Of the form, where a family has no defaults of its own.
NO_RUNS = "There are no runs yet. Press Start: the shapes set needs no files."
NO_SAMPLES = "The first samples appear once the data is read."


def look(services: Services, run_id: str | None, seen: Seen) -> tuple[Any, ...]:
    """What is new since the page last looked: runs, status, curve, samples, and which buttons make sense."""
    runs = services.runs.newest_first()[:LISTED]
    states = {run.id: services.runs.state(run) for run in runs}
    labels = tuple((_label(state), state.id) for state in states.values())
    listed = gr.skip() if labels == seen.runs else gr.Radio(choices=list(labels), value=run_id, visible=bool(labels))
    if run_id not in states:
        blank = Seen(runs=labels)
        return (listed, "", empty(NO_RUNS if not labels else "Choose a run."), "", *_buttons(None), blank)

    run = services.run(run_id)
    state = services.runs.state(run, with_speed=True)
    status = _status(state)
    curve = (run_id, _bytes(run.path / "metrics.jsonl"))
    samples = run.samples()
    sample = (run_id, samples[-1][0] if samples else -1)
    drawn: list[Any] = [gr.skip(), gr.skip(), gr.skip()]
    if status != seen.status:
        drawn[0] = status
    if curve != seen.curve:
        drawn[1] = plot(run.metrics(), state.total_steps)
    if sample != seen.sample:
        drawn[2] = _samples(samples, state.state)
    return (listed, *drawn, *_buttons(state), Seen(labels, run_id, curve, sample, status))


def choose(services: Services, run_id: str | None) -> tuple[Any, ...]:
    """Another run."""
    return look(services, run_id, Seen())


def start(
    services: Services, family: str, data: str | None, size: float, steps: float, batch: float
) -> tuple[Any, ...]:
    """Begin a run; without data, on the shapes set."""
    run_id = services.runs.start(family, data, size, steps, batch)
    return look(services, run_id, Seen())


def stop(services: Services, run_id: str | None) -> tuple[Any, ...]:
    """Ask the run to save and leave."""
    services.runs.stop(run_id)
    return look(services, run_id, Seen())


def resume(services: Services, run_id: str | None) -> tuple[Any, ...]:
    """Go on from the last saved state."""
    services.runs.resume(run_id)
    return look(services, run_id, Seen())


def open_page(services: Services) -> tuple[Any, ...]:
    """The run in training, or the newest one; an open form where there is none."""
    run_id = services.runs.current()
    return (*look(services, run_id, Seen()), gr.Accordion(open=run_id is None))


def come_back(services: Services, run_id: str | None) -> tuple[Any, ...]:
    """The tab is looked at again: runs may have begun elsewhere."""
    return look(services, run_id if run_id is not None else services.runs.current(), Seen())


def choose_family(services: Services, family: str) -> tuple[Any, ...]:  # noqa: ARG001 handlers take the services
    """Size and batch that the family is usually trained with."""
    defaults = trainable()[family].defaults
    return defaults.get("size", SIZE), defaults.get("batch", BATCH)


def _buttons(state: RunState | None) -> tuple[Any, ...]:
    """Stop, Resume, and the clock, which runs while there is something to wait for."""
    can_stop = state is not None and state.active and state.state != "stopping"
    can_resume = state is not None and state.state in ("stopped", "interrupted", "failed")
    ticking = state is not None and state.active
    return gr.Button(interactive=can_stop), gr.Button(interactive=can_resume), gr.Timer(active=ticking)


def _label(state: RunState) -> str:
    share = f"{state.part:.0%}" if state.state != "finished" else f"{state.step:,} steps"
    return f"{state.id}\n{state.state}, {share}"


def _status(state: RunState) -> str:
    facts = [f"step {state.step:,} of {state.total_steps:,}"]
    if state.images_per_s:
        facts.append(f"{state.images_per_s:,.0f} images/s")
    if state.left_s is not None:
        facts.append(f"{_span(state.left_s)} left")
    problem = f'<p class="gs-notice" role="alert">{escape(state.error)}</p>' if state.error else ""
    return (
        f'<div class="gs-status"><b class="gs-state gs-{state.state}">{state.state}</b> '
        f"<span>{', '.join(facts)}</span></div>"
        f'<div class="gs-bar" role="progressbar" aria-label="Progress" aria-valuenow="{state.part:.0%}">'
        f'<i style="width:{state.part:.2%}"></i></div>{problem}'
    )


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _samples(samples: list[Any], state: str) -> str:
    if not samples:
        # Done without any, a run was read from another project's log: its curve has the room.
        return "" if state == "finished" else empty(NO_SAMPLES)
    step, path = samples[-1]
    return sheet(path, alt=f"Samples at step {step:,}", caption=f"Samples at step {step:,}, same latents every time")


def _bytes(path: Any) -> int:
    return path.stat().st_size if path.exists() else 0


def build(services: Services, page: gr.Blocks, tab: gr.Tab) -> None:
    seen = gr.State(Seen())
    clock = gr.Timer(TICK_S, active=False)
    with gr.Row(elem_classes="gs-split gs-wide"):
        with gr.Column(elem_classes="gs-stage"):
            status = gr.HTML("", elem_id="training-status", js_on_load=None)
            message = message_line("training-message")
            with gr.Row(elem_classes="gs-pair"):
                curve = gr.HTML(empty(""), elem_id="training-curve", js_on_load=None)
                samples = gr.HTML("", elem_id="training-samples", js_on_load=None)
        with gr.Column(elem_classes="gs-controls"):
            runs = open_choice(
                gr.Radio([], label="Runs", elem_id="training-runs", elem_classes="gs-list", visible=False)
            )
            with gr.Row(elem_classes="gs-actions"):
                stop_button = gr.Button("Stop", elem_id="training-stop", interactive=False)
                resume_button = gr.Button("Resume", elem_id="training-resume", interactive=False)
            with gr.Accordion("New run", open=False, elem_id="training-new") as form:
                family = gr.Dropdown(
                    [(family.title, name) for name, family in trainable().items()],
                    label="Family",
                    elem_id="training-family",
                )
                with gr.Column(elem_classes="gs-group"):
                    caption("Pictures, as a zip (without: the shapes set)")
                    data = gr.File(
                        label="Pictures", show_label=False, elem_id="training-data", elem_classes="gs-drop", height=64
                    )
                with gr.Row(elem_classes="gs-line-up gs-numbers"):
                    size = gr.Number(SIZE, label="Size, px", elem_id="training-size")
                    steps = gr.Number(STEPS, label="Steps", elem_id="training-steps")
                    batch = gr.Number(BATCH, label="Batch", elem_id="training-batch")
                start_button = gr.Button("Start", variant="primary", elem_id="training-start")

    shown = [runs, status, curve, samples, stop_button, resume_button, clock, seen]
    wire([clock.tick], look, services, inputs=[runs, seen], outputs=shown, message=message)
    wire([runs.input], choose, services, inputs=[runs], outputs=shown, message=message)
    wire(
        [start_button.click],
        start,
        services,
        inputs=[family, data, size, steps, batch],
        outputs=shown,
        message=message,
        api_name="start_training",
        live=False,
    )
    wire(
        [stop_button.click],
        stop,
        services,
        inputs=[runs],
        outputs=shown,
        message=message,
        api_name="stop_training",
        live=False,
    )
    wire(
        [resume_button.click],
        resume,
        services,
        inputs=[runs],
        outputs=shown,
        message=message,
        api_name="resume_training",
        live=False,
    )
    wire([family.input], choose_family, services, inputs=[family], outputs=[size, batch], message=message)
    wire([tab.select], come_back, services, inputs=[runs], outputs=shown, message=message)
    wire([page.load], open_page, services, outputs=[*shown, form], message=message)

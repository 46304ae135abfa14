"""What programs may ask of trainings: /start_training, /stop_training and /resume_training."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio import FileData

from gan_core.errors import ConfigError, GanCoreError
from gan_core.ui.rights import NOT_YOURS, may_change
from gan_core.ui.services import Services


def training_functions(services: Services) -> tuple[Callable[..., Any], ...]:
    """The functions, bound to the runs that are here. Each is for those alone who may change what is here."""
    runs = services.runs

    def start_training(
        request: gr.Request,
        family: str = "dcgan",
        data: FileData | None = None,
        size: int = 64,
        steps: int = 2000,
        batch: int = 32,
    ) -> str:
        """Begin a training in a process of its own. It waits for its turn where another run has the device.

        Args:
            family: dcgan, or another family that is trained here.
            data: A zip of pictures, for a translator with folders trainA and trainB; without one, the shapes set.
            size: Side of the training pictures in pixels; a power of two for a dcgan.
            steps: Length of the training in generator updates.
            batch: Pictures in a step.

        Returns:
            run: Id of the run, such as 00012-dcgan-shapes; /generate takes it as run:00012-dcgan-shapes.
        """
        _check_rights(request)
        return runs.start(family, _path(data), size, steps, batch)

    def stop_training(request: gr.Request, run: str) -> str:
        """Ask a training to save and leave; it can be resumed.

        Args:
            run: Id of the run.

        Returns:
            state: The state it is in now: stopping, or stopped.
        """
        _check_rights(request)
        runs.stop(run)
        return runs.state(runs.find(run)).state

    def resume_training(request: gr.Request, run: str) -> str:
        """Go on with a training that was paused or stopped, or that failed, from its last saved state.

        Args:
            run: Id of the run.

        Returns:
            state: The state it is in now: starting, waiting or running.
        """
        _check_rights(request)
        runs.resume(run)
        return runs.state(runs.find(run)).state

    return start_training, stop_training, resume_training


def _check_rights(request: gr.Request) -> None:
    if not may_change(request):
        raise GanCoreError(NOT_YOURS)


def _path(data: Any) -> str | None:
    """Where Gradio put the caller's file; no file is none, and a path that was not uploaded is refused."""
    if data is None:
        return None
    marked = isinstance(data, dict) and isinstance(data.get("meta"), dict)
    if not marked or data["meta"].get("_type") != "gradio.FileData" or not isinstance(data.get("path"), str):
        raise ConfigError("No zip was given. Nothing was started. Send a file, by gradio_client with handle_file().")
    return str(data["path"])

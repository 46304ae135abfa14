"""Open the application: what `app.py` and `gan-core app` have in common."""

import os
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gan_core import spaces
from gan_core.errors import ConfigError, GanCoreError
from gan_core.settings import Settings, on_space
from gan_core.ui.memory import few_arenas

if TYPE_CHECKING:
    from gan_core.ui.services import Services


def launch(
    *,
    host: str | None = None,
    port: int | None = None,
    runs: Path | None = None,
    models: Path | None = None,
    mcp: bool = False,
) -> None:
    """Serve the application until it is interrupted.

    host, port: None is Gradio's GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, else 127.0.0.1 and the first free port from
    7860 on. mcp: offer the public events as tools to language models too. Raises `ConfigError` where the port is taken,
    and where `mcp` is not installed.
    """
    if mcp and find_spec("mcp") is None:
        raise ConfigError('--mcp needs the package mcp. Nothing was started. Install it: pip install "gan-core[mcp]".')
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # No outside connection, before Gradio is imported.
    own_cores_alone()
    few_arenas()
    spaces.prepare()
    from starlette.middleware import Middleware

    from gan_core.ui import assets, heavy, lasting
    from gan_core.ui.arrivals import PLACE, Arrivals, own_place
    from gan_core.ui.door import Door
    from gan_core.ui.film_folder import film_folder
    from gan_core.ui.forgetting import Forgetting
    from gan_core.ui.gate import Gate
    from gan_core.ui.origins import own_names
    from gan_core.ui.page import build_app
    from gan_core.ui.public import limits
    from gan_core.ui.services import Services
    from gan_core.ui.theme import theme

    settings = Settings()
    settings = replace(settings, runs_dir=runs or settings.runs_dir, models_dir=models or settings.models_dir)
    own = own_names(settings, host or os.environ.get("GRADIO_SERVER_NAME"))
    services, most, place = Services(settings), limits(settings), own_place()
    arrivals = Arrivals(Path(os.environ[PLACE]), most)
    if place:
        arrivals.keep_tidy()
    heavy.place(services)
    page = build_app(services)
    if on_space():
        page.delete_cache = (300, int(most.kept_s))
    page.queue(max_size=most.queue, default_concurrency_limit=1)
    lines = page._queue.event_queue_per_concurrency_id

    def waiting() -> list[Any]:
        return [event.request for line in list(lines.values()) for event in list(line.queue)]

    def names() -> frozenset[str]:
        return own | {urlsplit(page.share_url or "").netloc}  # A share link is there later than the server.

    doors = [Middleware(Door, names=names), Middleware(Gate, limits=most, arrivals=arrivals, waiting=waiting)]
    try:
        page.launch(
            server_name=host,
            server_port=port,
            share=os.environ.get("GRADIO_SHARE", "").lower() == "true",  # Gradio would decide for itself on notebooks.
            theme=theme(),
            css_paths=assets.STYLES,
            max_file_size=most.file_bytes,
            max_threads=most.threads,
            state_session_capacity=most.sessions,
            app_kwargs={"middleware": doors},
            ssr_mode=False,  # Gradio's Node in front of this process, and its workers, would take files past the gate.
            num_workers=0,
            allowed_paths=[str(film_folder().path)],
            mcp_server=mcp,
            run_history=False,
            enable_monitoring=False,  # It would tell everybody what others call, and how often.
            show_error=True,
            footer_links=["api", "settings"],
            prevent_thread_lock=True,
            quiet=True,
        )
    except OSError as error:
        raise ConfigError(f"The application cannot listen: {error}. Choose another --port or --host.") from None
    print(f"GAN Studio is at {page.local_url}", flush=True)
    Forgetting(page).begin()
    lasting.begin(settings)
    Thread(target=_warm_up, args=(services,), daemon=True).start()
    page.block_thread()


def own_cores_alone() -> None:
    """Compute on as many threads as there are processors for this container, which sees all of its machine's.

    Before torch is imported. Sixteen threads on two processors wait for each other most of the time.
    """
    cores = os.environ.get("CPU_CORES", "")  # The Hub's own word on a Space.
    if cores.isdecimal() and int(cores) > 0:
        os.environ.setdefault("OMP_NUM_THREADS", cores)


def _warm_up(services: "Services") -> None:
    with suppress(GanCoreError):  # Whoever opens the page is told.
        services.warm_up()

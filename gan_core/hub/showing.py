"""Progress of a transfer on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from gan_core.hub.client import Progress, quietly


@contextmanager
def on_terminal(label: str, *, at_once: bool = False) -> Iterator[Progress]:
    """progress(bytes done, bytes in all) as a bar on standard error; nothing where that is no terminal.

    The bar begins with the first bytes that really move: what is here already is silent. at_once: before them, where
    what moves is told file by file.
    """
    if not sys.stderr.isatty():
        yield quietly
        return
    with ExitStack() as stack:
        bars: Any = None

        def progress(done: int, total: int) -> None:
            nonlocal bars
            if bars is None and (at_once or done > 0) and done < total:
                bars = stack.enter_context(_bars())
                bars.add_task(label, total=total)
            if bars is not None:
                bars.update(bars.task_ids[0], completed=done, total=total)

        yield progress


def _bars() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    return Progress(*columns, TimeRemainingColumn(compact=True), console=console, transient=True)

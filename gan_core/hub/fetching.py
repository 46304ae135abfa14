"""One file of a repository: by way of the client's cache, with progress, and verified by hash before it counts."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from gan_core.errors import HubError
from gan_core.hub.client import explained, limit_waiting, quietly
from gan_core.hub.files import File, hashed

CHUNK_BYTES = 1 << 18
"""The client tells of 10 MB at a time, and most models here have less: nobody could see them come, nor cancel."""
TEXT_BYTES = 4_000_000
"""More are fetched of no text: whose repository it is decides how long it is."""


def fetch_file(
    repository: str,
    name: str,
    file: File,
    commit: str,
    *,
    undone: str,
    kind: str = "model",
    target: Path | None = None,
    token: str | bool | None = None,
    report: Callable[[int], None] = quietly,
) -> Path:
    """Where the file lies now: at `target`, or in the cache, where an interrupted download goes on.

    file: what the Hub says of it. The client compares no hashes: what arrived damaged is fetched once more. undone: how
    errors begin. report(bytes so far) may raise to end it. Raises `HubError`.
    """
    from huggingface_hub import hf_hub_download

    limit_waiting()
    cached = Path()
    for again in (False, True):
        with explained(undone, what=kind, revision=commit):
            cached = Path(
                hf_hub_download(
                    repository,
                    name,
                    revision=commit,
                    repo_type=kind,
                    token=token,
                    tqdm_class=counter(report),
                    force_download=again,
                )
            )
            if target is not None:
                shutil.copyfile(cached, target)
        if hashed(target or cached).same(file):
            return target or cached
    for left in (cached.resolve(), cached):  # So that the next try fetches it anew.
        with suppress(OSError):
            left.unlink()
    raise HubError(f"{undone}: {name} arrived damaged twice (its hash is not the Hub's). Try again later.", "damaged")


def counter(report: Callable[[int], None]) -> Any:
    """What the client takes for a progress bar; report(bytes of this file so far), and may raise to end it."""
    from huggingface_hub import constants

    constants.DOWNLOAD_CHUNK_SIZE = CHUNK_BYTES

    class Counter:
        def __init__(self, *_: object, initial: int = 0, total: int | None = None, **__: object) -> None:
            self.n, self.total = initial, total

        def update(self, count: int = 1) -> None:
            self.n += count
            report(self.n)

        def update_transfer(self, count: int = 1) -> None:
            """Bytes over the network, which may be fewer: the file's own are told."""

        def _nothing(self, *_: object, **__: object) -> None: ...

        set_postfix_str = set_transfer_postfix_str = set_description = refresh = close = _nothing
        format_dict: dict[str, Any] = {}

        def __enter__(self) -> "Counter":
            return self

        def __exit__(self, *_: object) -> None: ...

    return Counter

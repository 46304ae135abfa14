"""How much is taken from visitors: sizes, numbers and how long. A Space is open to everybody and small."""

from dataclasses import dataclass
from math import inf

from gan_core.settings import Settings, on_space

MB = 10**6
BODY_MB = 4
"""A request without a file in it: recipes and walks are a few KB."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    file_bytes: int
    """Largest file that is uploaded."""
    body_bytes: int
    """Largest request of any other kind; Explore sends pictures in it, in base64."""
    call_bytes: int = BODY_MB * MB
    """Largest call of a stranger's program."""
    window_s: float = 600.0
    """One visitor's uploads are counted over so long."""
    window_files: float = inf
    window_bytes: float = inf
    kept_s: float = 86_400.0
    """What was uploaded and is not fetched by then goes."""
    kept_bytes: float = inf
    """All uploads together; more are refused until some have gone."""
    queue: int | None = None
    """Calls of programs that may wait; None: any number."""
    threads: int = 120
    """Requests that are answered at once. Most of them wait: for a painting's next word, or their turn."""
    sessions: int = 400
    """Visits that Gradio remembers, at 63 KB each; another one's next request begins anew, and loses nothing."""


def limits(settings: Settings) -> Limits:
    """What holds here: on a Space for strangers, elsewhere for everybody who can open the page."""
    file_bytes = int(settings.max_upload_mb * MB)
    body_bytes = int(file_bytes * 4 / 3) + BODY_MB * MB
    if not on_space():
        return Limits(file_bytes=file_bytes, body_bytes=body_bytes)
    return Limits(
        file_bytes=file_bytes,
        body_bytes=min(body_bytes, 48 * MB),
        window_files=150,
        window_bytes=8 * file_bytes,
        kept_s=1800.0,
        kept_bytes=max(2_000 * MB, 2 * file_bytes),
        queue=40,
    )

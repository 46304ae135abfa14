"""What a commit adds, sent ahead of it, with its bytes told as they go.

The client sends large files as one of two: over plain HTTP (LFS), reading them as files, or in pieces by way of Xet.
It takes no listener for either. A file is counted where the client would show a bar of its own; Xet's transfer is
counted where the client begins it. Small files travel within the commit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from threading import Lock, Thread
from typing import IO, TYPE_CHECKING, Any

from gan_core.hub.client import Progress, quietly

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

SMALL_BYTES = 1_000_000
"""Files of fewer are announced to the Hub together."""


def send_ahead(
    hub: "HfApi",
    repository: str,
    files: Mapping[str, Path | bytes],
    *,
    kind: str = "model",
    progress: Progress = quietly,
) -> "list[CommitOperationAdd]":
    """Operations for a commit, whose contents the Hub has then. files: what they hold, by their names there.

    What the Hub has already is not sent again and counts as done: so goes on what was cut off. progress may be called
    from any thread, one call at a time, and what it raises ends the transfer. Raises what the client raises.
    """
    sizes = {name: len(one) if isinstance(one, bytes) else one.stat().st_size for name, one in files.items()}
    count = _Count(sizes, progress)
    adds = _operations(files, count)
    small = [one for one in adds if sizes[one.path_in_repo] < SMALL_BYTES]
    large = [[one] for one in adds if sizes[one.path_in_repo] >= SMALL_BYTES]
    count.tell()
    for some in filter(None, [small, *large]):
        names = [one.path_in_repo for one in some]
        with _without_bars(), _heard(lambda done, names=names: count.together(names, done)):  # type: ignore[misc]
            hub.preupload_lfs_files(repository, some, repo_type=kind)
        count.together(names, sum(sizes.values()))
    return adds


class _Count:
    """How far each file is. Several may go at once."""

    def __init__(self, sizes: Mapping[str, int], progress: Progress) -> None:
        self._sizes, self._progress, self._lock = sizes, progress, Lock()
        self._there = dict.fromkeys(sizes, 0)

    def tell(self) -> None:
        with self._lock:
            self._progress(sum(self._there.values()), sum(self._sizes.values()))

    def at(self, name: str, position: int) -> None:
        """Of one file. It goes back where the client begins it again."""
        self._there[name] = min(position, self._sizes[name])
        self.tell()

    def together(self, names: Sequence[str], done: int) -> None:
        """Of several files of which only the sum is known."""
        for name in names:
            self._there[name] = min(done, self._sizes[name])
            done -= self._there[name]
        self.tell()


def _operations(files: Mapping[str, Path | bytes], count: _Count) -> "list[CommitOperationAdd]":
    from huggingface_hub import CommitOperationAdd

    class Counted(CommitOperationAdd):
        @contextmanager
        def as_file(self, with_tqdm: bool = False) -> Iterator[Any]:
            """The client asks for a bar where it sends the file, and not where it only looks into it."""
            with super().as_file() as file:
                if with_tqdm:
                    _listen(file, lambda position: count.at(self.path_in_repo, position))
                yield file

    return [Counted(name, content) for name, content in files.items()]


def _listen(file: IO[bytes], tell: Callable[[int], None]) -> None:
    """Tell where the file is read. It stays a file: of anything else the client could not rewind for another try."""
    read = file.read

    def told(size: int = -1) -> bytes:
        block = read(size)
        tell(file.tell())
        return block

    file.read = told  # type: ignore[method-assign]


@contextmanager
def _without_bars() -> Iterator[None]:
    """The client's own bars would stand beside ours."""
    from huggingface_hub import constants
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled() or constants.HF_HUB_DISABLE_PROGRESS_BARS is not None:
        yield  # As the environment says.
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


# Xet.


class _Listener:
    """Hears of the transfer that the client begins in this thread, and ends it when `tell` raises."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._commit: Any = None
        self.raised: Exception | None = None

    def begin(self, session: Any, options: dict[str, Any]) -> Any:
        self._commit = session.new_upload_commit(**{**options, "progress_callback": self._report})
        return self._commit

    def _report(self, group: Any, _: Any = None) -> None:
        try:
            if self.raised is None:
                self._tell(group.total_bytes_completed)
        except Exception as error:
            self.raised = error
            # It waits for the thread that tells, which is this one.
            Thread(target=self._commit.abort, daemon=True).start()


class _Session:
    """Xet's session for who listens; everything else of it as it is."""

    def __init__(self, session: Any, listener: _Listener) -> None:
        self._session, self._listener = session, listener

    def new_upload_commit(self, **options: Any) -> Any:
        return self._listener.begin(self._session, options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


_listening: ContextVar[_Listener | None] = ContextVar("listening", default=None)


@contextmanager
def _heard(tell: Callable[[int], None]) -> Iterator[None]:
    """tell(bytes so far) while Xet transfers something inside. What it raises is raised when that has ended."""
    _open_ears()
    listener = _Listener(tell)
    before = _listening.set(listener)
    try:
        yield
    except Exception:
        if listener.raised is None:
            raise
    finally:
        _listening.reset(before)
    if listener.raised is not None:
        raise listener.raised


@cache
def _open_ears() -> None:
    """Let the client ask us for Xet's session. Without it (another version) bytes are told file by file."""
    try:
        from huggingface_hub.utils import _xet

        ask = _xet.get_xet_session
    except (ImportError, AttributeError):
        return

    def get_xet_session() -> Any:
        listener = _listening.get()
        return ask() if listener is None else _Session(ask(), listener)

    _xet.get_xet_session = get_xet_session

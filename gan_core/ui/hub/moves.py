"""Pushes and pulls on their way, one after another. They go on while the page is closed, and a reload finds them."""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Condition, Thread
from typing import Any

from gan_core.errors import Cancelled, GanCoreError
from gan_core.hub.client import Progress
from gan_core.ui.hub.asking import failed
from gan_core.ui.jobs import BUSY
from gan_core.ui.serve import Answer

Work = Callable[[Progress], Answer]
"""work(progress) does it and gives back what to add to the move; progress takes bytes, and raises after a cancel."""

MOST_WAITING = 64
KEPT = 50
"""So many that are over are remembered."""
UNDER_WAY = ("waiting", "running")


@dataclass
class Move:
    id: str
    kind: str
    """push or pull"""
    name: str
    """Of the model here."""
    repository: str
    """user/name; empty while it depends on who turns out to be signed in."""
    state: str = "waiting"
    """waiting, running, done, failed, stopped"""
    done: int = 0
    """Bytes."""
    total: int | None = None
    """Bytes in all; None until they are known."""
    error: str | None = None
    reason: str = ""
    more: Answer | None = None
    """What a finished one has to tell: its commit, files, bytes, and the trash's id of what it replaced."""
    stopping: bool = False


class Moves:
    def __init__(self) -> None:
        self._turn = Condition()
        """Guards `_moves`; told whenever a move changes its state."""
        self._moves: dict[str, Move] = {}

    def start(self, kind: str, name: str, repository: str, work: Work) -> str:
        """Put a move in the queue; its id. Raises `GanCoreError` where one of the same model is under way."""
        with self._turn:
            present = [move for move in self._moves.values() if move.state in UNDER_WAY]
            if any(move.name == name for move in present):
                raise GanCoreError(
                    f"{name} is being moved already. Nothing was started. Wait for its end, or cancel it."
                )
            if len(present) >= MOST_WAITING:
                raise GanCoreError(BUSY)
            over = [id for id, move in self._moves.items() if move.state not in UNDER_WAY]
            for id in over[: max(0, len(over) - KEPT)]:
                del self._moves[id]
            move = Move(secrets.token_hex(8), kind, name, repository)
            self._moves[move.id] = move
        Thread(target=self._run, args=(move, work), daemon=True, name=f"{kind}-{name}").start()
        return move.id

    def busy(self, name: str) -> bool:
        """Whether a model is being moved or waits for it."""
        with self._turn:
            return any(move.name == name and move.state in UNDER_WAY for move in self._moves.values())

    def told(self, wait_s: float = 0.0) -> list[dict[str, Any]]:
        """All moves, oldest first; where some are under way, after a while or when one of them ends."""
        with self._turn:
            if wait_s and any(move.state in UNDER_WAY for move in self._moves.values()):
                self._turn.wait(wait_s)
            return [asdict(move) for move in self._moves.values()]

    def stop(self, id: str | None) -> None:
        """Ask a move to end: one that waits at once, another in the middle. Nothing is committed or replaced then."""
        with self._turn:
            if move := self._moves.get(id or ""):
                move.stopping = True
                self._turn.notify_all()

    def _run(self, move: Move, work: Work) -> None:
        def progress(done: int, total: int) -> None:
            with self._turn:
                move.done, move.total = done, total
            if move.stopping:
                raise Cancelled(f"{move.name} was not moved: it was cancelled.")

        if not self._await_turn(move):
            return
        state, told = "done", {}
        try:
            move.more = work(progress)
            move.repository = move.more.get("repository", move.repository)
        except Cancelled:
            state = "stopped"
        except Exception as error:  # The page that waits must be told, whatever it was.
            state, told = "failed", failed(error)
        with self._turn:
            move.error, move.reason = told.get("error"), told.get("reason", "")
            move.state = state
            self._turn.notify_all()

    def _await_turn(self, move: Move) -> bool:
        """Wait until no other move is running and none has waited longer; False where it was stopped before."""
        with self._turn:
            while not move.stopping:
                first = next(one for one in self._moves.values() if one.state in UNDER_WAY)
                if first is move:
                    move.state = "running"
                    return True
                self._turn.wait()
            move.state = "stopped"
            self._turn.notify_all()
            return False

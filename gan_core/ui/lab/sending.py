"""A push of a run now, from its own panel: begun, shown, cancelled; and the end of its pushes."""

from gan_core.errors import GanCoreError, HubError, RunError
from gan_core.hub.client import Progress
from gan_core.mirror import Wish, read_record, read_wish, unsent
from gan_core.mirror.keeper import Keeper
from gan_core.training.run_folder import IMPORTED, RunFolder
from gan_core.ui.hub.moves import UNDER_WAY, Moves
from gan_core.ui.hub.questions import asked_until_cancelled
from gan_core.ui.lab.complaints import FieldError
from gan_core.ui.lab.pushing import TO, in_words, keep, told, wish_of
from gan_core.ui.serve import Answer
from gan_core.ui.services import Services

MOVES_S = 0.5
"""A push that is under way is answered after so long, or when it ends."""


class Sending:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._moves = Moves()
        self._keepers: dict[str, Keeper] = {}
        """Of background processes that were begun from here: whoever starts one looks when it has ended."""

    def look(self, run: object) -> Answer:
        """What the run's own panel shows: `push`, as `told`, and `move`, its last push from here."""
        folder = self._services.runs.find(run)
        moves = [move for move in self._moves.told() if move["name"] == folder.id]
        if moves and moves[-1]["state"] in UNDER_WAY:
            moves = [move for move in self._moves.told(MOVES_S) if move["name"] == folder.id]
        return {"push": told(folder, self._services.settings), "move": moves[-1] if moves else None}

    def start(self, run: object, push: object) -> Answer:
        """Begin to push a run now, and keep the wish for its training."""
        folder = self._services.runs.find(run)
        if folder.config().train.data.startswith(IMPORTED):
            raise RunError(f"{folder.id} was read from another project's log and has no weights. Nothing was sent.")
        wish = wish_of(push, read_wish(folder))
        if wish is None:
            raise FieldError(TO, "No repository is named. Nothing was sent. Type its owner and name: user/name.")

        def work(progress: Progress) -> Answer:
            try:
                return self._pushed(folder, wish, progress)
            except HubError as error:
                raise HubError(in_words(str(error)), error.reason) from None

        self._moves.start("push", folder.id, wish.repository, work)
        return self.look(folder.id)

    def _pushed(self, run: RunFolder, wish: Wish, progress: Progress) -> Answer:
        from gan_core.hub.tree import may_create
        from gan_core.mirror.asking import follow, push_now
        from gan_core.mirror.pushing import look_first, turn

        def look() -> None:
            may_create(wish.repository, f"{run.id} was not pushed to {wish.repository}")
            with turn(run):
                look_first(run, wish)

        # A Hub that is silent, and another push of the run, may take a minute: here a cancel does not wait for them.
        asked_until_cancelled(look, progress)
        waits = unsent(run, read_record(run, wish.repository))
        done = push_now(run, wish, anew=True, progress=progress)
        if keeper := follow(run):
            self._keepers[run.id] = keeper
        assert done.sent is not None
        return {"repository": wish.repository, "commit": done.commit, "step": done.sent.step, "news": waits is not None}

    def stop(self, run: object) -> Answer:
        """Cancel a push that is under way."""
        folder = self._services.runs.find(run)
        for move in self._moves.told():
            if move["name"] == folder.id and move["state"] in UNDER_WAY:
                self._moves.stop(move["id"])
        return self.look(folder.id)

    def end(self, run: object) -> Answer:
        """Push it no longer. What is on the Hub stays there."""
        folder = self._services.runs.find(run)
        if self._moves.busy(folder.id):
            raise GanCoreError(f"{folder.id} is being pushed. Nothing was changed. Cancel that first.")
        keep(folder, None)
        return self.look(folder.id)

"""Hub: models here and their repositories, brought together; models of others, found. See assets/hub.js.

The panel that deploys a Space stands below it and is a component of its own.
"""

from typing import Any

import gradio as gr

from gan_core.ui import assets, deploying
from gan_core.ui.hub.accounts import Accounts, hub_address
from gan_core.ui.hub.asking import begun, guarded_now
from gan_core.ui.hub.diffs import Diffs
from gan_core.ui.hub.finding import Finder
from gan_core.ui.hub.moves import Moves
from gan_core.ui.hub.status import Board
from gan_core.ui.hub.tokens import lets_write, reading_token
from gan_core.ui.hub.transfers import Transfers
from gan_core.ui.jobs import POLL_S, Jobs
from gan_core.ui.passing import MODEL_OPENERS, pass_on
from gan_core.ui.rights import can_sign_in, may_change, on_space, signed_in
from gan_core.ui.serve import Answer, served
from gan_core.ui.services import Services

SCRIPTS = (
    "studio.js",
    "controls.js",
    "shelf-card.js",
    "shelf-work.js",
    "pace.js",
    "hub-words.js",
    "hub-parts.js",
    "hub-compare.js",
    "hub-row.js",
    "hub-sync.js",
    "hub-find.js",
    "hub.js",
)
AT_ONCE = 4
"""Questions to the Hub; more wait for their turn."""
MOVES_S = 0.5
"""The list of moves is answered after so long, or when one of them ends."""


def build(services: Services, page: gr.Blocks, tab: gr.Tab) -> None:
    accounts, moves, jobs = Accounts(), Moves(), Jobs(at_once=AT_ONCE, waiting=32)
    board, transfers = Board(services, accounts), Transfers(services, accounts, moves)
    diffs, finder = Diffs(services), Finder(services)

    def open_hub(sent: Any, request: gr.Request) -> Answer:  # noqa: ARG001 - as every server function.
        """What can be said without asking the Hub: rights, the rows that were seen last, what is being moved."""
        may = may_change(request)
        told: Answer = {"rows": [], "age_s": None, "moves": []}
        if may:
            told = {**board.kept(reading_token(request)), "moves": moves.told()}
        return {
            "ok": True,
            "may": may,
            "space": on_space(),
            "can_sign_in": can_sign_in() and not signed_in(request),
            "lets_write": lets_write(request),
            "address": hub_address(),
            **told,
        }

    def hub_poll(job: object) -> Answer:
        """What a job has told; of one that is under way, after a while."""
        return jobs.poll(job, POLL_S)

    def hub_stop(job: object) -> Answer:
        jobs.stop(job)
        return {}

    def list_moves(*, token: str | None) -> Answer:  # noqa: ARG001 - as all that only owners see.
        return {"moves": moves.told(MOVES_S)}

    def stop_move(*, token: str | None, id: str | None) -> Answer:  # noqa: ARG001
        moves.stop(id)
        return {"moves": moves.told()}

    pushed = {"name": str, "namespace": str, "private": bool, "tag": str, "onto": str}
    pulled = {"repository": str, "name": str, "theirs": bool}
    component = gr.HTML(
        html_template=assets.text("hub.html"),
        js_on_load=assets.script(*SCRIPTS),
        apply_default_css=False,
        elem_id="hub",
        server_functions=[
            open_hub,
            begun(jobs, accounts.look_account, {"fresh": bool}, public=True),
            begun(jobs, finder.find_models, {"words": str, "tag": str}, public=True),
            begun(jobs, finder.look_repository, {"repository": str}, public=True),
            begun(jobs, board.look_models, {"namespace": str, "fresh": bool}),
            begun(jobs, board.look_one, {"name": str, "namespace": str}),
            begun(jobs, board.look_tags, {"repository": str}),
            begun(jobs, diffs.compare_sides, {"name": str, "repository": str}),
            served(hub_poll, ("job",)),
            served(hub_stop, ("job",)),
            guarded_now(transfers.push, pushed),
            guarded_now(transfers.pull, pulled),
            guarded_now(transfers.undo, {"id": str}),
            guarded_now(list_moves, {}),
            guarded_now(stop_move, {"id": str}),
        ],
    )
    for event, place in MODEL_OPENERS.items():
        pass_on(component, event, page, place)
    deploying.build(services, page, tab)

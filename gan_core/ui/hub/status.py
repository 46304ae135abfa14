"""How the models here and their repositories stand: one row each, with what a push or a pull would move."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gan_core.errors import HubError
from gan_core.ui.hub.accounts import Accounts
from gan_core.ui.hub.seen import Row, Seen
from gan_core.ui.serve import Answer

if TYPE_CHECKING:
    from gan_core.hub.files import File
    from gan_core.sync import Standing
    from gan_core.ui.services import Services

MAX_NAMED = 60
"""Files that a row names; of more it tells how many."""
SAME_FOR_ALL = ("offline", "down", "limit", "token")
"""Reasons why the Hub said nothing of any model."""


class Board:
    def __init__(self, services: "Services", accounts: Accounts) -> None:
        self._services, self._accounts = services, accounts
        self._seen = Seen()

    def look_models(
        self, *, token: str | None, namespace: str | None = None, fresh: bool | None = None
    ) -> Iterator[Answer]:
        """All rows, as they come in. namespace: whose repositories; None: those of who is signed in.

        Where the Hub cannot be asked, the rows that were seen last stay, and `error` and `reason` say why.
        """
        from gan_core.sync import standings
        from gan_core.ui.hub.asking import failed

        rows: list[Row] = []
        try:
            who = namespace or (self._accounts.of(token, fresh=bool(fresh)) or {}).get("name")
            for standing in standings(self._services.settings, namespace=who, token=token):
                rows = [*rows, self._row(standing, token, signed_in=bool(who))]
                yield {"rows": rows, "whole": False}
        except HubError as error:
            told = failed(error)
            if error.reason in SAME_FOR_ALL:  # It names the model that was asked after first.
                told["error"] = f"The models were not compared: {told['error'].partition(': ')[2] or told['error']}"
            rows = self._otherwise([*self.kept(token, namespace)["rows"], *rows])
            rows = [{**row, "reason": error.reason} if row["state"] == "unknown" else row for row in rows]
            yield {"rows": rows, **told, "ok": True, "whole": True}
            return
        self._seen.keep(token, namespace, rows)
        yield {"rows": rows, "whole": True, "age_s": 0.0}

    def look_one(self, *, token: str | None, name: str | None = None, namespace: str | None = None) -> Iterator[Answer]:
        """The row of one model that is here; None where it is not (any more)."""
        from gan_core.sync import model_folders, standings

        if name not in {folder.name for folder in model_folders(self._services.settings)}:
            yield {"row": None}
            return
        who = namespace or (self._accounts.of(token) or {}).get("name")
        (standing,) = standings(self._services.settings, (str(name),), namespace=who, token=token)
        row = self._row(standing, token, signed_in=bool(who))
        self._seen.keep_one(token, namespace, row)
        yield {"row": row}

    def look_tags(self, *, token: str | None, repository: str | None) -> Iterator[Answer]:
        """The tags of a repository with the short names of their commits, and the next one that is free."""
        from gan_core.hub.client import Address
        from gan_core.hub.tags import free_tag, tags

        found = tags(Address(Address.parse(repository or "").repository), token=token)
        yield {
            "tags": [[name, commit[:8], commit == found.head] for name, commit in found.commits.items()][:MAX_NAMED],
            "free": free_tag(list(found.commits)),
        }

    def kept(self, token: str | None, namespace: str | None = None) -> Answer:
        """What was seen last, without asking anybody, and its age in seconds; None: only names are known."""
        rows, age_s = self._seen.rows(token, namespace)
        return {"rows": rows if age_s is not None else self._otherwise([]), "age_s": age_s}

    def _otherwise(self, rows: list[Row]) -> list[Row]:
        """`rows`, and what is here beside them of which the Hub told nothing."""
        from gan_core.sync import model_folders

        known = {row["name"]: row for row in rows}
        for folder in model_folders(self._services.settings):
            known.setdefault(folder.name, {**_EMPTY, "name": folder.name, "kind": self._kind(folder.name)})
        return list(known.values())

    def _row(self, standing: "Standing", token: str | None, *, signed_in: bool) -> Row:
        from gan_core.hub.client import Address
        from gan_core.hub.compare import read_meeting
        from gan_core.hub.files import remote_files
        from gan_core.ui.hub.asking import in_words

        name, address, met = standing.name, standing.address, standing.comparison
        folder = self._services.settings.models_dir / name
        state = met.state if met else "unknown"
        # Whoever is not signed in hears of no private repository: what is not found may be there all the same.
        unsure = not signed_in and state == "only here"
        row: Row = {
            **_EMPTY,
            "name": name,
            "repository": address.repository if address else None,
            "state": "unknown" if unsure else state,
            "reason": "signed-out" if unsure else None,
            "error": in_words(standing.error) if standing.error else None,
            "changed_here": list(met.mine)[:MAX_NAMED] if met else [],
            "changed_there": list(met.theirs)[:MAX_NAMED] if met else [],
        }
        if state != "only there":
            row["kind"] = self._kind(name)
            row["met"] = read_meeting(folder) is not None
            row["pinned"] = standing.pinned
        if unsure or state in ("in sync", "unknown"):
            return row
        here, remote = standing.here, standing.there
        if address and state == "only there":
            try:
                remote = remote_files(Address(address.repository), token=token)
            except HubError as error:
                return {**row, "error": in_words(str(error))}
        there: Mapping[str, File] = remote.files if remote else {}
        row["head"] = remote.head if remote and there else None
        row["send"] = _moved(here, there)
        row["fetch"] = _moved(there, here)
        row["lost_there"] = [one for one in there if one not in here][:MAX_NAMED]
        row["lost_here"] = [one for one in here if one not in there][:MAX_NAMED]
        return row

    def _kind(self, name: str) -> str | None:
        """generator or translator; None for a damaged one, which no tab opens."""
        from gan_core.library import describe

        info = describe(self._services.settings.models_dir / name)
        return None if info.error else info.kind


_EMPTY: Row = {
    "name": "",
    "repository": None,
    "state": "unknown",
    "reason": None,
    "error": None,
    "kind": None,
    "met": False,
    "pinned": None,
    "head": None,
    "send": {},
    "fetch": {},
    "lost_there": [],
    "lost_here": [],
    "changed_here": [],
    "changed_there": [],
}


def _moved(one: "Mapping[str, File]", other: "Mapping[str, File]") -> dict[str, int]:
    """Bytes by name of what would go from one side to the other."""
    return {name: file.size for name, file in one.items() if not file.same(other.get(name))}

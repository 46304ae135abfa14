"""What the Hub tab changes: pushes, pulls, and taking a pull back."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gan_core.config import check_name
from gan_core.errors import GanCoreError, HubError
from gan_core.hub.client import Address, Progress
from gan_core.trash import Trash
from gan_core.ui.hub.accounts import Accounts, signed_out
from gan_core.ui.hub.moves import Moves
from gan_core.ui.serve import Answer

if TYPE_CHECKING:
    from gan_core.ui.services import Services


class Transfers:
    def __init__(self, services: "Services", accounts: Accounts, moves: Moves) -> None:
        self._services, self._accounts, self._moves = services, accounts, moves
        self._trash = Trash(services.settings.models_dir)

    def push(
        self,
        *,
        token: str | None,
        name: str | None,
        namespace: str | None = None,
        private: bool | None = None,
        tag: str | None = None,
        onto: str | None = None,
    ) -> Answer:
        """Begin to push a model to the repository that it belongs to, else to one of its name.

        namespace: of a new repository; None: of who is signed in. onto: the commit there that may be overwritten.
        """
        from gan_core.sync import address_of, push_model

        folder = self._folder(name)
        address = address_of(folder, namespace)
        if address and tag:
            Address.parse(f"{address.repository}@{tag}")  # Says in words what cannot be a tag.

        def work(progress: Progress) -> Answer:
            account = self._accounts.of(token)
            if account is None:
                raise HubError(f"{folder.name} was not pushed: {_first(signed_out())}", "signed-out")
            done = push_model(
                folder.name,
                address or address_of(folder, account["name"]),
                self._services.settings,
                onto=onto or None,
                tag=tag or None,
                private=private is not False,
                token=token,
                progress=progress,
            )
            told = {"files": len(done.add) + len(done.delete), "bytes": done.bytes}
            return {**told, "repository": done.address.repository, "commit": done.commit, "tag": tag or None}

        return {"id": self._moves.start("push", folder.name, address.repository if address else "", work)}

    def pull(
        self,
        *,
        token: str | None,
        repository: str | None,
        name: str | None = None,
        theirs: bool | None = None,
    ) -> Answer:
        """Begin to pull a repository, user/name[@revision].

        name: of the model here; None: that of the repository. theirs: also where the model was changed here. What is
        replaced goes to the trash, see `undo`.
        """
        from gan_core.sync import pull_model

        address = Address.parse(repository or "")
        wanted = check_name((name or address.repository.partition("/")[2].lower()).strip())

        def work(progress: Progress) -> Answer:
            replaced = _Replaced(self._services.settings.models_dir / wanted, self._trash)
            try:
                folder, done = pull_model(
                    address,
                    self._services.settings,
                    name=wanted,
                    take="theirs" if theirs else None,
                    token=token,
                    progress=progress,
                )
            except BaseException:
                replaced.forget()
                raise
            id = replaced.keep(bool(done.fetch or done.delete))
            self._services.generators(fresh=True)  # The other tabs ask a list that is kept for some seconds.
            told = {"files": len(done.fetch) + len(done.delete), "bytes": done.bytes, "commit": done.commit}
            return {**told, "undo": id, "kind": _kind(folder)}

        return {"id": self._moves.start("pull", wanted, str(address), work)}

    def undo(self, *, token: str | None, id: str | None) -> Answer:  # noqa: ARG002 - as every change.
        """Put back what a pull replaced; what was pulled goes to the trash in its place. Tells the model's name."""
        entries = {entry["id"]: entry["name"] for entry in self._trash.entries()}
        folder = self._services.settings.models_dir / entries.get(id or "", "")
        if id in entries and self._moves.busy(folder.name):
            raise GanCoreError(f"{folder.name} is being moved. Nothing was changed. Wait for its end, or cancel it.")
        if id in entries and folder.is_dir():
            try:
                self._trash.put(folder)
            except OSError as error:
                raise GanCoreError(f"{folder.name} stays as it is: {error.strerror or error}.") from None
        name = self._trash.take_back(id)
        self._services.generators(fresh=True)
        return {"name": name}

    def _folder(self, name: str | None) -> Path:
        """A model here: a name from the network is looked for among what is there and never becomes a path."""
        from gan_core.sync import model_folders

        found = {folder.name: folder for folder in model_folders(self._services.settings)}.get(name or "")
        if found is None:
            raise HubError(f"There is no model {str(name)[:80]!r} here any more. Nothing was pushed. Check again.")
        return found


class _Replaced:
    """A folder as it was before a pull. Links to its files cost nothing: a pull writes all files anew."""

    def __init__(self, folder: Path, trash: Trash) -> None:
        self._trash, self._kept = trash, None
        if not folder.is_dir():
            return
        self._kept = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent)) / folder.name
        shutil.copytree(folder, self._kept, copy_function=_link_or_copy())

    def keep(self, changed: bool) -> str | None:
        """Into the trash where the pull changed anything; the id that brings it back."""
        id = self._trash.put(self._kept) if self._kept and changed else None
        self.forget()
        return id

    def forget(self) -> None:
        if self._kept:
            shutil.rmtree(self._kept.parent, ignore_errors=True)


def _link_or_copy() -> Callable[[str, str], object]:
    def place(source: str, target: str) -> None:
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError:  # Not every disk has links.
            shutil.copy2(source, target)

    return place


def _kind(folder: Path) -> str | None:
    from gan_core.library import describe

    info = describe(folder)
    return None if info.error else info.kind


def _first(text: str) -> str:
    return text[:1].lower() + text[1:]

"""The Deploy panel of the Hub tab: what goes where, and the deploy under way. One component; see assets/deploy.js."""

import html
import os
import re
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gradio as gr

from gan_core.errors import ConfigError, HubError
from gan_core.ui import assets
from gan_core.ui.deploy_course import Course, Tell
from gan_core.ui.hub.accounts import LOG_IN
from gan_core.ui.hub.tokens import token_of
from gan_core.ui.rights import NOT_YOURS, READ_ONLY, may_change, on_space
from gan_core.ui.serve import Answer, served
from gan_core.ui.services import Services

if TYPE_CHECKING:
    from gan_core.deploy.publish import Wish

SCRIPTS = ("studio.js", "controls.js", "pace.js", "hub-words.js", "deploy-steps.js", "deploy.js")
PARTS = ("space", "target", "models", "title", "private", "hardware", "skip_check", "force", "onto")
SPACE_ID = re.compile(r"[\w.-]+/[\w.-]+")


class Deployer:
    """The server side of the panel. Every method takes what the page sent and checks all of it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._course = Course()

    def about(self) -> Answer:
        """Targets, models with what stands in the way of each, and the deploy under way. Asks nobody."""
        from gan_core.deploy.plan import TARGETS
        from gan_core.deploy.publish import unfit
        from gan_core.library import list_models

        models = [
            {
                "name": info.name,
                "facts": ", ".join(filter(None, (info.title, f"{info.size} px" if info.size else ""))),
                "bytes": info.bytes,
                "imported": bool(info.imported_as),
                "unfit": {target: unfit(info, target) for target in TARGETS},
            }
            for info in list_models(self._services.settings)
            if not info.error
        ]
        targets = [{"value": value, "words": facts.words} for value, facts in TARGETS.items()]
        return {"targets": targets, "models": models, "course": self._course.told()}

    def account(self, *, token: str | None) -> Answer:
        """Who would deploy, under which names, and what that account can have, as far as it is known."""
        from gan_core.deploy.account import holder, targets_for

        who = holder(token)
        if who is None:
            return {"name": None, "namespaces": {}, "why": f"You are not signed in. {LOG_IN}"}
        names = (who.name, *who.organisations) if who.may_write else ()
        told = {name: targets_for(who, name) for name in names}
        return {"name": who.name, "may_write": who.may_write, "namespaces": told}

    def begin(self, *, token: str | None, **sent: Any) -> Answer:
        """Deploy what the page asks for."""
        from gan_core.deploy.publish import command, publish

        wish, names = self._wish(**sent)
        settings = self._services.settings
        line = shlex.join(command(wish, names))

        def work(tell: Tell) -> dict[str, Any]:
            done = publish(wish, settings, token=token, tell=tell)
            plan = done.deployed.plan
            return {
                "url": done.deployed.url,
                "app": done.running.url if done.running else None,
                "commit": done.deployed.commit,
                "sent": len(plan.send),
                "bytes": plan.bytes,
                "kept": list(plan.kept),
            }

        self._course.begin({"space": wish.address.repository, "target": wish.target, "command": line}, work)
        return {"course": self._course.told()}

    def rehearse(self, *, token: str | None, **sent: Any) -> Answer:
        """What would move; nothing is sent."""
        from gan_core.deploy.publish import rehearse

        wish, _ = self._wish(**sent)

        def work(tell: Tell) -> dict[str, Any]:
            done = rehearse(wish, self._services.settings, token=token, tell=tell)
            plan = done.plan
            return {
                "send": sorted(plan.send.items()),
                "bytes": plan.bytes,
                "delete": list(plan.delete),
                "kept": list(plan.kept),
                "changed": list(plan.changed),
                "head": plan.head,
                "doubt": done.doubt,
            }

        self._course.begin({"space": wish.address.repository, "target": wish.target, "rehearsal": True}, work)
        return {"course": self._course.told()}

    def command(self, **sent: Any) -> Answer:
        """The line that does the same on the command line."""
        from gan_core.deploy.publish import command

        wish, names = self._wish(**sent)
        return {"command": shlex.join(command(wish, names))}

    def poll(self) -> Answer:
        return {"course": self._course.told()}

    def stop(self) -> Answer:
        self._course.stop()
        return {"course": self._course.told()}

    def forget(self) -> Answer:
        self._course.forget()
        return {"course": self._course.told()}

    def _wish(
        self,
        *,
        space: object,
        target: object,
        models: object,
        title: object,
        private: object,
        hardware: object,
        skip_check: object,
        force: object,
        onto: object,
    ) -> "tuple[Wish, list[str]]":
        from gan_core.deploy.plan import TARGETS
        from gan_core.deploy.publish import TITLE, Wish, chosen
        from gan_core.deploy.space import Options
        from gan_core.hub.client import Address
        from gan_core.library import list_models

        kind = next((value for value in TARGETS if value == target), None)
        if kind is None:
            raise ConfigError("This target is not known. Nothing was deployed. Choose one of those on the page.")
        # As with every name from the network: looked for among what is there, and never made a path.
        here = {info.name for info in list_models(self._services.settings) if not info.error}
        names = [str(name) for name in models if str(name) in here] if isinstance(models, list) else []
        if not names:
            raise ConfigError("No model is chosen. Nothing was deployed. Choose at least one.")
        flavour = str(hardware or "").strip() or None
        if flavour and not re.fullmatch(r"[a-z0-9-]{1,40}", flavour):
            raise ConfigError(f"{flavour[:40]!r} is no hardware of the Hub. Nothing was deployed.")
        commit = onto if isinstance(onto, str) and re.fullmatch(r"[0-9a-f]{7,64}", onto) else None
        wish = Wish(
            address=Address.parse(str(space or "").strip()),
            target=kind,
            models=chosen(names, kind, self._services.settings),
            title=" ".join(str(title or "").split())[:60] or TITLE,
            options=Options(private=private is True, hardware=flavour, force=force is True, onto=commit),
            check=skip_check is not True,
        )
        return wish, names


def duplicate_link() -> str:
    """On a Space: where a visitor takes a copy of it. Empty elsewhere."""
    space = os.environ.get("SPACE_ID", "")
    if not on_space() or not SPACE_ID.fullmatch(space):
        return ""
    url = html.escape(f"https://huggingface.co/spaces/{space}?duplicate=true")
    return f'<a class="gs-button" href="{url}" target="_blank" rel="noopener">Duplicate this Space</a>'


def _with_token(call: Callable[..., Answer], parts: tuple[str, ...]) -> Callable[[Any, gr.Request], Answer]:
    """For those alone who may change what is here, and with the token of whoever asks."""

    def asked(sent: Any, request: gr.Request) -> Answer:
        if not may_change(request):
            return {"ok": False, "error": NOT_YOURS}
        try:
            token = token_of(request)
        except HubError as error:
            return {"ok": False, "error": str(error), "signed_out": True}

        def work(**given: Any) -> Answer:
            return call(token=token, **given)

        return served(work, parts)(sent)

    asked.__name__ = f"deploy_{call.__name__}"
    return asked


def _plain(call: Callable[..., Answer], parts: tuple[str, ...]) -> Callable[[Any, gr.Request], Answer]:
    """For those alone who may change what is here; the Hub is not asked."""

    def asked(sent: Any, request: gr.Request) -> Answer:
        return served(call, parts)(sent) if may_change(request) else {"ok": False, "error": NOT_YOURS}

    asked.__name__ = f"deploy_{call.__name__}"
    return asked


def build(services: Services, page: gr.Blocks, tab: gr.Tab) -> None:  # noqa: ARG001 - as the tabs.
    """The panel, as a component of whatever it is built in."""
    deployer = Deployer(services)

    def deploy_about(sent: Any, request: gr.Request) -> Answer:
        if not may_change(request):
            return {"ok": True, "may": False, "why": READ_ONLY}
        return {**served(deployer.about, ())(sent), "may": True}

    gr.HTML(
        html_template=assets.text("deploy.html").replace("<!--duplicate-->", duplicate_link()),
        js_on_load=assets.script(*SCRIPTS),
        apply_default_css=False,
        elem_id="deploy",
        server_functions=[
            deploy_about,
            _with_token(deployer.account, ()),
            _with_token(deployer.begin, PARTS),
            _with_token(deployer.rehearse, PARTS),
            _plain(deployer.command, PARTS),
            _plain(deployer.poll, ()),
            _plain(deployer.stop, ()),
            _plain(deployer.forget, ()),
        ],
    )

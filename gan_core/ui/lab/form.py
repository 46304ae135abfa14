"""A new run: what can be chosen, a look at the data, an estimate, the command, and the start."""

import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from gan_core.config import command_line, train_config
from gan_core.errors import GanCoreError
from gan_core.families import get_family, trainable
from gan_core.mirror import read_wish
from gan_core.mirror.standing import words
from gan_core.presets import presets
from gan_core.training.run_folder import RunFolder
from gan_core.ui.lab.bringing import Bringing
from gan_core.ui.lab.chosen import Chosen, data_of, kind_of
from gan_core.ui.lab.complaints import told, told_all
from gan_core.ui.lab.estimating import Estimator
from gan_core.ui.lab.looking import Looking
from gan_core.ui.lab.options import sections, typed
from gan_core.ui.lab.pushing import Pushes, keep, wish_of
from gan_core.ui.lab.sources import SHAPES, Sources
from gan_core.ui.limits import within_limits
from gan_core.ui.serve import Answer
from gan_core.ui.services import RUN, Services

LOOKS: dict[str, tuple[str, ...]] = {}
CHANGES: dict[str, tuple[str, ...]] = {
    "form_open": (),
    "form_browse": ("place",),
    "form_data": ("data", "family"),
    "form_preview": ("form", "number"),
    "form_upload": ("path", "family"),
    "form_fetch": ("data",),
    "form_fetch_poll": ("job",),
    "form_check": ("form",),
    "form_estimate": ("form",),
    "form_resume": ("run", "steps", "push"),
    "form_go_on": ("run", "name", "steps", "data", "push"),
    "form_account": ("fresh",),
    "bring_look": ("name",),
    "bring_start": ("name", "steps", "data", "push"),
    "bring_poll": ("job",),
    "bring_stop": ("job",),
    "start": ("form",),
}
"""All of it is for those who may train: even a look lists this computer's folders, and costs time."""
GO_ON = ("stopped", "interrupted", "failed", "finished")


class Form:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._sources = Sources(services.settings, Path(get_upload_folder()))
        self._looking = Looking(self._sources, services.settings)
        self._estimator = Estimator()
        self._chosen = Chosen(services, self._sources, self._looking)
        self._pushes = Pushes()
        self._bringing = Bringing(services, self._sources, self._pushes)

    # What there is.

    def form_open(self) -> Answer:
        """Everything the form is made of."""
        import torch

        from gan_core.devices import describe, pick_device

        device = pick_device()
        settings = self._services.settings
        return {
            "families": [self._family(name) for name in trainable()],
            "known": self._sources.known(),
            "uploaded": self._sources.uploaded(),
            "roots": bool(settings.data_roots),
            "max_upload_mb": settings.max_upload_mb,
            "device": describe(device),
            "gpu": device.type != "cpu",
            "devices": ["auto", "cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))],
            "models": self._models(),
            "runs": self._stopped(),
        }

    def _family(self, name: str) -> dict[str, Any]:
        family = get_family(name)
        found = [
            {
                "name": one.name,
                "title": one.title,
                "summary": one.summary,
                "epochs": one.epochs,
                "needs_gpu": one.needs_gpu,
                "train": dict(one.train),
                "network": dict(one.network),
                "recipe": dict(one.recipe),
            }
            for one in presets(name)
        ]
        usual = train_config(name, data=SHAPES)
        return {
            "name": name,
            "title": family.title,
            "kind": family.kind,
            "summary": family.summary,
            "presets": found,
            "sections": sections(name),
            "defaults": {key: getattr(usual, key) for key in ("size", "steps", "batch")},
        }

    def _models(self) -> list[dict[str, Any]]:
        """What can be trained further: models trained or adopted here of a family that is, and runs."""
        both = {**self._services.generators(), **self._services.translators()}
        return [
            {"value": value, "family": info.family, "name": info.name if not value.startswith(RUN) else value[4:]}
            | {"group": "Runs" if value.startswith(RUN) else "Models", "size": info.size}
            for value, info in both.items()
            if info.family in trainable()
        ]

    def _stopped(self) -> list[dict[str, Any]]:
        found = []
        for run in self._services.runs.newest_first():
            state = self._services.runs.state(run)
            try:
                config = run.config()
            except GanCoreError:
                continue
            if state.state in GO_ON and not config.train.data.startswith("log:"):
                about = {"id": run.id, "state": state.state, "step": state.step, "total_steps": state.total_steps}
                wish = read_wish(run)
                push = {"to": wish.repository, "minutes": wish.minutes, "public": not wish.private} if wish else None
                found.append({**about, "family": config.family, "command": _resume_command(run), "push": push})
        return found

    # Data.

    def form_browse(self, place: object) -> Answer:
        return self._sources.browse(place)

    def form_data(self, data: object, family: object) -> Answer:
        """What a data set holds, before anything is read."""
        return told(lambda: self._looking.found(str(data or ""), kind_of(family)))

    def form_preview(self, form: object, number: object) -> Answer:
        """A few pictures as the trainer will see them; another number draws others."""
        seed = number if isinstance(number, int) and 0 <= number < 2**31 else 0

        def work() -> Answer:
            config = self._chosen.config(form)
            return self._looking.preview(data_of(form), config, seed)

        return told(work)

    def form_upload(self, path: object, family: object) -> Answer:
        return told(lambda: {"data": self._sources.receive(path, kind_of(family))})

    def form_fetch(self, data: object) -> Answer:
        return told(lambda: {"job": self._sources.fetch(data)})

    def form_fetch_poll(self, job: object) -> Answer:
        return told(lambda: self._sources.fetch_poll(job))

    # What it comes to.

    def form_check(self, form: object) -> Answer:
        """The command of what is chosen, or a sentence for each field that cannot be so."""

        def work() -> Answer:
            config, facts = self._chosen.checked(form)
            wish, train = wish_of(_push_of(form)), asdict(config.train)
            return {
                "command": " ".join([command_line(config), *(words(wish) if wish else [])]),
                "resolved": {"train": train, "network": config.network},
                "queue": self._queue(),
                "pictures": facts.pictures,
                "assumed": self._looking.assumed(data_of(form)),
            }

        return told_all(form, work, self._check)

    def form_estimate(self, form: object) -> Answer:
        """Time and memory; takes seconds where these networks were not measured before."""

        def work() -> Answer:
            config, facts = self._chosen.checked(form)
            return {"estimate": self._estimator.ask(config, facts)}

        return told(work)

    def start(self, form: object) -> Answer:
        """Begin a run, or put it in the queue; tells its id."""

        def work() -> Answer:
            from gan_core.devices import pick_device

            config, _ = self._chosen.checked(form)
            pick_device(config.train.device)
            wish = wish_of(_push_of(form))
            if wish is not None:
                self._pushes.refuse(wish)
            return {"run": self._services.runs.begin(config, wish).id}

        return told_all(form, work, self._check)

    def _check(self, form: object) -> None:
        """Raise `GanCoreError` for what is wrong with the form, without asking the Hub."""
        self._chosen.checked(form)
        wish_of(_push_of(form))

    # Going on with a run.

    def form_resume(self, run: object, steps: object, push: object = None) -> Answer:
        """Go on with a run that is not training, to so many steps in all. push: False: no longer; None: as before."""

        def work() -> Answer:
            folder = self._services.runs.find(run)
            config, before = folder.config(), read_wish(folder)
            wanted = typed(config.family, "train", {"steps": steps}).get("steps", config.train.steps)
            within_limits(replace(config, train=replace(config.train, steps=wanted)), self._services.settings)
            wish = wish_of(push, before)
            if wish is not None and wish != before:
                self._pushes.refuse(wish, folder)
            if wish is not None or push is False:
                keep(folder, wish)
            try:
                self._services.runs.resume(folder.id, None if wanted == config.train.steps else wanted)
            except GanCoreError:
                keep(folder, before)
                raise
            return {"run": folder.id}

        return told(work)

    def form_go_on(self, run: object, name: object, steps: object, data: object, push: object) -> Answer:
        """The command of going on with a run that is here, or, by its repository's `name`, with one of the Hub."""

        def work() -> Answer:
            if run is None:
                return {"command": self._bringing.command(name, steps, data, push)}
            folder = self._services.runs.find(run)
            before = read_wish(folder)
            wish = wish_of(push, before)
            more = words(wish) if wish and wish != before else ["--push-to", "none"] if before and push is False else []
            return {"command": " ".join([_resume_command(folder), *more])}

        return told(work)

    def form_account(self, fresh: object = None) -> Answer:
        """Who would push; see `Pushes.account`."""
        return self._pushes.account(fresh)

    def bring_look(self, name: object) -> Answer:
        return told(lambda: self._bringing.look(name))

    def bring_start(self, name: object, steps: object, data: object, push: object) -> Answer:
        return told(lambda: self._bringing.start(name, steps, data, push))

    def bring_poll(self, job: object) -> Answer:
        return self._bringing.poll(job)

    def bring_stop(self, job: object) -> Answer:
        return self._bringing.stop(job)

    def _queue(self) -> str | None:
        """Whether a new run will have to wait."""
        runs = self._services.runs
        active = [state for run in runs.newest_first() if (state := runs.state(run)).active]
        if not active:
            return None
        waiting = sum(state.state == "waiting" for state in active)
        if waiting:
            return f"One run is training and {waiting} {'waits' if waiting == 1 else 'wait'}; this one will wait too."
        return "One run is training; this one will wait."


def _push_of(form: object) -> object:
    return form.get("push") if isinstance(form, dict) else None


def _resume_command(run: RunFolder) -> str:
    return shlex.join(["gan-core", "train", run.config().family, "--run", str(run.path), "--resume"])

"""A new run: what can be chosen, a look at the data, an estimate, the command, and the start."""

import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradio.utils import get_upload_folder

from gan_core.config import RunConfig, command_line
from gan_core.errors import ConfigError, DataError, GanCoreError
from gan_core.families import get_family, trainable
from gan_core.presets import pace, presets
from gan_core.ui.lab.complaints import check_size, told, told_all
from gan_core.ui.lab.estimating import Estimator
from gan_core.ui.lab.looking import Looking
from gan_core.ui.lab.options import sections, typed
from gan_core.ui.lab.sources import SHAPES, Sources
from gan_core.ui.limits import within_limits
from gan_core.ui.serve import Answer
from gan_core.ui.services import RUN, Services

if TYPE_CHECKING:
    from gan_core.training.counting import Facts

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
    "form_resume": ("run", "steps"),
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
        usual = RunConfig(family=name, train=_train(name, {"data": SHAPES}), network={}, recipe={}).train
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
                command = shlex.join(["gan-core", "train", config.family, "--run", str(run.path), "--resume"])
                found.append({**about, "family": config.family, "command": command})
        return found

    # Data.

    def form_browse(self, place: object) -> Answer:
        return self._sources.browse(place)

    def form_data(self, data: object, family: object) -> Answer:
        """What a data set holds, before anything is read."""
        return told(lambda: self._looking.found(str(data or ""), _kind(family)))

    def form_preview(self, form: object, number: object) -> Answer:
        """A few pictures as the trainer will see them; another number draws others."""
        seed = number if isinstance(number, int) and 0 <= number < 2**31 else 0

        def work() -> Answer:
            config, _ = self._config(form)
            return self._looking.preview(_data(form), config, seed)

        return told(work)

    def form_upload(self, path: object, family: object) -> Answer:
        return told(lambda: {"data": self._sources.receive(path, _kind(family))})

    def form_fetch(self, data: object) -> Answer:
        return told(lambda: {"job": self._sources.fetch(data)})

    def form_fetch_poll(self, job: object) -> Answer:
        return told(lambda: self._sources.fetch_poll(job))

    # What it comes to.

    def form_check(self, form: object) -> Answer:
        """The command of what is chosen, or a sentence for each field that cannot be so."""

        def work() -> Answer:
            config, facts = self._checked(form)
            train = asdict(config.train)
            return {
                "command": command_line(config),
                "resolved": {"train": train, "network": config.network},
                "queue": self._queue(),
                "pictures": facts.pictures,
                "assumed": self._looking.assumed(_data(form)),
            }

        return told_all(form, work, self._checked)

    def form_estimate(self, form: object) -> Answer:
        """Time and memory; takes seconds where these networks were not measured before."""

        def work() -> Answer:
            config, facts = self._checked(form)
            return {"estimate": self._estimator.ask(config, facts)}

        return told(work)

    def start(self, form: object) -> Answer:
        """Begin a run, or put it in the queue; tells its id."""

        def work() -> Answer:
            from gan_core.devices import pick_device

            config, _ = self._checked(form)
            pick_device(config.train.device)
            begun = self._services.runs.begin(config)
            return {"run": begun if isinstance(begun, str) else begun.id}

        return told_all(form, work, self._checked)

    def form_resume(self, run: object, steps: object) -> Answer:
        """Go on with a run that is not training, to so many steps in all."""

        def work() -> Answer:
            folder = self._services.runs.find(run)
            config = folder.config()
            wanted = typed(config.family, "train", {"steps": steps}).get("steps", config.train.steps)
            within_limits(replace(config, train=replace(config.train, steps=wanted)), self._services.settings)
            self._services.runs.resume(folder.id, None if wanted == config.train.steps else wanted)
            return {"run": folder.id}

        return told(work)

    # From the page's form to a configuration.

    def _config(self, form: object) -> tuple[RunConfig, str]:
        """The configuration of what is chosen, and the family's kind. Nothing of it need work together yet."""
        given = form if isinstance(form, dict) else {}
        name = given.get("family")
        if not isinstance(name, str) or name not in trainable():
            raise ConfigError("No model family is chosen. Nothing was started. Choose one.")
        check_size(name, given.get("train"))
        train = typed(name, "train", given.get("train"))
        train.pop("data", None)
        train.pop("start_from", None)
        steps = train.get("steps", _train(name, {"data": SHAPES}).steps)
        train = {**pace(steps), **train, "data": self._sources.spec(given.get("data"))}
        network, recipe = typed(name, "network", given.get("network")), typed(name, "recipe", given.get("recipe"))
        if origin := given.get("start_from"):
            from gan_core.begin import resolved

            train["start_from"] = self._origin(origin)
            return resolved(name, train, network, recipe, self._services.settings), get_family(name).kind
        return RunConfig(family=name, train=_train(name, train), network=network, recipe=recipe), get_family(name).kind

    def _origin(self, value: object) -> str:
        """A model to start from, by a name that is listed here: what comes over the network never becomes a path."""
        text = value if isinstance(value, str) else ""
        info = self._services.info(text)
        return text if text.startswith(RUN) else info.name

    def _checked(self, form: object) -> "tuple[RunConfig, Facts]":
        """The configuration, with everything looked at that can be before the start."""
        from gan_core.training.checks import check
        from gan_core.training.counting import check_fit

        config, kind = self._config(form)
        config = within_limits(config, self._services.settings)
        check(config)
        facts = self._looking.facts(_data(form), kind, config)
        if config.train.conditional and not facts.classes:
            raise ConfigError("--conditional needs classes, and this data has none. Nothing was started. Leave it out.")
        check_fit(config, facts)
        return config, facts

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


def _train(family: str, given: dict[str, Any]) -> Any:
    from gan_core.config import train_config

    return train_config(family, **given)


def _data(form: object) -> str:
    value = form.get("data") if isinstance(form, dict) else None
    return value if isinstance(value, str) else ""


def _kind(family: object) -> str:
    if not isinstance(family, str) or family not in trainable():
        raise DataError("No model family is chosen. Nothing was read. Choose one.")
    return get_family(family).kind

"""The loop: data in, run folder out, events to whoever listens."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from gan_core import weights
from gan_core.config import ModelConfig, RunConfig, build, few
from gan_core.data.decode import Progress as DataProgress
from gan_core.devices import all_finite, describe, pick_device
from gan_core.draws import Shard
from gan_core.errors import ConfigError, GanCoreError, RunError
from gan_core.families import get_family
from gan_core.images import to_pictures
from gan_core.models import get_networks
from gan_core.settings import Settings
from gan_core.training import distributed, get_training
from gan_core.training.beginning import goes_on_from
from gan_core.training.branching import START
from gan_core.training.control import Control, applied
from gan_core.training.events import Ended, Event, Progress, Started
from gan_core.training.feeds import FEEDS, model_config
from gan_core.training.liveness import process_started_at
from gan_core.training.meters import meters
from gan_core.training.plan import Plan, initial_generator
from gan_core.training.run_folder import RunFolder
from gan_core.training.starting import load_start
from gan_core.training.state import load_state
from gan_core.training.tidying import sweep
from gan_core.training.watching import Watching
from gan_core.training.writing import Writer, devices_in_use

PAUSE_S = 0.5
STATE_S = 300.0  # However rare the states were asked to be, no more than this is ever lost.


def train(
    config: RunConfig,
    run: RunFolder,
    *,
    settings: Settings | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_decoded: DataProgress | None = None,
) -> Iterator[Event]:
    """Run a training to its end, or on from its last state, and yield what happens.

    `should_stop` is asked after each step; the run then saves and ends as `stopped`. `on_decoded(done, total)` is
    called while the data is being read. Raises `GanCoreError`; whatever is raised stands in the run's status too.
    """
    device = distributed.local_device(pick_device(config.train.device))
    with distributed.process_group(device) as shard:
        distributed.check_share(config.train.batch, shard)
        loop = _Loop(config, run, settings or Settings(), device, shard, on_decoded)
        try:
            yield from loop.run_to_end(should_stop)
        except (GeneratorExit, KeyboardInterrupt):
            with suppress(GanCoreError, OSError):
                loop.writer.status("stopped")
            raise
        except Exception as error:
            told = loop.writer.told(error, loop.step, device)
            loop.writer.fail(told)
            if told is error:
                raise
            raise told from error
        finally:
            loop.writer.end()


@dataclass
class _Loop:
    """One training under way."""

    config: RunConfig
    folder: RunFolder
    settings: Settings
    device: torch.device
    shard: Shard
    on_decoded: DataProgress | None
    step: int = 0
    restored: bool = False  # Until then the status tells the step of the newest state, where it goes on.
    elapsed_s: float = 0.0
    pending: list[Tensor] = field(default_factory=list)
    """One row of metrics for each step since the last line, still on the device."""

    def __post_init__(self) -> None:
        on = {"device": describe(self.device), "devices": devices_in_use(self.device)}
        newest = goes_on_from(self.folder)

        def facts() -> dict[str, Any]:
            return {"step": self.step if self.restored else newest, "total_steps": self.config.train.steps, **on}

        self.writer = Writer(self.folder, self.writes, facts)

    @property
    def writes(self) -> bool:
        return self.shard.rank == 0

    def run_to_end(self, should_stop: Callable[[], bool]) -> Iterator[Event]:
        train, started_at = self.config.train, time.monotonic()
        if self.writes:
            # A wish to stop that came while this process was waiting or loading holds; an older one does not.
            self.folder.clear_stop(before=process_started_at())
            sweep(self.folder)
        self.writer.status("starting")

        # Load the data.
        family = get_family(self.config.family)
        feed = FEEDS[family.kind].load(train, self.settings, self.on_decoded)
        if skipped := feed.skipped():
            yield self.writer.notice(
                self.step, "skipped", f"{len(skipped)} pictures could not be read and were left out: {few(skipped)}."
            )

        # Construct the networks.
        initial_generator(train.seed)
        plan = Plan(
            size=train.size,
            steps=train.steps,
            batch=train.batch,
            seed=train.seed,
            device=self.device,
            shard=self.shard,
            precision=train.precision,
            compile=train.compile,
        )
        module = get_training(family.name)
        network_type = get_networks(family.name).Network
        known = {item.name for item in fields(network_type)}
        facts = {name: value for name, value in feed.facts().items() if name in known}
        self.network = build(network_type, {**facts, **self.config.network}, "The network")
        self.training = module.Training(self.network, build(module.Recipe, self.config.recipe, "The recipe"), plan)
        self.feed, self.fixed = feed, feed.fixed(plan)

        # Go on from the last state, if there is one, or begin with the weights of a model, if one was named.
        yield from self._restore()
        self.restored = True
        if self.step == 0 and train.start_from:
            told = load_start(
                self.folder.path / START, train.start_from, self.training, asdict(self.network), feed.classes
            )
            yield self.writer.notice(0, "start", told)
        began_at = time.monotonic() - self.elapsed_s
        yield Started(self.step, train.steps, describe(self.device))
        if self.step == 0:
            yield from self._sample()

        # Train.
        per_step = self.training.batches_per_step
        watching = Watching(self.folder, feed) if self.writes and train.quality_steps else None
        control, line_step = Control(self.folder), self.step
        batches = feed.batches(self.step * per_step, plan)
        saved_at = line_at = time.monotonic()
        shown = distributed.any_process(bool(self.folder.snapshots()))
        self.writer.status("running")
        while self.step < train.steps:
            self.writer.check_place()
            if self.shard.world == 1:  # Several processes would not hear of it at the same step.
                yield from self._change(control)
                if control.paused:
                    waited_s = self._pause(control, lambda: should_stop() or self._out_of_time(started_at))
                    began_at, line_at = began_at + waited_s, line_at + waited_s
                train = self.config.train
            metrics = self.training.step(self.step, [next(batches) for _ in range(per_step)])
            self.pending.append(torch.stack(list(metrics.values())))
            self.step += 1

            now = time.monotonic()
            self.elapsed_s = now - began_at
            if self.step % train.log_steps == 0:
                values = self._take_pending(list(metrics))
                now = time.monotonic()  # The transfer above has waited for the device.
                self.elapsed_s = now - began_at
                rate = (self.step - line_step) * train.batch * per_step / (now - line_at)
                line_at, line_step = now, self.step
                yield self._log(values, rate)
            late = self._out_of_time(started_at)
            stopping = distributed.any_process(late or should_stop() or (self.writes and self.folder.stop_asked()))
            ending = stopping or self.step == train.steps
            if self.step % train.sample_steps == 0 or ending:
                yield from self._sample()
            if watching and watching.due(self.step, train.quality_steps, ending):
                yield from watching.look(self.step, self.training)
            keeping = self.step % train.snapshot_steps == 0 or ending
            overdue = self.shard.world == 1 and now - saved_at > STATE_S
            if keeping or self.step % train.state_steps == 0 or overdue:
                self._save()
                saved_at = time.monotonic()
                if keeping or not shown:  # The first one early, to be looked at.
                    yield from self._snapshot()
                    shown = True
            if stopping and self.step < train.steps:
                if late:
                    limit = f"The time limit of {train.max_hours:g} h is reached; resume to go on."
                    yield self.writer.notice(self.step, "time-limit", limit)
                if self.writes:
                    self.folder.clear_stop()
                self.writer.status("stopped")
                yield Ended(self.step, "stopped")
                return
        self.writer.status("finished")
        yield Ended(self.step, "finished")

    def _out_of_time(self, started_at: float) -> bool:
        limit = self.config.train.max_hours
        return limit is not None and time.monotonic() - started_at > limit * 3600

    def _change(self, control: Control) -> Iterator[Event]:
        """Do what control.json asks for, and say so."""
        if not (wanted := control.changed()):
            return
        try:
            config, recipe, told = applied(self.config, getattr(self.training, "recipe", None), wanted)
        except (ConfigError, TypeError) as error:
            yield self.writer.notice(self.step, "control", f"What was asked for cannot be: {error}")
            return
        if told:
            self.config, self.training.recipe = config, recipe
            self.folder.write_config(config)
            yield self.writer.notice(self.step, "control", f"Changed while training: {', '.join(told)}.")

    def _pause(self, control: Control, should_stop: Callable[[], bool]) -> float:
        """Wait until it may go on, and return how long that was."""
        began_at = time.monotonic()
        self._save()  # Whatever happens meanwhile, nothing is lost.
        self.writer.status("paused")
        while control.paused and not should_stop() and not self.folder.stop_asked():
            self.writer.check_place()
            time.sleep(PAUSE_S)
            list(self._change(control))  # Its notices stand in the run folder.
        self.writer.status("running")
        return time.monotonic() - began_at

    def _restore(self) -> Iterator[Event]:
        """Fill the training from the newest state that can be read."""
        states = self.folder.states()
        for step, path in reversed(states):
            try:
                self.step, self.pending, self.elapsed_s = load_state(path, self.training, self.device)
                return
            except RunError as error:
                if path == states[0][1]:
                    raise
                yield self.writer.notice(
                    self.step, "state", f"The state of step {step} cannot be read, an older one is used. {error}"
                )

    def _take_pending(self, names: list[str]) -> dict[str, float]:
        """The means since the last line, in one transfer; raises `RunError` where one step is not finite."""
        fitting = [row for row in self.pending if len(row) == len(names)]  # A state of an older version may hold fewer.
        rows = distributed.mean_over_processes(torch.stack(fitting).double()).cpu()  # (steps, metrics)
        self.pending = []
        bad = (~rows.isfinite()).nonzero()
        if len(bad):
            row, column = bad[0].tolist()
            step = self.step - len(rows) + row + 1
            raise self.writer.not_finite(f"{names[column]} is {rows[row, column].item()}", step)
        return dict(zip(names, rows.mean(0).tolist(), strict=True))

    def _log(self, values: dict[str, float], rate: float) -> Progress:
        train = self.config.train
        images = self.step * train.batch * self.training.batches_per_step
        line = {"step": self.step, "elapsed_s": round(self.elapsed_s, 3), "images": images}
        line |= {name: round(value, 6) for name, value in values.items()}
        line |= {"images_per_s": round(rate, 2), **meters(self.training, self.device)}
        self.writer.metrics(line)
        left_s = (train.steps - self.step) * train.batch * self.training.batches_per_step / rate
        return Progress(self.step, train.steps, values, rate, left_s)

    def _sample(self) -> Iterator[Event]:
        if self.writes:
            pictures = to_pictures(self.training.sample(self.fixed))
            yield from self.writer.sample(self.step, pictures, self.training.sample_columns())

    def _snapshot(self) -> Iterator[Event]:
        distributed.average_buffers(self.training.modules.values())
        if self.writes:
            networks = self.training.export()
            yield from self.writer.snapshot(self.step, self._model_config(), networks, self.config.train)

    def _save(self) -> None:
        modules = self.training.modules.values()
        distributed.average_buffers(modules)
        if not all_finite(value for module in modules for value in module.state_dict().values()):
            raise self.writer.not_finite("a weight is not finite", self.step)
        self.writer.state(self.step, self.training, self.pending, self.elapsed_s, self.config.train)

    def _model_config(self) -> ModelConfig:
        trained = {
            "steps": self.step,
            "images": self.step * self.config.train.batch * self.training.batches_per_step,
            "device": describe(self.device),
            "elapsed_s": round(self.elapsed_s),
        }
        return model_config(self.config, self.feed, weights.network_json(self.network), trained)

"""Configurations: frozen dataclasses with flat fields, checked where they are built.

The line under each field is its documentation; `field_docs` reads it, so that the command line's help and the code
cannot disagree.
"""

import ast
import inspect
import re
import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from functools import cache
from reprlib import repr as shown  # Short, however long the value.
from typing import Any, Literal

from gan_core.errors import ConfigError, ModelError
from gan_core.families import get_family

FORMAT = 1
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]*")
MAX_SEED = 2**63 - 1
CHANGEABLE = (
    *("data", "steps", "device", "max_hours", "tensorboard", "keep_snapshots", "keep_states"),
    *("log_steps", "sample_steps", "quality_steps", "snapshot_steps", "state_steps"),
)
"""Options of `TrainConfig` that may be others when a run goes on: they move no bit of what it learns."""


def require(condition: bool, message: str) -> None:
    """Raise `ConfigError(message)` unless the condition holds."""
    if not condition:
        raise ConfigError(message)


def require_power_of_two(flag: str, value: int, low: int, high: int) -> None:
    good = isinstance(value, int) and low <= value <= high and value & (value - 1) == 0
    require(good, f"{flag} is {shown(value)}; it must be a power of two from {low} to {high}.")


def require_range(flag: str, value: float, low: float, high: float) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    require(good, f"{flag} is {shown(value)}; it must lie between {low} and {high}.")


def require_whole(flag: str, value: int, low: int, high: int) -> None:
    good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    require(good, f"{flag} is {shown(value)}; it must be a whole number from {low} to {high}.")


def require_choice(flag: str, value: str, choices: tuple[str, ...]) -> None:
    require(value in choices, f"{flag} is {shown(value)}; it must be one of {', '.join(choices)}.")


def require_yes_no(flag: str, value: bool) -> None:
    require(isinstance(value, bool), f"{flag} is {shown(value)}; it must be true or false.")


def require_channels(value: int) -> None:
    good = isinstance(value, int) and not isinstance(value, bool) and value in (1, 3, 4)
    require(good, f"--channels is {shown(value)}; it must be 1, 3 or 4.")


def few(names: Sequence[str]) -> str:
    """The first three names, fit for one line whatever a stranger's file calls its entries."""
    first = ", ".join(name if name.isprintable() and len(name) <= 80 else shown(name) for name in names[:3])
    return first + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def check_name(name: str) -> str:
    """A model's name, unchanged. Names become folders: nothing that could leave its parent passes."""
    if not NAME_PATTERN.fullmatch(name) or len(name) > 96:
        raise ModelError(
            f"{shown(name)} cannot name a model. "
            "Use up to 96 small letters, digits, '.', '_' and '-', not beginning with a sign."
        )
    return name


@cache
def field_docs(config: type) -> dict[str, str]:
    """The documentation line under each field of a dataclass, by field name."""
    body = ast.parse(textwrap.dedent(inspect.getsource(config))).body[0]
    assert isinstance(body, ast.ClassDef)
    docs = {}
    for node, following in zip(body.body, body.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(following, ast.Expr):
            docs[node.target.id] = inspect.cleandoc(ast.literal_eval(following.value)).replace("\n", " ")
    return docs


def build(config: type, values: dict[str, Any], where: str) -> Any:
    """A configuration from parsed JSON; unknown and missing entries are named together with `where` they stand."""
    known = {item.name for item in fields(config)}
    unknown = sorted(set(values) - known)
    require(not unknown, f"{where} holds entries this version does not know: {few(unknown)}.")
    required = [item.name for item in fields(config) if item.default is MISSING and item.default_factory is MISSING]
    missing = [name for name in required if name not in values]
    require(not missing, f"{where} is incomplete: it lacks {few(missing)}.")
    return config(**values)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """What the training of every family needs; a family adds its network and its recipe."""

    data: str
    """Folder, zip, torchvision name (fashion-mnist, mnist, cifar10, eurosat), hub:user/name, or shapes."""
    size: int = 64
    """Side of the square training pictures, in pixels."""
    channels: int | None = None
    """1 grey, 3 RGB, 4 RGBA; None: as the data has."""
    conditional: bool = False
    """Train on the data's classes, so that a class can be asked for."""
    steps: int = 20_000
    """Length of the training, in generator updates."""
    batch: int = 64
    """Pictures in one step, over all processes together."""
    seed: int = 0
    """Names the initial weights, the order of the data and all random draws."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the forward passes; auto: bfloat16 on CUDA, float32 elsewhere (on CPUs five times faster than bfloat16)."""
    compile: bool = False
    """Compile the networks with torch.compile; pays on long trainings on CUDA."""
    flip: bool = False
    """Mirror training pictures at random, left to right."""
    quarter_turns: bool = False
    """Turn training pictures by random multiples of 90 degrees (for pictures without an up)."""
    load_size: int | None = None
    """Side in pixels to which pictures are scaled before a random crop of --size; None: the family's own rule."""
    fit: Literal["crop", "stretch"] = "crop"
    """How a picture becomes square: cut at the middle, or squeezed."""
    domain_a: str | None = None
    """Translators: what the pictures of domain A show, in words for people (Monet painting)."""
    domain_b: str | None = None
    """Translators: what the pictures of domain B show (photograph)."""
    default_direction: Literal["ab", "ba"] = "ab"
    """Translators: what a person who brings a picture most likely wants; ab makes B from A."""
    log_steps: int = 20
    """Steps between two lines of metrics.jsonl; each line holds the means since the one before."""
    sample_steps: int = 500
    """Steps between two sample pictures."""
    quality_steps: int = 1_000
    """Steps between two measurements of the samples' variety and distance to the data; 0: none."""
    snapshot_steps: int = 2_000
    """Steps between two snapshots (usable model folders)."""
    state_steps: int = 500
    """Steps between two saved states to resume from; one is also saved when the run stops."""
    keep_snapshots: int = 8
    """Snapshots kept, thinned evenly over the run; the newest always stays."""
    keep_states: int = 4
    """States kept at the steps of snapshots, to roll back to or branch from exactly, thinned evenly; besides these, the
    newest two are always kept."""
    start_from: str | None = None
    """Model to begin with instead of random weights: a name, a folder, run:ID@STEP or hub:user/name."""
    max_hours: float | None = None
    """Hours after which a start saves and stops; None: no limit."""
    tensorboard: bool = False
    """Write TensorBoard event files beside metrics.jsonl."""

    def __post_init__(self) -> None:
        require_whole("--size", self.size, 8, 1024)
        if self.channels is not None:
            require_channels(self.channels)
        for name in ("conditional", "compile", "flip", "quarter_turns", "tensorboard"):
            require_yes_no(f"--{name.replace('_', '-')}", getattr(self, name))
        require_whole("--steps", self.steps, 1, 10**9)
        require_whole("--batch", self.batch, 1, 65_536)
        require_whole("--seed", self.seed, 0, MAX_SEED)
        require_choice("--precision", self.precision, ("auto", "float32", "bfloat16"))
        require_choice("--fit", self.fit, ("crop", "stretch"))
        require_choice("--default-direction", self.default_direction, ("ab", "ba"))
        if self.load_size is not None:
            require_whole("--load-size", self.load_size, self.size, 4096)
        for name in ("log_steps", "sample_steps", "snapshot_steps", "state_steps"):
            require_whole(f"--{name.replace('_', '-')}", getattr(self, name), 1, 10**9)
        require_whole("--quality-steps", self.quality_steps, 0, 10**9)
        require_whole("--keep-snapshots", self.keep_snapshots, 1, 10_000)
        require_whole("--keep-states", self.keep_states, 0, 10_000)
        if self.max_hours is not None:
            require_range("--max-hours", self.max_hours, 1e-4, 10_000)
        if self.start_from is not None:
            good = isinstance(self.start_from, str) and bool(self.start_from)
            require(good, f"--start-from is {shown(self.start_from)}; it must name a model.")


def train_config(family: str, **given: Any) -> TrainConfig:
    """The general options of a training: what was given, else the family's own default, else the general one."""
    return TrainConfig(**{**get_family(family).defaults, **given})


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything needed to run a training again: a run folder's config.json."""

    family: str
    """A name of the registry."""
    train: TrainConfig
    """Options that every family has."""
    network: dict[str, Any]
    """The family's network options that were asked for; the rest follow from data and defaults."""
    recipe: dict[str, Any]
    """The family's recipe options that were asked for."""

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, values: Any, where: str) -> "RunConfig":
        good = isinstance(values, dict) and values.get("format") == FORMAT
        require(good, f"{where} is not a run's config.json of format {FORMAT}. Nothing was started.")
        config = build(cls, {key: value for key, value in values.items() if key != "format"}, where)
        parts = (config.train, config.network, config.recipe)
        good = isinstance(config.family, str) and all(isinstance(part, dict) for part in parts)
        require(good, f"{where} holds entries of a wrong type. Nothing was started.")
        get_family(config.family)
        return replace(config, train=build(TrainConfig, config.train, where))


def command_line(config: RunConfig) -> str:
    """The command that runs a training again from its beginning, whatever it was started and resumed with."""
    words = ["gan-core", "train", config.family]
    usual = asdict(train_config(config.family, data=""))
    given = {name: value for name, value in asdict(config.train).items() if value != usual[name]}
    for name, value in {**given, **config.network, **config.recipe}.items():
        flag = name.replace("_", "-")
        words += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return shlex.join(words)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A model folder's config.json."""

    family: str
    """A name of the registry."""
    network: dict[str, Any]
    """Flat constructor numbers of the family's networks."""
    classes: list[str] | None = None
    """Names of the classes, in label order; None: unconditional."""
    domains: dict[str, str] | None = None
    """Translators only: what domain a and domain b show, for people."""
    default_direction: Literal["ab", "ba"] | None = None
    """Translators only: what a person who uploads a picture most likely wants."""
    directions: list[str] | None = None
    """Translators only: the directions that the model can do, "ab", "ba" or both; None: both."""
    data: dict[str, Any] = field(default_factory=dict)
    """What the model was trained on."""
    trained: dict[str, Any] = field(default_factory=dict)
    """Steps, images, seed, code version, device and command of the training."""
    license: str | None = None
    """Licence of the weights."""

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, values: Any, where: str) -> "ModelConfig":
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise ModelError(f"{where} is not a model's config.json of format {FORMAT}. Nothing was loaded.")
        known = {key: value for key, value in values.items() if key != "format"}
        try:
            config = build(cls, known, where)
            config._check(where)
            get_family(config.family)
        except ConfigError as error:
            raise ModelError(f"{error} Nothing was loaded.") from None
        return config

    def _check(self, where: str) -> None:
        """The file may come from a stranger: every entry that code relies on has the type it relies on."""
        names, domains = self.classes, self.domains
        good = (
            isinstance(self.family, str)
            and isinstance(self.network, dict)
            and isinstance(self.data, dict)
            and isinstance(self.trained, dict)
            and isinstance(self.trained.get("steps", 0), int)
            and (names is None or (isinstance(names, list) and all(isinstance(name, str) for name in names)))
            and (domains is None or (isinstance(domains, dict) and set(domains) == {"a", "b"}))
            and all(isinstance(text, str) for text in (domains or {}).values())
            and self.default_direction in (None, "ab", "ba")
            and self.directions in (None, ["ab"], ["ba"], ["ab", "ba"])
            and (self.license is None or isinstance(self.license, str))
        )
        if not good:
            raise ModelError(f"{where} holds entries of a wrong type. Nothing was loaded.")
        if self.directions and self.default_direction not in (None, *self.directions):
            raise ModelError(
                f"{where} asks for direction {self.default_direction} of a model that only does "
                f"{self.directions[0]}. Nothing was loaded."
            )

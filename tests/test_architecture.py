"""The architecture, held by reading the imports: the floors, who may use which library, and nothing at import."""

import ast
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gan_core"

# Imports run downwards, or sideways on a floor where they make no circle.
FLOORS = (
    ("errors", "families", "config", "settings", "atomic", "presets"),  # 0  standard library alone
    (
        "models",
        "losses",
        "latent",
        "recipe",
        "images",
        "draws",
        "devices",
        "scenes",
        "spaces",
    ),  # 1  torch, numpy, Pillow
    ("weights", "hub", "data", "interop", "metrics", "video", "trash"),  # 2  model folders, transport, data sets
    ("training", "inference"),  # 3  steps, loop and run folder; trained models in use
    (
        "library",
        "fetched",
        "deploy",
        "cards",
        "keep",
        "preview",
        "adopt",
        "begin",
        "sync",
        "mirror",
    ),  # 4  models by name
    ("cli", "ui", "__main__"),  # 5  what people touch
)
FLOOR_OF = {name: number for number, names in enumerate(FLOORS) for name in names}

# Libraries, and the files or folders that alone may import them.
ALONE = {"huggingface_hub": ("hub/", "deploy/"), "gradio": ("ui/",), "gradio_client": ("ui/",)}

# Folders whose files are siblings: they share nothing but what stands outside of the folder, or in the named files.
SIBLINGS = {
    "models": set(),
    "ui/tabs": set(),
    "training": {  # Everything here but the families' steps is common ground.
        "augment",
        "branching",
        "checks",
        "claims",
        "control",
        "counting",
        "curves",
        "detectors",
        "distributed",
        "ema",
        "estimate",
        "events",
        "feeds",
        "formulas",
        "games",
        "heartbeat",
        "liveness",
        "loop",
        "meters",
        "opening",
        "plan",
        "pool",
        "quality",
        "records",
        "run_folder",
        "saliency",
        "starting",
        "state",
        "stepping",
        "tensorboard",
        "tidying",
        "turn",
        "watching",
        "writing",
    },
}

# `gan-core app` opens the application: inside a function, so that the command line works without Gradio.
CLI_OPENS_UI = ("gan_core.cli.app", "gan_core.ui.launch")

MAX_LINES = 300
MAX_DOOR_LINES = 45


@dataclass(frozen=True)
class Import:
    importer: str
    """Full name of the module that imports."""
    target: str
    """Full name of the module that is imported."""
    line: int
    lazy: bool
    """Inside a function."""
    typing: bool
    """Under `if TYPE_CHECKING`, which never runs."""

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


@cache
def modules() -> dict[str, Path]:
    """Full module name to file, of everything in the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports() -> tuple[Import, ...]:
    return tuple(one for name, path in modules().items() for one in imports_of(name, path))


def imports_of(name: str, path: Path) -> Iterator[Import]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]

    def visit(node: ast.AST, lazy: bool, typing: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno, lazy, typing)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield Import(name, full if full in modules() else base, node.lineno, lazy, typing)
        lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing = typing or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for child in ast.iter_child_nodes(node):
            yield from visit(child, lazy, typing)

    yield from visit(ast.parse(path.read_text()), False, False)


def inside() -> list[Import]:
    """Imports of the package by itself. The package's root holds the version and a lazy `load`, and is on no floor."""
    return [one for one in imports() if one.target.startswith("gan_core.") and one.importer != "gan_core"]


def top(module: str) -> str:
    return module.split(".")[1]


def place(module: str) -> str:
    """A module's path inside the package: ui/tabs/explore.py."""
    return modules()[module].relative_to(PACKAGE).as_posix()


def listed(found: list[Import]) -> str:
    return "\n".join(map(str, found))


def test_every_module_is_on_a_floor():
    strangers = {top(name) for name in modules() if name != "gan_core"} - set(FLOOR_OF)
    assert not strangers, f"give {', '.join(sorted(strangers))} a floor in FLOORS"


def test_imports_run_downwards():
    wrong = [one for one in inside() if FLOOR_OF[top(one.target)] > FLOOR_OF[top(one.importer)]]
    assert not wrong, listed(wrong)


def test_lowest_floor_needs_the_standard_library_alone():
    lowest = [one for one in imports() if one.importer.startswith("gan_core.") and FLOOR_OF[top(one.importer)] == 0]
    foreign = [one for one in lowest if one.target.split(".")[0] not in (*sys.stdlib_module_names, "gan_core")]
    assert not foreign, listed(foreign)


def test_imports_make_no_circle():
    below: dict[str, set[str]] = {name: set() for name in modules()}
    for one in inside():
        if not one.typing and one.target != one.importer:
            below[one.importer].add(one.target)
    while leaves := [name for name, targets in below.items() if not targets & set(below)]:
        for name in leaves:
            del below[name]
    assert not below, f"these import each other in a circle: {', '.join(sorted(below))}"


def test_siblings_do_not_import_each_other():
    wrong = []
    for one in inside():
        for folder, common in SIBLINGS.items():
            package = "gan_core." + folder.replace("/", ".")
            importer, target = (name.removeprefix(package + ".") for name in (one.importer, one.target))
            both = one.importer.startswith(package + ".") and one.target.startswith(package + ".")
            if both and importer not in common and target not in common:
                wrong.append(one)
    assert not wrong, listed(wrong)


def test_command_line_and_application_keep_apart():
    between = [one for one in inside() if {top(one.importer), top(one.target)} == {"cli", "ui"}]
    allowed = [one for one in between if (one.importer, one.target) == CLI_OPENS_UI and one.lazy]
    wrong = [one for one in between if one not in allowed]
    assert not wrong, listed(wrong)


@pytest.mark.parametrize("library", sorted(ALONE))
def test_library_is_imported_in_its_place_alone(library):
    wrong = [
        one
        for one in imports()
        if one.target.split(".")[0] == library and not place(one.importer).startswith(ALONE[library])
    ]
    assert not wrong, listed(wrong)


def test_tabs_do_not_touch_torch():
    wrong = [
        one
        for one in imports()
        if one.importer.startswith("gan_core.ui.tabs") and one.target.split(".")[0] in ("torch", "torchvision")
    ]
    assert not wrong, listed(wrong)


def test_app_is_a_door():
    lines = (ROOT / "app.py").read_text().splitlines()
    assert len(lines) <= MAX_DOOR_LINES, (
        f"app.py has {len(lines)} lines; what is behind the door belongs to gan_core.ui"
    )


def test_files_stay_short():
    lengths = {place(name): len(path.read_text().splitlines()) for name, path in modules().items()}
    long = {name: count for name, count in lengths.items() if count > MAX_LINES}
    assert not long, f"over {MAX_LINES} lines, time to divide: {long}"


# What happens at import is seen from a fresh interpreter.


def fresh(code: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in an empty folder that is also the home."""
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GAN_CORE_", "XDG_"))},
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=here,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_importing_does_nothing(tmp_path):
    """No file, no thread, no argument parsing, no CUDA, no network, no model."""
    names = [name for name in modules() if not name.startswith("gan_core.ui") and name != "gan_core.__main__"]
    code = """
        import argparse, importlib, socket, sys, threading
        from concurrent.futures import ThreadPoolExecutor
        import torch

        def refuse(what):
            def refused(*_, **__):
                raise SystemExit(f"{name}: {what} at import")
            return refused

        argparse.ArgumentParser.parse_args = refuse("arguments parsed")
        ThreadPoolExecutor.__init__ = refuse("a thread pool")
        socket.socket.connect = refuse("a connection")
        torch.nn.Module.__init__ = refuse("a model")
        threads = threading.active_count()
        for name in sys.argv[1:]:
            importlib.import_module(name)
            if threading.active_count() > threads:
                raise SystemExit(f"{name}: a thread at import")
            if torch.cuda.is_initialized():
                raise SystemExit(f"{name}: CUDA at import")
    """
    result = fresh(code, tmp_path, *names)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    written = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert not written, f"written at import: {written}"


def test_light_modules_wait_with_torch(tmp_path):
    """Help answers at once, and whoever only watches a run needs no torch."""
    code = """
        import importlib, sys
        for name in sys.argv[1:]:
            importlib.import_module(name)
            heavy = {"torch", "torchvision", "gradio", "huggingface_hub"} & set(sys.modules)
            if heavy:
                raise SystemExit(f"{name} imports {sorted(heavy)}")
    """
    floor_0 = [f"gan_core.{name}" for name in FLOORS[0]]
    result = fresh(code, tmp_path, "gan_core", *floor_0, "gan_core.training.run_folder", "gan_core.cli")
    assert result.returncode == 0, result.stderr


def test_help_imports_neither_torch_nor_gradio(tmp_path):
    code = """
        import sys
        from gan_core.cli import main
        try:
            main(["--help"])
        finally:
            print("HEAVY", sorted({"torch", "gradio", "huggingface_hub"} & set(sys.modules)))
    """
    result = fresh(code, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "train" in result.stdout
    assert "HEAVY []" in result.stdout


@pytest.mark.parametrize("arguments", [["train", "dcgan", "--help"], ["models", "--json"]], ids=" ".join)
def test_command_line_works_without_gradio(tmp_path, arguments):
    code = """
        import runpy, sys
        sys.modules["gradio"] = None  # Every import of it now fails.
        import gan_core, gan_core.cli
        runpy.run_module("gan_core", run_name="__main__")
    """
    result = fresh(code, tmp_path, *arguments)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Usage:" if "--help" in arguments else "[")

"""Exports that are kept: the same files without tracing anything, and never those of another model."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gan_core.config import ModelConfig
from gan_core.deploy.exports import NOTE, drop_old, exported
from gan_core.interop import onnx
from gan_core.models import dcgan
from gan_core.weights import Model, load, network_json, save
from tests.conftest import TINY_DCGAN
from tests.deploy.tiny import louder, tiny_generator, tiny_translator

pytestmark = pytest.mark.slow  # Whatever is exported anew is really traced.


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    pytest.importorskip("onnxscript", reason="the extra [onnx] is not installed")
    return load(tiny_generator(tmp_path_factory.mktemp("models") / "tiny-dcgan"))


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Networks that were traced; the real exporter does it."""
    seen: list[object] = []
    trace: Callable[..., object] = onnx.traced

    def watched(network: object, opset: int) -> object:
        seen.append(network)
        return trace(network, opset)

    monkeypatch.setattr(onnx, "traced", watched)
    return seen


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_weights_are_traced_once(tmp_path: Path, traced: list[object]) -> None:
    pytest.importorskip("onnxscript", reason="the extra [onnx] is not installed")
    kept, model = tmp_path / "kept", load(tiny_translator(tmp_path / "tiny-cyclegan"))
    first = exported(model, tmp_path / "a", name="one", half=True, kept_in=kept)
    assert len(traced) == 2
    again = exported(load(model.folder), tmp_path / "b", name="one", half=True, kept_in=kept)
    assert len(traced) == 2
    assert contents(tmp_path / "b") == contents(tmp_path / "a")
    assert sorted(contents(tmp_path / "a")) == ["generator_ab.onnx", "generator_ba.onnx"]
    assert [(one.path.name, one.difference) for one in again] == [(one.path.name, one.difference) for one in first]


def test_what_is_damaged_is_made_anew(model: Model, tmp_path: Path, traced: list[object]) -> None:
    kept = tmp_path / "kept"
    exported(model, tmp_path / "a", name="one", half=True, kept_in=kept)
    (place,) = kept.iterdir()
    damages = (
        lambda: (place / "generator.onnx").write_bytes(b"cut"),
        (place / "generator.onnx").unlink,
        lambda: (place / NOTE).write_text("{}"),
    )
    for count, damage in enumerate(damages, 2):
        damage()
        exported(model, tmp_path / f"a{count}", name="one", half=True, kept_in=kept)
        assert len(traced) == count
        assert contents(tmp_path / f"a{count}") == contents(tmp_path / "a")


def test_other_weights_names_and_terms_are_other_exports(tmp_path: Path, traced: list[object]) -> None:
    pytest.importorskip("onnxscript", reason="the extra [onnx] is not installed")
    config, networks = ModelConfig(family="dcgan", network=network_json(TINY_DCGAN)), dcgan.build(TINY_DCGAN)
    save(tmp_path / "model", config, networks)
    model = load(tmp_path / "model")
    louder(networks["generator"], 2)
    save(tmp_path / "model", config, networks)
    others = [
        (model, "one", False),
        (model, "two", False),
        (model, "one", True),
        (replace(model, config=replace(config, license="mit")), "one", False),
        (load(tmp_path / "model"), "one", False),
    ]
    for number, (one, name, half) in enumerate(others):
        exported(one, tmp_path / f"{number}", name=name, half=half, kept_in=tmp_path / "kept")
    assert len(traced) == len(others) == len(list((tmp_path / "kept").iterdir()))


def test_where_nothing_can_be_kept_it_is_exported_all_the_same(model: Model, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("no folder")
    made = exported(model, tmp_path / "a", name="one", half=True, kept_in=tmp_path / "kept" / "exports")
    assert all(one.path.is_file() for one in made)


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "newer", ".being-written", "old", "older", ".killed")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "file").write_bytes(bytes(100))
        at = folder.stat().st_mtime - 1200 * age
        os.utime(folder, (at, at))
    drop_old(tmp_path, 300)
    assert {path.name for path in tmp_path.iterdir()} == {"new", "newer", ".being-written", "old"}
    drop_old(tmp_path, 50)
    assert {path.name for path in tmp_path.iterdir()} == {"new", ".being-written"}, "the last one used stays"

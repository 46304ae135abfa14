"""ONNX files: what ONNX Runtime draws is what torch draws, at any count and size, and what differs is not kept."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from gan_core import weights
from gan_core.config import ModelConfig
from gan_core.errors import ConfigError, GanCoreError, ModelError
from gan_core.interop import graph
from gan_core.interop import onnx as exporting
from gan_core.interop.onnx import export, write
from gan_core.models import get_networks
from gan_core.weights import Model, network_json

TINY = {"generator_features": 8, "blocks": 1, "discriminator_features": 8, "discriminator_layers": 1}


def make(folder: Path, family: str, only: tuple[str, ...], config: dict[str, object], **numbers: object) -> Model:
    """A model folder of random weights that draw more than grey, and the model loaded from it."""
    torch.manual_seed(3)
    module = get_networks(family)
    network = module.Network(**numbers)
    networks = {name: one for name, one in module.build(network).items() if name in only}
    for one in networks.values():
        for name, value in one.state_dict().items():
            if value.is_floating_point() and "filt" not in name:
                value.copy_(torch.rand_like(value) + 0.5 if "running_var" in name else torch.randn_like(value) * 0.2)
    weights.save(folder, ModelConfig(family=family, network=network_json(network), **config), networks)
    return weights.load(folder)


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def facts(path: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def assert_same(
    network: nn.Module, running: onnxruntime.InferenceSession, atol: float = 1e-4, **inputs: Tensor
) -> None:
    (found,) = running.run(["pictures"], {name: value.numpy() for name, value in inputs.items()})
    with torch.inference_mode():
        expected = network(*inputs.values()).numpy()
    assert expected.std() > 0.02
    np.testing.assert_allclose(found, expected, atol=atol, rtol=0)


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """With the layers that the shipped painters have: resize convolutions, a skip, instance norm."""
    torch.set_num_threads(1)
    config = {"domains": {"a": "Monet painting", "b": "photograph"}, "license": "mit"}
    return make(
        tmp_path_factory.mktemp("models") / "painter",
        "cyclegan",
        ("generator_ab", "generator_ba"),
        config,
        **TINY,
        upsample="resize",
        global_skip=True,
    )


@pytest.fixture(scope="module")
def painted(painter: Model, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return export(painter, tmp_path_factory.mktemp("out") / "painter.onnx")


def test_translators_have_a_file_for_each_direction(painter, painted):
    assert [path.name for path in painted] == ["painter-ab.onnx", "painter-ba.onnx"]
    running = session(painted[1])
    for count, height, width in ((1, 64, 64), (2, 96, 48), (1, 128, 100), (3, 16, 16), (1, 200, 16)):
        photos = torch.rand(count, 3, height, width) * 2 - 1
        assert_same(painter.networks["generator_ba"], running, photos=photos)
    assert [value.shape for value in (*running.get_inputs(), *running.get_outputs())] == [
        ["batch", 3, "height", "width"]
    ] * 2


def test_files_say_what_they_are(painter, painted):
    told = facts(painted[1])
    assert told == {
        "name": "painter",
        "family": "cyclegan",
        "network": "generator_ba",
        "range": "-1 to 1",
        "license": "mit",
        "direction": "ba",
        "from": "photograph",
        "to": "Monet painting",
        "multiple_px": "4",
        "smallest_px": "16",
        "sha256": told["sha256"],
    }
    stored = painter.folder / "generator_ba.safetensors"
    assert told["sha256"] == hashlib.sha256(stored.read_bytes()).hexdigest()
    proto = onnx.load(painted[1])
    assert proto.producer_name == "GAN Studio"
    assert [entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")] == [exporting.OPSET]
    onnx.checker.check_model(proto, full_check=True)


def test_words_that_are_no_text_do_no_harm(painter, painted, tmp_path, monkeypatch):
    """JSON can hold half a letter, which no file can."""
    monkeypatch.setattr(exporting, "traced", lambda *_: onnx.load(painted[0]))
    hostile = replace(painter, config=replace(painter.config, license="\ud800"))
    (written,) = write(hostile, tmp_path / "a.onnx", name="\udcff", directions=["ab"])
    assert (facts(written.path)["license"], facts(written.path)["name"]) == ("?", "?")


def test_files_hold_no_paths_and_no_work_that_could_be_done_beforehand(painted):
    content = painted[0].read_bytes()
    assert b"gan_core" not in content
    assert b".py" not in content
    # The enlargement's kernel is computed from the weights: once, when the file is written.
    kinds = {node.op_type for node in onnx.load(painted[0]).graph.node}
    assert kinds <= {"Pad", "Conv", "ConvTranspose", "InstanceNormalization", "Relu", "Add", "Tanh", "Atanh", "Mul"}


@pytest.mark.parametrize(
    ("family", "numbers", "sizes"),
    [
        ("cyclegan", {**TINY, "norm": "batch", "channels": 1, "channels_b": 3}, [(64, 64), (36, 128)]),
        ("cyclegan", {**TINY, "downsample": "blur", "upsample": "blur"}, [(96, 48)]),
        ("pix2pix", {"generator_features": 2, "halvings": 7, "norm": "instance"}, [(128, 128), (128, 384)]),
    ],
    ids=["batch-norm", "cut", "unet"],
)
def test_every_translator_takes_other_sizes(tmp_path, family, numbers, sizes):
    config = {"directions": ["ab"]}
    model = make(tmp_path / "one-way", family, ("generator_ab",), config, **numbers)
    (path,) = export(model, tmp_path / "files")
    assert path == tmp_path / "files" / "generator_ab.onnx"
    for height, width in sizes:
        photos = torch.rand(2, int(numbers.get("channels", 3)), height, width) * 2 - 1
        assert_same(model.networks["generator_ab"], session(path), photos=photos)


def test_generators_take_latents_and_classes(tmp_path):
    config = {"classes": ["ant", "bee", "cät"]}
    model = make(
        tmp_path / "insects", "dcgan", ("generator",), config, size=32, latent_dim=8, generator_features=8, classes=3
    )
    (written,) = write(model, tmp_path / "insects.onnx", name="Insects")
    assert written.difference < 1e-5
    running = session(written.path)
    assert [(value.name, value.shape) for value in running.get_inputs()] == [
        ("z", ["batch", 8]),
        ("classes", ["batch", 3]),
    ]
    assert running.get_outputs()[0].shape == ["batch", 3, 32, 32]
    for count in (1, 2, 7):
        classes = torch.nn.functional.one_hot(torch.arange(count) % 3, 3).float()
        assert_same(model.networks["generator"], running, z=torch.randn(count, 8), classes=classes)
    told = facts(written.path)
    assert told["name"] == "Insects"
    assert json.loads(told["classes"]) == ["ant", "bee", "cät"]
    with pytest.raises(ModelError, match="has no directions"):
        write(model, tmp_path / "other.onnx", directions=["ab"])


@pytest.mark.parametrize(
    ("family", "numbers"),
    [
        ("deconv", {"size": 24, "channels": 4, "latent_dim": 10, "widths": [12, 8, 4], "kernels": [3, 3, 4, 4],
                    "strides": [1, 2, 2, 2], "paddings": [0, 1, 0, 1]}),
        ("upsample-dcgan", {"size": 16, "latent_dim": 10, "features": 8, "last_features": 4}),
        ("deep-conv", {"size": 16, "latent_dim": 10, "widths": [8, 8, 4]}),
    ],
    ids=["deconv", "upsample", "deep-conv"],
)  # fmt: skip
def test_imported_families_can_be_exported(tmp_path, family, numbers):
    model = make(tmp_path / "imported", family, ("generator",), {}, **numbers)
    (path,) = export(model, tmp_path / "imported.onnx")
    assert_same(model.networks["generator"], session(path), z=torch.randn(3, 10))


def test_half_precision_halves_the_file_and_hardly_shows(tmp_path, painter, painted, monkeypatch):
    monkeypatch.setattr(exporting, "traced", lambda *_: onnx.load(painted[1]))
    (half,) = write(painter, tmp_path / "half.onnx", directions=["ba"], half=True)
    assert half.path.stat().st_size < 0.6 * painted[1].stat().st_size
    photos = torch.rand(1, 3, 64, 48) * 2 - 1
    assert_same(painter.networks["generator_ba"], session(half.path), atol=exporting.HALF_TOLERANCE, photos=photos)
    values = [tensor for tensor in onnx.load(half.path).graph.initializer if len(tensor.dims) == 4]
    assert {tensor.data_type for tensor in values} == {onnx.TensorProto.FLOAT16}
    assert session(half.path).get_inputs()[0].type == "tensor(float)"


def test_what_differs_from_torch_is_not_kept(tmp_path, painter, painted, monkeypatch):
    """The second direction gets the first one's graph: neither is written, and an older file stays."""
    older = tmp_path / "a-ab.onnx"
    older.write_bytes(b"older")
    monkeypatch.setattr(exporting, "traced", lambda *_: onnx.load(painted[0]))
    with pytest.raises(ModelError, match=r"generator_ba differs from torch by \d.*Nothing was written"):
        write(painter, tmp_path / "a.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["a-ab.onnx"]
    assert older.read_bytes() == b"older"


def test_a_file_that_gives_nan_or_cannot_run_is_not_kept(tmp_path, painter, monkeypatch):
    monkeypatch.setattr(exporting, "largest_difference", lambda *_: float("nan"))
    monkeypatch.setattr(exporting, "traced", lambda *_: onnx.ModelProto())
    with pytest.raises(ModelError, match="differs from torch by nan"):
        write(painter, tmp_path / "a.onnx")
    with pytest.raises(ModelError, match="ONNX Runtime cannot run the file"):
        graph.largest_difference(b"nonsense", painter.networks["generator_ab"])
    assert not list(tmp_path.iterdir())


def test_without_the_extra_the_sentence_says_how_to_get_it(tmp_path, painter, monkeypatch):
    monkeypatch.setattr(exporting, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(GanCoreError, match=r'onnxscript, which is not installed.*pip install "gan-core\[onnx\]"'):
        write(painter, tmp_path / "a.onnx")


def test_wrong_wishes_are_one_sentence(tmp_path, painter):
    with pytest.raises(ConfigError, match="--opset is 11"):
        write(painter, tmp_path / "a.onnx", opset=11)
    one_way = Model(painter.config, {"generator_ab": painter.networks["generator_ab"]})
    with pytest.raises(ModelError, match="has no generator_ba"):
        write(one_way, tmp_path / "a.onnx", directions=["ba"])
    assert not list(tmp_path.iterdir())


def test_the_model_in_use_is_left_alone(painter, painted):  # noqa: ARG001 has been exported
    for network in painter.networks.values():
        assert not network.training
        assert all(value.dtype == torch.float32 for value in network.parameters())
        assert any(value.requires_grad for value in network.parameters())

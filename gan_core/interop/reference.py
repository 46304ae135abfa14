"""Back to the projects that the architectures come from: their file names, their keys, bare state dicts.

What is written loads strictly there and draws the same. What has no counterpart there is refused: a file that loads and
paints otherwise would be worse than none. `notes` says what has to be known where the file is opened.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.atomic import write_bytes
from gan_core.config import build
from gan_core.errors import GanCoreError, ModelError
from gan_core.models import get_networks
from gan_core.weights import Model

if TYPE_CHECKING:
    from torch import Tensor, nn

EXAMPLE_PX = 64  # The one size of pytorch/examples.
BLOCKS = (6, 9)  # junyanz' resnet_6blocks and resnet_9blocks.
HALVINGS = {7: "unet_128", 8: "unet_256"}


@dataclass(frozen=True)
class Plan:
    """What would be written."""

    files: "Mapping[str, Mapping[str, Tensor]]"
    """State dicts by file name."""
    notes: tuple[str, ...]


def export(model: Model, out: Path, *, directions: Sequence[str] | None = None) -> list[Path]:
    """Write the reference project's files into the folder `out`.

    directions: of a translator; None: all it has. One direction alone becomes a single-direction file. Raises
    `ModelError` for what the project cannot hold, and where such a file is there: it may be somebody's training.
    """
    import torch

    plan = planned(model, directions)
    contents = {}
    for name, state in plan.files.items():
        if (out / name).exists():
            raise ModelError(f"{out / name} exists. Nothing was written. Choose another folder, or remove it first.")
        buffer = io.BytesIO()
        torch.save({key: value.detach().cpu().clone().contiguous() for key, value in state.items()}, buffer)
        contents[out / name] = buffer.getvalue()
    try:
        for path, content in contents.items():
            write_bytes(path, content)
    except OSError as error:
        raise GanCoreError(f"{path} was not written: {error.strerror or error}. Choose another place.") from None
    return list(contents)


def planned(model: Model, directions: Sequence[str] | None = None) -> Plan:
    """Names, states and notes, with nothing written. Raises `ModelError` for what has no counterpart."""
    network = build(get_networks(model.config.family).Network, model.config.network, "The model")
    if model.config.family in ("cyclegan", "pix2pix"):
        there = [one for one in ("ab", "ba") if f"generator_{one}" in model.networks]
        wanted = [*dict.fromkeys(directions or there)]
        if missing := [one for one in wanted if one not in there]:
            raise ModelError(f"This model has no direction {missing[0]}. Nothing was written. It has {there[0]}.")
        return (_cyclegan if model.config.family == "cyclegan" else _pix2pix)(model, network, wanted)
    if directions:
        raise ModelError("This model draws from latents and has no directions. Nothing was written.")
    return _dcgan(model, network) if model.config.family == "dcgan" else _other(model)


# Generators.


def _dcgan(model: Model, network: Any) -> Plan:
    """pytorch/examples: `netG_epoch_<N>.pth`, and `netD_epoch_<N>.pth` where there is a discriminator."""
    if network.classes:
        raise ModelError(
            f"This model draws {network.classes} classes on demand, and the network of pytorch/examples has no input "
            "for them. Nothing was written. Export it with --format onnx."
        )
    epoch = _epoch(model)
    files = {f"netG_epoch_{epoch}.pth": _state(model, "generator")}
    doublings = network.size.bit_length() - 3  # 4 at 64 px.
    widest = network.generator_features * 2 ** (doublings - 1)
    notes = []
    if network.size == EXAMPLE_PX and widest <= network.max_features:
        features = f"--ngf {network.generator_features} --ndf {network.discriminator_features}"
        notes.append(f"Opens in pytorch/examples: main.py --nz {network.latent_dim} {features}, nc {network.channels}.")
    if network.size != EXAMPLE_PX:
        count = abs(doublings - 4)
        notes.append(
            f"pytorch/examples builds {EXAMPLE_PX} px networks alone: for {network.size} px, its networks must get "
            f"{count} {'layer' if count == 1 else 'layers'} {'more' if doublings > 4 else 'less'}."
        )
    if widest > network.max_features:
        notes.append(
            f"pytorch/examples doubles the channels without an end; here they stop at {network.max_features}, and its "
            "networks must be told so."
        )
    notes.append("Call eval() on the generator: the example itself draws in training mode, and then differently.")
    if network.spectral_norm and "discriminator" in model.networks:
        notes.append("The discriminator was left out: spectral norm has no counterpart in pytorch/examples.")
    elif "discriminator" in model.networks:
        files[f"netD_epoch_{epoch}.pth"] = _state(model, "discriminator")
    return Plan(files, tuple(notes))


def _other(model: Model) -> Plan:
    """Families that are imported alone, and keep their project's own keys."""
    note = f"The keys are those of the project it came from; its Generator must be built with {_numbers(model)}."
    return Plan({"generator.pth": _state(model, "generator")}, (note,))


def _numbers(model: Model) -> str:
    shown = {name: value for name, value in model.config.network.items() if name != "classes"}
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def _epoch(model: Model) -> int:
    """Passes over the data, as far as the model's history tells it."""
    images, size = model.config.trained.get("images"), model.config.data.get("images")
    if isinstance(images, int) and isinstance(size, int) and size > 0:
        return max(images // size, 0)
    return 0


# Translators.


def _cyclegan(model: Model, network: Any, directions: list[str]) -> Plan:
    if network.global_skip:
        raise ModelError(
            "This model adds its change to the photo (global_skip), which no other project's network does: there, its "
            "weights would paint something else. Nothing was written. Export it with --format onnx."
        )
    blurred = (network.downsample == "blur", network.upsample == "blur")
    if network.upsample == "resize":
        return _pytorch_gan(model, network, directions)
    names = _junyanz_names(model, directions)
    files = {file: _state(model, ours) for file, ours in names.items()}
    single = "cut" if any(blurred) else "test"
    options = f"--model {'cycle_gan' if len(directions) == 2 else single} --netG resnet_{network.blocks}blocks"
    notes = [_options(network, options + _antialias(blurred), cut=any(blurred))]
    if network.blocks not in BLOCKS:
        notes.append(f"Its command knows 6 and 9 blocks: build ResnetGenerator with n_blocks={network.blocks} by hand.")
    if network.padding == "zero":
        notes.append("Its command pads by reflection: build ResnetGenerator with padding_type='zero' by hand.")
    return Plan(files, tuple(notes + _way(model, directions)))


def _antialias(blurred: tuple[bool, bool]) -> str:
    """CUT's options, whose networks blur both ways by default."""
    if not any(blurred):
        return ""
    return ("" if blurred[0] else " --no_antialias") + ("" if blurred[1] else " --no_antialias_up")


def _junyanz_names(model: Model, directions: list[str]) -> dict[str, str]:
    """Their file -> our network. The direction trap: their G_A makes b from a, and their D_A judges b."""
    if len(directions) == 2:
        names = {"G_A": "generator_ab", "G_B": "generator_ba", "D_A": "discriminator_b", "D_B": "discriminator_a"}
    else:
        names = {"G": f"generator_{directions[0]}", "D": f"discriminator_{directions[0][1]}"}
    return {f"latest_net_{theirs}.pth": ours for theirs, ours in names.items() if ours in model.networks}


def _options(network: Any, options: str, *, cut: bool = False) -> str:
    """The sentence with the command that opens the files."""
    project = "taesungp's contrastive-unpaired-translation" if cut else "junyanz' pytorch-CycleGAN-and-pix2pix"
    options += f" --ngf {network.generator_features} --{'normG' if cut else 'norm'} {network.norm}"
    if cut:
        options += f" --no_dropout {not network.dropout}"
    elif not network.dropout:
        options += " --no_dropout"
    if network.norm == "batch" or network.dropout:
        options += " --eval"  # Its test.py otherwise leaves the networks in training mode.
    channels = (network.channels, network.channels_b or network.channels)
    if channels != (3, 3):
        options += f" --input_nc {channels[0]} --output_nc {channels[1]}"
    return f"Opens in {project}, in a folder of checkpoints: python test.py {options}"


def _way(model: Model, directions: list[str]) -> list[str]:
    domains = model.config.domains or {"a": "domain A", "b": "domain B"}
    if len(directions) == 1:
        source, target = domains[directions[0][0]], domains[directions[0][1]]
        return [f"latest_net_G.pth makes {target} from {source}."]
    return [f"G_A makes {domains['b']} from {domains['a']}, and G_B the reverse."]


def _pytorch_gan(model: Model, network: Any, directions: list[str]) -> Plan:
    """PyTorch-GAN: enlargement and convolution, blocks called `block`, files `G_AB_<N>.pth`, `G_BA_<N>.pth`."""
    fits = (
        (network.norm, network.padding, network.downsample) == ("instance", "reflect", "strided")
        and not network.dropout
        and (network.channels, network.channels_b or network.channels) == (3, 3)  # It pads by `channels` pixels.
    )
    if not fits:
        raise ModelError(
            "This model enlarges by nearest neighbours together with options that no other project's network has. "
            "Nothing was written. Export it with --format onnx."
        )
    epoch = _epoch(model)
    ups = (10 + network.blocks, 13 + network.blocks, 17 + network.blocks)
    shifts = {f"model.{ours}": f"model.{ours + shift}" for ours, shift in zip(ups, (1, 2, 2), strict=True)}

    def renamed(key: str) -> str:
        layer, _, last = key.rpartition(".")
        return f"{shifts[layer]}.{last}" if layer in shifts else key.replace(".conv_block.", ".block.")

    files = {
        f"G_{one.upper()}_{epoch}.pth": {renamed(k): v for k, v in _state(model, f"generator_{one}").items()}
        for one in directions
    }
    note = (
        f"Opens in PyTorch-GAN's cyclegan: GeneratorResNet((3, H, W), {network.blocks}), built with "
        f"{network.generator_features} channels after its first layer. "
        "junyanz' networks, which enlarge by transposed convolutions, cannot hold it."
    )
    return Plan(files, (note,))


def _pix2pix(model: Model, network: Any, directions: list[str]) -> Plan:
    if len(directions) > 1:
        raise ModelError("pix2pix has one direction, this model two. Nothing was written. Choose --direction ab or ba.")
    names = _junyanz_names(model, directions)
    unet = HALVINGS.get(network.halvings, "unet_256")
    options = f"--model test --netG {unet}"
    notes = [_options(network, options)]
    if network.halvings not in HALVINGS:
        notes.append(
            f"Its command knows 7 and 8 halvings: build UnetGenerator with num_downs={network.halvings} by hand."
        )
    if network.bias is not None:
        notes.append(
            "Its convolutions have the biases of the project's first version, of 2017; later ones have others."
        )
    return Plan({file: _state(model, ours) for file, ours in names.items()}, tuple(notes + _way(model, directions)))


def _state(model: Model, name: str) -> "Mapping[str, Tensor]":
    network: nn.Module = model.networks[name]
    return network.state_dict()


def notes(model: Model, directions: Sequence[str] | None = None) -> tuple[str, ...]:
    """What has to be known where the files are opened. Raises `ModelError` as `planned` does."""
    return planned(model, directions).notes

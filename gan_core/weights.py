"""Model folders on disk: written whole, loaded strictly, no pickles.

The tensors are stored in safetensors under the reference projects' key names. A folder that is damaged, truncated or
foreign gives one sentence and changes nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from gan_core.atomic import new_folder, write_json
from gan_core.config import ModelConfig, build, check_name, few
from gan_core.errors import ConfigError, ModelError
from gan_core.models import get_networks

# Torch takes seconds to import, and whoever only reads configurations does without it.
if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

CONFIG = "config.json"
BOTH = ("ab", "ba")
MAX_JSON_BYTES = 4_000_000


@dataclass(frozen=True)
class Model:
    """A loaded model: its configuration and its networks, in eval mode, by file name."""

    config: ModelConfig
    networks: "dict[str, nn.Module]"
    folder: Path | None = None


def is_model_folder(folder: Path) -> bool:
    return (folder / CONFIG).is_file() and any(folder.glob("*.safetensors"))


def read_json(path: Path) -> Any:
    """Parsed JSON of a model folder; None where the file is missing."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ModelError(f"{path} is larger than {MAX_JSON_BYTES // 10**6} MB. It was not read.")
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}). Nothing was loaded.") from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is not valid JSON ({error}). Nothing was loaded.") from None


def read_config(folder: Path, *, check_network: bool = True) -> ModelConfig:
    """A folder's config.json, with constructor numbers that its family accepts.

    check_network: False leaves those numbers to whoever loads the model, and needs no torch.
    """
    where = folder / CONFIG
    values = read_json(where)
    if values is None:
        raise ModelError(f"{folder} is not a model folder: it has no {CONFIG}. Nothing was loaded.")
    config = ModelConfig.from_json(values, str(where))
    if check_network:
        try:
            build(get_networks(config.family).Network, config.network, str(where))
        except ConfigError as error:
            raise ModelError(f"{where} does not describe a network: {error} Nothing was loaded.") from None
    named, asked = len(config.classes or ()), config.network.get("classes", 0)
    if named != asked:
        raise ModelError(f"{where} names {named} classes for a network with {asked}. Nothing was loaded.")
    return config


def save(
    folder: Path,
    config: ModelConfig,
    networks: "Mapping[str, nn.Module]",
    *,
    half: bool = False,
    metrics: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes] | None = None,
    make_parent: bool = True,
) -> None:
    """Write a model folder under a temporary name and rename it to `folder`, in the place of an older one.

    half: store convolution weights in float16 (half the size); norm statistics stay float32.
    files: further files by name (preview.webp, README.md).
    make_parent: False where the folder around it must not be made anew.
    """
    from safetensors.torch import save_file

    check_name(folder.name)
    with new_folder(folder, replace=True, make_parent=make_parent) as temporary:
        write_json(temporary / CONFIG, config.to_json())
        if metrics is not None:
            write_json(temporary / "metrics.json", dict(metrics))
        for name, network in networks.items():
            tensors = {key: _stored(value, half) for key, value in network.state_dict().items()}
            path = temporary / f"{name}.safetensors"
            save_file(tensors, path, metadata={"format": "pt"})
            path.chmod(0o644)  # The library makes it readable by its owner alone, unlike everything beside it.
        for name, content in (files or {}).items():
            (temporary / check_file_name(name)).write_bytes(content)


def check_file_name(name: str) -> str:
    """A plain file name, unchanged; anything that could leave its folder is refused."""
    if Path(name).name != name or name in ("", ".", "..") or "\\" in name:
        raise ModelError(f"{name!r} cannot be a file of a model folder. Nothing was written.")
    return name


def _stored(tensor: "Tensor", half: bool) -> "Tensor":
    tensor = tensor.detach().cpu()
    if half and tensor.ndim > 1 and tensor.is_floating_point():
        tensor = tensor.half()
    return tensor.contiguous()  # Without channels_last strides, which safetensors refuses.


def load(folder: str | Path, *, device: "torch.device | str" = "cpu", only: tuple[str, ...] | None = None) -> Model:
    """Load a model folder strictly: every tensor is used and every parameter is filled, or nothing is loaded.

    only: names of the networks to load; None: all files that are there. The family's required ones must be there; of a
    translator with one direction, that direction's generator, and the other is not looked at.
    """
    import torch

    folder = Path(folder)
    config = read_config(folder)
    family = get_networks(config.family)
    with torch.device("meta"):  # No memory and no random numbers before the file has proved to fit.
        networks = family.build(family.Network(**config.network))
    # A translator's generators are named by direction; nothing else depends on it.
    idle = {f"generator_{direction}" for direction in ("ab", "ba") if direction not in (config.directions or BOTH)}
    wanted = set(only or networks) - idle
    loaded = {}
    for name in [name for name in networks if name in wanted]:
        path = folder / f"{name}.safetensors"
        if path.is_file():
            _fill(networks[name], path)
            loaded[name] = networks[name].eval().to(device)
        elif name in family.REQUIRED:
            raise ModelError(f"{folder} has no {path.name}. Nothing was loaded. Fetch the whole folder again.")
    return Model(config, loaded, folder)


def _fill(network: "nn.Module", path: Path) -> None:
    expected = network.state_dict()
    try:
        with safe_open(path, "pt") as file:
            found = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 not a dict
            _check_keys(path, found, {key: tuple(value.shape) for key, value in expected.items()})
            tensors = {key: file.get_tensor(key).to(expected[key].dtype) for key in found}
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged or not a safetensors file ({error}). Nothing was loaded.") from None
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise ModelError(f"{path} holds values that are not finite, in {key}. Nothing was loaded.")
    network.load_state_dict(tensors, strict=True, assign=True)


def _check_keys(path: Path, found: dict[str, tuple[int, ...]], expected: dict[str, tuple[int, ...]]) -> None:
    problems = []
    if missing := [key for key in expected if key not in found]:
        problems.append(f"missing {few(missing)}")
    if foreign := [key for key in found if key not in expected]:
        problems.append(f"not of this network {few(foreign)}")
    if wrong := [
        f"{k} {found[k]} instead of {expected[k]}" for k in expected if k in found and found[k] != expected[k]
    ]:
        problems.append(f"wrong shape {few(wrong)}")
    if problems:
        raise ModelError(f"{path} does not fit its config.json: {'; '.join(problems)}. Nothing was loaded.")


def network_json(network: Any) -> dict[str, Any]:
    """The flat constructor numbers of a family's `Network`, for `ModelConfig.network`."""
    return asdict(network)

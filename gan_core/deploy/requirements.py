"""requirements.txt of a Space: the versions that are installed here, pinned, as far as the target takes them."""

import re
import sys
from importlib.metadata import PackageNotFoundError, version

from gan_core.errors import DeployError

NEEDED = (
    *("torch", "torchvision", "numpy", "pillow", "safetensors", "huggingface_hub"),
    *("gradio", "click", "rich", "psutil", "av", "pyyaml"),
)
"""What pyproject.toml names; a test holds them equal."""
ALSO = ("pillow-heif",)
"""Extras that a public page is better with, where they are installed here: telephones' photographs."""
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""PyTorch without CUDA: 0.9 GB instead of 5 GB installed."""
ZERO_GPU = {"torch": "2.11.0", "torchvision": "0.26.0"}
"""The newest pair that ZeroGPU takes (August 2026)."""
ZERO_GPU_PYTHON = "3.12.12"


def requirements(target: str) -> str:
    """The text of requirements.txt. Raises `DeployError` where a version cannot be asked of a registry."""
    zero = target == "zero-gpu"
    lines = [f"# Versions that GAN Studio was tried with. Python {python_version(target)}, as README.md's head says."]
    if zero:
        lines += ["# ZeroGPU takes torch up to this one.", *(f"{name}=={pin}" for name, pin in ZERO_GPU.items())]
        lines += ["# In step with the Space's own, and so without a version.", "spaces"]
    else:
        lines += ["# Without CUDA, which is five times as large; where it is missing there, the usual one serves."]
        lines += [f"--extra-index-url {CPU_INDEX}", *(_pin(name) for name in ZERO_GPU)]
    lines += [_pin(name, "oauth" if name == "gradio" else "") for name in NEEDED if name not in ZERO_GPU]
    lines += [_pin(name) for name in ALSO if installed(name)]
    return "\n".join(lines) + "\n"


def python_version(target: str) -> str:
    return ZERO_GPU_PYTHON if target == "zero-gpu" else f"{sys.version_info.major}.{sys.version_info.minor}"


def gradio_version() -> str:
    return _pin("gradio").rpartition("=")[2]


def installed(name: str) -> str | None:
    """The version of a package that is here; None where it is not."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _pin(name: str, extra: str = "") -> str:
    found = installed(name)
    if found is None:
        raise DeployError(f"{name} is not installed here. No Space was built. Install gan-core again, whole.")
    public = found.partition("+")[0]  # 2.15.0+cu132 is called 2.15.0 where everybody gets it.
    if not re.fullmatch(r"\d+(\.\d+)*(\.post\d+)?", public):
        raise DeployError(
            f"{name} {found} is no release, and a Space cannot install it. No Space was built. Install a release."
        )
    return f"{name}[{extra}]=={public}" if extra else f"{name}=={public}"

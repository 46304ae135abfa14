"""Files of weights to tensors: PyTorch's own files and safetensors, whatever their names end in.

What comes from a stranger is judged before it is opened: by its first bytes, by the table of a zip, by the sizes that
it claims. Pickles are read by PyTorch's restricted reader alone, which runs nothing; one that asks for more is refused.
"""

import re
import warnings
import zipfile
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gan_core.config import few
from gan_core.errors import CheckpointError

# Its advice on protocols is for whoever wrote the file. (A filter set and reset here would not be safe in threads.)
warnings.filterwarnings("ignore", message="Detected pickle protocol")

SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".pkl", ".tar")
MAX_GB = 8
MAX_ENTRIES = 20_000
MAX_HEADER_BYTES = 100_000_000  # As the safetensors library has it.
INFLATION = 4  # A state dict whose tensors claim more than this many times the file's size is no state dict.
_ALLOWANCE = 1_000_000  # Bytes that small files may claim all the same.


class _Nothing:
    """Stands in for what a bundle carries beside the weights (options, scores, dates): takes anything, keeps nothing.

    The real classes would be built out of a stranger's bytes, NumPy's out of raw memory.
    """

    def __new__(cls, *_: Any) -> "_Nothing":
        return super().__new__(cls)

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


_BESIDE = [
    "argparse.Namespace",
    *(f"datetime.{kind}" for kind in ("date", "datetime", "timedelta")),
    *(f"{module}.{kind}" for module in ("pathlib", "pathlib._local") for kind in ("PosixPath", "WindowsPath")),
    "numpy.dtype",
    "numpy.ndarray",
    *(f"numpy.{core}.multiarray.{kind}" for core in ("_core", "core") for kind in ("_reconstruct", "scalar")),
]
_LOADING = Lock()  # The list of allowed classes is one for the whole process.

_FOREIGN = (  # First bytes, what the file is, what to do.
    (b"version https://git-lfs", "is a pointer of git-lfs, not the file itself", "Fetch it with git lfs pull"),
    (b"\x89HDF", "is an HDF5 file, as Keras writes it", "Only weights of PyTorch networks are read"),
    (b"<", "is a web page, not a file of weights", "Download the file itself"),
    (b"\x1f\x8b", "is packed with gzip", "Unpack it first"),
    (b"7z\xbc\xaf", "is a 7-Zip archive", "Unpack it first"),
    (b"Rar!", "is a RAR archive", "Unpack it first"),
)


def read_file(path: Path) -> Any:
    """What a file of weights holds: nested dictionaries with tensors on the CPU, memory-mapped where that can be.

    Raises `CheckpointError` for what is no such file, is damaged, is absurdly large or wants to run code.
    """
    if not str(path).isprintable():  # Neither PyTorch nor safetensors opens names that are no text.
        raise CheckpointError(f"{few([str(path)])} is no name of letters. Nothing was imported. Rename the file.")
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path} is not a file. Nothing was imported.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}). Nothing was imported.") from None
    if not head:
        raise CheckpointError(f"{path} is empty. Nothing was imported. Fetch it again.")
    # Safetensors begin with the length of a header of JSON: eight bytes, which may look like anything.
    safetensors = head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= MAX_HEADER_BYTES
    for start, what, advice in _FOREIGN:
        if head.lstrip().startswith(start) and not safetensors:
            raise CheckpointError(f"{path} {what}. Nothing was imported. {advice}.")
    if size > MAX_GB * 1e9:
        raise CheckpointError(f"{path} has {size / 1e9:.0f} GB; at most {MAX_GB} are read. Nothing was imported.")
    if safetensors:
        return _safetensors(path)
    if head.startswith(b"PK\x03\x04"):
        mmap = _check_zip(path, size)
    elif head.startswith(b"\x80"):
        mmap = False
    else:
        raise _no_weights(path)
    return _pickle(path, mmap)


def check_claims(path: Path, tensors: "dict[str, Tensor]") -> None:
    """Refuse tensors that are not plain numbers on the CPU, or that claim far more than their file can hold."""
    for key, tensor in tensors.items():
        plain = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
        if not plain or tensor.is_complex():
            raise CheckpointError(
                f"{path} holds a tensor of a kind that no network here has: {few([key])}. Nothing was imported."
            )
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if claimed > INFLATION * path.stat().st_size + _ALLOWANCE:
        raise CheckpointError(
            f"{path} claims {claimed / 1e6:.0f} MB of weights in a file of {path.stat().st_size / 1e6:.1f} MB. "
            "Nothing was imported."
        )


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 not a dict
    except (SafetensorError, OSError, ValueError, MemoryError) as error:
        raise _damaged(path, error) from None


def _check_zip(path: Path, size: int) -> bool:
    """Judge a zip by its table alone. True where its entries lie there plainly and can be memory-mapped."""
    try:
        with zipfile.ZipFile(path) as file:
            entries = file.infolist()
    except Exception as error:  # On damaged tables zipfile raises much more than BadZipFile.
        raise _damaged(path, error) from None
    names = [entry.filename.rpartition("/")[2] for entry in entries[:MAX_ENTRIES]]
    claimed = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES or claimed > INFLATION * size + _ALLOWANCE:
        raise CheckpointError(
            f"{path} claims {len(entries)} entries of {claimed / 1e6:.0f} MB together, and has {size / 1e6:.1f} MB. "
            "It was not unpacked and nothing was imported."
        )
    if "constants.pkl" in names:
        raise CheckpointError(
            f"{path} is a TorchScript program, not a file of weights. Nothing was run or imported. {_SAVE}"
        )
    if "data.pkl" not in names:
        raise CheckpointError(
            f"{path} is a zip archive without weights of PyTorch. Nothing was imported. Unpack it and name the folder."
        )
    return all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)


def _pickle(path: Path, mmap: bool) -> Any:
    try:
        with _LOADING, torch.serialization.safe_globals([(_Nothing, name) for name in _BESIDE]):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except Exception as error:  # Its reader raises almost anything on damaged and on hostile input.
        message = str(error)
    if found := re.search(r"GLOBAL ([\w.<>]+)", message):
        raise _refused(path, found[1])
    if "Unsupported class" in message or "Unsupported operand" in message:
        if found := re.search(r"Unsupported class (\S+)", message):
            raise _refused(path, found[1])
        raise CheckpointError(
            f"{path} is a pickle that PyTorch did not write, so nothing of it was run or imported. {_SAVE}"
        )
    if "mmap" in message or "eager" in message:
        raise _no_weights(path)
    raise _damaged(path, message.partition("\n")[0])


_SAVE = "Save the weights alone, where the network is at hand: torch.save(network.state_dict(), 'weights.pth')."
_SYSTEM = {"builtins", "ctypes", "importlib", "nt", "os", "posix", "runpy", "shutil", "socket", "subprocess", "sys"}
_NETWORKS = re.compile(r"torch\.nn\.|__main__\.|(.+\.)?(models?|networks?|modules?|generators?|gan)\.", re.IGNORECASE)


def _refused(path: Path, name: str) -> CheckpointError:
    """`name` is the function or class that the pickle asks for."""
    if _NETWORKS.match(name) and name.rpartition(".")[2][:1].isupper():
        return CheckpointError(
            f"{path} holds a whole pickled network ({name}), which is code and not only weights. "
            f"Nothing was run or imported. {_SAVE}"
        )
    if name.rpartition(".")[2][:1].isupper() and name.partition(".")[0] not in _SYSTEM:
        return CheckpointError(
            f"{path} holds more than weights: an object of the class {few([name])}, perhaps a whole pickled network, "
            f"which only code could make. Nothing was run or imported. {_SAVE}"
        )
    return CheckpointError(
        f"{path} is a pickle that wants to run code ({few([name])}). It was refused: nothing was run or imported. "
        "If you trust its source, ask there for the weights alone (a state dict, or safetensors)."
    )


def _no_weights(path: Path) -> CheckpointError:
    kinds = ", ".join(SUFFIXES[:5])
    return CheckpointError(
        f"{path} is not a file of weights, whatever its name says. Nothing was imported. Name a file of PyTorch or "
        f"safetensors ({kinds})."
    )


def _damaged(path: Path, error: object) -> CheckpointError:
    reason = " ".join(str(error).split())[:160] or type(error).__name__
    return CheckpointError(f"{path} is damaged or cut off ({reason}). Nothing was imported. Fetch it again.")

"""Between two passes: what a layer made of the whole picture, in memory while there is room, and then in a file."""

import tempfile
from io import FileIO

import numpy as np
import torch
from torch import Tensor

from gan_core.errors import PictureError


class Shelf:
    """Hands out room. Never more than `room` bytes of memory at a time; what does not fit lies in temporary files."""

    def __init__(self, room: int) -> None:
        self.left = room

    def take(self, shape: tuple[int, int, int], dtype: torch.dtype, device: torch.device) -> "Held":
        return Held(self, shape, dtype, device)


class Held:
    """Numbers for each pixel, (H, W, C), written and read by rows.

    Half precision keeps 11 bits, which moves the result by a level of 255 here and there (tests/benchmarks/RESULTS.md).
    What is too large for it becomes the largest number that it knows.
    """

    def __init__(self, shelf: Shelf, shape: tuple[int, int, int], dtype: torch.dtype, device: torch.device) -> None:
        self.shape, self._dtype, self._device = shape, dtype, device
        self._row = shape[1] * shape[2] * dtype.itemsize
        self._shelf, self._bytes = shelf, shape[0] * self._row
        self._memory: Tensor | None = None
        self._file: FileIO | None = None
        if self._bytes <= shelf.left:
            shelf.left -= self._bytes
            self._memory = torch.empty(shape, dtype=dtype, device=device)
        else:
            self._file = _opened()

    def write(self, first: int, rows: Tensor) -> None:
        """rows (n, W, C) become the rows from `first` on."""
        if self._dtype == torch.float16:
            rows = rows.clamp(-65504, 65504)
        if self._memory is not None:
            self._memory[first : first + len(rows)] = rows
            return
        assert self._file is not None
        try:
            self._file.seek(first * self._row)
            numbers = rows.to(self._dtype).contiguous().cpu().numpy().data.cast("B")
            while numbers:
                numbers = numbers[self._file.write(numbers) :]
        except OSError as error:
            raise _full(error) from None

    def read(self, first: int, count: int) -> Tensor:
        """(count, W, C) float32 on the device of the network; not to be written to."""
        if self._memory is not None:
            return self._memory[first : first + count].float()
        assert self._file is not None
        numbers = np.empty((count, *self.shape[1:]), dtype=np.float16 if self._dtype == torch.float16 else np.float32)
        self._file.seek(first * self._row)
        empty = numbers.data.cast("B")
        while empty:
            got = self._file.readinto(empty)
            if not got:
                raise PictureError("The temporary file of this picture was cut short. Nothing was painted. Try again.")
            empty = empty[got:]
        return torch.from_numpy(numbers).to(self._device, torch.float32)

    def drop(self) -> None:
        """Give the room back; twice does no harm."""
        if self._memory is not None:
            self._memory = None
            self._shelf.left += self._bytes
        if self._file is not None:
            self._file.close()
            self._file = None


def _opened() -> FileIO:
    """A file without a name, gone when it is closed or the process ends."""
    try:
        return tempfile.TemporaryFile(buffering=0)
    except OSError as error:
        raise _full(error) from None


def _full(error: OSError) -> PictureError:
    return PictureError(
        f"The folder for temporary files, {tempfile.gettempdir()}, could not take this picture's layers "
        f"({error.strerror or error}). Nothing was painted. Make room there, or set TMPDIR to a folder with more."
    )

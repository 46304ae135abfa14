"""Pictures to tensors and back: the one place that knows of files, colour modes and the range [-1, 1]."""

from gan_core.images.mark import marked
from gan_core.images.opening import SUFFIXES, open_picture
from gan_core.images.sheets import enlarged, grid
from gan_core.images.tensors import MODES, to_array, to_float, to_pictures, to_tensor, to_uint8, with_channels

__all__ = [
    "MODES",
    "SUFFIXES",
    "enlarged",
    "grid",
    "marked",
    "open_picture",
    "to_array",
    "to_float",
    "to_pictures",
    "to_tensor",
    "to_uint8",
    "with_channels",
]

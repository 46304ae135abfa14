"""Whole photographs through a translator's network, exactly and in bounded memory.

Norms that take their statistics from the picture itself forbid tiles: each tile would be normalised by itself and get
a tone of its own. So the network is computed norm by norm. A pass streams the picture in blocks of rows, from what the
last pass held, up to the next norm, and finds that norm's statistics over the whole picture. Between passes the layers'
results are held, those of large pictures in half precision, or, where there is no room for them, computed again.
Nothing overlaps and no tile has an edge, so there can be no seam.
"""

from gan_core.inference.whole.painting import Painting, Progress, streamed
from gan_core.inference.whole.program import Program

__all__ = ["Painting", "Program", "Progress", "streamed"]

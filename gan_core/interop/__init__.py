"""Other people's checkpoints, logs and formats: what they hold, in our terms, and our models in theirs.

`recognise(source)` tells what networks a file or folder of weights holds; `onnx`, `reference` and `logs` are modules of
their own. Nothing here writes into the models folder: that is `gan_core.adopt`.
"""

from gan_core.interop.dialect import Found
from gan_core.interop.recognition import recognise

__all__ = ["Found", "recognise"]

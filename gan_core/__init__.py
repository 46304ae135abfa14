"""GAN Studio: train, load and use DCGAN and CycleGAN models.

>>> import gan_core
>>> model = gan_core.load("nouns-dcgan")
>>> pictures = model.generate(seeds=[7, 8])
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan_core.library import load as load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    # Torch takes a second and more to import: `gan-core --help` must not wait for it.
    if name == "load":
        from gan_core.library import load

        return load
    raise AttributeError(f"module 'gan_core' has no attribute {name!r}")

"""Networks, one file a family.

A family's file holds a frozen dataclass `Network` (flat constructor numbers, checked) and a function
`build(network) -> dict[str, nn.Module]` that gives all networks of a model by their file names in a model folder, and
`REQUIRED`, the names without which a model is of no use. Nothing else is asked of it.
"""

from importlib import import_module
from types import ModuleType

from gan_core.families import get_family


def get_networks(family: str) -> ModuleType:
    """The module `models/<family>.py` of a registered family; a dash in its name is an underscore there."""
    return import_module(f"gan_core.models.{get_family(family).name.replace('-', '_')}")

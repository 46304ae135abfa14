"""Training: a step for each family, one loop, run folders.

A family's file `training/<name>.py` holds

- `Recipe`: a frozen dataclass of options (losses, learning rates, ...), documented and checked;
- `Training(network, recipe, plan)`: builds networks and optimizers and offers
  `modules`, `optimizers` (all that a state must hold, by name), `batches_per_step`,
  `step(step, batches) -> {name: 0-d tensor}` (one update of everything; no transfer to the host),
  `export() -> {name: network}` (what a model folder holds), `sample(fixed) -> (N, C, H, W)`, `sample_columns()`, and
  `extra_state()` / `load_extra_state(state)` for what is neither a module nor an optimizer.

The loop asks for nothing else, and imports a family's file by its name in the registry.
"""

from importlib import import_module
from types import ModuleType

from gan_core.families import get_family


def get_training(family: str) -> ModuleType:
    """The module `training/<family>.py` of a registered family."""
    return import_module(f"gan_core.training.{get_family(family).name}")

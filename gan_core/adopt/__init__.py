"""What other projects left behind becomes ours: checkpoints as model folders, logs (in `log`) as run folders."""

from gan_core.adopt.checkpoint import Adopted, adopt, free_folder

__all__ = ["Adopted", "adopt", "free_folder"]

"""What can go wrong in a way that a person can mend.

Every text says what happened, what was not done and what to do, and names the file or flag. The command line prints it
as one line; the application shows it where the eye is.
"""


class GanCoreError(Exception):
    """Base of all errors that are meant for people, not for a bug report."""


class ConfigError(GanCoreError):
    """An option or a configuration file holds a value that cannot work."""


class PictureError(GanCoreError):
    """A picture cannot be read, or is larger than allowed."""


class DataError(GanCoreError):
    """A data set is missing, empty, hostile or of the wrong kind."""


class ModelError(GanCoreError):
    """A model folder is missing, damaged, foreign or does not fit its network."""


class CheckpointError(ModelError):
    """Somebody else's checkpoint cannot be read, is hostile, or is of no known architecture."""


class RunError(GanCoreError):
    """A training run cannot start, go on or be read."""


class HubError(GanCoreError):
    """The Hugging Face Hub refused, or could not be reached. reason: which of the cases, for programs."""

    def __init__(self, text: str, reason: str = "unknown") -> None:
        super().__init__(text)
        self.reason = reason


class DeployError(GanCoreError):
    """A Space's folder cannot be built, does not work, or did not become a Space."""


class RecipeError(GanCoreError):
    """A recipe cannot be read, holds nonsense, or does not fit its model."""


class Cancelled(GanCoreError):  # noqa: N818 nothing went wrong
    """A person stopped the work; nothing of it was kept."""

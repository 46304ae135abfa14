"""Which run somebody means."""

from pathlib import Path

from gan_core.errors import RunError
from gan_core.settings import Settings
from gan_core.training.run_folder import ACTIVE, IMPORTED, RunFolder, list_runs

ELSEWHERE = "Read from another project's log: there is nothing to go on with."


def find(name: str) -> RunFolder:
    """A run by its id, its number or its folder. Raises `RunError` where there is none, or more than one."""
    if (Path(name) / "config.json").is_file():
        return RunFolder(Path(name))
    known = list_runs(Settings().runs_dir)
    fitting = [run for run in known if run.id == name]
    fitting = fitting or [run for run in known if name.isdecimal() and run.id.partition("-")[0] == name.zfill(5)]
    if len(fitting) != 1:
        told = ", ".join(run.id for run in fitting or known[-5:]) or "none"
        raise RunError(f"There is {'more than one' if fitting else 'no'} run {name!r}. Here are: {told}.")
    return fitting[0]


def find_active(name: str) -> RunFolder:
    folder = find(name)
    state = folder.status()["state"]
    if state not in ACTIVE:
        raise RunError(f"{folder.id} is not running, it is {state}. Nothing was changed.")
    return folder


def imported(folder: RunFolder) -> bool:
    return folder.config().train.data.startswith(IMPORTED)

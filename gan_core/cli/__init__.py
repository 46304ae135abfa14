"""The command line: `gan-core`, and `python -m gan_core`.

Exit status: 0 done, 1 a `GanCoreError` (one line on standard error), 2 wrong usage, 130 interrupted. Modules that need
torch are imported inside the commands, so that help answers at once.
"""

import sys
from typing import Any

import click

from gan_core import __version__
from gan_core.cli.app import app
from gan_core.cli.bring import bring
from gan_core.cli.check import check
from gan_core.cli.deploy import deploy
from gan_core.cli.export import export
from gan_core.cli.films import interpolate
from gan_core.cli.hub import hub
from gan_core.cli.keep import keep
from gan_core.cli.keeping_runs import branch, delete, note, rename, rollback
from gan_core.cli.listing import models
from gan_core.cli.pushing import push
from gan_core.cli.runs import runs
from gan_core.cli.steering import change, pause, resume, stop
from gan_core.cli.train import train
from gan_core.cli.translate import translate
from gan_core.cli.use import generate
from gan_core.errors import GanCoreError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="gan-core")
def cli() -> None:
    """Train DCGAN and CycleGAN models, and use them."""


for command in (app, train, generate, interpolate, translate, check, keep, models, runs, bring, export, hub, deploy):
    cli.add_command(command)
for command in (stop, pause, resume, change, branch, rollback, delete, rename, note, push):
    runs.add_command(command)


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and leave the process with its exit status."""
    try:
        sys.exit(cli.main(arguments, prog_name="gan-core", standalone_mode=False))
    except GanCoreError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except click.UsageError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)  # The reader of our output had enough.

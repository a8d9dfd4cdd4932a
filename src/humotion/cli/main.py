"""The command line: one command per stage, and the commands that a user needs in addition to `dvc repro`.

Imports are lazy: `humotion --help` loads no deep-learning libraries, and each stage loads only what it needs.
"""

from __future__ import annotations

import errno
import sys
from typing import NoReturn

import typer

from humotion.cli import checkout, convert, data, models, registry, stages, sweep, track
from humotion.errors import HumotionError

app = typer.Typer(
    name="humotion",
    help="Train models that find the actions and poses of people in videos. `dvc repro` runs all stages. "
    "`humotion COMMAND --help` explains a command.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for room in (stages, models, data, checkout, sweep, convert, registry, track):
    app.add_typer(room.app)
app.command()(registry.lineage)
app.command()(registry.join)


def main() -> None:
    """Entry point: print only the text of a HumotionError, or its traceback with ``--debug``."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        app()
    except HumotionError as error:
        if debug:
            raise
        _fail(str(error))
    except OSError as error:
        if debug or error.errno != errno.ENOSPC:
            raise
        _fail("The disk is full. Free some space and run the same command again: finished work is kept.")


def _fail(text: str) -> NoReturn:
    typer.secho(f"humotion: {text}", err=True, fg="red")
    sys.exit(1)


if __name__ == "__main__":
    main()

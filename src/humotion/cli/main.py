"""The command line: one command a stage, and the commands a person uses beside `dvc repro`.

Imports are lazy: `humotion --help` loads no deep-learning stack, and each stage only what it needs.
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
    help="Video of people to poses and actions. `dvc repro` runs the stages; --help of a command explains it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for room in (stages, models, data, checkout, sweep, convert, registry, track):
    app.add_typer(room.app)
app.command()(registry.lineage)


def main() -> None:
    """Entry point: a HumotionError is printed as its text alone, unless ``--debug`` asks for the traceback."""
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
        _fail("The disk is full. Free some space and call the same command again: finished work is kept.")


def _fail(text: str) -> NoReturn:
    typer.secho(f"humotion: {text}", err=True, fg="red")
    sys.exit(1)


if __name__ == "__main__":
    main()

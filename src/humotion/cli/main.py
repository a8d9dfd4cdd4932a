"""The command line: one command per stage, and the commands that a user needs in addition to `dvc repro`.

Imports are lazy: `humotion --help` loads no deep-learning libraries, and each stage loads only what it needs.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import NoReturn

import typer

from humotion.cli import app as page
from humotion.cli import checkout, convert, data, export, models, registry, serve, stages, sweep, track
from humotion.cli.explain import explanation
from humotion.errors import HumotionError
from humotion.system import signals

app = typer.Typer(
    name="humotion",
    help="Train models that find the actions and poses of people in videos. `dvc repro` runs all stages. "
    "`humotion COMMAND --help` explains a command.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for room in (stages, models, export, serve, page, data, checkout, sweep, convert, registry, track):
    app.add_typer(room.app)
app.command()(registry.lineage)
app.command()(registry.join)


def main() -> None:
    """Entry point: print only the text of a HumotionError, or its traceback with ``--debug``.

    A signal to stop ends the command as a shell reports it, with exit code 128 plus the number of the signal.
    """
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    signals.interrupt()
    try:
        app()
    except (HumotionError, KeyboardInterrupt, SystemExit) as error:
        is_done = isinstance(error, SystemExit) and not error.code  # a signal came when the work was done
        if signals.received() is not None and not is_done:
            _stopped(str(error) if isinstance(error, HumotionError) else "")
        if debug or not isinstance(error, HumotionError):
            raise
        _fail(str(error))
    except Exception as error:
        if signals.received() is not None:
            _stopped("")
        if debug or (text := explanation(error)) is None:
            raise
        _fail(text)


def _stopped(text: str) -> NoReturn:
    """End a command that a signal has stopped; further signals have no effect on what is left to do."""
    number = signals.received() or signal.SIGINT
    for again in signals.STOPPING:
        signal.signal(again, signal.SIG_IGN)
    what = "Ctrl-C" if number == signal.SIGINT else number.name
    text = text or f"Stopped by {what}. No output is half-written. The same command starts again, or resumes."
    with contextlib.suppress(OSError):  # nobody may read it any more
        typer.secho(f"humotion: {text}", err=True, fg="red")
    sys.exit(128 + number)


def _fail(text: str) -> NoReturn:
    typer.secho(f"humotion: {text}", err=True, fg="red")
    sys.exit(1)


if __name__ == "__main__":
    main()

"""Are these words a command? The program's own parser answers, and nothing is run."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from typing import Any
from unittest.mock import patch

from tests.support.repository import REPOSITORY

UNCHECKED = {
    ".",
    "[",
    "cd",
    "cp",
    "createdb",
    "curl",
    "exit",
    "export",
    "git",
    "mkdir",
    "nvidia-smi",
    "sbatch",
    "scontrol",
    "squeue",
}
"""Programs of others without a parser to ask."""
BEFORE = {"nice": 2, "srun": 0}
"""Programs that run the rest of their words, after so many of their own."""
INCOMPLETE = {"Exit", "MissingParameter", "NoArgsIsHelpError"}
"""What click raises for a command that lacks words, or only shows its help."""


class Refused(Exception):
    """Why the parser refuses."""


class _Parsed(Exception):
    def __init__(self, result: argparse.Namespace) -> None:
        self.result = result


def check(words: list[str], is_complete: bool = True) -> None:
    """Ask the parser of the program.

    Args:
        words: a command, without `&&` and the like.
        is_complete: False: words may be missing, as in a sentence that only names a command.

    Raises:
        Refused: the command, an option or the kind of a value does not exist.
    """
    while words and re.match(r"\w+=", words[0]):
        words = words[1:]
    if not words or words[0] in UNCHECKED:
        return
    program, *rest = words
    if program in BEFORE:
        options = [word for word in rest if word.startswith("-")] if program == "srun" else []
        check(rest[BEFORE[program] + len(options) :], is_complete)
    elif program in PARSERS:
        PARSERS[program](rest, is_complete)
    else:
        raise Refused(f"`{program}` is none of {', '.join(sorted({*PARSERS, *BEFORE, *UNCHECKED}))}")


def _click(command: Any, words: list[str], is_complete: bool, parent: Any = None) -> None:
    try:
        context = command.make_context(command.name, list(words), parent=parent)
        if hasattr(command, "resolve_command"):
            _, chosen, rest = command.resolve_command(context, [*context._protected_args, *context.args])
            _click(chosen, rest, is_complete, context)
    except Refused:
        raise
    except Exception as error:  # typer and mlflow bring two clicks, each with its own classes
        name = type(error).__name__
        if name != "Exit" and (is_complete or name not in INCOMPLETE):
            raise Refused(getattr(error, "message", str(error))) from None


def _humotion(words: list[str], is_complete: bool) -> None:
    import typer.main

    from humotion.cli.main import app

    _click(typer.main.get_command(app), words, is_complete)


def _mlflow(words: list[str], is_complete: bool) -> None:
    from mlflow.cli import cli

    _click(cli, words, is_complete)


def _dask(words: list[str], is_complete: bool) -> None:
    _click(import_module(f"distributed.cli.dask_{words[0]}").main, words[1:], is_complete)


def _dvc(words: list[str], is_complete: bool) -> None:
    from dvc.cli.parser import get_main_parser

    _argparse(get_main_parser().parse_args, words)  # which is DVC's own, and returns


def _optuna(words: list[str], is_complete: bool) -> None:
    _argparse(lambda _: import_module("optuna.cli").main(), words)


def _dashboard(words: list[str], is_complete: bool) -> None:
    _argparse(lambda _: import_module("optuna_dashboard._cli").main(), words)


def _torchrun(words: list[str], is_complete: bool) -> None:
    found = _argparse(import_module("torch.distributed.run").main, words)
    check(
        [*(["python", "-m"] if found.module else []), found.training_script, *found.training_script_args], is_complete
    )


def _python(words: list[str], is_complete: bool) -> None:
    option, module, *rest = words
    if (option, module) == ("-m", "humotion"):
        _humotion(rest, is_complete)
    elif option == "-m" and (REPOSITORY / f"{module.replace('.', '/')}.py").exists():
        _argparse(lambda _: import_module(module).main(), rest)
    elif (option, module) not in (("-m", "pip"), ("-m", "venv")):
        raise Refused(f"`python {option} {module}`: there is no such module")


def _make(words: list[str], is_complete: bool) -> None:
    command = ["make", "--dry-run", *words]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(done.stderr.strip())


def _pip(words: list[str], is_complete: bool) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {
        name for word in words if (match := re.match(r"(?:\.|humotion)\[(.+)\]$", word)) for name in match[1].split(",")
    }
    if unknown := asked - project["optional-dependencies"].keys():
        raise Refused(f"pyproject.toml has no extra {', '.join(unknown)}")


def _argparse(main: Callable[[list[str]], Any], words: list[str]) -> Any:
    """Run a program until its parser has read ``words``."""
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(self: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> None:
        raise _Parsed(parse(self, args, namespace))

    said = io.StringIO()
    with (
        patch.object(argparse.ArgumentParser, "parse_args", parse_and_stop),
        patch.object(sys, "argv", ["program", *words]),
        contextlib.redirect_stderr(said),
    ):
        try:
            return main(words)
        except _Parsed as stopped:
            return stopped.result
        except SystemExit:
            raise Refused(said.getvalue().strip().splitlines()[-1]) from None
        except Exception as error:
            if type(error).__name__ == "DvcParserError":
                raise Refused(said.getvalue().strip().splitlines()[0]) from None
            raise


PARSERS: dict[str, Callable[[list[str], bool], None]] = {
    "dask": _dask,
    "dvc": _dvc,
    "humotion": _humotion,
    "make": _make,
    "mlflow": _mlflow,
    "optuna": _optuna,
    "optuna-dashboard": _dashboard,
    "pip": _pip,
    "python": _python,
    "torchrun": _torchrun,
}

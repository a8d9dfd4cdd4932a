"""`humotion sweep EXPERIMENT` and `humotion sweep apply EXPERIMENT`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from humotion.params.document import load_params

Experiment = Annotated[str, typer.Argument(help="A name under `sweeps` in params.yaml.")]


class RunByDefault(TyperGroup):
    """`humotion sweep ls_vit` is short for `humotion sweep run ls_vit`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put the default command in front, unless a command or help is asked for."""
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="sweep",
    cls=RunByDefault,
    no_args_is_help=True,
    help="Search parameters with Optuna: `humotion sweep EXPERIMENT`, then `humotion sweep apply EXPERIMENT`.",
)


@app.command()
def run(
    experiment: Experiment,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes on this machine (default: machine.sweep_workers).")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            help="Database URL (default: OPTUNA_STORAGE, machine.sweep_storage, sqlite:///optuna.db). "
            "A password belongs into the environment variable."
        ),
    ] = None,
) -> None:
    """Search the parameters named in `sweeps.EXPERIMENT.space`.

    The same command goes on with an interrupted study, trials from their checkpoints; on other
    machines with the same storage it joins it. A changed search space, objective, experiment or
    changed data begin a new study.

    A space may hold parameters below `augment`, `model`, `optimizer`, `trainer`, and `seed`: a trial
    makes its training plan and trains. Which clips there are is decided by stages before
    (`clips`, `dataset`), so that all trials are compared on the same validation clips: for those use
    `dvc exp run -S`.

    Several workers share the cores, and the GPUs: one each unless machine.devices says otherwise.
    One trial over several devices: `torchrun --nproc-per-node N -m humotion sweep EXPERIMENT`.
    """
    from humotion.stages.sweep import run as run_stage

    run_stage(experiment, load_params(), workers, storage)


@app.command()
def apply(
    experiment: Experiment,
    trial: Annotated[
        int | None, typer.Option(help="Which of the best, where several objectives leave a choice.")
    ] = None,
) -> None:
    """Write the best parameters into params.yaml, comments and order kept; `git diff` shows the decision."""
    from humotion.sweep.apply import apply_best

    load_params().experiment(experiment)
    typer.echo(apply_best(experiment, Path("sweeps") / experiment, trial))

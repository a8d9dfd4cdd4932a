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
        """Insert the default command, unless the user named a command or asked for help."""
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
        int | None, typer.Option(min=1, help="Processes on this machine. Default: machine.sweep_workers.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            help="Database URL. Default: OPTUNA_STORAGE, then machine.sweep_storage, then sqlite:///optuna.db. "
            "Put a URL with a password into the environment variable OPTUNA_STORAGE."
        ),
    ] = None,
) -> None:
    """Search the parameters named in `sweeps.EXPERIMENT.space`.

    After an interruption, the same command resumes the study, and unfinished trials resume from their checkpoints.
    On another machine with the same storage, it joins the study. If the search space, an objective, the experiment or
    the data change, a new study starts.

    A space may have `seed` and parameters below `augment`, `model`, `optimizer` and `trainer`. It cannot have `dataset`
    or parameters below `clips`, because all trials are compared on the same validation clips. For those, use
    `dvc exp run -S`.

    Several workers share the cores and the GPUs. Each gets one GPU, unless machine.devices is set. To train one trial
    on several devices: `torchrun --nproc-per-node N -m humotion sweep EXPERIMENT`.
    """
    from humotion.stages.sweep import run as run_stage

    run_stage(experiment, load_params(), workers, storage)


@app.command()
def apply(
    experiment: Experiment,
    trial: Annotated[
        int | None,
        typer.Option(help="The trial to apply. Needed if several objectives give more than one best trial."),
    ] = None,
) -> None:
    """Write the best parameters to params.yaml. Comments and order are kept, and `git diff` shows the change."""
    from humotion.sweep.apply import apply_best

    load_params().experiment(experiment)
    typer.echo(apply_best(experiment, Path("sweeps") / experiment, trial))

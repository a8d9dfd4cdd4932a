"""Stage train: one Lightning training, tracked as one MLflow run, and its model folder.

An interrupted training resumes after its last finished epoch, in the same run, if its parameters, its inputs and the
code of this stage are unchanged. Only MLflow gets the timings, so that two equal runs write equal metric files.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from humotion.clips.datamodule import ClipDataModule
from humotion.errors import HumotionError
from humotion.files import atomic_path, write_json
from humotion.params.document import Params
from humotion.tracking import models, runs
from humotion.tracking.dead_runs import ATTEMPT
from humotion.tracking.lightning import lightning_logger
from humotion.training.attempt import (
    RUN,
    abandoned_runs,
    attempt_digest,
    chosen_metrics,
    input_md5,
    preprocessing,
    run_of,
)
from humotion.training.description import ModelDescription
from humotion.training.devices import is_lead, launched, usable_precision
from humotion.training.fit import FitResult, fit
from humotion.training.footage import footage_of
from humotion.training.model_folder import save_model_folder
from humotion.training.prepare import prepare
from humotion.training.run import run_source
from humotion.training.stop import Stop, StopAfterBatch
from humotion.training.task import Task
from humotion.work import owned_work, work_folder


def run(name: str, params: Params) -> None:
    """Write ``models/<name>/``, ``metrics/<name>/train.json`` and ``curves.csv``, and one MLflow run.

    If several processes train together, only the first one writes; the others only train.

    Raises:
        HumotionError: there is no such experiment; clips, plan or frames are missing; or the user stopped it.
    """
    if is_lead():
        lead(name, params)
    else:
        follow(name, params)


def follow(name: str, params: Params) -> None:
    """Train together with the first process; only that one writes and logs."""
    experiment = params.experiment(name)
    task, data = prepare(name, params)
    work = work_folder("train", attempt_digest(experiment, input_md5(name, experiment)))
    stop, settings = Stop(), (experiment.trainer, params.machine)
    with stop.listening(), suppress(KeyboardInterrupt):
        fit(task, data, *settings, seed=experiment.seed, folder=work, callbacks=(StopAfterBatch(stop),))


def lead(name: str, params: Params) -> None:
    """Train, and write and log the results."""
    experiment = params.experiment(name)
    task, data = prepare(name, params)
    data_md5 = input_md5(name, experiment)
    digest = attempt_digest(experiment, data_md5)
    source = run_source(experiment, name, data_md5, data.meta)
    uri = params.machine.tracking_uri
    stop = Stop()
    with say_how_to_resume(), owned_work("train", digest, waits=launched() is None) as work, stop.listening():
        resume = run_of(work) or (runs.interrupted_run(digest, uri) if (work / RUN).exists() else None)
        runs.close_dead_runs(uri, abandoned_runs(), but=resume)
        with runs.training_run(source, resume, uri) as run_id:
            write_json(work / RUN, {"run_id": run_id})
            runs.set_tags({ATTEMPT: digest, "precision": usable_precision(experiment.trainer, params.machine)})
            result = train_in(work, task, data, params, stop)
            write_outputs(name, params, task, data, result, run_id, data_md5)
        shutil.rmtree(work)


def train_in(work: Path, task: Task, data: ClipDataModule, params: Params, stop: Stop) -> FitResult:
    """Train in the folder of unfinished work, logging to the open run."""
    started = time.perf_counter()
    result = fit(
        task,
        data,
        data.experiment.trainer,
        params.machine,
        seed=data.experiment.seed,
        folder=work,
        logger=lightning_logger(),
        callbacks=(StopAfterBatch(stop),),
    )
    stop.check()
    runs.log_metrics({"time/train_seconds": time.perf_counter() - started})
    return result


@contextmanager
def say_how_to_resume() -> Iterator[None]:
    """Turn Ctrl-C into a message that says how to resume."""
    try:
        yield
    except KeyboardInterrupt:
        raise HumotionError("Stopped. The same command resumes after the last finished epoch.") from None


def write_outputs(
    name: str,
    params: Params,
    task: Task,
    data: ClipDataModule,
    result: FitResult,
    run_id: str,
    data_md5: dict[str, str],
) -> None:
    """Write the model folder and the metrics of a finished training, and log them to its open run."""
    experiment = params.experiment(name)
    metrics = chosen_metrics(result)
    validation = task.clip_scores(data, "val", params.machine)
    description = ModelDescription(
        experiment=name,
        dataset=experiment.dataset,
        task=experiment.task,
        architecture=task.architecture,
        meta=data.meta,
        preprocessing=preprocessing(experiment),
        run_id=run_id,
        data_md5=data_md5,
        validation=metrics["val"],
        source=runs.origin(),
        outputs=list(task.output_columns),
        abstention=task.abstention_of(validation),
        footage=footage_of(data, params.dataset(experiment.dataset).frames.short_side),
    )
    folder = Path("models") / name
    save_model_folder(folder, task, description, result.checkpoint, validation)
    write_metrics(Path("metrics") / name, result, metrics)
    example = data.raw_path(params.dataset(experiment.dataset).root, "val")
    log_outcome(name, folder, task, metrics, example)


def write_metrics(folder: Path, result: FitResult, metrics: dict[str, Any]) -> None:
    """Write ``train.json`` (the chosen epoch) and ``curves.csv`` (every epoch)."""
    write_json(folder / "train.json", metrics)
    with atomic_path(folder / "curves.csv") as temporary:
        pd.DataFrame(result.epochs).astype({"epoch": int}).to_csv(temporary, index=False)


def log_outcome(name: str, folder: Path, task: Task, metrics: dict[str, Any], example: Path) -> None:
    """Log the chosen epoch, the augmentation plan with its sheets, and the model to the open run."""
    runs.log_metrics({f"best_val/{key}": value for key, value in metrics["val"].items()})
    epochs = {key: metrics[key] for key in ("best_epoch", "stopped_epoch") if key in metrics}
    runs.log_metrics(epochs | {"num_parameters": _num_parameters(task)})
    runs.log_file(Path("metrics") / name / "curves.csv", "train")
    runs.log_folder(Path("plans") / name, "augment")
    models.log_model_folder(folder, example)


def _num_parameters(task: Task) -> int:
    return sum(parameter.numel() for parameter in task.model.parameters())

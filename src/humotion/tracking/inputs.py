"""The clips of a run as MLflow datasets, so that runs are found and compared by their data.

MLflow shows them on the run's page and in the column "Dataset", and finds runs by them:
``datasets.digest = '<md5>'`` or ``datasets.name = 'hmdb51/training'``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.pandas_dataset import PandasDataset
from mlflow.entities import Dataset, DatasetInput, InputTag, Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from humotion.tracking.store import mlflow
from humotion.work import digest_of_file

_CONTEXT = "mlflow.data.context"


def log_clips(dataset: str, files: Mapping[str, Path]) -> None:
    """Log tables of clips as inputs of the open run.

    Args:
        dataset: the dataset's name in params.yaml.
        files: what the clips were used for (``training``, ``validation``, ``test``) -> table, one row per clip. The
            digest is the md5 of the file, as DVC has it; the source is its path; the profile has the number of clips.
    """
    for use, path in files.items():
        # Warnings: a hint about missing integers, which clips never have, and two sources of the same name in MLflow.
        with warnings.catch_warnings(action="ignore"):
            source = resolve_dataset_source(path.as_posix())
            clips = PandasDataset(pd.read_parquet(path), source, name=f"{dataset}/{use}", digest=digest_of_file(path))
            _log(clips, use)


def _log(clips: PandasDataset, use: str) -> None:
    """Log a dataset; MLflow looks for it and then adds it, so another run may have added it in between."""
    try:
        mlflow.log_input(clips, context=use)
    except MlflowException:
        mlflow.log_input(clips, context=use)


def inputs_of(run: Run) -> list[DatasetInput]:
    """The datasets that a run logged."""
    return list(run.inputs.dataset_inputs) if run.inputs is not None else []


def copy_inputs(run: Run, server: MlflowClient, target: str) -> None:
    """Log the datasets of a run to its run at a server, unless that has them."""
    there = {_key(each) for each in inputs_of(server.get_run(target))}
    missing = [_copy(each) for each in inputs_of(run) if _key(each) not in there]
    if missing:
        server.log_inputs(target, missing)


def lost_inputs(run: Run, server_run: Run) -> list[str]:
    """The datasets of a run that its run at a server lacks."""
    there = {_key(each) for each in inputs_of(server_run)}
    return [f"dataset {each.dataset.name}" for each in inputs_of(run) if _key(each) not in there]


def _key(each: DatasetInput) -> tuple[str, str, str]:
    return each.dataset.name, each.dataset.digest, next((tag.value for tag in each.tags if tag.key == _CONTEXT), "")


def _copy(each: DatasetInput) -> DatasetInput:
    data = each.dataset
    copy = Dataset(data.name, data.digest, data.source_type, data.source, data.schema, data.profile)
    return DatasetInput(copy, [InputTag(tag.key, tag.value) for tag in each.tags])

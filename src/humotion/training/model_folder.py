"""The model folder: everything that prediction needs, without pickled files, which would need trust.

``model.json`` (architecture, classes or joints, preprocessing, run id, data md5s),
``model.safetensors`` (weights), ``model.ckpt`` (Lightning checkpoint, for further training) and
``validation.parquet`` (one score per validation clip, to compare versions).
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from safetensors.torch import load_file, save_file

from humotion.errors import HumotionError
from humotion.files import atomic_folder, write_json
from humotion.models.common.fast_conv import fast_for_inference
from humotion.models.common.weights import misfits, not_finite
from humotion.training.description import (
    CHECKPOINT,
    DESCRIPTION,
    VALIDATION,
    WEIGHTS,
    ModelDescription,
    read_description,
    refuse_diverged,
)
from humotion.training.task import Task, task_class


def save_model_folder(
    folder: Path, task: Task, description: ModelDescription, checkpoint: Path, validation: pd.DataFrame
) -> None:
    """Write a model folder in one atomic step; it replaces an older one.

    Raises:
        DivergedError: a weight is NaN or infinite; an older folder stays as it is.
    """
    refuse_diverged(folder, not_finite(task.model.state_dict()))
    with atomic_folder(folder) as temporary:
        _write_model(temporary, task, description)
        shutil.copyfile(checkpoint, temporary / CHECKPOINT)
        validation.to_parquet(temporary / VALIDATION, index=False)


def save_foreign_model(folder: Path, task: Task, description: ModelDescription) -> None:
    """Write the folder of a model that was trained elsewhere, without checkpoint and validation scores.

    Raises:
        DivergedError: a weight is NaN or infinite.
    """
    refuse_diverged(folder, not_finite(task.model.state_dict()))
    with atomic_folder(folder) as temporary:
        _write_model(temporary, task, description)


def _write_model(folder: Path, task: Task, description: ModelDescription) -> None:
    weights = {name: tensor.contiguous() for name, tensor in task.model.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    write_json(folder / DESCRIPTION, asdict(description))


def load_task(folder: Path) -> tuple[Task, ModelDescription]:
    """Load the trained task of a model folder, in evaluation mode on the CPU, and its description.

    Raises:
        HumotionError: the folder is not a model folder, its weights do not fit the model of the current code, or they
            are NaN or infinite.
    """
    description = read_description(folder)
    task = task_class(description.task)(description.architecture)
    weights = load_file(folder / WEIGHTS)
    if problems := misfits(weights, task.model.state_dict()):
        commit = description.source.get("git.commit")
        code = f"with the code of commit {commit}" if commit else "with the code that made it"
        raise HumotionError(
            f"{folder} contains a {description.architecture['name']} that this version of humotion builds differently: "
            f"{len(problems)} parameters do not fit ({problems[0]}, ...). Use it {code}, or train it again."
        )
    refuse_diverged(folder, not_finite(weights))
    task.model.load_state_dict(weights)
    task.abstention = description.abstention
    fast_for_inference(task.model)
    return task.eval(), description

"""What a model folder says of itself: its file names and ``model.json``. Read without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from humotion.errors import HumotionError
from humotion.files import read_json

DESCRIPTION, WEIGHTS, CHECKPOINT, VALIDATION = (
    "model.json",
    "model.safetensors",
    "model.ckpt",
    "validation.parquet",
)


@dataclass(frozen=True)
class ModelDescription:
    """The content of ``model.json``.

    Attributes:
        experiment: the humotion experiment.
        dataset: the dataset it was trained on.
        task: ``action_recognition`` or ``pose_estimation``.
        architecture: name and keyword arguments of the model.
        meta: of the clips: classes, or skeleton and joints; the split.
        preprocessing: everything between a decoded frame and the model's input.
        run_id: the MLflow run of the training.
        data_md5: md5 of every input of the training, by name.
        validation: metrics of the chosen epoch on the validation clips.
    """

    experiment: str
    dataset: str
    task: str
    architecture: dict[str, Any]
    meta: dict[str, Any]
    preprocessing: dict[str, Any]
    run_id: str
    data_md5: dict[str, str]
    validation: dict[str, float]


def read_description(folder: Path) -> ModelDescription:
    """Read ``model.json`` of a model folder.

    Raises:
        HumotionError: there is no model folder.
    """
    path = folder / DESCRIPTION
    if not path.exists():
        raise HumotionError(
            f"{folder} is no model folder: it has no {DESCRIPTION}. Train one with `dvc repro`, "
            "or fetch a trained one with `dvc pull`."
        )
    return ModelDescription(**read_json(path))

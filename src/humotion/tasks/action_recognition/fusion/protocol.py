"""The protocol of late fusion: weights from validation clips or equal, then the scores of the test clips.

The fusion is scored as its members are, and compared with each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from humotion.clips.datamodule import ClipDataModule
from humotion.evaluation.result import Evaluation
from humotion.params.document import Params
from humotion.params.fusion import first_experiment
from humotion.tasks.action_recognition.evaluation.assessment import Answers, assess
from humotion.tasks.action_recognition.evaluation.scores import action_scores
from humotion.tasks.action_recognition.fusion.members import common_answers
from humotion.tasks.action_recognition.fusion.mixture import EQUAL, Floats, fitted_weights, mixed
from humotion.tasks.action_recognition.fusion.rule import rule_of
from humotion.tasks.action_recognition.training.module import ActionRecognition
from humotion.tasks.action_recognition.training.outcomes import scored_clips


@dataclass(frozen=True)
class Fusion:
    """What a fusion is, and its scores.

    Attributes:
        weights: the weight of each member, by name.
        meta: facts about the clips: classes, split.
        validation: one row per validation clip (`humotion.training.task.Task.clip_scores`).
        metrics: scores on the validation clips.
        outputs: columns of the served model's answers.
        result: scores on the test clips.
        example: a video of the validation split, for the input example of the logged model.
    """

    weights: Mapping[str, float]
    meta: Mapping[str, Any]
    validation: pd.DataFrame
    metrics: Mapping[str, float]
    outputs: tuple[str, ...]
    result: Evaluation
    example: Path


def fuse(name: str, params: Params, folder: Path) -> Fusion:
    """Choose the weights, score the fusion, and write figures, tables and ``scores.md`` into ``folder``.

    Raises:
        HumotionError: a member is not trained, or the members have other clips.
    """
    settings = params.fusion(name)
    answers = common_answers(settings.of, params)
    clips, members = answers["val"]
    labels = clips["label_id"].to_numpy(copy=True)  # torch warns about a read-only view
    weights = EQUAL if settings.weights == "equal" else fitted_weights(members, labels)
    validated = mixed(members, weights)
    validation = scored_clips(clips, validated)
    tested, others = answers["test"]
    data = ClipDataModule(first_experiment(name, params.fusions), params)  # only for labels and pictures of the clips
    result, _ = assess(
        Answers(
            clips=tested,
            systems={"": mixed(others, weights)},
            peers=dict(zip(settings.of, others, strict=True)),
            rule=rule_of(validation),
        ),
        data,
        f"{name} ({' + '.join(settings.of)}) on {settings.dataset}: actions",
        settings.evaluate,
        settings.seed,
        folder,
    )
    return Fusion(
        weights=dict(zip(settings.of, weights, strict=True)),
        meta=data.meta,
        validation=validation,
        metrics=_validation_metrics(validated, labels),
        outputs=ActionRecognition.output_columns,
        result=result,
        example=data.raw_path(params.dataset(settings.dataset).root, "val"),
    )


def _validation_metrics(probabilities: Floats, labels: Any) -> dict[str, float]:
    """The scores of a training's validation clips, under the same names."""
    scores = action_scores(probabilities, labels)
    classes = np.arange(probabilities.shape[1])
    return {"loss": float(log_loss(labels, probabilities, labels=classes))} | {
        key: value for key, value in scores.items() if key != "ece"
    }

"""The rule by which versions are compared, on tables of validation clips."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.metrics import balanced_accuracy_score, f1_score

from humotion.evaluation.face import load_face
from humotion.registration.rule import incomparable
from tests.support.tiny_project import tiny_params

ACTIONS, POSES = load_face("action_recognition"), load_face("pose_estimation")
LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2])
OURS, THEIRS = np.array([0, 0, 0, 1, 1, 1, 2, 2]), np.array([0, 0, 0, 0, 0, 1, 0, 3])


def pairs() -> pd.DataFrame:
    ours = pd.DataFrame({"clip_id": list("abcdefgh"), "group": list("uuvvwwxx"), "weight": 1.0, "label_id": LABELS})
    theirs = ours.assign(predicted=THEIRS, score=(THEIRS == LABELS).astype(float))
    ours = ours.assign(predicted=OURS, score=(OURS == LABELS).astype(float))
    return ours.merge(theirs, on=["clip_id", "group"], suffixes=("", "_champion"))


def macro_f1(predicted: np.ndarray) -> float:
    return float(f1_score(LABELS, predicted, labels=[0, 1, 2], average="macro"))


def test_gains_of_actions_are_those_of_scikit_learn() -> None:
    expected = {
        "top1": (OURS == LABELS).mean() - (THEIRS == LABELS).mean(),
        "macro_f1": macro_f1(OURS) - macro_f1(THEIRS),
        "mean_class_accuracy": balanced_accuracy_score(LABELS, OURS) - _balanced(THEIRS),
    }
    for metric, difference in expected.items():
        gain = ACTIONS.validation_gain(pairs(), metric, seed=0, num_resamples=200)
        assert gain.difference == pytest.approx(difference), metric
        assert gain.low <= gain.difference <= gain.high
    assert len({round(value, 6) for value in expected.values()}) == 3


def _balanced(predicted: np.ndarray) -> float:
    return float(np.mean([(predicted[label == LABELS] == label).mean() for label in range(3)]))


def test_gains_of_poses_are_pooled_over_joints() -> None:
    table = pd.DataFrame({"group": ["u", "v"], "weight": [30.0, 10.0], "pck_0.1": [0.5, 0.1], "score": [0.9, 0.9]})
    table = table.assign(**{"pck_0.1_champion": [0.3, 0.5], "score_champion": [0.8, 0.8]})
    assert POSES.validation_gain(table, "pck_0.1", 0, 200).difference == pytest.approx((30 * 0.2 - 10 * 0.4) / 40)
    assert POSES.validation_gain(table, "pck_0.2", 0, 200).difference == pytest.approx(0.1)


def test_what_is_not_compared() -> None:
    assert incomparable(pairs(), 8, "predicted") is None
    assert incomparable(pairs(), 9, "predicted") == "with other groups"
    assert "older version" in str(incomparable(pairs().drop(columns="predicted_champion"), 8, "predicted"))
    relabelled = pairs().assign(label_id_champion=LABELS[::-1])
    assert incomparable(relabelled, 8, "predicted") == "with other labels"


def test_a_metric_of_the_other_task_is_an_error() -> None:
    assert tiny_params(only="pose", register={"metric": "pck_0.1"}).experiment("pose").register_.metric == "pck_0.1"
    with pytest.raises(ValidationError, match="top1"):
        tiny_params(only="action", register={"metric": "pck_0.1"})

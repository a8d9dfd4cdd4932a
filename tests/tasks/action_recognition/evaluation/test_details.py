from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from humotion.datasets.shared.clip_names import COLUMNS, facts_of
from humotion.tasks.action_recognition.evaluation.details import (
    accuracy_by_field,
    calibration_table,
    confused_pairs,
    grouped_wilson,
)
from humotion.tasks.action_recognition.evaluation.scores import action_scores


def clip_table(labels: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"clip_id": [f"c{number}" for number in range(len(labels))], "label_id": labels})


def sure_of(predicted: list[int], confidence: list[float], classes: int) -> np.ndarray:
    """Probabilities whose largest is ``confidence`` at ``predicted``."""
    rows = np.array([[(1 - c) / (classes - 1)] * classes for c in confidence])
    rows[np.arange(len(predicted)), predicted] = confidence
    return rows


def test_confused_pairs_by_hand() -> None:
    labels = [0, 0, 0, 0, 0, 1, 1, 2]
    predicted = [1, 1, 1, 1, 0, 0, 1, 0]
    confidence = [0.5, 0.9, 0.7, 0.8, 0.9, 0.6, 0.9, 0.6]
    table = confused_pairs(clip_table(labels), sure_of(predicted, confidence, 3), ["sit", "run", "wave"])
    assert table[["label", "predicted", "count"]].to_numpy().tolist() == [
        ["sit", "run", 4],
        ["wave", "sit", 1],  # all of its clips
        ["run", "sit", 1],
    ]
    assert table["share"].tolist() == [0.8, 1.0, 0.5]
    assert json.loads(table["examples"][0]) == ["c1", "c3", "c2"]  # the surest first, three at most


def test_nothing_confused_is_an_empty_table() -> None:
    table = confused_pairs(clip_table([0, 1]), np.eye(2), ["sit", "run"])
    assert table.empty and list(table) == ["label", "predicted", "count", "share", "examples"]


def test_the_gaps_of_the_bins_are_the_calibration_error() -> None:
    random = np.random.default_rng(4)
    logits = 2 * random.normal(size=(400, 7))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = random.integers(7, size=400)
    table = calibration_table(probabilities, labels)
    assert table["num_clips"].sum() == 400
    assert ((table["low"] <= table["confidence"]) & (table["confidence"] <= table["high"])).all()
    error = np.average(abs(table["accuracy"] - table["confidence"]), weights=table["num_clips"])
    assert error == pytest.approx(action_scores(probabilities, labels)["ece"], abs=1e-6)


def test_certainty_is_in_the_last_bin() -> None:
    table = calibration_table(np.eye(3), np.array([0, 1, 0]))
    assert table[["low", "high", "num_clips", "confidence", "accuracy"]].to_numpy().tolist() == [
        [pytest.approx(14 / 15), 1.0, 3, 1.0, pytest.approx(2 / 3)]
    ]


NAMES = [
    ("walk/filmA_walk_f_nm_np1_fr_goo_0", "walk", True),
    ("walk/filmA_walk_f_nm_np1_fr_goo_1", "walk", True),
    ("walk/filmB_walk_u_cm_np2_le_bad_0", "walk", False),
    ("walk/holiday", "walk", False),
    ("run/filmB_run_f_cm_np1_ba_med_7", "run", True),
]


def footage() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """What the dataset tells of each clip, its group, and whether it is right."""
    facts = [facts_of(Path(video_id).name, label) for video_id, label, _ in NAMES]
    table = pd.DataFrame(facts, columns=["group", *COLUMNS])
    return table[COLUMNS], table["group"].to_numpy(), np.array([name[2] for name in NAMES])


def test_accuracy_by_field_by_hand() -> None:
    table = accuracy_by_field(*footage())
    assert table is not None
    found = {(row.field, row.value): (row.num_clips, row.num_groups, row.top1) for row in table.itertuples()}
    assert found == {
        ("visible", "full body"): (3, 2, 1.0),
        ("visible", "upper body"): (1, 1, 0.0),
        ("camera", "still"): (2, 1, 1.0),
        ("camera", "moving"): (2, 1, 0.5),
        ("people", "1"): (3, 2, 1.0),
        ("people", "2"): (1, 1, 0.0),
        ("view", "front"): (2, 1, 1.0),
        ("view", "back"): (1, 1, 1.0),
        ("view", "left"): (1, 1, 0.0),
        ("quality", "good"): (2, 1, 1.0),
        ("quality", "medium"): (1, 1, 1.0),
        ("quality", "bad"): (1, 1, 0.0),
    }
    assert list(found)[:2] == [("visible", "full body"), ("visible", "upper body")]
    first = table.iloc[0]  # three clips of two films
    assert (first["low"], first["high"]) == grouped_wilson(1.0, np.array([2, 1]))


def test_clips_of_films_of_one_clip_have_wilsons_interval() -> None:
    for right, clips in ((0, 3), (7, 30), (30, 30)):
        low, high = binomtest(right, clips).proportion_ci(method="wilson")
        found = grouped_wilson(right / clips, np.ones(clips, int))
        assert found == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


def test_clips_of_one_film_are_one_draw() -> None:
    assert grouped_wilson(0.4, np.array([5, 5, 5])) == pytest.approx(grouped_wilson(0.4, np.ones(3, int)))
    uneven, even = (np.diff(grouped_wilson(0.4, np.array(sizes))) for sizes in ([18, 1, 1], [7, 7, 6]))
    assert uneven > even  # nearly all clips are of one film
    low, high = grouped_wilson(1.0, np.array([40]))
    assert 0.2 < low < 0.21 and high == 1  # of a single draw


def test_names_without_fields_give_no_table() -> None:
    fields, groups, right = footage()
    assert accuracy_by_field(fields.iloc[3:4], groups[3:4], right[3:4]) is None
    assert accuracy_by_field(fields.iloc[:, :0], groups, right) is None

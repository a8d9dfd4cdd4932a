"""The score from which on the joints of a pose model are believed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from humotion.clips.datamodule import ClipDataModule
from humotion.files import read_json
from humotion.stages import sample
from humotion.tasks.pose_estimation.training.abstention import (
    FEWEST,
    WANTED,
    Bools,
    Floats,
    JointAbstention,
    choose_threshold,
    joint_abstention,
    read_joint_abstention,
)
from humotion.tasks.pose_estimation.training.module import PoseEstimation
from humotion.tasks.pose_estimation.training.outcomes import pose_outcomes
from tests.support.tiny_project import build_project, tiny_params


def scored(count: int, seed: int = 0) -> tuple[Floats, Bools]:
    """Scores with many equal ones, of joints that are right as often as their score says."""
    random = np.random.default_rng(seed)
    scores = random.random(count).round(2).astype(np.float32)
    return scores, random.random(count) < scores


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_the_smallest_score_that_does(seed: int) -> None:
    scores, right = scored(4000, seed)
    found = choose_threshold(scores, right)
    possible = [
        score
        for score in np.unique(scores)
        if (scores >= score).sum() >= FEWEST and right[scores >= score].mean() >= WANTED
    ]
    assert found == min(possible)
    assert 0.7 < found < 0.9, "right as often as the score says: the mean above 0.8 is 0.9"


def test_no_threshold_without_enough_right_joints() -> None:
    scores, _ = scored(1000)
    assert choose_threshold(scores, np.zeros(1000, bool)) is None
    assert choose_threshold(scores[: FEWEST - 1], np.ones(FEWEST - 1, bool)) is None
    assert choose_threshold(scores[:FEWEST], np.ones(FEWEST, bool)) == scores[:FEWEST].min()
    assert choose_threshold(np.empty(0, np.float32), np.empty(0, bool)) is None
    assert choose_threshold(np.full(400, 0.5, np.float32), np.arange(400) < 200) is None, "equal ones together"


def test_what_it_is_worth_is_written_and_read() -> None:
    scores, right = scored(4000)
    rule = joint_abstention(scores, right, 7)
    believed = scores >= rule.threshold
    assert (rule.coverage, rule.accuracy) == (pytest.approx(believed.mean()), pytest.approx(right[believed].mean()))
    assert (rule.wanted, rule.num_joints, rule.num_groups) == (WANTED, 4000, 7)
    assert read_joint_abstention(rule.as_dict()) == rule
    assert read_joint_abstention({}) is None
    np.testing.assert_array_equal(rule.believed(scores.reshape(40, 100)), believed.reshape(40, 100))
    elsewhere = rule.on(np.full(10, 0.1, np.float32), np.ones(10, bool), 2)
    assert elsewhere == JointAbstention(rule.threshold, WANTED, 0.0, None, 10, 2)
    silent = joint_abstention(scores, np.zeros(4000, bool), 7)
    assert (silent.threshold, silent.coverage, silent.accuracy) == (None, 0.0, None)
    assert not silent.believed(scores).any()


def test_joints_are_judged_as_the_evaluation_judges_them(tmp_path: Path) -> None:
    params = tiny_params(only="pose")
    root = build_project(tmp_path / "project")
    with contextlib.chdir(root):
        sample.run("pose", params)
        meta = read_json(Path("clips") / "pose" / "meta.json")
    data = ClipDataModule("pose", params, 1, root)
    task = PoseEstimation.from_experiment(params.experiment("pose"), meta)  # type: ignore[arg-type]
    table = task.clip_scores(data, "val", params.machine)
    assert [len(scores) for scores in table["joint_scores"]] == table["weight"].tolist()
    for outcome, row in zip(pose_outcomes(task, data, "val", params.machine), table.itertuples(), strict=True):
        assert np.mean(row.joint_right) == pytest.approx(row.score)
        np.testing.assert_allclose(row.joint_scores, outcome.score.ravel(), atol=1e-6)  # all joints are visible
    table["joint_right"] = [np.ones(len(right), bool) for right in table["joint_right"]]
    rule = read_joint_abstention(task.abstention_of(table))
    assert rule is not None
    assert rule.threshold == pytest.approx(np.concatenate(table["joint_scores"].to_list()).min())
    assert (rule.num_joints, rule.num_groups) == (table["weight"].sum(), table["group"].nunique())

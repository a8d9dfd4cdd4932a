"""What the scores of poses leave out, in words."""

from __future__ import annotations

import numpy as np
import torch

from humotion.datasets.penn_action import SKELETON
from humotion.poses.scores import PoseScores
from humotion.tasks.pose_estimation.evaluation.mean_pose import mean_pose_notes
from humotion.tasks.pose_estimation.evaluation.report import pose_report, unscored_notes
from humotion.tasks.pose_estimation.training.abstention import JointAbstention


def test_empty_boxes_and_videos_without_a_joint_that_counts_are_said() -> None:
    good, bad = [0.0, 0.0, 4.0, 5.0], [3.0, 3.0, 3.0, 9.0]
    boxes = [torch.tensor([good, bad, bad]), torch.tensor([good])]
    assert unscored_notes(boxes, [7.0, 0.0]) == [
        "2 of 4 test frames have an empty box: by box, their joints are missed.",
        "1 of 2 test videos have no joint that counts, so no score uses them.",
    ]
    assert unscored_notes([torch.tensor([good])], [7.0]) == []


def test_what_the_mean_pose_leaves_out_and_assumes_is_said() -> None:
    boxes = np.array([[0, 0, 4, 4], [1, 1, 1, 5], [0, 0, 2, 2]], np.float32)
    visibility = np.array([[2, 1, 0], [2, 2, 2], [0, 1, 2]], np.uint8)  # the elbow is visible in the empty box alone
    assert mean_pose_notes(visibility, boxes, ("head", "elbow", "knee")) == [
        "The mean pose is without 1 of 3 training frames, whose box is empty.",
        "Never visible in training, so at the centre of the mean pose's box: elbow.",
    ]
    assert mean_pose_notes(np.full((1, 2), 2, np.uint8), boxes[:1], ("head", "knee")) == []


def test_what_the_threshold_is_worth_is_said() -> None:
    scores = PoseScores(SKELETON)

    def report(*rule: float | None) -> str:
        threshold, coverage, accuracy = rule
        found = JointAbstention(threshold, 0.9, coverage or 0.0, accuracy, 100, 5)
        return pose_report("title", "how", scores, {}, SKELETON, found.as_dict())

    some = report(0.41, 0.755, 0.881)
    assert "a score of at least 0.410" in some and "at least 90% of them are right" in some
    assert "It draws 75.5% of the joints of the test clips, and 88.1% of these are right." in some
    assert "It draws 0.0% of the joints of the test clips. All of this" in report(0.41, 0.0, None)
    assert "`humotion predict` draws none" in report(None, 0.0, None)
    assert "Believed" not in pose_report("title", "how", scores, {}, SKELETON)

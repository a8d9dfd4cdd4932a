"""A person who was found twice is left once."""

from __future__ import annotations

import numpy as np
import pytest

from humotion.tasks.multi_person_pose.training.joint_sets import sigmas_of
from humotion.tasks.multi_person_pose.training.oks_nms import suppressed
from humotion.tasks.multi_person_pose.training.people import People

SIGMAS = sigmas_of("coco")
POSE = np.random.default_rng(0).uniform(0, 100, (17, 2))
BOX = np.array([0.0, 0.0, 100.0, 100.0])


def people(*joints: np.ndarray, scores: list[float], boxes: np.ndarray | None = None) -> People:
    stacked = np.array(joints)
    places = np.tile(BOX, (len(joints), 1)) if boxes is None else boxes
    return People(stacked, np.isfinite(stacked[..., 0]).astype(float), np.array(scores), places)


def shifted(oks: float, area: float) -> np.ndarray:
    """The pose moved joint by joint, so that its OKS with the pose is ``oks`` with this area."""
    distance = np.sqrt(-2 * np.log(oks) * area) * 2 * SIGMAS
    return POSE + np.stack([distance, np.zeros(17)], axis=1)


@pytest.mark.parametrize(("oks", "left"), [(0.95, 1), (0.901, 1), (0.899, 2), (0.5, 2)])
def test_more_alike_than_the_threshold_is_the_same_person(oks: float, left: int) -> None:
    found = suppressed(people(shifted(oks, 1e4), POSE, scores=[0.3, 0.8]), SIGMAS)
    assert len(found) == left
    np.testing.assert_array_equal(found.joints[0], POSE)  # the surer one


def test_the_area_is_the_mean_of_both_boxes() -> None:
    boxes = np.array([BOX, BOX * 2])  # 1e4 and 4e4
    for area, left in ((2.6e4, 2), (2.4e4, 1)):
        found = suppressed(people(POSE, shifted(0.9, area), scores=[0.8, 0.3], boxes=boxes), SIGMAS)
        assert len(found) == left


def test_only_those_who_are_left_suppress_others() -> None:
    near, far = shifted(0.92, 1e4), shifted(0.72, 1e4)
    found = suppressed(people(far, POSE, near, scores=[0.2, 0.9, 0.5]), SIGMAS)
    np.testing.assert_array_equal(found.scores, [0.9, 0.2])


def test_joints_that_were_not_found_do_no_harm() -> None:
    partly = POSE.copy()
    partly[3:] = np.nan
    nothing = np.full((17, 2), np.nan)
    found = suppressed(people(partly, POSE, partly, nothing, scores=[0.5, 0.9, 0.4, 0.1]), SIGMAS)
    np.testing.assert_array_equal(found.scores, [0.9, 0.5, 0.1])


def test_nobody_stays_nobody() -> None:
    assert len(suppressed(People.nobody(17), SIGMAS)) == 0

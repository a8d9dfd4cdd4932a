from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from benchmarks.people_scores import by_pycocotools
from humotion.errors import HumotionError
from humotion.tasks.multi_person_pose.training.joint_sets import SIGMAS, sigmas_of
from humotion.tasks.multi_person_pose.training.oks import oks
from tests.tasks.multi_person_pose.conftest import crowd_of, detected


@pytest.mark.parametrize("seed", range(4))
def test_oks_is_that_of_pycocotools(seed: int) -> None:
    """With unlabelled joints, crowds, and people without labelled joints."""
    truth = crowd_of(40, seed)
    people = detected(truth, seed + 100)
    theirs = by_pycocotools(truth, people).ious
    num_pairs = num_empty = 0
    for image, found in people.items():
        ones = [one for one in truth.annotations if one["image_id"] == image]
        best = np.argsort(-found.scores, kind="stable")[:20]
        keypoints = np.array([one["keypoints"] for one in ones]).reshape(-1, 17, 3)
        areas, boxes = (np.array([one[key] for one in ones]) for key in ("area", "bbox"))
        ours = oks(found.joints[best], keypoints, areas, boxes, sigmas_of("coco"))
        np.testing.assert_allclose(ours, theirs[image, 1], rtol=1e-12, atol=1e-300)
        num_pairs += ours.size
        num_empty += int((keypoints[..., 2] == 0).all(axis=1).sum())
    assert num_pairs > 1000 and num_empty > 10


def test_by_hand() -> None:
    """A joint that is off by sqrt(area) * 2 * sigma has exp(-1/2); an unlabelled one does not count."""
    keypoints = np.array([[[10.0, 10, 2], [20, 10, 1], [0, 0, 0]]])
    off = 2 * 0.1 * np.sqrt(400)
    found = np.array([[[10.0, 10], [20 + off, 10], [999, 999]]])
    area, box = np.array([400.0]), np.array([[0.0, 0, 20, 20]])
    assert oks(found, keypoints, area, box, np.full(3, 0.1))[0, 0] == pytest.approx((1 + np.exp(-0.5)) / 2)


def test_a_person_without_joints_is_its_doubled_box() -> None:
    """Within it, all is right; the distance counts along x and along y."""
    keypoints, area, box = np.zeros((1, 2, 3)), np.array([100.0]), np.array([[10.0, 10, 10, 10]])
    inside, outside = [[0.0, 0], [30, 30]], [[0.0, 0], [33, 34]]
    scores = oks(np.array([inside, outside]), keypoints, area, box, np.full(2, 0.25))
    assert scores[:, 0].tolist() == pytest.approx([1, (1 + np.exp(-25 / 0.25 / 100 / 2)) / 2])


@pytest.mark.parametrize(("found", "labelled"), list(product((0, 2), (0, 3))))
def test_shapes_without_people(found: int, labelled: int) -> None:
    similarity = oks(
        np.zeros((found, 17, 2)),
        np.zeros((labelled, 17, 3)),
        np.ones(labelled),
        np.ones((labelled, 4)),
        sigmas_of("coco"),
    )
    assert similarity.shape == (found, labelled)


def test_sigmas() -> None:
    assert {name: len(sigmas) for name, sigmas in SIGMAS.items()} == {
        **{"coco": 17, "crowdpose": 14, "posetrack18": 17, "mpii": 16}
    }
    with pytest.raises(HumotionError, match=r"no sigmas for the joint set 'penn_action'. Known: coco, crowdpose"):
        sigmas_of("penn_action")

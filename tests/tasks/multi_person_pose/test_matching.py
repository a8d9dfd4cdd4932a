from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from humotion.errors import HumotionError
from humotion.evaluation.average_precision import ap_of
from humotion.evaluation.bootstrap import draw_groups
from humotion.evaluation.paired_ap import paired_ap
from humotion.tasks.multi_person_pose.evaluation.coco_ap import average_precision
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.people import People, read_results
from humotion.tasks.multi_person_pose.training.truth import Truth, as_truth, truth_of_file
from tests.tasks.multi_person_pose.conftest import crowd_of, detected

AP50, AP75 = slice(0, 1), slice(5, 6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("joint_set", "num_joints"), [("coco", 17), ("crowdpose", 14)])
def test_the_cached_matches_give_the_ap_of_the_library(joint_set: str, num_joints: int, seed: int) -> None:
    truth = crowd_of(60, seed, joint_set, num_joints)
    people = detected(truth, seed + 10)
    scores, matches = average_precision(truth, people), match(truth, people)
    assert ap_of(matches) == pytest.approx(scores["AP"], abs=1e-12)
    assert ap_of(matches, thresholds=AP50) == pytest.approx(scores["AP50"], abs=1e-12)
    assert ap_of(matches, thresholds=AP75) == pytest.approx(scores["AP75"], abs=1e-12)


def test_published_predictions(multi: Path) -> None:
    truth = truth_of_file(multi / "mmpose/coco/test_coco.json", "coco")
    matches = match(truth, read_results(multi / "xtcocoapi/example_coco_preds.json", 17))
    assert ap_of(matches) == pytest.approx(0.8608896054440609, abs=1e-12)


def repeated(truth: Truth, people: dict[int, People], times: np.ndarray) -> tuple[Truth, dict[int, People]]:
    """The images as often as ``times`` say, each copy with ids of its own: what drawing images means."""
    images, annotations, found = [], [], {}
    for place, image in enumerate(truth.image_ids):
        for _ in range(times[place]):
            number = len(images) + 1
            images.append({"id": number, "crowdIndex": 0.5})
            for one in truth.annotations:
                if one["image_id"] == image:
                    annotations.append({**one, "id": len(annotations) + 1, "image_id": number})
            if image in people:
                found[number] = people[image]
    return as_truth(images, annotations, truth.joint_set), found


@pytest.mark.parametrize("seed", range(3))
def test_weights_are_copies_of_images(seed: int) -> None:
    """Scores differ here: the order of equal scores of different images depends on the order of images."""
    truth = crowd_of(25, seed)
    random = np.random.default_rng(seed)
    people = {
        image: People(found.joints, found.joint_scores, random.uniform(size=len(found)), found.boxes)
        for image, found in detected(truth, seed + 20).items()
    }
    matches = match(truth, people)
    for times in draw_groups(25, seed, 4):
        copied = average_precision(*repeated(truth, people, times))
        assert ap_of(matches, times) == pytest.approx(copied["AP"], abs=1e-12)


def test_a_better_method_is_told_from_a_worse_one() -> None:
    truth = crowd_of(80, 7)
    good, bad = match(truth, detected(truth, 1, noise=5)), match(truth, detected(truth, 1, noise=25))
    result = paired_ap(good, bad, seed=0, num_resamples=200)
    assert result.difference == pytest.approx(ap_of(good) - ap_of(bad))
    assert 0 < result.low < result.difference < result.high
    assert result.distinguishable
    assert paired_ap(good, bad, seed=0, num_resamples=200) == result
    same = paired_ap(good, good, seed=0, num_resamples=50)
    assert (same.difference, same.low, same.high) == (0, 0, 0)


def test_groups_are_drawn_whole() -> None:
    """With one group there is no interval; with one per image it is that of images."""
    truth = crowd_of(30, 8)
    one, other = match(truth, detected(truth, 1)), match(truth, detected(truth, 2))
    alone = paired_ap(one, other, 0, 50, groups=dict.fromkeys(truth.image_ids, "film"))
    assert math.isnan(alone.low) and not alone.distinguishable
    each = paired_ap(one, other, 0, 50, groups={image: f"film {image}" for image in truth.image_ids})
    assert each == paired_ap(one, other, 0, 50)


def test_nobody() -> None:
    truth = crowd_of(10, 0)
    assert ap_of(match(truth, {})) == 0
    empty = match(as_truth(truth.images, [], "coco"), {})
    assert math.isnan(ap_of(empty))
    with pytest.raises(HumotionError, match="no labelled people"):
        paired_ap(empty, empty, 0)
    with pytest.raises(HumotionError, match="not compared on the same labels"):
        paired_ap(match(truth, {}), match(crowd_of(11, 0), {}), 0)

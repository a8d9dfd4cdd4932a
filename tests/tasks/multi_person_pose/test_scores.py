"""The tables by which versions are compared: AP from them is AP from the detections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from humotion.evaluation.average_precision import Matches, ap_of, matches_of
from humotion.evaluation.face import OF_CHAMPION
from humotion.evaluation.paired_ap import paired_ap
from humotion.models.common.people_maps import Found, nobody
from humotion.tasks.multi_person_pose import face
from humotion.tasks.multi_person_pose.evaluation.mean_pose import mean_pose, placed
from humotion.tasks.multi_person_pose.evaluation.overlap import ap_by_overlap, crowd_index, part_of
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.outcomes import packed, to_stored, unpacked
from humotion.tasks.multi_person_pose.training.scores import AP50, score_table
from humotion.tasks.multi_person_pose.training.truth import Truth, as_truth
from tests.tasks.multi_person_pose.conftest import crowd_of, detected


def with_names(truth: Truth) -> Truth:
    return truth._replace(images=[{**image, "file_name": f"image {image['id']}"} for image in truth.images])


def groups_of(truth: Truth) -> dict[str, str]:
    """Three images of one recording each."""
    return {image["file_name"]: f"film {image['id'] // 3}" for image in truth.images}


def test_a_table_brings_the_matches_back(tmp_path: Path) -> None:
    truth = with_names(crowd_of(40, seed=1))
    found = detected(truth, seed=2)
    matches = match(truth, found)
    score_table(truth, found, groups_of(truth)).to_parquet(tmp_path / "validation.parquet")
    back = matches_of(pd.read_parquet(tmp_path / "validation.parquet"))
    np.testing.assert_array_equal(back.hit, matches.hit)
    np.testing.assert_array_equal(back.counted, matches.counted)
    np.testing.assert_array_equal(back.image, matches.image)
    np.testing.assert_array_equal(back.num_people, matches.num_people)
    assert ap_of(back) == ap_of(matches) and ap_of(back, thresholds=AP50) == ap_of(matches, thresholds=AP50)


def test_a_method_that_finds_nobody_has_a_table_too() -> None:
    truth = with_names(crowd_of(5, seed=1))
    table = score_table(truth, {}, groups_of(truth))
    assert ap_of(matches_of(table)) == 0
    assert table.loc[table["weight"] > 0, "score"].eq(0).all()


@pytest.mark.parametrize("metric", ["ap", "ap_50"])
def test_versions_are_compared_by_ap(metric: str) -> None:
    truth = with_names(crowd_of(30, seed=3))
    one, other = detected(truth, seed=4), detected(truth, seed=5)
    groups = groups_of(truth)
    pairs = score_table(truth, one, groups).merge(
        score_table(truth, other, groups), on=["clip_id", "group"], suffixes=("", OF_CHAMPION)
    )
    gain = face.validation_gain(pairs, metric, seed=7, num_resamples=200)
    by_id = {image["id"]: groups[image["file_name"]] for image in truth.images}
    thresholds = AP50 if metric == "ap_50" else slice(None)
    expected = paired_ap(match(truth, one), match(truth, other), 7, 200, by_id, thresholds)
    assert gain == expected and gain.low < gain.difference < gain.high


def test_the_score_of_an_image_is_the_share_of_people_found() -> None:
    truth = with_names(crowd_of(30, seed=6))
    table = score_table(truth, detected(truth, seed=6), groups_of(truth))
    matches = match(truth, detected(truth, seed=6))
    found = (matches.hit & matches.counted)[0].sum()
    some = table[table["weight"] > 0]
    assert (some["score"] * some["weight"]).sum() == pytest.approx(found)
    assert isinstance(matches, Matches) and some["score"].between(0, 1).all()


def test_people_are_packed_and_unpacked() -> None:
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(3, 17, 2)).astype(np.float32)
    joints[1, 4] = np.nan
    some = Found(joints, rng.random((3, 17)).astype(np.float32), rng.random(3).astype(np.float32))
    batch = packed([nobody(17), some, nobody(17)])
    assert all(torch.isfinite(one).all() for one in batch.values())
    first, second, third = unpacked(batch)
    assert len(first.scores) == len(third.scores) == 0
    for name in ("joints", "joint_scores", "scores"):
        np.testing.assert_array_equal(getattr(second, name), getattr(some, name))
    assert [len(one.scores) for one in unpacked(packed([nobody(17)]))] == [0]


def test_people_move_to_the_stored_frame() -> None:
    found = Found(np.full((1, 2, 2), 3, np.float32), np.ones((1, 2), np.float32), np.ones(1, np.float32))
    np.testing.assert_allclose(to_stored(found, np.array([10, 20, 0.5], np.float32)).joints, [[[11.5, 21.5]] * 2])


def box_of_people(offset: float) -> Truth:
    """Two people of the same shape, ``offset`` pixels apart."""
    shape = np.stack([np.linspace(0, 50, 17), np.linspace(0, 100, 17)], axis=1)
    people = []
    for number in range(2):
        keypoints = np.concatenate([shape + [10 + number * offset, 10], np.full((17, 1), 2)], axis=1)
        box = [10 + number * offset, 10, 50, 100]
        people.append({"id": number, "image_id": 1, "keypoints": keypoints.reshape(-1), "bbox": box, "area": 3000})
    return as_truth([{"id": 1, "file_name": "one"}], people, "coco")


def test_the_mean_pose_of_equal_people_is_right() -> None:
    truth = box_of_people(200)
    found = placed(mean_pose(truth), truth)
    assert ap_of(match(truth, found)) == 1
    np.testing.assert_allclose(mean_pose(truth)[8], [0.5, 0.5])


def test_overlap_is_crowd_poses_index() -> None:
    assert crowd_index(box_of_people(200)) == {1: 0}
    assert crowd_index(box_of_people(0)) == {1: 1}
    # Moved by half of the box, the half of each shape that lies in the other's box: 8 or 9 of 17 joints.
    assert crowd_index(box_of_people(25))[1] == pytest.approx(8.5 / 17, abs=0.03)


def test_ap_by_overlap_uses_only_images_of_that_level() -> None:
    truth = with_names(crowd_of(30, seed=8))
    found = detected(truth, seed=9)
    levels = ap_by_overlap(truth, found)
    index = crowd_index(truth)
    low = {image for image, value in index.items() if value < 0.1}
    expected = ap_of(match(part_of(truth, low), {image: found[image] for image in low & found.keys()}))
    assert levels["ap_overlap_low"] == pytest.approx(expected, nan_ok=True)
    assert set(levels) == {"ap_overlap_low", "ap_overlap_medium", "ap_overlap_high"}

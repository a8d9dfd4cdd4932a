"""People who are encoded into maps come out of them again; and what happens in hard cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.limbs_by_loops import decode_by_loops
from humotion.evaluation.average_precision import ap_of
from humotion.models.common.people_maps import Fields
from humotion.models.open_pose.limbs import COCO, Body
from humotion.models.open_pose.open_pose import OpenPose
from humotion.params.models.open_pose import OpenPoseDecoding
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.outcomes import as_people
from humotion.tasks.multi_person_pose.training.truth import Truth
from tests.models.open_pose.crowds import (
    USUAL,
    Bools,
    Floats,
    fields_of,
    in_order,
    people_at,
    real_people,
    rows_of,
)


@pytest.fixture(scope="module")
def model() -> OpenPose:
    """With cells of 4 pixels."""
    return OpenPose(width=8)


@pytest.fixture(scope="module")
def coarse() -> OpenPose:
    """With cells of 8 pixels."""
    return OpenPose(features="vgg19", width=8)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 15])
def test_people_apart_come_back(model: OpenPose, coarse: OpenPose, count: int) -> None:
    truth = rows_of(count)
    for one, size, near in ((model, (150, 260), 0.1), (coarse, (75, 130), 1.3)):
        found = one.decode(fields_of(one, truth, size=size), USUAL)
        assert found.joints.shape == (count, 17, 2)
        if count:
            np.testing.assert_allclose(in_order(found, truth), truth, atol=near)
            assert found.scores.min() > 0.7
            assert (np.diff(found.scores) <= 0).all()


def test_sixty_people(model: OpenPose) -> None:
    truth = rows_of(60) / 2
    found = model.decode(fields_of(model, truth, size=(190, 130)), USUAL)
    assert len(found.joints) == 60
    np.testing.assert_allclose(in_order(found, truth), truth, atol=0.1)


@pytest.mark.parametrize("overlap", ["average", "overwrite"])
def test_people_who_overlap(overlap: str) -> None:
    model = OpenPose(width=8, paf_overlap=overlap)  # type: ignore[arg-type]
    truth = people_at((100, 120), (140, 128))  # an arm of one lies on the body of the other
    found = model.decode(fields_of(model, truth), USUAL)
    assert len(found.joints) == 2
    np.testing.assert_allclose(in_order(found, truth), truth, atol=1)


def test_a_joint_in_one_cell_with_another_one_is_lost_to_one_of_both(model: OpenPose) -> None:
    truth = people_at((100, 120), (220, 125))
    truth[1, COCO.index("r_wrist")] = truth[0, COCO.index("r_wrist")] + 1
    found = model.decode(fields_of(model, truth), USUAL)
    assert len(found.joints) == 2
    assert np.isnan(found.joints[..., 0]).sum() == 1


def test_missing_joints_have_no_score(model: OpenPose) -> None:
    truth = people_at((100, 120))
    known = np.ones((1, 17), bool)
    known[0, [COCO.index(name) for name in ("l_wrist", "r_ankle", "l_eye")]] = False
    found = model.decode(fields_of(model, truth, known), USUAL)
    assert len(found.joints) == 1
    assert np.isnan(found.joints[0][~known[0]]).all()
    assert (found.joint_scores[0][~known[0]] == 0).all()
    missing_ear = COCO.index("l_ear")  # no eye leads to it, but the shoulder does
    np.testing.assert_allclose(found.joints[0][missing_ear], truth[0][missing_ear], atol=0.1)


def test_a_person_half_outside_keeps_what_is_seen(model: OpenPose) -> None:
    truth = people_at((3, 120))
    inside = truth[..., 0] >= 0
    inside[0, COCO.index("r_shoulder")] = True  # its label lies outside
    found = model.decode(fields_of(model, truth, inside), USUAL)
    assert len(found.joints) == 1
    seen = inside[0] & (truth[0, :, 0] >= 0)
    np.testing.assert_allclose(found.joints[0][seen], truth[0][seen], atol=2)


def test_who_has_too_few_joints_or_too_low_scores_is_nobody(model: OpenPose) -> None:
    truth = people_at((100, 120))
    known = np.zeros((1, 17), bool)
    known[0, [COCO.index("l_knee"), COCO.index("l_ankle")]] = True
    fields = fields_of(model, truth, known)
    assert len(model.decode(fields, USUAL).joints) == 0
    assert len(model.decode(fields, OpenPoseDecoding(min_joints=2)).joints) == 1
    whole = fields_of(model, truth)
    weak = {"heat": whole["heat"] * np.float32(0.12), "limbs": whole["limbs"] * np.float32(0.06)}
    assert len(model.decode(weak, USUAL).joints) == 0
    assert len(model.decode(weak, OpenPoseDecoding(min_person=0.1)).joints) == 1
    assert len(model.decode(whole, OpenPoseDecoding(min_joint=0.99)).joints) == 0


def with_noise(fields: Fields, scale: float, seed: int) -> Fields:
    """Noise in each cell of all maps."""
    random = np.random.default_rng(seed)
    return {name: (one + random.normal(0, scale, one.shape)).astype(np.float32) for name, one in fields.items()}


def test_noise_moves_joints_by_less_than_a_cell(model: OpenPose) -> None:
    truth = people_at((100, 120), (300, 128))
    found = model.decode(with_noise(fields_of(model, truth), 0.03, 7), USUAL)
    assert len(found.joints) == 2
    errors = np.linalg.norm(in_order(found, truth) - truth, axis=-1)
    assert errors.max() < 4


@pytest.mark.parametrize("seed", range(6))
def test_all_pairs_at_once_give_what_loops_give(model: OpenPose, coarse: OpenPose, seed: int) -> None:
    random = np.random.default_rng(seed)
    places = [(random.uniform(20, 480), random.uniform(60, 200)) for _ in range(6)]
    truth = people_at(*places) + random.normal(0, 8, (6, 17, 2)).astype(np.float32)
    known = random.uniform(size=(6, 17)) < 0.8
    decoding = OpenPoseDecoding(merge=False)
    for one, size in ((model, (64, 128)), (coarse, (32, 64))):
        fields = with_noise(fields_of(one, truth, known, size=size), 0.03, seed)
        ours = one.decode(fields, decoding)
        theirs = decode_by_loops(fields["heat"], fields["limbs"], one.body, one.stride, decoding)
        assert len(ours.joints) > 2
        for part, other in zip(ours[:3], theirs[:3], strict=True):
            np.testing.assert_allclose(part, other, rtol=1e-5, atol=1e-5)


def test_two_parts_of_a_person_become_one_by_a_weak_limb(model: OpenPose) -> None:
    truth = people_at((100, 120), (300, 120))
    fields = dict(fields_of(model, truth))
    limbs = fields["limbs"].reshape(2, 19, 64, 128).copy()
    for limb, (a, b) in enumerate(model.body.limbs):
        if (model.body.joints[a], model.body.joints[b]) in (("neck", "l_hip"), ("neck", "r_hip")):
            limbs[:, limb, 22:29, :50] = 0  # 7 of the 19 rows from the neck to the hips of the first person
    fields["limbs"] = limbs.reshape(38, 64, 128)
    apart = model.decode(fields, OpenPoseDecoding(merge=False))
    assert sorted(np.isfinite(apart.joints[..., 0]).sum(axis=1)) == [3, 3, 11, 17]
    whole = model.decode(fields, USUAL)
    assert len(whole.joints) == 2
    np.testing.assert_allclose(in_order(whole, truth), truth, atol=0.1)
    limbs[:, :, 20:34, :50] = 0  # most of the trunk
    gone = {**fields, "limbs": limbs.reshape(38, 64, 128)}
    assert len(model.decode(gone, USUAL).joints) > 2


def test_parts_with_a_joint_in_common_stay_two_people(model: OpenPose) -> None:
    truth = people_at((100, 120), (140, 128))
    fields = fields_of(model, truth)
    loose = OpenPoseDecoding(merge_share=0.0)
    assert len(model.decode(fields, loose).joints) == 2


def joined(known: Bools, body: Body) -> bool:
    """Whether limbs join all known joints (K,) of a person, and these are enough for one."""
    part = np.flatnonzero(known)[:1].tolist()
    for _ in body.joints:
        part += [b if a in part else a for a, b in body.limbs if known[a] and known[b] and (a in part) != (b in part)]
    return int(known.sum()) >= USUAL.min_joints and len(set(part)) == int(known.sum())


@pytest.mark.parametrize(("name", "people", "ap50", "ap"), [("val", 54, 1, 0.99), ("train", 56, 0.98, 0.97)])
def test_real_people_come_back_if_limbs_join_their_labelled_joints(
    real_data: Path, name: str, people: int, ap50: float, ap: float
) -> None:
    """A joint is lost where two people have one in the same or the next cell: one person of ``train``, 35 pixels large.

    Others are left out: they have joints that no limb leads to, because its other end is not labelled.
    """
    model = OpenPose(width=8)
    assert model.body.shoulders is not None
    truth, by_image = real_people(real_data, name)
    annotations, found = [], {}
    for image in truth.images:
        joints, known = by_image[image["id"]]
        complete = np.concatenate([known, known[:, list(model.body.shoulders)].all(axis=1, keepdims=True)], axis=1)
        whole = np.array([joined(one, model.body) for one in complete], bool)
        labelled = [one for one in truth.annotations if one["image_id"] == image["id"] and one["num_keypoints"]]
        annotations += [one for one, is_whole in zip(labelled, whole, strict=True) if is_whole]
        cells = [int(np.ceil(2 * image[side] / model.stride)) for side in ("height", "width")]
        fields = fields_of(model, 2 * joints[whole], known[whole], (cells[0], cells[1]))
        people_in = model.decode(fields, USUAL)
        found[image["id"]] = as_people(people_in._replace(joints=people_in.joints / 2))
    assert len(annotations) == people
    matches = match(Truth(truth.images, annotations, "coco"), found)
    assert ap_of(matches, thresholds=slice(0, 1)) >= ap50
    assert ap_of(matches) > ap


def test_the_neck_is_no_joint_of_a_result(model: OpenPose) -> None:
    truth: Floats = people_at((100, 120))
    assert model.body.joints[-1] == "neck"
    assert model.decode(fields_of(model, truth), USUAL).joints.shape == (1, 17, 2)

"""Parts of a person between which a joint is missing become one; parts of different people do not."""

from __future__ import annotations

import numpy as np
import pytest

from humotion.models.common.peaks import peaks, read_between
from humotion.models.common.people_maps import Fields, Found
from humotion.models.open_pose.decoding import MOST, _highest
from humotion.models.open_pose.limbs import COCO
from humotion.models.open_pose.matching import _read
from humotion.models.open_pose.open_pose import OpenPose
from humotion.params.models.open_pose import OpenPoseDecoding
from tests.models.open_pose.crowds import USUAL, Floats, fields_of, in_order, people_at

LIMBS_ALONE = OpenPoseDecoding(reach=0.0)


@pytest.fixture(scope="module")
def model() -> OpenPose:
    """With cells of 4 pixels."""
    return OpenPose(width=8)


def without(model: OpenPose, truth: Floats, *names: str, person: int = 0) -> Fields:
    """The fields of people of whom one lacks joints."""
    known = np.ones(truth.shape[:2], bool)
    known[person, [COCO.index(name) for name in names]] = False
    return fields_of(model, truth, known)


def both(model: OpenPose, fields: Fields) -> tuple[Found, Found]:
    return model.decode(fields, USUAL), model.decode(fields, LIMBS_ALONE)


@pytest.mark.parametrize("names", [("l_hip",), ("l_hip", "r_hip"), ("l_shoulder",), ("r_knee",)])
def test_what_lies_behind_a_missing_joint_is_of_the_person(model: OpenPose, names: tuple[str, ...]) -> None:
    truth = people_at((130, 125), (330, 125))
    found, apart = both(model, without(model, truth, *names))
    assert len(found.scores) == 2
    joints = in_order(found, truth)
    missing = [COCO.index(name) for name in names]
    assert np.isnan(joints[0, missing]).all()
    others = np.delete(np.arange(17), missing)
    np.testing.assert_allclose(joints[:, others], truth[:, others], atol=0.2)
    assert len(apart.scores) > 2 or np.isnan(apart.joints[..., 0]).sum() > len(names)


def test_a_single_joint_is_taken_if_its_peak_is_high(model: OpenPose) -> None:
    truth = people_at((130, 125))
    fields = without(model, truth, "l_elbow")
    wrist = COCO.index("l_wrist")
    found, apart = both(model, fields)
    np.testing.assert_allclose(found.joints[0, wrist], truth[0, wrist], atol=0.2)
    assert np.isnan(apart.joints[0, wrist]).all()
    low = np.array(fields["heat"])
    low[wrist] *= 0.3
    assert np.isnan(model.decode({**fields, "heat": low}, USUAL).joints[0, wrist]).all()


def test_parts_far_from_each_other_stay_apart(model: OpenPose) -> None:
    truth = people_at((80, 125), (400, 125))
    upper = [name for name in COCO if not name.endswith(("knee", "ankle"))]
    lower = [name for name in COCO if name.endswith(("knee", "ankle"))]
    known = np.ones(truth.shape[:2], bool)
    known[0, [COCO.index(name) for name in lower]] = False
    known[1, [COCO.index(name) for name in upper]] = False
    known[1, [COCO.index(f"{side}_hip") for side in "lr"]] = True
    known[1, COCO.index("l_hip")] = False
    found = model.decode(fields_of(model, truth, known), USUAL)
    assert len(found.scores) == 2


def test_complete_people_stay_as_they_are(model: OpenPose) -> None:
    fields = fields_of(model, people_at((100, 125), (180, 125), (330, 130)))
    found, apart = both(model, fields)
    np.testing.assert_array_equal(found.joints, apart.joints)
    np.testing.assert_array_equal(found.scores, apart.scores)


def test_noise_alone_makes_no_more_people(model: OpenPose) -> None:
    random = np.random.default_rng(0)
    empty = fields_of(model, people_at())
    noisy = {name: one + random.normal(0, 0.1, one.shape).astype(np.float32) for name, one in empty.items()}
    found, apart = both(model, noisy)
    assert len(found.scores) <= len(apart.scores)


def test_fields_are_read_as_between_cells_of_any_maps() -> None:
    random = np.random.default_rng(0)
    for height, width in ((8, 11), (1, 5), (5, 1)):
        fields = random.normal(size=(6, height, width)).astype(np.float32)
        limb = random.integers(0, 3, (40, 1))
        x, y = (random.uniform(0, size - 1, (40, 4)).astype(np.float32) for size in (width, height))
        points = np.stack([x, y], axis=-1)
        expected = [read_between(fields[[one, 3 + one]], points[k]) for k, one in enumerate(limb[:, 0])]
        np.testing.assert_allclose(np.stack(_read(fields, limb, x, y), axis=1), np.stack(expected), atol=1e-5)


def test_of_too_many_peaks_the_highest_are_looked_at() -> None:
    heat = np.random.default_rng(0).uniform(0.2, 1, (3, 64, 64)).astype(np.float32)
    every = peaks(heat, 0.1)
    kept = _highest(every, 30)
    assert len(kept.scores) == 30 and (np.diff(kept.joint) >= 0).all()
    assert kept.scores.min() >= np.sort(every.scores)[-30]
    assert _highest(every, len(every.scores)) is every
    assert MOST >= 60

"""Joints and limbs of every set of joints."""

from __future__ import annotations

import pytest

from humotion import choices
from humotion.models.open_pose.limbs import COCO, body_of

CROWDPOSE = (*COCO[5:], "head", "neck")
POSETRACK = ("nose", "head_bottom", "head_top", *COCO[3:])


def named(names: tuple[str, ...]) -> list[tuple[str, str]]:
    body = body_of(names)
    return [(body.joints[a], body.joints[b]) for a, b in body.limbs]


def test_coco_has_the_published_joints_and_limbs() -> None:
    body = body_of(COCO)
    assert body.joints == (*COCO, "neck")
    assert body.num_given == 17
    assert len(body.limbs) == 19
    assert body.num_growing == 17
    assert body.shoulders == (COCO.index("l_shoulder"), COCO.index("r_shoulder"))
    assert named(COCO)[:3] == [("neck", "r_shoulder"), ("neck", "l_shoulder"), ("r_shoulder", "r_elbow")]
    assert named(COCO)[-2:] == [("r_shoulder", "r_ear"), ("l_shoulder", "l_ear")]


def test_a_neck_of_the_data_is_used() -> None:
    for names, neck in ((CROWDPOSE, "neck"), (POSETRACK, "head_bottom")):
        body = body_of(names)
        assert body.joints == names
        assert body.shoulders is None
        assert (neck, "r_hip") in named(names)
    assert ("neck", "head") in named(CROWDPOSE)
    assert {("head_bottom", "head_top"), ("nose", "r_ear"), ("r_shoulder", "r_ear")} <= set(named(POSETRACK))


@pytest.mark.parametrize(
    "names",
    [
        *(COCO, CROWDPOSE, POSETRACK, COCO[11:], COCO[:5], ("thumb", "index"), ("l_shoulder", "tail", "r_shoulder")),
        *(choices.load("datasets", layout).SKELETON.joints for layout in ("mpii", "posetrack18", "penn_action")),
    ],
)
def test_limbs_that_grow_people_join_all_joints_and_no_limb_is_there_twice(names: tuple[str, ...]) -> None:
    body = body_of(names)
    reached = {body.limbs[0][0]}
    for _ in body.joints:
        for a, b in body.limbs[: body.num_growing]:
            reached |= {a, b} if a in reached or b in reached else set()
    assert reached == set(range(len(body.joints)))
    assert len({frozenset(limb) for limb in body.limbs}) == len(body.limbs)
    assert body.num_growing >= len(body.joints) - 1


def test_one_joint_or_a_name_twice_is_an_error() -> None:
    for names in (("nose",), (), ("nose", "nose")):
        with pytest.raises(ValueError, match="at least two joints"):
            body_of(names)

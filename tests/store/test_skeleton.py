from __future__ import annotations

import pytest

from humotion.datasets.jhmdb import SKELETON as JHMDB
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.store.skeleton import Skeleton

ALL = pytest.mark.parametrize("skeleton", [PENN_ACTION, JHMDB], ids=["penn_action", "jhmdb"])


def test_joint_orders_are_the_official_ones() -> None:
    assert len(PENN_ACTION.joints) == 13
    assert PENN_ACTION.joints[:3] == ("head", "r_shoulder", "l_shoulder")
    assert len(JHMDB.joints) == 15
    assert JHMDB.joints[7:11] == ("r_elbow", "l_elbow", "r_knee", "l_knee")


@ALL
def test_flip_swaps_left_and_right_and_twice_is_nothing(skeleton: Skeleton) -> None:
    for joint, name in enumerate(skeleton.joints):
        mirrored = skeleton.joints[skeleton.flip[joint]]
        assert mirrored[2:] == name[2:] if name[:2] in {"l_", "r_"} else mirrored == name
        assert (mirrored[0] != name[0]) == (name[:2] in {"l_", "r_"})
        assert skeleton.flip[skeleton.flip[joint]] == joint


@ALL
def test_bones_join_all_joints_into_one_body(skeleton: Skeleton) -> None:
    reached = {0}
    for _ in skeleton.joints:
        reached |= {b for a, b in skeleton.edges if a in reached} | {a for a, b in skeleton.edges if b in reached}
    assert reached == set(range(len(skeleton.joints)))


def test_torso_is_the_pair_of_the_official_code() -> None:
    assert PENN_ACTION.torso == (3 - 1, 8 - 1)
    assert JHMDB.torso == (5 - 1, 6 - 1)


@ALL
def test_groups_are_the_seven_columns_of_published_tables(skeleton: Skeleton) -> None:
    assert [name for name, _ in skeleton.groups] == ["head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
    members = [joint for _, group in skeleton.groups for joint in group]
    left_out = {skeleton.joints[joint] for joint in set(range(len(skeleton.joints))) - set(members)}
    assert left_out == ({"neck", "belly"} if skeleton is JHMDB else set())
    assert len(members) == len(set(members)) == 13

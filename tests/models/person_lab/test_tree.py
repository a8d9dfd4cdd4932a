"""The tree fits each joint set: it reaches every joint once, from the head outwards, over what the set has."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from humotion.datasets import coco, jhmdb, mpii, penn_action, posetrack18
from humotion.models.person_lab.tree import EDGES, JOINTS, tree_of, walk_of
from humotion.store.skeleton import Skeleton

SETS = [*coco.SKELETONS, mpii.SKELETON, posetrack18.SKELETON, jhmdb.SKELETON, penn_action.SKELETON]


@pytest.mark.parametrize("skeleton", SETS, ids=lambda one: one.name)
def test_every_joint_hangs_once_below_one_that_comes_before_it(skeleton: Skeleton) -> None:
    edges = tree_of(skeleton.joints)
    reached = {edges[0][0]}
    for parent, child in edges:
        assert parent in reached
        assert child not in reached
        reached.add(child)
    assert reached == set(range(len(skeleton.joints)))
    sides = [(skeleton.joints[parent][:2], skeleton.joints[child][:2]) for parent, child in edges]
    assert ("l_", "r_") not in sides and ("r_", "l_") not in sides


def test_the_order_of_the_published_network() -> None:
    published = "nose l_eye l_ear, nose r_eye r_ear, nose l_shoulder l_elbow l_wrist, l_shoulder l_hip l_knee l_ankle"
    published += ", nose r_shoulder r_elbow r_wrist, r_shoulder r_hip r_knee r_ankle"
    chains = [chain.split() for chain in published.split(", ")]
    assert [(JOINTS[a], JOINTS[b]) for a, b in EDGES] == [pair for chain in chains for pair in pairwise(chain)]


@pytest.mark.parametrize(
    ("names", "child", "parent"),
    [
        (("head", "neck", "l_shoulder"), "l_shoulder", "neck"),
        (("nose", "l_ear"), "l_ear", "nose"),
        (("nose", "l_shoulder", "l_wrist"), "l_wrist", "l_shoulder"),
        (("thorax", "pelvis", "l_shoulder", "l_hip"), "l_hip", "pelvis"),
        (("neck", "l_hip"), "l_hip", "neck"),
        (("nose", "tail"), "tail", "nose"),
        (("hoof", "tail"), "tail", "hoof"),
    ],
)
def test_what_a_set_lacks_is_left_out(names: tuple[str, ...], child: str, parent: str) -> None:
    assert (names.index(parent), names.index(child)) in tree_of(names)


def test_the_ways_along_a_tree() -> None:
    walk = walk_of(EDGES)
    assert walk.parents[0] == walk.above[0] == -1
    for edge, (parent, child) in enumerate(EDGES):
        assert (walk.parents[child], walk.above[child]) == (parent, edge)
    np.testing.assert_array_equal(np.sort(np.concatenate(walk.down)), np.arange(1, 17))
    assert [len(joints) for joints in walk.down] == [4, 6, 4, 2]
    alone = walk_of(tree_of(("nose",)))
    assert alone.down == () and alone.parents.tolist() == [-1]

"""Forward kinematics and the recordings: symmetry, bone lengths, mirror image, repetition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from humotion.render.body import JOINTS, Proportions, build_solids, forward_kinematics, lowest_point
from humotion.render.clip import _set_up
from humotion.render.hmdb51 import plan
from humotion.render.motion import BONES, load_motion, sample_motion

pytest.importorskip("pybullet_data")

RIGHT = [index for index, name in enumerate(JOINTS) if name.startswith("r_")]
LEFT = [JOINTS.index("l_" + JOINTS[index][2:]) for index in RIGHT]
FLIP = np.array([1.0, 1.0, -1.0])


def _standing() -> tuple[np.ndarray, np.ndarray]:
    return np.array([[0.0, 0.9, 0.0]]), np.tile(np.eye(3), (1, len(BONES), 1, 1))


def test_the_rest_pose_is_symmetric_and_upright() -> None:
    joints = forward_kinematics(*_standing(), Proportions()).joints[0]
    np.testing.assert_allclose(joints[RIGHT], joints[LEFT] * FLIP)
    assert (joints[RIGHT, 2] > 0).all()
    # Hip height 0.9 m less thigh 0.4215 m and shin 0.4099 m.
    assert joints[JOINTS.index("r_ankle"), 1] == pytest.approx(0.0686)
    assert joints[JOINTS.index("head"), 1] == pytest.approx(0.9 + 0.236 + 0.224 + 0.185)


def test_a_bent_knee_moves_the_foot_back_and_a_bent_elbow_the_hand_forward() -> None:
    root, rotations = _standing()
    back, forward = -np.pi / 2, np.pi / 2
    for name, angle in (("r_knee", back), ("r_elbow", forward)):
        cos, sin = np.cos(angle), np.sin(angle)
        rotations[0, [bone for bone, _ in BONES].index(name)] = [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]
    joints = dict(zip(JOINTS, forward_kinematics(root, rotations, Proportions()).joints[0], strict=True))
    assert joints["r_ankle"][0] == pytest.approx(-0.4099)
    assert joints["r_wrist"][0] - joints["r_elbow"][0] == pytest.approx(0.2589)


def test_bones_keep_their_lengths_in_motion() -> None:
    body = Proportions(scale=1.1, legs=0.95, arms=1.05)
    motion = load_motion("cartwheel")
    joints = forward_kinematics(*sample_motion(motion, np.linspace(0, 2.5, 20)), body).joints
    thigh = np.linalg.norm(joints[:, JOINTS.index("l_hip")] - joints[:, JOINTS.index("l_knee")], axis=1)
    forearm = np.linalg.norm(joints[:, JOINTS.index("l_elbow")] - joints[:, JOINTS.index("l_wrist")], axis=1)
    np.testing.assert_allclose(thigh, 0.4215 * 1.1 * 0.95)
    np.testing.assert_allclose(forearm, 0.2589 * 1.1 * 1.05)


def test_the_mirror_image_swaps_sides() -> None:
    motion, times = load_motion("kick"), np.linspace(0, 1.5, 7)
    plain = forward_kinematics(*sample_motion(motion, times), Proportions()).joints
    mirrored = forward_kinematics(*sample_motion(motion, times, mirror=True), Proportions()).joints
    np.testing.assert_allclose(mirrored[:, RIGHT], plain[:, LEFT] * FLIP, atol=1e-9)


def test_keyframes_are_met_and_walking_goes_on() -> None:
    motion = load_motion("walk")
    root, _ = sample_motion(motion, motion.times[[0, 5, 20]])
    np.testing.assert_allclose(root, motion.root[[0, 5, 20]])
    later, _ = sample_motion(motion, np.array([0.3, 0.3 + 3 * motion.duration]))
    assert later[1, 0] - later[0, 0] == pytest.approx(3 * (motion.root[-1, 0] - motion.root[0, 0]))
    assert later[1, 1] == pytest.approx(later[0, 1])


def test_a_performer_who_cannot_be_framed_is_said(caplog: pytest.LogCaptureFixture) -> None:
    spec = plan(3, {"walk": 1})[0].spec
    _set_up(spec, np.random.default_rng(0))
    assert not caplog.messages
    _set_up(replace(spec, size_in_frame=40.0), np.random.default_rng(0))  # the nose fills the picture
    assert caplog.messages == [f"In the clip {spec.seed} of walk the performer is not always in the picture."]


def test_the_lowest_point_of_a_standing_body_is_its_soles() -> None:
    body = Proportions()
    skeleton = forward_kinematics(*_standing(), body)
    lowest = lowest_point(build_solids(body), skeleton)[0]
    assert 0.0686 - 0.09 < lowest < 0.0686 - 0.05

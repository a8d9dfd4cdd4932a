"""People who are encoded into maps come out of them again; the decoder's rules in hard cases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from humotion.models.person_lab.decoding import Decoding, Fields, decode
from humotion.models.person_lab.targets import targets
from humotion.models.person_lab.tree import EDGES, JOINTS

HEIGHT, WIDTH, STRIDE = 25, 33, 16
STANDING = {
    **{"nose": (0, -60), "l_eye": (4, -64), "r_eye": (-4, -64), "l_ear": (9, -62), "r_ear": (-9, -62)},
    **{"l_shoulder": (16, -40), "r_shoulder": (-16, -40), "l_elbow": (22, -15), "r_elbow": (-22, -15)},
    **{"l_wrist": (24, 8), "r_wrist": (-24, 8), "l_hip": (10, 10), "r_hip": (-10, 10)},
    **{"l_knee": (11, 45), "r_knee": (-11, 45), "l_ankle": (11, 80), "r_ankle": (-11, 80)},
}
PERSON = np.array([STANDING[name] for name in JOINTS], np.float32)


def people_at(*places: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Standing people (N, J, 2) with their middles at these places."""
    return np.stack([PERSON + place for place in places]).astype(np.float32)


def in_order(found: npt.NDArray[np.float32], truth: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The found people in the order of the true ones that they are nearest to."""
    apart = np.abs(found[:, None] - truth[None]).mean((2, 3))
    return found[apart.argmin(axis=0)]


def encoded(truth: npt.NDArray[np.float32], known: npt.NDArray[np.bool_] | None = None) -> Fields:
    known = np.ones(truth.shape[:2], bool) if known is None else known
    return targets(truth, known, HEIGHT, WIDTH, STRIDE).fields


def test_the_tree_reaches_every_joint_once() -> None:
    children = [child for _, child in EDGES]
    assert len(JOINTS) == 17
    assert sorted(children) == list(range(1, 17))
    reached = {0}
    for parent, child in EDGES:
        assert parent in reached
        reached.add(child)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_people_apart_come_back_exactly(count: int) -> None:
    truth = (
        people_at(*((60 + 95 * number, 150 + 30 * (number % 2)) for number in range(count)))
        if count
        else (np.zeros((0, 17, 2), np.float32))
    )
    found = decode(encoded(truth))
    assert found.joints.shape == (count, 17, 2)
    if count:
        np.testing.assert_allclose(in_order(found.joints, truth), truth, atol=1e-3)
        np.testing.assert_allclose(found.person_scores, 1, atol=1e-6)


def test_people_who_overlap_come_back_where_their_joints_are_apart() -> None:
    truth = people_at((150, 150), (190, 158))  # the left arm of one crosses the right arm of the other
    found = decode(encoded(truth))
    assert len(found.joints) == 2
    np.testing.assert_allclose(in_order(found.joints, truth), truth, atol=1e-3)


def test_unknown_joints_have_no_score_and_do_not_hinder_the_others() -> None:
    truth = people_at((150, 150))
    known = np.ones((1, 17), bool)
    known[0, [JOINTS.index("l_wrist"), JOINTS.index("r_ankle")]] = False
    found = decode(encoded(truth, known))
    assert len(found.joints) == 1
    np.testing.assert_allclose(found.joints[0][known[0]], truth[0][known[0]], atol=1e-3)
    assert found.scores[0][~known[0]].max() == 0
    assert found.person_scores[0] == pytest.approx(15 / 17)


def test_noise_on_maps_moves_joints_by_as_much() -> None:
    truth = people_at((100, 150), (300, 160))
    random = np.random.default_rng(7)
    clean = encoded(truth)
    noisy = Fields(clean.heat, *(one + random.normal(0, 2, one.shape).astype(np.float32) for one in clean[1:]))
    found = decode(noisy)
    assert len(found.joints) == 2
    errors = np.linalg.norm(in_order(found.joints, truth) - truth, axis=-1)
    assert 1 < errors.mean() < 5  # 2 pixels of noise in each direction are 2.5 on average


def test_the_same_person_is_found_once_and_limits_hold() -> None:
    truth = people_at(*((60 + 95 * number, 150) for number in range(5)))
    fields = encoded(truth)
    assert len(decode(fields, Decoding(most=3)).joints) == 3
    assert len(decode(fields, Decoding(min_person=1.1)).joints) == 0
    assert len(decode(fields._replace(heat=fields.heat * 0.2)).joints) == 0
    doubled = people_at((150, 150), (152, 151))  # within the radius of each other
    assert len(decode(encoded(doubled)).joints) == 1


def test_a_person_half_outside_keeps_what_is_seen() -> None:
    truth = people_at((0, 150))
    inside = truth[..., 0] >= 0
    found = decode(encoded(truth, inside))
    assert len(found.joints) == 1
    np.testing.assert_allclose(found.joints[0][inside[0]], truth[0][inside[0]], atol=1e-3)

"""People who are encoded into maps as PoseNet's come out of them again; the decoder's rules in hard cases."""

from __future__ import annotations

import numpy as np
import pytest

from humotion.models.person_lab.cells import CORNERS, centred
from humotion.models.person_lab.decoding import Decoding, Fields, decode
from humotion.models.person_lab.targets import encode
from humotion.models.person_lab.tree import EDGES, JOINTS
from humotion.models.person_lab.votes import votes
from tests.models.person_lab.people import Bools, Floats, in_order, labels_of, people_at

HEIGHT, WIDTH, RADIUS = 25, 33, 32.0
VOTED = Decoding(disc=RADIUS)


def encoded(truth: Floats, known: Bools | None = None) -> Fields:
    labels = labels_of(truth, np.zeros((HEIGHT * 16, WIDTH * 16), np.uint8), known)
    maps = encode(labels, HEIGHT, WIDTH, CORNERS, RADIUS, EDGES)
    return Fields(*(maps[name][0].numpy() for name in ("heat", "short", "forward", "backward")))


@pytest.mark.parametrize("settings", [Decoding(), VOTED], ids=["heat", "votes"])
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_people_apart_come_back_exactly(count: int, settings: Decoding) -> None:
    truth = people_at(*((60 + 95 * number, 150 + 30 * (number % 2)) for number in range(count)))
    found = decode(encoded(truth), settings)
    assert found.joints.shape == (count, 17, 2)
    assert found.masks is None
    if count:
        np.testing.assert_allclose(found.joints[in_order(found.joints, truth)], truth, atol=1e-3)
        np.testing.assert_allclose(found.scores, 1, atol=1e-6)


def test_people_who_overlap_come_back_where_their_joints_are_apart() -> None:
    truth = people_at((150, 150), (190, 158))  # the left arm of one crosses the right arm of the other
    found = decode(encoded(truth))
    assert len(found.joints) == 2
    np.testing.assert_allclose(found.joints[in_order(found.joints, truth)], truth, atol=1e-3)


def test_unknown_joints_have_no_score_and_do_not_hinder_the_others() -> None:
    truth = people_at((150, 150))
    known = np.ones((1, 17), bool)
    known[0, [JOINTS.index("l_wrist"), JOINTS.index("r_ankle")]] = False
    found = decode(encoded(truth, known))
    assert len(found.joints) == 1
    np.testing.assert_allclose(found.joints[0][known[0]], truth[0][known[0]], atol=1e-3)
    assert found.joint_scores[0][~known[0]].max() == 0
    assert found.scores[0] == pytest.approx(15 / 17)


@pytest.mark.parametrize("settings", [Decoding(), VOTED], ids=["heat", "votes"])
def test_noise_on_maps_moves_joints_by_as_much(settings: Decoding) -> None:
    truth = people_at((100, 150), (300, 160))
    random = np.random.default_rng(7)
    clean = encoded(truth)
    noisy = [one + random.normal(0, 2, one.shape).astype(np.float32) for one in clean[1:4] if one is not None]
    found = decode(Fields(clean.heat, *noisy), settings)
    assert len(found.joints) == 2
    errors = np.linalg.norm(found.joints[in_order(found.joints, truth)] - truth, axis=-1)
    assert 1 < errors.mean() < 5  # 2 pixels of noise in each direction are 2.5 on average


def test_the_same_person_is_found_once_and_limits_hold() -> None:
    truth = people_at(*((60 + 95 * number, 150) for number in range(5)))
    fields = encoded(truth)
    assert len(decode(fields, Decoding(most=3)).joints) == 3
    assert len(decode(fields, Decoding(min_person=1.1)).joints) == 0
    assert len(decode(fields._replace(heat=fields.heat * 0.2)).joints) == 0
    assert len(decode(fields, Decoding(disc=RADIUS, min_votes=1.1)).joints) == 0
    doubled = people_at((150, 150), (152, 151))  # within the radius of each other
    assert len(decode(encoded(doubled)).joints) == 1


def test_joints_of_a_surer_person_do_not_count() -> None:
    truth = people_at((100, 150), (140, 150))
    apart = [JOINTS.index(f"{side}_{part}") for side in "lr" for part in ("knee", "ankle")]
    truth[1, apart] += [40, 0]
    found = decode(encoded(truth), Decoding(radius=50))
    np.testing.assert_allclose(found.joints, truth, atol=1e-3)
    np.testing.assert_allclose(found.scores, [1, 4 / 17], atol=1e-6)
    np.testing.assert_allclose(found.joint_scores, 1)


def test_a_person_half_outside_keeps_what_is_seen() -> None:
    truth = people_at((0, 150))
    inside = truth[..., 0] >= 0
    found = decode(encoded(truth, inside))
    assert len(found.joints) == 1
    np.testing.assert_allclose(found.joints[0][inside[0]], truth[0][inside[0]], atol=1e-3)


def test_votes_are_the_published_sum() -> None:
    """Against the sum over all pairs of cells, and over cells of no offset each cell votes for itself."""
    random = np.random.default_rng(3)
    grid, radius = centred(4), 10.0
    heat = random.uniform(0.2, 1, (2, 6, 7)).astype(np.float32)
    short = random.normal(0, 6, (2, 2, 6, 7)).astype(np.float32)
    rows, columns = np.mgrid[:6, :7]
    expected = np.zeros_like(heat)
    for joint in range(2):
        for i, j in np.ndindex(6, 7):
            y, x = i + short[0, joint, i, j] / 4, j + short[1, joint, i, j] / 4
            share = np.clip(1 - np.abs(rows - y), 0, None) * np.clip(1 - np.abs(columns - x), 0, None)
            expected[joint] += heat[joint, i, j] * share * 16 / (np.pi * radius**2)
    np.testing.assert_allclose(votes(heat, short, grid, radius), expected, atol=1e-6)
    at_home = votes(heat, np.zeros_like(short), grid, radius)
    np.testing.assert_allclose(at_home, heat * 16 / (np.pi * radius**2), rtol=1e-6)
    assert votes(heat * 0, short, grid, radius).max() == 0


def test_all_votes_of_a_disc_meet() -> None:
    truth = people_at((200, 200))
    fields = encoded(truth)
    total = votes(fields.heat, fields.short, CORNERS, RADIUS).sum((1, 2))
    np.testing.assert_allclose(total, 1, atol=0.2)  # cells of 16 pixels fill a disc of 32 roughly


def test_maps_of_a_network_without_training_take_no_time() -> None:
    random = np.random.default_rng(0)
    heat = random.uniform(0.4, 0.6, (17, 64, 64)).astype(np.float32)
    offsets = (random.normal(0, 10, (2, number, 64, 64)).astype(np.float32) for number in (17, 16, 16))
    found = decode(Fields(heat, *offsets), Decoding(most=30), centred(4))
    assert len(found.joints) == 30
    assert np.isfinite(found.joints).all()

"""People who are encoded into maps come out of them again; the decoder's rules in hard cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from humotion.datasets.coco import SKELETONS
from humotion.evaluation.average_precision import ap_of
from humotion.models.associative_embedding import decoding
from humotion.models.associative_embedding.decoding import decode
from humotion.models.associative_embedding.grouping import group
from humotion.models.associative_embedding.ideal_maps import SPACING, ideal_maps
from humotion.models.associative_embedding.joint_order import COCO, joint_order
from humotion.models.common.people_maps import Found, Labels
from humotion.params.models.associative_embedding import TagDecodingParams
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.outcomes import as_people
from humotion.tasks.multi_person_pose.training.truth import Truth, truth_of_file

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
STRIDE, SIGMA = 4, 6.0
USUAL = TagDecodingParams()


def people_in_a_grid(count: int, num_joints: int = 17, spacing: int = 64, seed: int = 0) -> Floats:
    """People (N, J, 2) in rows of eight; the same joints of two of them are at least 20 pixels apart."""
    random = np.random.default_rng(seed)
    middles = np.stack(np.divmod(np.arange(count), 8)[::-1], axis=-1) * spacing + spacing / 2
    reach = (spacing - 20) / 2
    return (middles[:, None] + random.uniform(-reach, reach, (count, num_joints, 2))).astype(np.float32)


def encoded(joints: Floats, known: Bools | None = None, size: int = 512, sigma: float = SIGMA) -> tuple[Floats, Floats]:
    known = np.ones(joints.shape[:2], bool) if known is None else known
    labels = Labels(torch.from_numpy(joints)[None], torch.from_numpy(known)[None], torch.zeros(0))
    maps = ideal_maps(labels, size // STRIDE, size // STRIDE, STRIDE, sigma)
    return maps["heat"][0].numpy(), maps["tags"][0].numpy()


def decoded(maps: tuple[Floats, Floats], **changes: Any) -> Found:
    settings = TagDecodingParams.model_validate(USUAL.model_dump() | changes)
    order = joint_order(COCO) if len(maps[0]) == 17 else list(range(len(maps[0])))
    return decode(*maps, order, STRIDE, settings)


def in_order(found: Floats, truth: Floats) -> Floats:
    """The found people in the order of the true ones that they are nearest to."""
    apart = np.nanmean(np.abs(found[:, None] - truth[None]), axis=(2, 3))
    return found[apart.argmin(axis=0)]


@pytest.mark.parametrize("count", [0, 1, 2, 15, 30])
def test_people_come_back(count: int) -> None:
    truth = people_in_a_grid(count)
    found = decoded(encoded(truth))
    assert found.joints.shape == (count, 17, 2) and found.joints.dtype == np.float32
    if count:
        np.testing.assert_allclose(in_order(found.joints, truth), truth, atol=0.3)
        assert found.joint_scores.min() > 0.8
        np.testing.assert_allclose(found.scores, found.joint_scores.mean(axis=1), rtol=1e-6)


def test_sixty_people_come_back_if_as_many_are_asked_for() -> None:
    truth = people_in_a_grid(60)
    found = decoded(encoded(truth), most=60)
    assert len(found.scores) == 60
    np.testing.assert_allclose(in_order(found.joints, truth), truth, atol=0.3)
    fewer = decoded(encoded(truth))
    assert 0 < len(fewer.scores) <= 30


@pytest.mark.parametrize("names", [skeleton.joints for skeleton in SKELETONS] + [("one",)], ids=len)
def test_every_joint_set_has_an_order_and_comes_back(names: tuple[str, ...]) -> None:
    order = joint_order(names)
    assert sorted(order) == list(range(len(names)))
    truth = people_in_a_grid(5, len(names))
    found = decode(*encoded(truth), order, STRIDE, USUAL)
    np.testing.assert_allclose(in_order(found.joints, truth), truth, atol=0.3)


def test_the_order_is_the_published_one() -> None:
    assert joint_order(COCO) == [0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16]
    assert [("tail", "l_knee", "neck", "nose")[one] for one in joint_order(("tail", "l_knee", "neck", "nose"))] == [
        *("nose", "neck", "l_knee", "tail")
    ]


def test_missing_joints_stay_missing() -> None:
    truth = people_in_a_grid(15)
    known = np.random.default_rng(1).uniform(size=truth.shape[:2]) > 0.4
    known[:, 0] = True
    known[3, 1:] = False  # a person with a single joint
    found = decoded(encoded(truth, known))
    assert len(found.scores) == 15
    ordered = in_order(found.joints, np.where(known[..., None], truth, np.nan))
    np.testing.assert_array_equal(np.isfinite(ordered).all(axis=-1), known)
    np.testing.assert_allclose(ordered[known], truth[known], atol=0.3)
    assert (found.joint_scores[np.isnan(found.joints[..., 0])] == 0).all()


def test_a_person_half_outside_keeps_what_is_seen() -> None:
    truth = people_in_a_grid(2)
    truth[0, :, 0] -= 32
    inside = (truth >= 0).all(axis=-1)
    assert 0 < inside[0].sum() < 17
    found = decoded(encoded(truth, inside))
    ordered = in_order(found.joints, np.where(inside[..., None], truth, np.nan))
    np.testing.assert_allclose(ordered[inside], truth[inside], atol=2.0)  # at the border there is no parabola


def test_where_discs_overlap_both_people_keep_their_joints() -> None:
    one = people_in_a_grid(1)
    truth = np.concatenate([one, one + np.float32([13, 0])])  # about 2 sigma
    found = decoded(encoded(truth))
    np.testing.assert_allclose(in_order(found.joints, truth), truth, atol=0.6)


def test_a_joint_that_another_person_hides_is_found_where_its_own_tag_is() -> None:
    truth = people_in_a_grid(2)
    truth[1, 9] = truth[0, 9] + [3, 0]  # both left wrists have one peak
    maps = encoded(truth)
    without = decoded(maps, refine=False)
    assert np.isnan(without.joints[:, 9, 0]).sum() == 1
    found = decoded(maps)
    np.testing.assert_allclose(in_order(found.joints, truth), truth, atol=4.0)
    np.testing.assert_array_equal(found.scores, without.scores)  # the score is of before


def test_refine_takes_what_is_hot_enough() -> None:
    truth = people_in_a_grid(3)
    heat, tags = encoded(truth)
    heat[5] *= 0.08  # below what a joint needs
    assert np.isnan(decoded((heat, tags), refine=False).joints[:, 5]).all()
    np.testing.assert_allclose(in_order(decoded((heat, tags)).joints, truth)[:, 5], truth[:, 5], atol=1.5)
    assert np.isnan(decoded((heat, tags), min_refined=0.09).joints[:, 5]).all()


def test_two_people_with_equal_tags_are_two_people() -> None:
    truth = people_in_a_grid(2)
    heat, tags = encoded(truth)
    found = decoded((heat, np.where(tags > 0, 1.0, 0.0).astype(np.float32)), refine=False)
    assert len(found.scores) == 2
    assert np.isfinite(found.joints).all()


def test_a_stray_peak_does_not_take_the_place_of_the_right_one() -> None:
    joint = np.array([0, 0, 1, 1])
    tags = np.array([0.0, 10.0, 0.2, -20.0], np.float32)  # two people; the last peak is of neither
    for scores in ([0.9] * 4, [0.9, 0.9, 0.2, 1.0]):
        groups = group(joint, np.array(scores, np.float32), tags, [0, 1], 1.0)
        assert groups.peaks.tolist() == [[0, 2], [1, -1], [-1, 3]]
        np.testing.assert_allclose(groups.tags, [0.1, 10, -20])


def test_of_two_peaks_for_a_person_the_nearer_tag_and_then_the_higher_score_wins() -> None:
    joint, scores = np.array([0, 1, 1]), np.array([0.9, 0.3, 0.8], np.float32)
    nearer = group(joint, scores, np.array([0.0, 0.1, 0.8], np.float32), [0, 1], 1.0)
    assert nearer.peaks.tolist() == [[0, 1], [-1, 2]]
    higher = group(joint, scores, np.array([0.0, 0.1, 0.4], np.float32), [0, 1], 1.0)
    assert higher.peaks.tolist() == [[0, 2], [-1, 1]]
    exact = group(joint[:2], scores[:2], np.array([0.0, 1.0], np.float32), [0, 1], 1.0)
    assert exact.peaks.tolist() == [[0, -1], [-1, 1]]  # the limit itself is too far


def test_who_lies_on_a_surer_person_is_left_out() -> None:
    one = people_in_a_grid(1, spacing=200)
    size = np.hypot(*np.ptp(one[0], axis=0))
    near, far = np.float32([0.08 * size, 0]), np.float32([0.3 * size, 0])
    beside = encoded(np.concatenate([one, one + near]))
    assert len(decoded(beside).scores) == 2
    assert len(decoded(beside, duplicate_radius=0.1).scores) == 1
    half = one + near
    half[:, :9] += far - near  # eight of seventeen joints of the second lie on the first
    crossing = encoded(np.concatenate([one, half]))
    assert len(decoded(crossing, duplicate_radius=0.1).scores) == 2
    assert len(decoded(crossing, duplicate_radius=0.1, duplicate_share=0.4).scores) == 1


def test_two_peaks_at_each_joint_are_still_one_person() -> None:
    one = people_in_a_grid(1, spacing=300)
    heat, tags = encoded(np.concatenate([one, one + np.float32([12, 0])]), sigma=4.0)
    tags = np.where(tags > 0, SPACING, 0).astype(np.float32)
    assert len(decoded((heat, tags)).scores) == 2
    assert len(decoded((heat, tags), duplicate_radius=0.05).scores) == 1


def test_limits_hold() -> None:
    maps = encoded(people_in_a_grid(5))
    assert len(decoded(maps, most=3).scores) <= 3
    assert len(decoded(maps, min_person=1.0).scores) == 0
    assert len(decoded(maps, min_joint=1.0).scores) == 0
    known = np.ones((5, 17), bool)
    known[0, 2:] = False
    few = encoded(people_in_a_grid(5), known)
    assert len(decoded(few, min_joints=3).scores) == 4


def test_noise_neither_hides_people_nor_adds_sure_ones() -> None:
    truth = people_in_a_grid(15)
    random = np.random.default_rng(7)
    heat, tags = (one + random.normal(0, 0.03, one.shape).astype(np.float32) for one in encoded(truth))
    found = decoded((heat, tags))
    assert (found.scores > 0.5).sum() == 15
    assert (found.scores[15:] < 0.2).all()
    errors = np.linalg.norm(in_order(found.joints[:15], truth) - truth, axis=-1)
    assert errors.mean() < 1.0


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1, 0.5])
@pytest.mark.parametrize("is_coarse", [False, True])
def test_what_is_left_out_early_would_not_be_among_the_highest(
    noise: float, is_coarse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same people as without leaving anything out, also of maps in bfloat16, where neighbours are equal."""
    random = np.random.default_rng(7)
    maps = [one + random.normal(0, noise, one.shape).astype(np.float32) for one in encoded(people_in_a_grid(15))]
    if is_coarse:
        maps = [torch.from_numpy(one).bfloat16().float().numpy() for one in maps]
    found = decoded((maps[0], maps[1]))
    monkeypatch.setattr(decoding, "_least_needed", lambda heat, least, most: least)
    everything = decoded((maps[0], maps[1]))
    for ours, theirs in zip(found[:3], everything[:3], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_noise_alone_gives_numbers() -> None:
    random = np.random.default_rng(3)
    heat, tags = random.normal(0, 1, (2, 17, 32, 32)).astype(np.float32)
    found = decoded((heat, tags))
    assert 0 < len(found.scores) <= 30
    assert np.isfinite(found.scores).all() and (np.diff(found.scores) <= 0).all()


@pytest.fixture(scope="module", params=["val", "train"])
def coco(request: pytest.FixtureRequest, real_data: Path) -> Truth:
    path = real_data / "multi" / "coco_mini" / f"person_keypoints_{request.param}2017.json"
    if not path.exists():
        pytest.skip(f"no labels at {path}")
    return truth_of_file(path, "coco")


def through_maps(truth: Truth, sigma: float, **changes: Any) -> tuple[float, int]:
    """AP of the labels' people after encoding and decoding at 512 pixels, and the labelled joints without a peak."""
    found, hidden = {}, 0
    for image in truth.images:
        ones = [one for one in truth.annotations if one["image_id"] == image["id"] and not one["iscrowd"]]
        keypoints = np.array([one["keypoints"] for one in ones], np.float32).reshape(-1, 17, 3)
        scale = 512 / max(image["width"], image["height"])
        joints, known = (keypoints[..., :2] + 0.5) * scale - 0.5, keypoints[..., 2] > 0
        people = decoded(encoded(joints.astype(np.float32), known, sigma=sigma), **changes)
        hidden += int(known.sum() - np.isfinite(people.joints).all(axis=-1).sum())
        found[image["id"]] = as_people(people._replace(joints=(people.joints + 0.5) / scale - 0.5))
    return ap_of(match(truth, found)), hidden


def test_real_people_come_back(coco: Truth) -> None:
    """Refine finds the joints whose peak is that of another person, but to half a cell only: small people feel it."""
    ap, hidden = through_maps(coco, 4.0)
    assert ap > 0.99 and hidden == 0
    unrefined, hidden = through_maps(coco, 4.0, refine=False)
    assert 0.97 < unrefined < ap and 0 < hidden < 5

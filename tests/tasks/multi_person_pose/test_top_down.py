"""People found by a model of one person: each box gives its person, in pixels of the picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from humotion.evaluation.average_precision import ap_of
from humotion.inputs.person_crops import PersonCrops
from humotion.models.common.people_maps import Found
from humotion.models.hourglass.decoding import decode
from humotion.models.hourglass.targets import targets
from humotion.params.models.hourglass import HourglassDecoding
from humotion.tasks.multi_person_pose.training.joint_sets import sigmas_of
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.person_boxes import Boxes
from humotion.tasks.multi_person_pose.training.top_down import AT_ONCE, Cutting, crops_around, find_top_down
from humotion.tasks.multi_person_pose.training.truth import Truth, truth_of_file
from tests.tasks.multi_person_pose.videos import SKELETON, stored

Floats = npt.NDArray[np.float64]
HEIGHT, WIDTH, SIZE = 120, 160, 64
SIGMAS = np.full(3, 0.07)
CUTTING = Cutting(SIZE)
SCORE = np.array([0.9, 0.6, 0.3], np.float32)


class FindsColours:
    """A model whose person has a red, a green and a blue joint; the nearest to the middle of the crop are meant."""

    num_neighbours = 1

    def losses(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """It learns nothing."""
        raise NotImplementedError

    def find(self, batch: Mapping[str, Tensor], decoding: Any) -> list[Found]:
        """See `humotion.models.common.people_maps.FindsPeople`."""
        assert batch["frames"].shape[1:] == (1, 1, 3, SIZE, SIZE)
        assert len(batch["frames"]) <= AT_ONCE
        return [self._person(crop, decoding) for crop in batch["frames"][:, 0, 0].numpy()]

    def _person(self, crop: npt.NDArray[np.uint8], least: float) -> Found:
        joints = np.full((1, 3, 2), np.nan, np.float32)
        for joint in range(3):
            others = np.delete(crop, joint, axis=0).max(axis=0)
            shown = crop[joint].astype(float) * (others < 100) * (crop[joint] > 100)  # the grey around is no colour
            if shown.any():
                y, x = np.unravel_index(self._nearest(shown), shown.shape)
                near = np.zeros_like(shown)
                near[max(y - 6, 0) : y + 7, max(x - 6, 0) : x + 7] = 1
                shown = shown * near
                rows, columns = np.indices(shown.shape)
                joints[0, joint] = [(columns * shown).sum() / shown.sum(), (rows * shown).sum() / shown.sum()]
        scores = np.where(np.isfinite(joints[0]).all(axis=1), SCORE, 0).astype(np.float32)
        above = scores[scores > least]
        return Found(joints, scores[None], np.array([above.mean() if len(above) else 0], np.float32))

    @staticmethod
    def _nearest(shown: npt.NDArray[np.float64]) -> int:
        rows, columns = np.indices(shown.shape)
        distance = (rows - SIZE / 2) ** 2 + (columns - SIZE / 2) ** 2
        return int(np.where(shown > 0, distance, np.inf).argmin())


def person_at(x: float, y: float, size: float = 10) -> Floats:
    """Joints (3, 2) of a person with this middle."""
    return np.array([[x, y - size], [x - size / 2, y + size], [x + size / 2, y + size]]).round()


def picture_of(*people: Floats) -> npt.NDArray[np.uint8]:
    """A black picture with a square of 3x3 pixels at each joint."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for joints in people:
        for joint, (x, y) in enumerate(joints.astype(int)):
            picture[max(y - 1, 0) : max(y + 2, 0), max(x - 1, 0) : max(x + 2, 0), joint] = 255
    return picture


def boxes_of(*people: Floats, scores: list[float] | None = None, margin: float = 4) -> Boxes:
    corners = [np.concatenate([joints.min(axis=0) - margin, joints.max(axis=0) + margin]) for joints in people]
    return Boxes(np.array(corners).reshape(-1, 4), np.ones(len(people)) if scores is None else np.array(scores))


def find(picture: npt.NDArray[np.uint8], boxes: Boxes, cutting: Cutting = CUTTING, least: float = 0.2) -> People:
    return find_top_down(FindsColours(), picture, boxes, cutting, least, SIGMAS)


@pytest.mark.parametrize("cutting", [CUTTING, Cutting(SIZE, 2.0), Cutting(SIZE, pixel_scale=1.0)])
def test_everybody_is_found_in_pixels_of_the_picture(cutting: Cutting) -> None:
    people = [person_at(30, 30), person_at(100, 70, 22), person_at(140, 25, 6)]
    found = find(picture_of(*people), boxes_of(*people, scores=[0.5, 0.9, 0.7]), cutting)
    assert found.scores == pytest.approx(np.array([0.9, 0.7, 0.5]) * SCORE.mean())
    np.testing.assert_allclose(found.joints, np.array(people)[[1, 2, 0]], atol=0.6)
    np.testing.assert_allclose(found.joint_scores, np.tile(SCORE, (3, 1)))
    np.testing.assert_allclose(found.boxes, boxes_of(*people).corners[[1, 2, 0]])


def test_the_score_is_the_box_times_the_joints_above_the_threshold() -> None:
    person = person_at(60, 60)
    found = find(picture_of(person), boxes_of(person, scores=[0.8]), least=0.5)
    assert found.scores[0] == pytest.approx(0.8 * (0.9 + 0.6) / 2)


def test_a_person_half_outside_has_the_joints_that_are_inside() -> None:
    person = person_at(0, 60)  # the green joint is at x = -5
    found = find(picture_of(person), boxes_of(person))
    assert len(found) == 1
    np.testing.assert_allclose(found.joints[0, [0, 2]], person[[0, 2]], atol=0.6)
    assert np.isnan(found.joints[0, 1]).all() and found.joint_scores[0, 1] == 0
    assert found.scores[0] == pytest.approx((0.9 + 0.3) / 2)


def test_boxes_of_nothing_are_left_out() -> None:
    person = person_at(60, 60)
    none = [[10, 10, 10, 40], [40, 10, 10, 40], [np.nan] * 4, [200, 10, 260, 60], [-60, -60, -10, -10]]
    boxes = Boxes(np.array([*none, boxes_of(person).corners[0]]), np.ones(6))
    found = find(picture_of(person), boxes)
    assert len(found) == 1
    np.testing.assert_allclose(found.joints[0], person, atol=0.6)


def test_nobody_is_found_without_boxes() -> None:
    for boxes in (boxes_of(), Boxes(np.full((2, 4), np.nan), np.ones(2))):
        found = find(picture_of(), boxes)
        assert found.joints.shape == (0, 3, 2) and found.boxes.shape == (0, 4)


def test_a_box_where_nobody_is_has_a_person_without_joints_last() -> None:
    person = person_at(60, 60)
    found = find(picture_of(person), Boxes(np.array([[120, 5, 150, 30], boxes_of(person).corners[0]]), np.ones(2)))
    assert len(found) == 2
    assert found.scores[1] == 0 and np.isnan(found.joints[1]).all()


def test_a_person_with_two_boxes_is_found_once_with_the_surer_one() -> None:
    person, other = person_at(50, 60), person_at(110, 60)
    boxes = boxes_of(person, person, other, scores=[0.6, 0.8, 0.7])
    boxes.corners[0] += [-3, -2, 4, 1]
    found = find(picture_of(person, other), boxes)
    np.testing.assert_allclose(found.scores, np.array([0.8, 0.7]) * SCORE.mean(), rtol=1e-6)


def test_sixty_people_are_as_many_as_one() -> None:
    people = [person_at(8 + 16 * (place % 10), 10 + 19 * (place // 10), 4) for place in range(60)]
    picture, boxes = picture_of(*people), boxes_of(*people, scores=np.linspace(1, 0.5, 60).tolist())
    found = find(picture, boxes)
    assert len(found) == 60 > AT_ONCE
    np.testing.assert_allclose(found.joints, people, atol=0.7)
    alone = find(picture, boxes.only(np.array([40])))
    np.testing.assert_allclose(found.joints[40], alone.joints[0])


@pytest.mark.parametrize("cutting", [Cutting(SIZE), Cutting(SIZE, 1.5), Cutting(SIZE, 1.25, 0.8)])
def test_crops_are_those_of_the_input(tmp_path: Path, cutting: Cutting) -> None:
    """What a model sees here is what it saw in training, whatever the other people's sizes are."""
    people = np.array([person_at(30, 30), person_at(100, 70, 22), person_at(2, 110, 6)])
    boxes = boxes_of(*people)
    video = stored(tmp_path, picture_of(*people), people, boxes.corners)
    picture = video.decode([0])[0]
    batch = crops_around(picture, boxes.corners, cutting)
    make = PersonCrops(cutting.size, cutting.person_scale, SKELETON, pixel_scale=cutting.pixel_scale)
    for person in range(3):
        sample = make(video, person, np.array([[0]]), seed=0)
        for name in ("frames", "crop"):
            torch.testing.assert_close(batch[name][person], sample[name])


class FindsTruth:
    """A model that reads true maps of the people whom it is shown, in their order."""

    num_neighbours = 1

    def __init__(self, people: Iterator[Floats]) -> None:
        self.people = people  # each (J, 3)

    def losses(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """It learns nothing."""
        raise NotImplementedError

    def find(self, batch: Mapping[str, Tensor], decoding: Any) -> list[Found]:
        """See `humotion.models.common.people_maps.FindsPeople`."""
        side = batch["frames"].shape[-1]
        keypoints = torch.tensor(np.array([next(self.people) for _ in batch["crop"]]), dtype=torch.float32)
        joints = (keypoints[..., :2] - batch["crop"][..., :2]) / batch["crop"][..., 2:]
        return decode(targets(joints, keypoints[..., 2], side // 4, 4, 4.0, "zero").maps, decoding, 4, 4.0)


def found_in_true_maps(truth: Truth, cutting: Cutting, shift: str = "dark") -> dict[int, People]:
    """The people of each image, with their labelled boxes and perfect maps."""
    decoding = HourglassDecoding.model_validate({"shift": shift})
    found = {}
    for image in truth.images:
        labelled = [one for one in truth.annotations if one["image_id"] == image["id"] and one["num_keypoints"] > 0]
        corners = np.array([one["bbox"] for one in labelled], float).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        model = FindsTruth(iter([np.array(one["keypoints"]).reshape(-1, 3) for one in labelled]))
        picture = np.zeros((int(image["height"]), int(image["width"]), 3), np.uint8)
        boxes = Boxes(corners, np.ones(len(corners)))
        found[image["id"]] = find_top_down(model, picture, boxes, cutting, decoding, sigmas_of("coco"))
    return found


@pytest.fixture(scope="module", params=["val", "train"])
def labels(request: pytest.FixtureRequest, multi: Path) -> Truth:
    return truth_of_file(multi / f"coco_mini/person_keypoints_{request.param}2017.json", "coco")


@pytest.mark.parametrize(("shift", "least"), [("dark", 1.0), ("quarter", 1.0), ("none", 0.95)])
def test_true_maps_give_true_people_of_real_labels(labels: Truth, shift: str, least: float) -> None:
    """Crops of twice the box have all joints in them; what is lost then is the width of a cell."""
    found = found_in_true_maps(labels, Cutting(256, 2.0), shift)
    assert ap_of(match(labels, found)) >= least - 1e-9


def test_joints_outside_the_crop_are_lost(labels: Truth) -> None:
    """A labelled box may leave out hidden limbs: with the usual crop of 1.25 boxes, 1.5 % of the joints are outside."""
    found = found_in_true_maps(labels, Cutting(256, 1.25))
    assert 0.9 < ap_of(match(labels, found)) < 0.97
    by_box = {
        tuple(box): joints for people in found.values() for box, joints in zip(people.boxes, people.joints, strict=True)
    }
    outside = total = 0
    for one in labels.annotations:
        x, y, width, height = one["bbox"]
        keypoints = np.array(one["keypoints"]).reshape(-1, 3)
        known = keypoints[:, 2] > 0
        if known.any():
            joints = by_box[x, y, x + width, y + height]
            half = max(width, height) * 1.25 / 2
            from_middle = np.abs(keypoints[:, :2] - [x + width / 2, y + height / 2]).max(axis=1)
            inside = known & (from_middle < half * (1 - 3 / 64) - 1)  # a cell and a half from the edge, and rounding
            assert np.abs(joints - keypoints[:, :2])[inside].max(initial=0) < 2 * half / 64 / 4
            outside, total = outside + int((known & (from_middle > half)).sum()), total + int(known.sum())
    assert 0.01 < outside / total < 0.02

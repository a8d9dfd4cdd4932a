"""Which detected people are right: each takes a labelled person, image by image, as in COCO's evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.errors import HumotionError
from humotion.evaluation.average_precision import Matches
from humotion.tasks.multi_person_pose.training.joint_sets import sigmas_of
from humotion.tasks.multi_person_pose.training.oks import BOX_SHARE, oks
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import Truth

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

WRONG, RIGHT, UNKNOWN = 0, 1, 2
"""What a person or a joint is; unknown ones do not count."""
NEAR = 0.2
MOST = 20
"""The people of an image that count, the surest ones."""
THRESHOLDS = np.linspace(0.5, 0.95, 10)


class InImage(NamedTuple):
    """The people whom a method finds in one image, the surest `MOST`, and whose each is.

    Attributes:
        people: the D people, the surest first.
        hit: (K, D) whether each has found a labelled person, at every threshold.
        counted: (K, D) False if it has found a crowd, or a person without labelled joints.
        whose: (K, D) the place of the labelled person that it has found; -1 for none.
        keypoints: (G, J, 3) of the labelled people.
        boxes: (G, 4) x, y, width, height of the labelled people.
    """

    people: People
    hit: Bools
    counted: Bools
    whose: Ints
    keypoints: Floats
    boxes: Floats


def match(truth: Truth, people: Mapping[int, People]) -> Matches:
    """Give detections to labelled people, image by image, as COCO's evaluation does for people of any size.

    Raises:
        HumotionError: see `humotion.tasks.multi_person_pose.training.matching.check`.
    """
    return joined(truth, match_images(truth, people))


def match_images(truth: Truth, people: Mapping[int, People]) -> dict[int, InImage]:
    """Do the same for each image in which somebody is found, by its id; `joined` makes one table of them."""
    check(truth, people)
    sigmas, matched = sigmas_of(truth.joint_set), {}
    for image_id, (keypoints, areas, boxes, is_crowd, ignored) in _labels_by_image(truth).items():
        if image_id not in people or not len(people[image_id]):
            continue
        found = people[image_id].only(np.argsort(-people[image_id].scores, kind="stable")[:MOST])
        similarity = oks(found.filled(), keypoints, areas, boxes, sigmas)
        matched[image_id] = InImage(found, *_matched(similarity, is_crowd, ignored), keypoints, boxes)
    return matched


def joined(truth: Truth, matched: Mapping[int, InImage]) -> Matches:
    """Return the matches of all images together."""
    to_find = Counter(one["image_id"] for one in truth.annotations if one["num_keypoints"] and not one["iscrowd"])
    numbers = np.array([to_find[image_id] for image_id in truth.image_ids], np.int64)
    there = [(place, matched[image_id]) for place, image_id in enumerate(truth.image_ids) if image_id in matched]
    if not there:
        none = np.zeros((len(THRESHOLDS), 0), bool)
        return Matches(np.zeros(0, np.int64), np.zeros(0), none, none, numbers, truth.image_ids)
    scores = np.concatenate([one.people.scores for _, one in there])
    image = np.concatenate([np.full(len(one.people), place) for place, one in there])
    order = np.argsort(-scores, kind="stable")
    hit, counted = (
        np.concatenate(parts, axis=1)[:, order]
        for parts in zip(*((one.hit, one.counted) for _, one in there), strict=True)
    )
    return Matches(image[order], scores[order], hit, counted, numbers, truth.image_ids)


class Judged(NamedTuple):
    """What the people whom a method finds in one image are, at OKS 0.5; the surest first, as in `match`.

    Attributes:
        person_is: (D,) `WRONG`, `RIGHT` or `UNKNOWN`.
        joint_scores: (D, J).
        joint_is: (D, J) the same of each joint.
    """

    person_is: npt.NDArray[np.uint8]
    joint_scores: Floats
    joint_is: npt.NDArray[np.uint8]


def judge(one: InImage) -> Judged:
    """Say of each person and joint that a method finds in an image whether it is right.

    A joint is right as PCK@0.2 counts it: within `NEAR` of the longer side of the labelled person's box. Of a person
    who is nobody all joints are wrong; a joint that was not found, or that has no label, is unknown.
    """
    found, hit, counted, whose = one.people, one.hit[0], one.counted[0], one.whose[0]
    person_is = np.where(counted, np.where(hit, RIGHT, WRONG), UNKNOWN).astype(np.uint8)
    joint_is = np.tile(np.where(person_is == UNKNOWN, UNKNOWN, WRONG)[:, None], found.joint_scores.shape[1])
    for person in np.flatnonzero(person_is == RIGHT):
        label, box = one.keypoints[whose[person]], one.boxes[whose[person]]
        near = np.hypot(*(found.joints[person] - label[:, :2]).T) <= NEAR * box[2:].max()
        joint_is[person] = np.where(label[:, 2] > 0, np.where(near, RIGHT, WRONG), UNKNOWN)
    joint_is[~np.isfinite(found.joints).all(axis=2)] = UNKNOWN
    return Judged(person_is, found.joint_scores, joint_is.astype(np.uint8))


def _labels_by_image(truth: Truth) -> dict[int, tuple[Floats, Floats, Floats, Bools, Bools]]:
    """Keypoints (G, J, 3), areas, boxes, and whether each is a crowd, and not to be found; by image."""
    num_joints = len(sigmas_of(truth.joint_set))
    by_image: dict[int, list[dict[str, object]]] = {image_id: [] for image_id in truth.image_ids}
    for one in truth.annotations:
        by_image[one["image_id"]].append(one)
    found = {}
    for image_id, ones in by_image.items():
        keypoints = np.array([one["keypoints"] for one in ones], float).reshape(-1, num_joints, 3)
        boxes = np.array([one["bbox"] for one in ones], float).reshape(-1, 4)
        areas = np.array([one["area"] for one in ones], float)
        if truth.joint_set == "crowdpose":  # its code never reads an area
            areas = BOX_SHARE * boxes[:, 2] * boxes[:, 3]
        is_crowd = np.array([one["iscrowd"] for one in ones], bool)
        ignored = is_crowd | (np.array([one["num_keypoints"] for one in ones], int) == 0)
        found[image_id] = keypoints, areas, boxes, is_crowd, ignored
    return found


def _matched(similarity: Floats, is_crowd: Bools, ignored: Bools) -> tuple[Bools, Bools, Ints]:
    """Whether each of D detections, the surest first, is a hit and counts, and whose it is: (K, D) each.

    ``similarity`` is (D, G). Who is no hit is nobody's, -1.

    Each takes the free person with the highest similarity, the last of equals. Only if there is none above the
    threshold does it take an ignored one. A crowd can be taken many times.
    """
    num_found, num_people = similarity.shape
    shape = (len(THRESHOLDS), num_found)
    hit, counted, whose = np.zeros(shape, bool), np.ones(shape, bool), np.full(shape, -1)
    taken = np.zeros((len(THRESHOLDS), num_people), bool)
    rows = np.arange(len(THRESHOLDS))
    # An ignored person comes after all others: its similarity is 2 less, so that one argmax finds the right person.
    rank = similarity - 2 * ignored
    for place in range(num_found if num_people else 0):
        free = (~taken | is_crowd) & (similarity[place] >= THRESHOLDS[:, None])  # (K, G)
        value = np.where(free, rank[place], -np.inf)[:, ::-1]
        best = num_people - 1 - value.argmax(axis=1)
        has_one = free[rows, best]
        taken[rows[has_one], best[has_one]] = True
        hit[:, place] = has_one
        counted[:, place] = ~(has_one & ignored[best])
        whose[has_one, place] = best[has_one]
    return hit, counted, whose


def check(truth: Truth, people: Mapping[int, People]) -> None:
    """Raise HumotionError if people are of other images, or have other joints, than the labels."""
    num_joints, ids = len(sigmas_of(truth.joint_set)), set(truth.image_ids)
    for image_id, found in people.items():
        if image_id not in ids:
            raise HumotionError(f"There are people of image {image_id}, which the labels do not name: another split?")
        if (number := found.joints.shape[1]) != num_joints:
            raise HumotionError(f"People of image {image_id} have {number} joints; {truth.joint_set} has {num_joints}.")

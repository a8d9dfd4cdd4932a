"""Is the AP of two methods different by more than chance? A paired bootstrap over images.

AP is no mean over images: it sorts the people of all images by score. So each draw of images needs the AP again. Which
detection takes which labelled person is slow, but depends on one image alone: that is done once (`match`). A draw only
says how often each image counts, and sums over the sorted detections with these weights. Both methods get the same
draws.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.errors import HumotionError
from humotion.evaluation.bootstrap import BootstrapResult, draw_groups, percentile_interval
from humotion.people.coco_ap import check
from humotion.people.joint_sets import sigmas_of
from humotion.people.oks import BOX_SHARE, oks
from humotion.people.people import People
from humotion.people.truth import Truth

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MOST = 20
"""The people of an image that count, the surest ones."""
THRESHOLDS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0, 1, 101)


class Matches(NamedTuple):
    """Which detections are right, at K thresholds; N detections of all images, the surest first.

    Attributes:
        image: (N,) the place of each detection's image in ``image_ids``.
        hit: (K, N) whether it has found a labelled person.
        counted: (K, N) False if it has found a crowd, or a person without labelled joints.
        num_people: (I,) labelled people of each image that are to be found.
        image_ids: the images.
    """

    image: npt.NDArray[np.int64]
    hit: Bools
    counted: Bools
    num_people: npt.NDArray[np.int64]
    image_ids: list[int]


def match(truth: Truth, people: Mapping[int, People]) -> Matches:
    """Give detections to labelled people, image by image, as COCO's evaluation does for people of any size.

    Raises:
        HumotionError: see `humotion.people.coco_ap.check`.
    """
    check(truth, people)
    sigmas, labels = sigmas_of(truth.joint_set), _labels_by_image(truth)
    scores, image, hits, counts, numbers = [], [], [], [], []
    for place, image_id in enumerate(truth.image_ids):
        keypoints, areas, boxes, is_crowd, ignored = labels[image_id]
        numbers.append(int((~ignored).sum()))
        if image_id not in people or not len(people[image_id]):
            continue
        found = people[image_id]
        best = np.argsort(-found.scores, kind="stable")[:MOST]
        similarity = oks(found.filled()[best], keypoints, areas, boxes, sigmas)
        hit, counted = _matched(similarity, is_crowd, ignored)
        scores.append(found.scores[best])
        image.append(np.full(len(best), place))
        hits.append(hit)
        counts.append(counted)
    if not scores:
        none = np.zeros((len(THRESHOLDS), 0), bool)
        return Matches(np.zeros(0, np.int64), none, none, np.array(numbers), truth.image_ids)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hit, counted = np.concatenate(hits, axis=1)[:, order], np.concatenate(counts, axis=1)[:, order]
    return Matches(np.concatenate(image)[order], hit, counted, np.array(numbers), truth.image_ids)


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


def _matched(similarity: Floats, is_crowd: Bools, ignored: Bools) -> tuple[Bools, Bools]:
    """Whether each of D detections, the surest first, is a hit and counts: (K, D) both; ``similarity`` is (D, G).

    Each takes the free person with the highest similarity, the last of equals. Only if there is none above the
    threshold does it take an ignored one. A crowd can be taken many times.
    """
    num_found, num_people = similarity.shape
    shape = (len(THRESHOLDS), num_found)
    hit, counted = np.zeros(shape, bool), np.ones(shape, bool)
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
    return hit, counted


def ap_of(matches: Matches, weights: npt.NDArray[np.integer] | None = None, thresholds: slice = slice(None)) -> float:
    """AP, in which each image counts as often as ``weights`` (I,) say, once if None; NaN without labelled people.

    ``thresholds`` chooses among the ten of OKS: ``slice(0, 1)`` is AP50, ``slice(5, 6)`` AP75.
    """
    times = np.ones(len(matches.num_people), np.int64) if weights is None else np.asarray(weights, np.int64)
    num_people = int(times @ matches.num_people)
    if not num_people:
        return float("nan")
    of_each = times[matches.image]
    found = []
    for hit, counted in zip(matches.hit[thresholds], matches.counted[thresholds], strict=True):
        total = np.cumsum(of_each * counted)
        right = np.flatnonzero(hit & counted & (of_each > 0))  # precision falls in between, so it is read only there
        num_right = np.cumsum(of_each[right])
        precision = np.maximum.accumulate((num_right / total[right])[::-1])[::-1]
        places = np.searchsorted(num_right / num_people, _RECALLS, side="left")
        found.append(np.append(precision, 0)[np.minimum(places, len(right))].mean())
    return float(np.mean(found))


def paired_ap(
    one: Matches,
    other: Matches,
    seed: int,
    num_resamples: int = 1000,
    groups: Mapping[int, Hashable] | None = None,
    thresholds: slice = slice(None),
) -> BootstrapResult:
    """AP of ``one`` less that of ``other``, with a 95 % interval from resampled images.

    Args:
        one: the detections of a method.
        other: those of another, for the same labels.
        seed: of the resampling; equal arguments return equal intervals.
        num_resamples: number of draws.
        groups: what each image belongs to, by its id, if images are not independent: the sequence of a frame. Then
            groups are drawn.
        thresholds: see `ap_of`.

    Raises:
        HumotionError: the two are not of the same labels, or there are no labelled people.
    """
    if one.image_ids != other.image_ids or not np.array_equal(one.num_people, other.num_people):
        raise HumotionError("The two methods are not compared on the same labels.")
    difference = ap_of(one, thresholds=thresholds) - ap_of(other, thresholds=thresholds)
    if np.isnan(difference):
        raise HumotionError("There are no labelled people, so there is no AP.")
    names = one.image_ids if groups is None else [groups[image_id] for image_id in one.image_ids]
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    group = np.array([places[name] for name in names])
    draws = draw_groups(len(places), seed, num_resamples)
    resampled = [ap_of(one, times[group], thresholds) - ap_of(other, times[group], thresholds) for times in draws]
    return percentile_interval(difference, np.array(resampled), len(places))

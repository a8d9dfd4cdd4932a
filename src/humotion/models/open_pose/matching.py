"""Which joints are the two ends of one limb: line integrals of the limbs' fields, all limbs and pairs at once.

Between two candidates, the field of their limb is read at ten points. Where it points from one to the other, its
product with that direction is near 1. A pair is a link if more than 80 % of these products are large enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.models.common.peaks import Peaks

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SAMPLES = 10
"""Points between two joints, both ends among them."""
STAGES = ((3, 6), (1, 8), (0, 2, 4, 5, 7, 9))
"""The order in which they are read."""


class Links(NamedTuple):
    """M pairs of peaks: the number of their limb, the peaks at its two ends, and how well the field joins them."""

    limb: Ints
    start: Ints
    end: Ints
    scores: Doubles


class Rule(NamedTuple):
    """When a pair is a link: more than ``min_share`` of its products are above ``min_sample``."""

    min_sample: float
    min_share: float

    @property
    def num_misses(self) -> int:
        """Products that may be too small."""
        return next(misses for misses in range(SAMPLES, -2, -1) if (SAMPLES - misses) / SAMPLES > self.min_share)


def all_pairs(joint: Ints, limbs: Sequence[tuple[int, int]]) -> tuple[Ints, Ints, Ints]:
    """Return limb, start and end (M,) of every pair of peaks that a limb could join; ``joint`` (N,) is sorted."""
    starts, ends = np.array(limbs).T
    count = np.bincount(joint, minlength=int(max(starts.max(), ends.max())) + 1)
    first = np.cumsum(count) - count
    size = count[starts] * count[ends]
    limb = np.repeat(np.arange(len(limbs)), size)
    place = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    width = count[ends][limb]
    return limb, first[starts][limb] + place // width, first[ends][limb] + place % width


def links_among(fields: Floats, tops: Peaks, pairs: tuple[Ints, Ints, Ints], rule: Rule) -> Links:
    """Return the pairs that the fields (2 L, h, w) join, with their scores.

    The score is the mean of the products that are large enough; a limb longer than half of the map's height loses. Of
    most pairs only some points are read: if there are more misses among them than the rule allows, others cannot help.
    """
    limb, start, end = pairs
    products = np.zeros((len(limb), 0), np.float32)
    for which in STAGES:
        products = np.column_stack([products, _products(fields, tops, (limb, start, end), np.array(which))])
        possible = (products <= rule.min_sample).sum(axis=1) <= rule.num_misses
        limb, start, end, products = limb[possible], start[possible], end[possible], products[possible]
    large = products > rule.min_sample
    number = large.sum(axis=1)
    length = np.linalg.norm(tops.cells[end].astype(np.float64) - tops.cells[start], axis=1)
    score = np.where(large, products, 0).sum(axis=1) / np.maximum(number, 1)
    score += np.minimum(fields.shape[1] / 2 / np.maximum(length, 1e-6) - 1, 0)
    good = score > 0
    return Links(limb[good], start[good], end[good], score[good])


def _products(fields: Floats, tops: Peaks, pairs: tuple[Ints, Ints, Ints], which: Ints) -> Floats:
    """The products (M, S) of the unit vector from start to end with the field of the limb, at some of the points."""
    limb, start, end = pairs
    first, step = tops.cells[start], tops.cells[end] - tops.cells[start]
    share = (which / (SAMPLES - 1)).astype(np.float32)
    x, y = (first[:, axis, None] + share * step[:, axis, None] for axis in (0, 1))  # (M, S)
    unit = step / np.maximum(np.linalg.norm(step, axis=1), 1e-6)[:, None]
    along, across = _read(fields, limb[:, None], x, y)
    return np.asarray(along * unit[:, :1] + across * unit[:, 1:])


def _read(fields: Floats, limb: Ints, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Both components of fields (2 L, h, w) between cells.

    This is `humotion.models.common.peaks.read_between` for points inside the maps, but `take` is 5 times as fast as
    an index per axis, and this is what most of the time goes to.
    """
    height, width = fields.shape[1:]
    left, top = (at.astype(np.int64).clip(0, max(size - 2, 0)) for at, size in ((x, width), (y, height)))
    u, v = x - left.astype(np.float32), y - top.astype(np.float32)
    place = (limb * height + top) * width + left
    right, below = int(width > 1), width * int(height > 1)
    found = []
    for one in fields.reshape(2, -1):
        upper = one.take(place) * (1 - u) + one.take(place + right) * u
        lower = one.take(place + below) * (1 - u) + one.take(place + below + right) * u
        found.append(upper * (1 - v) + lower * v)
    return found[0], found[1]


def each_joint_once(links: Links) -> Links:
    """Return the best links of each limb, by falling score, in which no peak has two; limb by limb."""
    order = np.lexsort((-links.scores, links.limb))
    taken: set[tuple[int, int]] = set()
    kept = []
    for place, limb, start, end in zip(
        order.tolist(), *(part[order].tolist() for part in (links.limb, links.start, links.end)), strict=True
    ):
        if (limb, start) not in taken and (limb, end) not in taken:
            taken |= {(limb, start), (limb, end)}
            kept.append(place)
    chosen = np.array(kept, np.int64)
    return Links(links.limb[chosen], links.start[chosen], links.end[chosen], links.scores[chosen])

"""From heatmaps and tags to people: peaks, their groups, then what is missing, then what is double."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from humotion.models.associative_embedding.grouping import group
from humotion.models.common.peaks import peaks
from humotion.models.common.people_maps import Found, nobody

if TYPE_CHECKING:
    from humotion.params.models.associative_embedding import TagDecodingParams

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

EQUALS = 4
"""Neighbours that may be exactly as high as each other, as the maxima of coarse numbers are."""


def decode(heat: Floats, tags: Floats, order: Sequence[int], stride: int, settings: TagDecodingParams) -> Found:
    """The people of one picture.

    Args:
        heat: (J, h, w).
        tags: (J, h, w).
        order: all joints, in the order in which they are grouped.
        stride: pixels per cell.
        settings: the thresholds.
    """
    found = peaks(heat, _least_needed(heat, settings.min_joint, settings.most), settings.most)
    column, row = np.rint(found.cells).astype(np.int64).T
    groups = group(found.joint, found.scores, tags[found.joint, row, column], order, settings.max_tag_distance)
    cells, scores = np.full((*groups.peaks.shape, 2), np.nan, np.float32), np.zeros(groups.peaks.shape, np.float32)
    has = groups.peaks >= 0
    cells[has], scores[has] = found.cells[groups.peaks[has]], found.scores[groups.peaks[has]]
    person_scores = scores.mean(axis=1)
    people = np.flatnonzero((has.sum(axis=1) >= settings.min_joints) & (person_scores >= settings.min_person))
    people = people[np.argsort(-person_scores[people], kind="stable")][: settings.most]
    if not len(people):
        return nobody(len(heat))
    cells, scores, person_scores = cells[people], scores[people], person_scores[people]
    if settings.refine:
        _refine(cells, scores, groups.tags[people], heat, tags, settings.min_refined)
    if settings.duplicate_radius > 0:
        single = _without_duplicates(cells, settings.duplicate_radius, settings.duplicate_share)
        cells, scores, person_scores = cells[single], scores[single], person_scores[single]
    joints = (cells * stride + (stride - 1) / 2).astype(np.float32)
    return Found(joints, scores, person_scores)


def _least_needed(heat: Floats, least: float, most: int) -> float:
    """The height below which no cell can be among the ``most`` highest maxima of its map; at least ``least``.

    Maps of noise have thousands of maxima. To sort them out here is much faster than to look at each of them.
    """
    highest = np.stack([cv2.dilate(one, np.ones((3, 3), np.uint8)) for one in heat]).reshape(heat.shape)
    top = np.flatnonzero((heat >= highest) & (heat > least))
    joint, enough = top // heat[0].size, EQUALS * most
    if np.bincount(joint, minlength=len(heat)).min() < enough:
        return least
    values = np.split(heat.reshape(-1)[top], np.searchsorted(joint, np.arange(1, len(heat))))
    lowest = min(np.partition(ones, -enough)[-enough] for ones in values)
    return max(least, float(np.nextafter(lowest, np.float32(-np.inf))))


def _refine(cells: Floats, scores: Floats, own_tags: Floats, heat: Floats, tags: Floats, least: float) -> None:
    """Give people (N, J), in place, the joints that they miss: where heat - round(distance of tags) is highest.

    It must be above ``least``. Such a cell is itself hotter than ``least``, so only those few are looked at.
    """
    num_joints, _, width = heat.shape
    flat_heat, flat_tags = heat.reshape(num_joints, -1), tags.reshape(num_joints, -1)
    joint, place = np.nonzero(flat_heat > least)
    hot, tag = flat_heat[joint, place], flat_tags[joint, place]
    ends = np.searchsorted(joint, np.arange(num_joints + 1))
    missing = np.isnan(cells[..., 0])
    for one in np.flatnonzero(missing.any(axis=0) & (ends[1:] > ends[:-1])):
        here, who = slice(ends[one], ends[one + 1]), np.flatnonzero(missing[:, one])
        fit = hot[here] - np.rint(np.abs(tag[here] - own_tags[who, None]))  # (people, cells)
        best = fit.argmax(axis=1)
        fits = fit[np.arange(len(who)), best] > least
        who, best = who[fits], best[fits]
        row, column = np.divmod(place[here][best], width)
        cells[who, one] = np.stack([column, row], axis=-1) + _quarter_steps(heat[one], row, column)
        scores[who, one] = hot[here][best]


def _quarter_steps(heat: Floats, row: Ints, column: Ints) -> Floats:
    """A quarter of a cell (N, 2) x, y towards the hotter neighbour of each cell, as published; 0 at the border."""
    height, width = heat.shape
    x = np.sign(heat[row, np.minimum(column + 1, width - 1)] - heat[row, np.maximum(column - 1, 0)])
    y = np.sign(heat[np.minimum(row + 1, height - 1), column] - heat[np.maximum(row - 1, 0), column])
    x, y = x * ((column > 0) & (column < width - 1)), y * ((row > 0) & (row < height - 1))
    return (np.stack([x, y], axis=-1) / 4).astype(np.float32)


def _without_duplicates(cells: Floats, radius: float, share: float) -> Ints:
    """The places of people (N, J, 2), the surest first, without those who lie on a surer one.

    That is: more than ``share`` of a person's joints lie nearer to the same joints of the surer person than ``radius``
    times the diagonal of the larger of the two.
    """
    known = ~np.isnan(cells[..., 0])
    extents = np.nanmax(cells, axis=1) - np.nanmin(cells, axis=1)
    size = np.hypot(*extents.T)
    limit = radius * np.maximum(size[:, None], size)
    near = np.linalg.norm(cells[:, None] - cells, axis=-1) <= limit[..., None]  # a missing joint, NaN, is near nothing
    double = near.sum(axis=-1) > share * known.sum(axis=1)[:, None]  # (N, N): is the first one on the second one?
    kept: list[int] = []
    for one in range(len(cells)):
        if not double[one, kept].any():
            kept.append(one)
    return np.array(kept)

"""From PersonLab's maps to people: start at the surest joint, and follow the offsets from joint to joint.

    candidates   every local maximum of a heatmap, moved by its short offset
    poses        from each candidate, along the tree in both directions; all candidates go together
    people       candidates by falling score; one that lies on the same joint of a person who was found is left out

Source: the paper, and the decoder published with PoseNet (scores as in its version for browsers).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from humotion.models.person_lab.tree import EDGES

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class Fields(NamedTuple):
    """The maps of one picture, as `humotion.models.person_lab.posenet.Maps` has them of several.

    ``heat`` (J, h, w) has probabilities; offsets are (2, J or E, h, w), y and x in pixels.
    """

    heat: Floats
    short: Floats
    forward: Floats
    backward: Floats


class Decoding(NamedTuple):
    """How people are read from maps.

    Attributes:
        stride: pixels per cell.
        min_joint: probability that a joint must have to start a person.
        min_person: score that a person must have.
        radius: pixels; so near to the same joint of a surer person, a joint belongs to that person.
        most: people at most.
        refinements: how often a joint that was reached is moved by its own short offset.
    """

    stride: int = 16
    min_joint: float = 0.3
    min_person: float = 0.05
    radius: float = 20.0
    most: int = 20
    refinements: int = 2


USUAL = Decoding()


class Found(NamedTuple):
    """N people by falling score.

    ``joints`` (N, J, 2) x, y in pixels of the picture; ``scores`` (N, J) probabilities; ``person_scores`` (N,): the
    mean of the scores, without those of joints that a surer person has.
    """

    joints: Floats
    scores: Floats
    person_scores: Floats


def decode(fields: Fields, settings: Decoding = USUAL) -> Found:
    """The people in one picture."""
    joint, cell = _candidates(fields.heat, settings)
    points, scores = _follow(fields, joint, cell, settings)
    return _greedy(joint, points, scores, settings)


def _candidates(heat: Floats, settings: Decoding) -> tuple[Ints, Ints]:
    """Joints (N,) and cells (N, 2), y and x, of the local maxima in 3x3 cells, by falling probability."""
    layers = np.ascontiguousarray(heat.transpose(1, 2, 0))
    highest = cv2.dilate(layers, np.ones((3, 3), np.uint8)).reshape(layers.shape)
    rows, columns, joints = np.nonzero((layers >= highest) & (layers >= settings.min_joint))
    order = np.argsort(-layers[rows, columns, joints], kind="stable")
    return joints[order], np.stack([rows, columns], axis=-1)[order]


def _follow(fields: Fields, joint: Ints, cell: Ints, settings: Decoding) -> tuple[Floats, Floats]:
    """From each candidate to all joints of a person: points (N, J, 2), y and x, and scores (N, J)."""
    num, num_joints = len(joint), len(fields.heat)
    every = np.arange(num)
    points, scores = np.zeros((num, num_joints, 2), np.float32), np.zeros((num, num_joints), np.float32)
    known = np.zeros((num, num_joints), bool)
    points[every, joint] = cell * settings.stride + fields.short[:, joint, cell[:, 0], cell[:, 1]].T
    scores[every, joint] = fields.heat[joint, cell[:, 0], cell[:, 1]]
    known[every, joint] = True
    upwards = [(child, parent, fields.backward[:, e]) for e, (parent, child) in reversed([*enumerate(EDGES)])]
    downwards = [(parent, child, fields.forward[:, e]) for e, (parent, child) in enumerate(EDGES)]
    for start, end, offsets in (*upwards, *downwards):
        some = np.flatnonzero(known[:, start] & ~known[:, end])
        if not len(some):
            continue
        moved = points[some, start] + _read(offsets, points[some, start], settings.stride)
        for _ in range(settings.refinements):
            rows, columns = _cells(moved, fields.heat.shape, settings.stride)
            moved = np.stack([rows, columns], -1) * settings.stride + fields.short[:, end, rows, columns].T
        rows, columns = _cells(moved, fields.heat.shape, settings.stride)
        points[some, end], scores[some, end] = moved, fields.heat[end, rows, columns]
        known[some, end] = True
    return points, scores


def _read(offsets: Floats, points: Floats, stride: int) -> Floats:
    """Offsets (N, 2) of the cells in which points (N, 2) lie, from (2, h, w)."""
    rows, columns = _cells(points, offsets.shape, stride)
    return offsets[:, rows, columns].T


def _cells(points: Floats, shape: tuple[int, ...], stride: int) -> tuple[Ints, Ints]:
    """The rows and columns of the cells nearest to points, inside the map."""
    nearest = np.rint(points / stride).astype(np.int64)
    height, width = shape[-2:]
    return nearest[:, 0].clip(0, height - 1), nearest[:, 1].clip(0, width - 1)


def _greedy(joint: Ints, points: Floats, scores: Floats, settings: Decoding) -> Found:
    """Keep who is not there yet, the surest start first."""
    kept: list[int] = []
    totals: list[float] = []
    limit = settings.radius**2
    for one in range(len(joint)):
        others = points[kept]  # (M, J, 2)
        near = ((others - points[one]) ** 2).sum(-1) <= limit  # (M, J)
        if near[:, joint[one]].any():
            continue
        total = float(scores[one][~near.any(axis=0)].sum() / scores.shape[1])
        if total < settings.min_person:
            continue
        kept.append(one)
        totals.append(total)
        if len(kept) == settings.most:
            break
    order = np.argsort(-np.array(totals), kind="stable") if kept else np.zeros(0, np.int64)
    people = np.array(kept, np.int64)[order]
    return Found(points[people][..., ::-1], scores[people], np.array(totals, np.float32)[order])

"""From PersonLab's maps to people: start at the surest joint, and follow the offsets from joint to joint.

    candidates   every local maximum of a heatmap, or of the votes for a joint, moved by its short offset
    poses        from each candidate, along the tree in both directions; all candidates go together
    bridges      a joint that this does not reach is looked for where the long offset at the start leads to
    people       candidates by falling score; one that lies on the same joint of a person who was found is left out
    masks        each cell that shows somebody goes to the person whose joints lie where its long offsets lead to

Source: the paper, and the decoder published with PoseNet (scores as in its version for browsers). Bridges are our own:
without them, whose nose is not in the picture comes back as two people, the left half and the right half.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from humotion.models.common.people_maps import Found
from humotion.models.person_lab.cells import CORNERS, Grid
from humotion.models.person_lab.masks import Assignment, Surfaces, masks_of
from humotion.models.person_lab.tree import EDGES, Edges, Walk, walk_of
from humotion.models.person_lab.votes import votes

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

STARTS = 4
"""Candidates per joint, as a multiple of the people at most: the maps of a network without training have many."""


class Fields(NamedTuple):
    """The maps of one picture.

    ``heat`` (J, h, w) and ``mask`` (h, w) have probabilities; offsets are (2, J or E, h, w), y and x in pixels. A
    network without masks has no ``long`` and no ``mask``.
    """

    heat: Floats
    short: Floats
    forward: Floats
    backward: Floats
    long: Floats | None = None
    mask: Floats | None = None


class Decoding(NamedTuple):
    """How people are read from maps.

    Attributes:
        min_joint: probability that a joint must have to start a person, or to be found by a bridge.
        min_person: score that a person must have.
        radius: pixels; so near to the same joint of a surer person, a joint belongs to that person.
        most: people at most.
        refinements: how often an end of a mid or long offset is moved by the offsets there.
        bridges: look for joints by long offsets too.
        disc: pixels; the radius of the discs with which the network was trained, if votes decide where people start.
        min_votes: share of a disc's votes that must meet in a cell to start a person.
        min_mask: probability of a cell that somebody has.
        farthest: see `humotion.models.person_lab.masks.Assignment`.
    """

    min_joint: float = 0.3
    min_person: float = 0.05
    radius: float = 20.0
    most: int = 20
    refinements: int = 2
    bridges: bool = True
    disc: float | None = None
    min_votes: float = 0.02
    min_mask: float = 0.5
    farthest: float = 0.25


USUAL = Decoding()


class _Poses(NamedTuple):
    """People from each of N candidates: where each started, points (N, J, 2) y, x, and scores (N, J)."""

    start: Ints
    points: Floats
    scores: Floats


def decode(fields: Fields, settings: Decoding = USUAL, grid: Grid = CORNERS, edges: Edges = EDGES) -> Found:
    """Return the people in one picture, whose joints all have a place: one of low score is a guess of the offsets.

    A person's score is the mean of the joints' scores, without those of joints that a surer person has.

    Args:
        fields: the maps.
        settings: thresholds.
        grid: where the cells lie.
        edges: the tree; the joints of `fields` are its.
    """
    joint, cell = _candidates(fields, settings, grid)
    poses = _follow(fields, joint, cell, settings, grid, walk_of(edges))
    if settings.bridges and fields.mask is not None and fields.long is not None:
        poses = _bridged(fields, fields.mask, fields.long, poses, settings, grid)
    people, totals = _greedy(poses, settings)
    points, scores = poses.points[people], poses.scores[people]
    masks = None
    if fields.mask is not None and fields.long is not None:
        assignment = Assignment(settings.min_mask, settings.farthest, settings.refinements, settings.radius)
        masks = masks_of(Surfaces(fields.mask, fields.short, fields.long), points, scores, grid, assignment)
    return Found(points[..., ::-1], scores, totals, masks)


def _candidates(fields: Fields, settings: Decoding, grid: Grid) -> tuple[Ints, Ints]:
    """Joints (N,) and cells (N,), counted along the rows, of local maxima; the highest one first.

    All cells of a flat top are maxima: of those that lead to the same pixel, one is enough.
    """
    if settings.disc is None:
        values, least = fields.heat, settings.min_joint
    else:
        values, least = votes(fields.heat, fields.short, grid, settings.disc), settings.min_votes
    layers = np.ascontiguousarray(values.transpose(1, 2, 0))
    highest = cv2.dilate(layers, np.ones((3, 3), np.uint8)).reshape(layers.shape)
    rows, columns, joint = np.nonzero((layers >= highest) & (layers >= least))
    order = np.argsort(-layers[rows, columns, joint], kind="stable")
    joint, cell = joint[order], (rows * layers.shape[1] + columns)[order]
    pixels = np.rint(_Reader(fields, grid).snapped(joint, cell)).astype(np.int64)
    _, first = np.unique(np.column_stack([joint, pixels]), axis=0, return_index=True)
    first = np.sort(first)[: STARTS * settings.most * len(values)]
    return joint[first], cell[first]


class _Reader:
    """The maps of a picture, read at many places at once; ``cell`` counts cells along the rows of a map."""

    def __init__(self, fields: Fields, grid: Grid) -> None:
        self.height, self.width = fields.heat.shape[1:]
        self.size, self.grid = self.height * self.width, grid
        self.heat = fields.heat.reshape(-1)
        self.short, self.forward, self.backward = (maps.reshape(2, -1) for maps in fields[1:4])

    def nearest(self, points: Floats) -> Ints:
        """The cells (N,) nearest to points (N, 2)."""
        return self.grid.nearest(points, self.height, self.width)

    def snapped(self, joint: Ints, cell: Ints) -> Floats:
        """Where the short offsets of cells lead to: (N, 2)."""
        middles = self.grid.position(np.stack(np.divmod(cell, self.width), axis=-1))
        return middles + self.short[:, joint * self.size + cell].T


def _follow(fields: Fields, joint: Ints, cell: Ints, settings: Decoding, grid: Grid, walk: Walk) -> _Poses:
    """From each candidate to all joints of a person: up to the root, and from what is known down to the ends."""
    read, num, num_joints = _Reader(fields, grid), len(joint), len(fields.heat)
    every = np.arange(num)
    points, scores = np.zeros((num, num_joints, 2), np.float32), np.zeros((num, num_joints), np.float32)
    known = np.zeros((num, num_joints), bool)
    points[every, joint] = read.snapped(joint, cell)
    scores[every, joint] = read.heat[joint * read.size + cell]
    known[every, joint] = True

    def step(offsets: Floats, some: Ints, edge: Ints, start: Ints, end: Ints) -> None:
        moved = points[some, start]
        moved = moved + offsets[:, edge * read.size + read.nearest(moved)].T
        for _ in range(settings.refinements):
            moved = read.snapped(end, read.nearest(moved))
        points[some, end] = moved
        scores[some, end] = read.heat[end * read.size + read.nearest(moved)]
        known[some, end] = True

    current = joint.copy()
    while len(some := np.flatnonzero(walk.parents[current] >= 0)):
        start = current[some]
        step(read.backward, some, walk.above[start], start, walk.parents[start])
        current[some] = walk.parents[start]
    for ends in walk.down:
        some, which = np.nonzero(~known[:, ends])
        end = ends[which]
        step(read.forward, some, walk.above[end], walk.parents[end], end)
    return _Poses(joint, points, scores)


def _bridged(fields: Fields, mask: Floats, long: Floats, poses: _Poses, settings: Decoding, grid: Grid) -> _Poses:
    """Look for the joints of low score from the start, if its cell is of the same person: then it finds itself."""
    read, every = _Reader(fields, grid), np.arange(len(poses.start))
    starts = poses.points[every, poses.start]
    cells = read.nearest(starts)
    middles = grid.position(np.stack(np.divmod(cells, read.width), axis=-1))
    ends = middles[:, None] + long.reshape(2, -1, read.size)[:, :, cells].transpose(2, 1, 0)  # (N, J, 2)
    itself = ((ends[every, poses.start] - starts) ** 2).sum(-1) <= settings.radius**2
    own = itself & (mask.reshape(-1)[cells] > settings.min_mask)
    some, joint = np.nonzero((poses.scores < settings.min_joint) & own[:, None])
    moved = ends[some, joint]
    for _ in range(settings.refinements):
        moved = read.snapped(joint, read.nearest(moved))
    found = read.heat[joint * read.size + read.nearest(moved)]
    better = found >= settings.min_joint
    points, scores = poses.points.copy(), poses.scores.copy()
    points[some[better], joint[better]] = moved[better]
    scores[some[better], joint[better]] = found[better]
    return _Poses(poses.start, points, scores)


def _greedy(poses: _Poses, settings: Decoding) -> tuple[Ints, Floats]:
    """The candidates that stay, and the people's scores, by falling score. The surest start comes first."""
    num, num_joints = poses.scores.shape
    starts = poses.points[np.arange(num), poses.start]
    free = poses.scores.sum(axis=1) >= settings.min_person * num_joints  # who shares joints only loses by it
    limit = settings.radius**2
    kept: list[int] = []
    totals: list[float] = []
    while len(kept) < settings.most and free.any():
        one = int(free.argmax())
        free[one] = False
        near = ((poses.points[kept] - poses.points[one]) ** 2).sum(-1) <= limit  # (M, J)
        total = float(poses.scores[one][~near.any(axis=0)].sum() / num_joints)
        if total < settings.min_person:
            continue
        kept.append(one)
        totals.append(total)
        free &= ((starts - poses.points[one, poses.start]) ** 2).sum(-1) > limit
    order = np.argsort(-np.array(totals), kind="stable") if kept else np.zeros(0, np.int64)
    return np.array(kept, np.int64)[order], np.array(totals, np.float32)[order]

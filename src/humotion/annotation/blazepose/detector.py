"""The person detector: one network on the whole frame, anchors, and weighted non-maximum suppression.

Each of 2,254 anchors is the centre of a cell of one of three grids. The network says for each how likely a person is
there, where the box of the head and torso is, and four key points, of which the first two make a `Region`.

Sources: pose_detection_cpu.pbtxt, ssd_anchors_calculator.cc, tensors_to_detections_calculator.cc and
non_max_suppression_calculator.cc of MediaPipe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from humotion.annotation.blazepose.region import Floats, Region, region_of_points
from humotion.annotation.blazepose.runtime import Network

SIZE = 224
OUTPUTS = ("Identity", "Identity_1")  # boxes and key points (1, 2254, 12), logits (1, 2254, 1)
_GRIDS = ((8, 2), (16, 2), (32, 6))  # stride in pixels, anchors per cell
_SAME_PERSON = 0.3  # intersection over union from which on two boxes are merged
_TILES = 3  # along the longer side of the frame


@dataclass(frozen=True)
class Detection:
    """A person: ``score``, ``box`` (4,) x0 y0 x1 y1 of head and torso, ``points`` (4, 2), in pixels of the frame."""

    score: float
    box: Floats
    points: Floats

    @property
    def region(self) -> Region:
        """Where the landmark network has to look."""
        return region_of_points(self.points[0], self.points[1])


def anchors() -> Floats:
    """The centres (2254, 2) of all anchors in the unit square, x first, in the order of the network's outputs."""
    found = []
    for stride, per_cell in _GRIDS:
        cells = SIZE // stride
        centres = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        y, x = np.meshgrid(centres, centres, indexing="ij")
        found.append(np.stack([x, y], axis=-1).reshape(-1, 2).repeat(per_cell, axis=0))
    return np.concatenate(found)


_ANCHORS = anchors()


class Detector:
    """Finds people in frames.

    Args:
        network: with the outputs `OUTPUTS`.
    """

    def __init__(self, network: Network) -> None:
        self._network = network

    def detect(
        self, frame: npt.NDArray[np.uint8], min_score: float = 0.5, faint: float | None = None
    ) -> list[Detection]:
        """People in an RGB frame (H, W, 3), the best score first.

        Args:
            frame: the frame.
            min_score: the lowest score of a person. Only detections with such a score are merged, as in MediaPipe.
            faint: a lower score; people follow of whom all detections are between the two.
        """
        height, width = frame.shape[:2]
        whole = Region(width / 2, height / 2, max(width, height))
        every = self._in_square(frame, whole, min_score if faint is None else faint)
        found = merge([one for one in every if one.score >= min_score])
        return found + [one for one in merge(every) if one.score < min_score]

    def detect_small(self, frame: npt.NDArray[np.uint8], min_score: float) -> list[Detection]:
        """The same in overlapping squares of the frame, in which a small person is larger (see `tiles_of`)."""
        tiles = tiles_of(frame.shape[1], frame.shape[0])
        return merge([one for tile in tiles for one in self._in_square(frame, tile, min_score)])

    def _in_square(self, frame: npt.NDArray[np.uint8], square: Region, min_score: float) -> list[Detection]:
        """Detections in a square of the frame, not yet merged; what lies outside the frame is black."""
        pixels = square.crop(frame, SIZE, cv2.BORDER_CONSTANT)
        image = (pixels.astype(np.float32) * np.float32(1 / 127.5) - 1)[None]
        raw, logits = self._network(image)
        return _decode(raw[0], logits[0, :, 0], square, min_score)


def tiles_of(width: int, height: int) -> Iterator[Region]:
    """Squares that cover a frame, each half as large as its longer side, with overlaps of a half of their side."""
    longer, shorter = max(width, height), min(width, height)
    side = longer / 2
    along = np.linspace(side / 2, longer - side / 2, _TILES)
    across = [shorter / 2] if shorter <= side else np.linspace(side / 2, shorter - side / 2, 2)
    for a in along:
        for b in across:
            x, y = (a, b) if width >= height else (b, a)
            yield Region(float(x), float(y), float(side))


def _decode(raw: Floats, logits: Floats, square: Region, min_score: float) -> list[Detection]:
    """Detections of the anchors whose score counts, from the network's outputs (2254, 12) and (2254,)."""
    with np.errstate(over="ignore"):
        scores = 1 / (1 + np.exp(-np.clip(logits, -100, 100)))
    (chosen,) = np.nonzero(scores >= min_score)
    places = raw[chosen].reshape(len(chosen), 6, 2) / np.float32(SIZE)  # centre, size, four points
    centre, size, points = places[:, 0] + _ANCHORS[chosen], places[:, 1], places[:, 2:] + _ANCHORS[chosen][:, None]
    half = size / np.float32(2)
    corners = square.to_frame(np.stack([centre - half, centre + half], axis=1))  # (N, 2, 2)
    in_frame = square.to_frame(points)
    return [Detection(float(scores[i]), corners[n].reshape(4), in_frame[n]) for n, i in enumerate(chosen)]


def merge(found: list[Detection]) -> list[Detection]:
    """Weighted non-maximum suppression: one detection per person, the mean of all that overlap with the best of them.

    The weights are the scores. The merged detection has the score of the best one.
    """
    rest = sorted(found, key=lambda one: -one.score)
    merged = []
    while rest:
        best = rest[0]
        overlaps = _overlaps(best.box, np.stack([one.box for one in rest])) > _SAME_PERSON
        overlaps[0] = True  # a box without an area overlaps with nothing, not even with itself
        same = [one for one, is_same in zip(rest, overlaps, strict=True) if is_same]
        weights = np.array([one.score for one in same], np.float32)
        box = np.average([one.box for one in same], axis=0, weights=weights).astype(np.float32)
        points = np.average([one.points for one in same], axis=0, weights=weights).astype(np.float32)
        merged.append(Detection(best.score, box, points))
        rest = [one for one, is_same in zip(rest, overlaps, strict=True) if not is_same]
    return merged


def _overlaps(box: Floats, boxes: Floats) -> Floats:
    """Intersection over union of a box (4,) with boxes (N, 4)."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1)
    union = areas + np.prod(np.clip(box[2:] - box[:2], 0, None)) - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)

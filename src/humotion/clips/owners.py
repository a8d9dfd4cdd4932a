"""Whose each pixel of a picture is: masks of people, as labels of images have them, drawn into one map.

A person without a mask owns the pixels of the box. Crowds, people without known joints, and people for whom a sample
has no room own pixels that teach nothing. Where two masks overlap, nobody can say whose the pixel is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from humotion.errors import HumotionError
from humotion.store.owners import NOBODY, SEVERAL, UNKNOWN

Doubles = npt.NDArray[np.float64]
Owners = npt.NDArray[np.uint8]


def owners_of(regions: Sequence[Any], people: Sequence[int | None], matrix: Doubles, size: int) -> Owners:
    """Draw the map (size, size).

    Args:
        regions: what each person of the picture covers, as COCO's files have it: polygons (lists of x, y, x, y, ...),
            or an RLE (``counts`` and ``size``).
        people: the number of each person in the sample; None for one from whom nothing is learned.
        matrix: (2, 3) from the pixels of the regions to those of the map.
        size: side of the map.
    """
    owners = np.zeros((size, size), np.uint8)
    masks = [_drawn(region, matrix, size) for region in regions]
    for mask, person in zip(masks, people, strict=True):
        if person is None:
            owners[mask] = UNKNOWN
    for mask, person in zip(masks, people, strict=True):
        if person is not None:
            owned = (owners != NOBODY) & (owners != UNKNOWN)
            owners[mask] = np.where(owned[mask], SEVERAL, person + 1)
    return owners


def regions_of(annotation: Mapping[str, npt.NDArray[Any]], boxes: Doubles, scale: Doubles) -> list[Any]:
    """Return the region of each person in pixels of the labels: the mask if the labels have one, else the box.

    Args:
        annotation: the layer ``labels`` of an image, maybe with ``segments`` (see ``datasets/coco.py``).
        boxes: (P, 4) of the stored frame.
        scale: (2,) stored pixels per pixel of the labels, x and y.
    """
    from_boxes = [_polygon(box) for box in boxes / np.tile(scale, 2)]
    if "segments" not in annotation:
        return from_boxes
    ends = annotation["segment_end"][:, 0].tolist()
    text = annotation["segments"][0, 0].tobytes()
    stated = [json.loads(text[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
    return [region or box for region, box in zip(stated, from_boxes, strict=True)]


def scale_of(annotation: Mapping[str, npt.NDArray[Any]], width: int, height: int) -> Doubles:
    """Return the stored pixels per pixel of the labels, x and y, for a stored frame of this size."""
    if "size" not in annotation:
        return np.ones(2)
    stated = np.asarray(annotation["size"][0, 0], float)
    return np.where(np.isfinite(stated), np.array([width, height]) / stated, 1.0)


def _polygon(box: Doubles) -> list[list[float]]:
    left, top, right, bottom = box.tolist()
    return [[left, top, right, top, right, bottom, left, bottom]]


def _drawn(region: Any, matrix: Doubles, size: int) -> npt.NDArray[np.bool_]:
    """The mask (size, size) of a region, moved by a matrix."""
    if isinstance(region, Mapping):
        nearest = cv2.INTER_NEAREST
        return cv2.warpAffine(_decoded(region).view(np.uint8), matrix, (size, size), flags=nearest).astype(bool)
    mask = np.zeros((size, size), np.uint8)
    for one in region:
        # An edge of a polygon lies between pixels, but a position here is the centre of a pixel.
        points = np.array(one, float).reshape(-1, 2) - 0.5
        moved = points @ matrix[:, :2].T + matrix[:, 2]
        cv2.fillPoly(mask, [np.rint(moved.clip(-size, 2 * size)).astype(np.int32)], 1)
    return mask.astype(bool)


def _decoded(region: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """The mask (H, W) of an RLE: lengths of runs, off and on in turn, down the columns."""
    height, width = region["size"]
    counts = region["counts"]
    if isinstance(counts, str | bytes):
        try:
            from faster_coco_eval.core import mask
        except ModuleNotFoundError as error:
            raise HumotionError(
                "The labels have compressed masks, which the package faster-coco-eval reads: "
                "pip install 'humotion[people]'"
            ) from error
        return np.asarray(mask.decode({"size": [height, width], "counts": counts}), bool)
    values = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return np.ascontiguousarray(values.reshape(width, height).T)

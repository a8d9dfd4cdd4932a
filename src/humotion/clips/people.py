"""Where a person is in every frame of a video: by the experiment's layer, or by the labels of the dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from humotion.clips.input import SCENE, Footage
from humotion.store.frames import StoredVideo
from humotion.store.people import found_frames, main_person

Floats = npt.NDArray[np.float32]


def boxes_of_layer(annotation: Mapping[str, npt.NDArray[Any]], person: int = SCENE) -> Floats | None:
    """Return the boxes (T, 4) x0 y0 x1 y1 of a person in every frame, in pixels; None if nobody was found.

    A frame in which the person was not found has a box on the straight line between its neighbours. Before the first
    box and after the last one, the person stays there.

    Args:
        annotation: the arrays of a layer for one video, with ``boxes`` (P, T, 4) and ``found`` (P, T).
        person: index of the person, or `SCENE` for the one who is found in most frames.
    """
    found = found_frames(annotation)
    if not found.any():
        return None
    person = main_person(found) if person == SCENE else person
    return bridged_boxes(annotation["boxes"][person], found[person])


def bridged_boxes(boxes: Floats, found: npt.NDArray[np.bool_]) -> Floats | None:
    """Return boxes (T, 4), those that were not ``found`` (T,) by their neighbours in time; None if none was."""
    known = found & np.isfinite(boxes).all(axis=1)
    if not known.any():
        return None
    frames = np.arange(len(boxes))
    columns = [np.interp(frames, frames[known], boxes[known, column]) for column in range(4)]
    return np.stack(columns, axis=1).astype(np.float32)


def main_person_boxes(video: Footage) -> Floats | None:
    """Return the boxes (T, 4) of a video's main person: of its layer, or else as labelled; None if nobody is known."""
    if video.annotation:
        return boxes_of_layer(video.annotation)
    if video.boxes is None or len(video.boxes) == 0:
        return None
    found = np.asarray(np.isfinite(video.boxes).all(axis=-1))  # (P, T)
    main = main_person(found)
    return bridged_boxes(video.boxes[main], found[main])


def layer_boxes_of_labelled(video: StoredVideo, person: int) -> Floats:
    """Return the boxes (T, 4) that a layer has of a labelled person; the whole frame if it found nobody.

    If the layer knows several people, it is the one who overlaps the labelled boxes most, summed over all frames. So
    labels say who is meant, but not where the person is.
    """
    annotation = video.annotation
    candidates = [
        boxes for one in range(len(annotation["found"])) if (boxes := boxes_of_layer(annotation, one)) is not None
    ]
    if not candidates:
        frame = np.array([0, 0, video.width - 1, video.height - 1], np.float32)
        return np.tile(frame, (video.num_frames, 1))
    if len(candidates) == 1:
        return candidates[0]
    assert video.boxes is not None
    labelled = video.boxes[person]
    return max(candidates, key=lambda boxes: float(np.nansum(_overlap(boxes, labelled))))


def _overlap(first: Floats, second: Floats) -> Floats:
    """Intersection over union (T,) of two boxes per frame."""
    corners = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    shared = np.clip(corners[1] - corners[0], 0, None).prod(axis=1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    return np.asarray(shared / np.maximum(areas[0] + areas[1] - shared, 1e-6), np.float32)

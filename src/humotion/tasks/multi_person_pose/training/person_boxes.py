"""Where people are in a frame, for models that look at one person at a time: by labels, or by a layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.errors import HumotionError
from humotion.store.frames import StoredVideo

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Boxes(NamedTuple):
    """N people in a frame.

    Attributes:
        corners: (N, 4) x1, y1, x2, y2 in pixels of the stored frame.
        scores: (N,) how sure it is that somebody is there.
    """

    corners: Floats
    scores: Floats

    def only(self, which: npt.NDArray[Any]) -> Boxes:
        """Some of the people: ``which`` are their places, or (N,) bool."""
        return Boxes(self.corners[which], self.scores[which])


def labelled_boxes(video: StoredVideo, frame: int) -> Boxes:
    """Return the boxes of everybody who has labelled joints in a frame, with score 1. Crowds have none.

    Raises:
        HumotionError: the dataset has no labels of people.
    """
    if video.boxes is None or video.visibility is None:
        raise HumotionError(
            f"{video.video_id} has no labels of people. Find them with a layer, such as one of posenet, instead."
        )
    corners = video.boxes[:, frame].astype(float)
    has_joints = np.asarray((video.visibility[:, frame] > 0).any(axis=1))
    return Boxes(corners, np.ones(len(corners))).only(has_joints)


def boxes_of_layer(annotation: Mapping[str, npt.NDArray[Any]], frame: int) -> Boxes:
    """Return the boxes of everybody whom a layer has found in a frame.

    The score of a person is that of the layer, ``scores`` (P, T). Without it, it is the mean of ``visibility``
    (P, T, J), the probabilities of the joints; and 1 without either.

    Raises:
        HumotionError: the layer has no boxes.
    """
    if not {"boxes", "found"} <= annotation.keys():
        raise HumotionError(
            "The experiment's layer has no boxes of people. Make one, such as one of posenet (`layers:` in "
            "params.yaml), and name it in the experiment's `layer`."
        )
    found = np.asarray(annotation["found"][:, frame], bool)
    corners = annotation["boxes"][found, frame].astype(float)
    if "scores" in annotation:
        scores = annotation["scores"][found, frame].astype(float)
    elif "visibility" in annotation and annotation["visibility"].shape[-1]:
        scores = annotation["visibility"][found, frame].astype(float).mean(axis=1)
    else:
        scores = np.ones(len(corners))
    return Boxes(corners, np.nan_to_num(scores))


def within(boxes: Boxes, width: int, height: int) -> Bools:
    """Return which boxes (N,) have an area, of which some part is inside a frame of this size."""
    low, high = boxes.corners[:, :2], boxes.corners[:, 2:]
    # Pixel centres are at integers. A comparison with NaN is false.
    inside = (high > -0.5) & (low < np.array([width, height]) - 0.5)
    return np.asarray((inside & (high > low) & np.isfinite(high - low)).all(axis=1))

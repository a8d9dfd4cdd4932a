"""Labelled pictures of several people, as a bottom-up model is shown them: squares with all people in them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.crop import crop_geometry
from humotion.clips.owners import owners_of
from humotion.inputs.whole_pictures import window_of
from humotion.models.common.people_maps import Labels
from humotion.tasks.multi_person_pose.training.truth import Truth

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


class Crowd(NamedTuple):
    """The people of a picture who have labelled joints.

    Attributes:
        image_id: of the labels.
        joints: (P, J, 2) in pixels of the square.
        known: (P, J) the joints that are labelled, and inside.
        owners: (side, side) see `humotion.store.owners`.
        boxes: (P, 4) x1, y1, x2, y2 in pixels of the image.
        crop: (3,) x0, y0, scale: image_xy = square_xy * scale + (x0, y0).
    """

    image_id: int
    joints: Floats
    known: Bools
    owners: npt.NDArray[np.uint8]
    boxes: Floats
    crop: Floats

    def labels(self, known: Bools | None = None) -> Labels:
        """As a batch of one, with these joints known (P, J); those that are labelled if None."""
        shown = self.known if known is None else known
        return Labels(*(torch.from_numpy(one)[None] for one in (self.joints, shown, self.owners)))

    def in_image(self, joints: Floats) -> Floats:
        """Move joints (N, J, 2) from the square to the image."""
        return np.asarray(joints * self.crop[2] + self.crop[:2], np.float32)


def crowds_of(truth: Truth, side: int, most: int | None = None) -> list[Crowd]:
    """Return the first ``most`` pictures of some labels, as ``inputs/whole_pictures.py`` shows them."""
    by_image: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in truth.images}
    for one in truth.annotations:
        by_image[one["image_id"]].append(one)
    return [_crowd(image, by_image[image["id"]], side) for image in truth.images[:most]]


def _crowd(image: dict[str, Any], ones: list[dict[str, Any]], side: int) -> Crowd:
    crop = crop_geometry(window_of(int(image["width"]), int(image["height"])), side)
    x0, y0, scale = crop.tolist()
    matrix = np.array([[1 / scale, 0, -x0 / scale], [0, 1 / scale, -y0 / scale]])
    numbers = iter(range(len(ones)))
    people = [None if one["iscrowd"] or not one["num_keypoints"] else next(numbers) for one in ones]
    named = [one for one, person in zip(ones, people, strict=True) if person is not None]
    keypoints = np.array([one["keypoints"] for one in named], np.float32).reshape(len(named), -1, 3)
    joints = (keypoints[..., :2] - crop[:2]) / crop[2]
    known = (keypoints[..., 2] > 0) & ((joints >= -0.5) & (joints < side - 0.5)).all(axis=-1)
    boxes = np.array([one["bbox"] for one in named], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    owners = owners_of([one.get("segmentation") or [_corners(one["bbox"])] for one in ones], people, matrix, side)
    return Crowd(image["id"], joints.astype(np.float32), known, owners, boxes, crop)


def _corners(box: list[float]) -> list[float]:
    """A box as a polygon, for a person without a mask."""
    x, y, width, height = box
    return [x, y, x + width, y, x + width, y + height, x, y + height]

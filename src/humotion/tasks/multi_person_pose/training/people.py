"""The people that a method found in one picture, in a form that all methods share, and as COCO's result files.

Positions are in pixels of the picture, with pixel centres at integers, as in COCO's files and in the frame store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from humotion.errors import HumotionError
from humotion.files import read_json, write_json

Floats = npt.NDArray[np.float64]
PERSON = 1  # COCO's category


@dataclass(frozen=True)
class People:
    """N people with J joints each.

    Attributes:
        joints: (N, J, 2) x, y; NaN for a joint that was not found.
        joint_scores: (N, J); 0 for a joint that was not found.
        scores: (N,) how sure the method is of each person: evaluation sorts by it.
        boxes: (N, 4) x1, y1, x2, y2.
        masks: (N, H, W) bool, of a method that has them.
        tracks: (N,) int64 number of each person, the same in all frames of a video.
        places: (N, J, 3) positions in space, in the unit and the axes that the method states.

    Raises:
        ValueError: the shapes do not fit, or a score or a box is not finite.
    """

    joints: Floats
    joint_scores: Floats
    scores: Floats
    boxes: Floats
    masks: npt.NDArray[np.bool_] | None = None
    tracks: npt.NDArray[np.int64] | None = None
    places: Floats | None = None

    def __post_init__(self) -> None:
        if self.joints.ndim != 3 or self.joints.shape[2] != 2:
            raise ValueError(f"joints have the shape {self.joints.shape}, not (N, J, 2)")
        number, num_joints, _ = self.joints.shape
        shapes: dict[str, tuple[int, ...]] = {"joint_scores": (number, num_joints), "scores": (number,)}
        shapes |= {"boxes": (number, 4), "tracks": (number,), "places": (number, num_joints, 3)}
        for name, shape in shapes.items():
            found = getattr(self, name)
            if found is not None and found.shape != shape:
                raise ValueError(f"{name} have the shape {found.shape}, but {number} people with {num_joints} joints")
        if self.masks is not None and (self.masks.ndim != 3 or len(self.masks) != number):
            raise ValueError(f"masks have the shape {self.masks.shape}, not ({number}, H, W)")
        if not all(np.isfinite(values).all() for values in (self.joint_scores, self.scores, self.boxes)):
            raise ValueError("a score or a box is not finite")

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def nobody(cls, num_joints: int) -> People:
        """No people."""
        return cls(np.zeros((0, num_joints, 2)), np.zeros((0, num_joints)), np.zeros(0), np.zeros((0, 4)))

    def only(self, which: npt.NDArray[Any]) -> People:
        """Some of the people, in this order: ``which`` are their places, or (N,) bool."""
        masks, tracks, places = (None if one is None else one[which] for one in (self.masks, self.tracks, self.places))
        parts = (self.joints[which], self.joint_scores[which], self.scores[which], self.boxes[which])
        return People(*parts, masks, tracks, places)

    def filled(self) -> Floats:
        """Return the joints (N, J, 2), with the mean of a person's other joints for each that was not found.

        COCO's code takes the extent of all joints as the size of a detection: a joint left at 0, 0 would enlarge it.
        A person without any joint gets the centre of the box.
        """
        known = np.asarray(np.isfinite(self.joints).all(axis=2))  # (N, J)
        total = np.where(known[..., None], self.joints, 0).sum(axis=1)
        centre = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        count = known.sum(axis=1)[:, None]
        mean = np.where(count > 0, total / np.maximum(count, 1), centre)  # (N, 2)
        return np.where(known[..., None], self.joints, mean[:, None])


def to_results(image_id: int, people: People) -> list[dict[str, Any]]:
    """The people of an image as entries of a COCO result file, with ``track_id`` if they have tracks.

    There is no ``bbox`` in them: COCO's code would then take its area as the size of the detection.
    """
    keypoints = np.concatenate([people.filled(), people.joint_scores[..., None]], axis=2)
    results: list[dict[str, Any]] = [
        {"image_id": int(image_id), "category_id": PERSON, "keypoints": one.reshape(-1).tolist(), "score": float(score)}
        for one, score in zip(keypoints, people.scores, strict=True)
    ]
    if people.tracks is not None:
        for one, track in zip(results, people.tracks, strict=True):
            one["track_id"] = int(track)
    return results


def from_results(results: Iterable[Mapping[str, Any]], num_joints: int) -> dict[int, People]:
    """The people by image, from entries of a COCO result file. A box is ``bbox``, or else the extent of the joints.

    Raises:
        HumotionError: an entry lacks something, has another number of joints, or a number that is not finite.
    """
    by_image: dict[int, list[Mapping[str, Any]]] = {}
    for place, one in enumerate(results):
        if problem := _problem(one, num_joints):
            raise HumotionError(f"Entry {place} of the results {problem}. Expected is COCO's format of results.")
        by_image.setdefault(int(one["image_id"]), []).append(one)
    return {image_id: _people(entries, num_joints) for image_id, entries in by_image.items()}


def _problem(one: Any, num_joints: int) -> str | None:
    if not isinstance(one, Mapping) or not {"image_id", "keypoints", "score"} <= one.keys():
        return "lacks image_id, keypoints or score"
    try:
        keypoints = np.array(one["keypoints"], float)
        numbers = np.array([one["image_id"], one["score"], *one.get("bbox", ())], float)
    except (TypeError, ValueError):
        return "has something else than numbers in image_id, keypoints, score or bbox"
    if keypoints.shape != (3 * num_joints,):
        return f"has {keypoints.size} numbers of keypoints, but {num_joints} joints have three each"
    return None if np.isfinite(keypoints).all() and np.isfinite(numbers).all() else "has a number that is not finite"


def _people(entries: list[Mapping[str, Any]], num_joints: int) -> People:
    keypoints = np.array([one["keypoints"] for one in entries], float).reshape(-1, num_joints, 3)
    joints = keypoints[..., :2]
    extents = np.concatenate([joints.min(axis=1), joints.max(axis=1)], axis=1)
    boxes = np.array(
        [_corners(one["bbox"]) if one.get("bbox") else box for one, box in zip(entries, extents, strict=True)], float
    )
    has_tracks = all("track_id" in one for one in entries)
    tracks = np.array([one["track_id"] for one in entries], np.int64) if has_tracks else None
    scores = np.array([one["score"] for one in entries], float)
    return People(joints, keypoints[..., 2], scores, boxes, tracks=tracks)


def _corners(bbox: list[float]) -> list[float]:
    x, y, width, height = bbox
    return [x, y, x + width, y + height]


def write_results(path: Path, people: Mapping[int, People]) -> None:
    """Write a COCO result file with the people of all images, by the id of the image."""
    write_json(path, [one for image_id, found in people.items() for one in to_results(image_id, found)])


def read_results(path: Path, num_joints: int) -> dict[int, People]:
    """Read a COCO result file: the people by the id of their image.

    Raises:
        HumotionError: it is no such file; see `from_results`.
    """
    try:
        results = read_json(path)
    except (OSError, ValueError) as error:
        raise HumotionError(f"{path} cannot be read: {error}.") from error
    if not isinstance(results, list):
        raise HumotionError(f"{path} is no result file of COCO's format: that is a list of people.")
    return from_results(results, num_joints)

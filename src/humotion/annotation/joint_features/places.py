"""Where the joints of a video are, by the layer that is read or by the labels, and where a map is read instead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from humotion.annotation.shared.contract import Frames
from humotion.errors import HumotionError
from humotion.store.body import body_joints
from humotion.store.skeleton import Skeleton

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Places:
    """P persons in T frames.

    Attributes:
        landmarks: (P, T, J, 3) x, y relative to width and height of the frame, z in the unit of x; NaN where unknown.
        visibility: (P, T, J) from 0 to 1; NaN where unknown.
        found: (P, T).
        pixels: (P, T, J, 2) in pixels of the frame from edge to edge; NaN where unknown.
    """

    landmarks: Floats
    visibility: Floats
    found: npt.NDArray[np.bool_]
    pixels: Floats


def chosen_joints(skeleton: Skeleton | None, joints: str) -> Skeleton:
    """The joint set that is read: all of a set, or the 13 of the body.

    Raises:
        HumotionError: there are no joints, or the set lacks one of the body's.
    """
    if skeleton is None:
        raise HumotionError(
            "joint_features reads a map at joints, but neither the layer that it reads nor the dataset has any. Make a "
            "layer of landmarks, and name it in the layer's `of`."
        )
    return skeleton if joints == "all" else body_joints(skeleton)


def places_in(video: Frames, joints: str) -> Places:
    """Where people's joints are in a video: in the layer that is read, or else in the labels.

    Raises:
        HumotionError: see `chosen_joints`.
    """
    chosen = chosen_joints(video.skeleton, joints)
    assert video.skeleton is not None
    order = [video.skeleton.joints.index(joint) for joint in chosen.joints]
    size = np.array([video.width, video.height], np.float32)
    if "landmarks" in video.annotation:
        found = np.asarray(video.annotation["found"], bool)
        if len(found) == 0:
            return _nobody(video.num_frames, len(order))
        landmarks = np.array(video.annotation["landmarks"][:, :, order], np.float32)
        visibility = np.array(video.annotation["visibility"][:, :, order], np.float32)
        known = found[..., None] & np.isfinite(landmarks).all(-1)
        half = np.float32(0)  # relative coordinates are from edge to edge
    else:
        if video.joints is None or video.visibility is None:
            return _nobody(video.num_frames, len(order))
        positions = np.array(video.joints[:, :, order], np.float32)
        depth = np.zeros((*positions.shape[:-1], 3 - positions.shape[-1]), np.float32)
        landmarks = np.concatenate([positions, depth], axis=-1) / np.append(size, size[0])
        flags = video.visibility[:, :, order]
        visibility = (flags / 2).astype(np.float32)
        known = (flags > 0) & np.isfinite(landmarks).all(-1)
        found, half = known.any(-1), np.float32(0.5)  # labels are in pixels whose middles are whole numbers
    landmarks[~known], visibility[~known] = np.nan, np.nan
    return Places(landmarks.astype(np.float32), visibility, found, landmarks[..., :2] * size + half)


def _nobody(num_frames: int, num_joints: int) -> Places:
    empty: Floats = np.zeros((0, num_frames, num_joints, 3), np.float32)
    return Places(empty, empty[..., 0], np.zeros((0, num_frames), bool), empty[..., :2])


def points_to_read(places: Places, points: str, video: Frames, joints: str) -> Floats:
    """Where maps are read (P, T, J, 2), in pixels of the frame from edge to edge; NaN where they are not.

    Args:
        places: the video's own joints.
        points: "joints", or one of the controls "grid" and "other_clip".
        video: the video.
        joints: which of its joints are read.

    Raises:
        HumotionError: "other_clip" for a video that no dataset has.
    """
    size = np.array([video.width, video.height], np.float32)
    if points == "grid":
        grid = regular_grid(places.pixels.shape[2]) * size
        return np.where(places.found[..., None, None], grid, np.float32(np.nan))
    if points == "other_clip":
        return _of_another(places, video, joints) * size
    return places.pixels


def regular_grid(number: int) -> Floats:
    """So many points (number, 2) on a grid over the unit square: rows of about equal length, each evenly spread."""
    rows = np.array_split(np.arange(number), max(round(number**0.5), 1))
    points = [
        ((column + 0.5) / len(row), (y + 0.5) / len(rows)) for y, row in enumerate(rows) for column in range(len(row))
    ]
    return np.array(points, np.float32)


def _of_another(places: Places, video: Frames, joints: str) -> Floats:
    """The joints of another video's first person, stretched over this video's frames; relative to width and height."""
    num_persons, num_frames, num_joints = places.pixels.shape[:3]
    other = video.another()
    theirs = places_in(other, joints).pixels / np.array([other.width, other.height], np.float32)
    if not len(theirs):
        return np.full((num_persons, num_frames, num_joints, 2), np.nan, np.float32)
    frames = np.arange(num_frames) * other.num_frames // max(num_frames, 1)
    stretched = np.broadcast_to(theirs[0, frames], (num_persons, num_frames, num_joints, 2))
    return np.where(places.found[..., None, None], stretched, np.float32(np.nan))

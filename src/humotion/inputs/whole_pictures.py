"""One complete picture with all people in it: nothing is cut off, so that nobody is missed.

The picture is scaled until its long side fits, and stands in the middle of a grey square. In training, the geometry
turns, scales and mirrors it. The same matrix moves joints and masks, so the policy may change colours alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.augment import Policy
from humotion.clips.crop import Ints, crop_geometry, cut
from humotion.clips.geometry import Doubles, Turn, crop_matrices, draw, move, warp
from humotion.clips.input import SCENE, Footage, Sample, as_tensor
from humotion.clips.owners import owners_of, regions_of, scale_of
from humotion.errors import HumotionError
from humotion.params.experiment import AugmentParams
from humotion.params.inputs import GeometryParams, PictureParams
from humotion.store.frames import FrameStore, StoredVideo
from humotion.store.skeleton import Skeleton

HAS_JOINTS = True
NOBODY = "nobody"
MOST = 30
"""People of a picture whose labels a sample holds, the largest ones. From the pixels of others nothing is learned."""
_PROBE = 16  # random draws in which a policy must leave points where they are


def people_in(store: FrameStore, video_id: str) -> list[int]:
    """Return the scene: one clip shows all people, or none."""
    return [SCENE]


def skeleton_of_samples(store: FrameStore) -> Skeleton | None:
    """Return the joint set of the dataset."""
    return store.skeleton


def facts(augment: AugmentParams, skeleton: Skeleton | None) -> dict[str, Any]:
    """Return the side of the pictures in pixels."""
    return {"input_size": augment.size}


def make(
    augment: AugmentParams, skeleton: Skeleton | None, policy: Policy | None = None, place: float = 0.5
) -> WholePictures:
    """See `humotion.clips.input.Input`; pictures are complete, so ``place`` has no effect."""
    assert isinstance(augment, PictureParams)
    if skeleton is None:
        raise HumotionError("The dataset has no joints, but input: whole_pictures needs them.")
    if policy is not None and _moves_points(policy):
        raise HumotionError(
            "augment.policy moves points, but with input: whole_pictures it may only change colours. Use "
            "augment.geometry (scale, rotate, flip), which also moves the masks of people."
        )
    return WholePictures(augment.size, skeleton, policy, augment.geometry if policy is not None else None)


def for_prediction(preprocessing: Mapping[str, Any]) -> WholePictures:
    """See `humotion.clips.input.Input`."""
    return WholePictures(preprocessing["size"], None)


def window_of(width: int, height: int) -> Ints:
    """Return the square (3,) left, top, side around a complete frame."""
    side = max(width, height)
    return np.array([(width - side) // 2, (height - side) // 2, side])


@dataclass(frozen=True)
class WholePictures:
    """Complete pictures, and the labels of all people.

    Attributes:
        size: side of the square in pixels.
        skeleton: the joint set; None without labels.
        policy: changes the colours of a training picture.
        geometry: scales, turns and mirrors a training picture about its middle.
    """

    size: int
    skeleton: Skeleton | None = None
    policy: Policy | None = None
    geometry: GeometryParams | None = None

    def __call__(self, video: Footage, person: int, indices: Ints, seed: int) -> Sample:
        """Return ``frames`` (T, K, 3, size, size) uint8, and ``crop`` (T, 3) = x0, y0, scale without geometry:
        stored_xy = picture_xy * scale + (x0, y0). Of labelled footage, T is 1, and the sample has ``joints``
        (P, J, 2) float32 in pixels of the picture, ``visibility`` (P, J) uint8, and ``owners`` (size, size) uint8 (see
        `humotion.store.owners`), with P = `MOST`.
        """
        distinct, inverse = np.unique(indices, return_inverse=True)
        pictures = video.decode(distinct)
        window = window_of(video.width, video.height)
        crop = crop_geometry(window, self.size)  # (3,)
        matrix = _matrix(crop)
        mirrored = False
        if self.geometry is not None:
            turn = draw(self.geometry, seed)
            matrix, mirrored = self._turned(window, turn), turn.mirrored
            pictures = np.stack([warp(picture, matrix, self.size) for picture in pictures])
        else:
            pictures = np.stack([cut(picture, window, self.size) for picture in pictures])
        if self.policy is not None:
            pictures = self.policy.augment(pictures, seed)
        sample: Sample = {
            "frames": as_tensor(pictures, inverse.reshape(indices.shape)),
            "crop": torch.from_numpy(np.tile(crop, (len(indices), 1))),
        }
        if self.skeleton is not None:
            assert isinstance(video, StoredVideo) and len(indices) == 1
            sample |= self._labels(video, int(indices[0, indices.shape[1] // 2]), matrix, mirrored)
        return sample

    def _turned(self, window: Ints, turn: Turn) -> Doubles:
        left, top, side = (float(value) for value in window)
        square = np.array([[left, top, left + side - 1, top + side - 1]], np.float32)
        return crop_matrices(square, self.size, self.size / side, turn, fit=False)[0]

    def _labels(self, video: StoredVideo, frame: int, matrix: Doubles, mirrored: bool) -> Sample:
        assert self.skeleton is not None
        num_joints = len(self.skeleton.joints)
        joints, visibility = np.zeros((MOST, num_joints, 2), np.float32), np.zeros((MOST, num_joints), np.uint8)
        owners = np.zeros((self.size, self.size), np.uint8)
        if video.joints is not None and video.visibility is not None and video.boxes is not None and len(video.joints):
            boxes, flags = video.boxes[:, frame].astype(np.float64), video.visibility[:, frame]
            chosen = _largest(boxes, flags)
            points = move(video.joints[chosen, frame, :, :2], np.tile(matrix, (len(chosen), 1, 1)))
            inside = ((points >= -0.5) & (points < self.size - 0.5)).all(axis=-1)
            shown = np.where(inside, flags[chosen], 0)
            if mirrored:
                points, shown = points[:, list(self.skeleton.flip)], shown[:, list(self.skeleton.flip)]
            joints[: len(chosen)], visibility[: len(chosen)] = points, shown
            owners = self._owners(video, frame, boxes, chosen, matrix)
        return {
            "joints": torch.from_numpy(np.nan_to_num(joints)),
            "visibility": torch.from_numpy(visibility),
            "owners": torch.from_numpy(owners),
        }

    def _owners(
        self, video: StoredVideo, frame: int, boxes: Doubles, chosen: Ints, matrix: Doubles
    ) -> npt.NDArray[np.uint8]:
        scale = scale_of(video.annotation, video.width, video.height)
        regions = regions_of(video.annotation, boxes, scale)
        numbers: list[int | None] = [None] * len(boxes)
        for number, person in enumerate(chosen.tolist()):
            numbers[person] = number
        if "is_labelled" in video.annotation:
            regions, numbers = _of_sequence(video, frame, regions, numbers)
        # A pixel's centre x of the labels' picture lies at (x + 0.5) * scale - 0.5 of the stored frame.
        to_stored = np.column_stack([np.diag(scale), (scale - 1) / 2])
        combined = np.column_stack([matrix[:, :2] @ to_stored[:, :2], matrix[:, :2] @ to_stored[:, 2] + matrix[:, 2]])
        return owners_of(regions, numbers, combined, self.size)


def _of_sequence(
    video: StoredVideo, frame: int, regions: list[Any], numbers: list[int | None]
) -> tuple[list[Any], list[int | None]]:
    """Return the regions of those who are in this frame of a sequence, and who they are.

    Regions in which nobody is labelled have no number, so they teach nothing. If the people of the frame are not
    labelled at all, that is the whole frame. See ``datasets/posetrack18.py``.
    """
    labels = video.annotation
    if not labels["is_labelled"][0, frame]:
        width, height = labels["size"][0, 0].tolist()
        return [[[0, 0, width, 0, width, height, 0, height]]], [None]
    there = np.flatnonzero(labels["found"][:, frame]).tolist()
    unknown = [[np.column_stack([x, y]).reshape(-1)] for x, y in json.loads(labels["ignored"][0, frame].tobytes())]
    return [*(regions[one] for one in there), *unknown], [*(numbers[one] for one in there), *[None] * len(unknown)]


def _matrix(crop: npt.NDArray[np.float32]) -> Doubles:
    """The matrix (2, 3) from stored pixels to those of the picture, for x0, y0, scale."""
    x0, y0, scale = crop.astype(np.float64)
    return np.array([[1 / scale, 0, -x0 / scale], [0, 1 / scale, -y0 / scale]])


def _largest(boxes: Doubles, flags: npt.NDArray[np.uint8]) -> Ints:
    """The persons with known joints, at most `MOST`, the largest boxes first; all others teach nothing."""
    area = np.nan_to_num((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
    order = np.argsort(-area, kind="stable")
    return order[(flags[order] > 0).any(axis=1)][:MOST]


def _moves_points(policy: Policy) -> bool:
    side = policy.size
    points = np.array([[1, 2], [side - 3, 4], [side / 2, side - 2]], np.float32)
    frames = np.zeros((1, side, side, 3), np.uint8)
    moved = (policy.augment_pose(frames, points, seed)[1] for seed in range(_PROBE))
    return any(not np.allclose(found, points, atol=1e-3) for found in moved)

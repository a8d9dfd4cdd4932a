"""One scale, rotation and mirroring per clip, and a crop around the person in each frame.

In the published order, the complete frame is scaled and rotated, and then cropped. So the corners of a rotated crop
show the real content. Here both happen in one step, from the stored frame to the crop, and the same matrix transforms
the labels.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from humotion.clips.crop import FIT_MARGIN, PAD_VALUE
from humotion.params.inputs import GeometryParams

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
STREAM = 1  # separates these random numbers from the policy's, which start from the same seed


class Turn(NamedTuple):
    """The random values of a clip: a factor on the scale of evaluation, an angle in radians, and mirroring."""

    scale: float
    angle: float
    mirrored: bool


def draw(params: GeometryParams, seed: int) -> Turn:
    """Draw the turn of one clip."""
    random = np.random.default_rng([seed, STREAM])
    scale, degrees = random.uniform(*params.scale), random.uniform(-params.rotate, params.rotate)
    return Turn(scale, float(np.deg2rad(degrees)), bool(random.random() < params.flip))


def crop_matrices(boxes: Floats, size: int, scale: float, turn: Turn, fit: bool) -> Doubles:
    """Matrices (T, 2, 3) from pixels of the stored frame to pixels of the crop, for boxes (T, 4).

    Each crop is centred at the box of its own frame. ``scale`` is crop pixels per stored pixel, before the turn. With
    ``fit``, all frames of the clip are scaled down if its largest rotated box would not fit into the crop.
    """
    scale *= turn.scale
    cosine, sine = np.cos(turn.angle), np.sin(turn.angle)
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    if fit:
        largest = float((np.abs(rotation) @ (boxes[:, 2:] - boxes[:, :2]).T).max())
        if largest * scale > size:
            scale = size / (FIT_MARGIN * largest)
    linear = scale * rotation
    if turn.mirrored:
        linear[0] *= -1
    centres = (boxes[:, :2].astype(np.float64) + boxes[:, 2:]) / 2  # (T, 2)
    shift = (size - 1) / 2 - centres @ linear.T
    return np.concatenate([np.tile(linear, (len(boxes), 1, 1)), shift[..., None]], axis=-1)


def move(points: Floats, matrices: Doubles) -> Floats:
    """Transform points (T, N, 2) by the matrix (T, 2, 3) of each frame."""
    moved = np.einsum("tij,tnj->tni", matrices[..., :2], points) + matrices[:, None, :, 2]
    return moved.astype(np.float32)


def warp(frame: npt.NDArray[np.uint8], matrix: Doubles, size: int) -> npt.NDArray[np.uint8]:
    """Cut (size, size, 3) out of a frame (H, W, 3) by a matrix from its pixels to those of the crop.

    A frame that becomes smaller is first reduced by area averaging, like the crops for evaluation. Sampling it at
    single points would create patterns that are not in the frame.
    """
    matrix = matrix.reshape(2, 3)
    linear = matrix[:, :2]
    scale = float(np.sqrt(abs(np.linalg.det(linear))))
    if scale < 1:
        height, width = frame.shape[:2]
        small = max(1, round(width * scale)), max(1, round(height * scale))
        frame = np.asarray(cv2.resize(frame, small, interpolation=cv2.INTER_AREA), np.uint8)
        factors = np.array([width / small[0], height / small[1]])
        # A pixel centre x of the small frame is at factor * x + (factor - 1) / 2 of the large one.
        matrix = np.column_stack([linear * factors, matrix[:, 2] + linear @ ((factors - 1) / 2)])
    grey = (PAD_VALUE, PAD_VALUE, PAD_VALUE)
    crop = cv2.warpAffine(
        frame, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=grey
    )
    return np.asarray(crop, np.uint8)

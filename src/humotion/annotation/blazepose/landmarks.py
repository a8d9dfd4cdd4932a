"""The landmark network: 33 landmarks of the person in a region, and two more that say where to look next.

Sources: pose_landmark_by_roi_cpu.pbtxt, tensors_to_pose_landmarks_and_segmentation.pbtxt and
refine_landmarks_from_heatmap_calculator.cc of MediaPipe.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from humotion.annotation.blazepose.region import Floats, Region, region_of_points
from humotion.annotation.blazepose.runtime import Network
from humotion.store.blazepose import NUM_LANDMARKS

SIZE = 256
OUTPUTS = ("Identity", "Identity_1", "Identity_3", "Identity_4")
"""Points (1, 195), the presence of a person (1, 1), heatmaps (1, 64, 64, 39), world points (1, 117)."""
_NUM_POINTS = 39  # 33 landmarks, 2 points of the next region, 4 without use
_NEXT = slice(NUM_LANDMARKS, NUM_LANDMARKS + 2)
_WINDOW = 7  # cells of a heatmap
_MIN_PEAK = 0.5  # of a window of a heatmap that moves its landmark


@dataclass(frozen=True)
class Pose:
    """What the network sees in a region of a frame.

    Attributes:
        presence_of_person: the probability that a person is there.
        points: (35, 3) x and y in pixels of the frame, and z in the same unit: 33 landmarks, then the two of `region`.
        visibility: (33,) the probability that a landmark is in the picture and not hidden.
        presence: (33,) the probability that it is in the picture.
        world: (33, 3) metres, from the middle of the hips.
    """

    presence_of_person: float
    points: Floats
    visibility: Floats
    presence: Floats
    world: Floats

    @property
    def region(self) -> Region:
        """Where this person is: the region of the next frame."""
        return region_of_points(self.points[NUM_LANDMARKS, :2], self.points[NUM_LANDMARKS + 1, :2])


class LandmarkNetwork:
    """Finds the landmarks of the person in a region.

    Args:
        network: with the outputs `OUTPUTS`.
        refine: whether heatmaps move the landmarks (see `refined`).
    """

    def __init__(self, network: Network, refine: bool = True) -> None:
        self._network = network
        self._refine = refine

    def __call__(self, frame: npt.NDArray[np.uint8], region: Region) -> Pose:
        """Look at a region of an RGB frame (H, W, 3)."""
        pixels = region.crop(frame, SIZE, cv2.BORDER_REPLICATE)
        raw, presence, heatmaps, world = self._network((pixels.astype(np.float32) * np.float32(1 / 255))[None])
        values = raw.reshape(_NUM_POINTS, 5)  # x, y, z in pixels of the crop, logits of visibility and of presence
        places: Floats = values[:, :3] / np.float32(SIZE)
        if self._refine:
            places[:, :2] = refined(places[:, :2], heatmaps[0])
        used = places[: _NEXT.stop]
        points = np.concatenate([region.to_frame(used[:, :2]), used[:, 2:] * np.float32(region.side)], axis=1)
        in_space = world.reshape(_NUM_POINTS, 3)[:NUM_LANDMARKS].copy()
        in_space[:, :2] = region.turned(in_space[:, :2])
        probabilities = _sigmoid(values[:NUM_LANDMARKS, 3:])
        return Pose(float(presence[0, 0]), points, probabilities[:, 0], probabilities[:, 1], in_space)


def refined(places: Floats, heatmaps: Floats) -> Floats:
    """Move each point to the mean of the heatmap around it, weighted by its probabilities.

    Args:
        places: (N, 2) x and y in the unit square.
        heatmaps: (H, W, N) logits.

    Points outside the map stay, and so do those in whose window (7 x 7 cells) no probability is at least one half.
    """
    height, width, number = heatmaps.shape
    half = _WINDOW // 2
    with np.errstate(invalid="ignore"):
        column, row = (places * [width, height]).astype(np.int64).T  # (N,) towards zero, as in C++
    steps = np.arange(-half, half + 1)
    rows, columns = row[:, None] + steps, column[:, None] + steps  # (N, 7)
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    y, x = np.clip(rows, 0, height - 1)[:, :, None], np.clip(columns, 0, width - 1)[:, None, :]
    window = _sigmoid(heatmaps[y, x, np.arange(number)[:, None, None]]) * inside  # (N, 7, 7)
    total = window.sum(axis=(1, 2))
    safe = np.where(total > 0, total, 1)
    means = np.stack([(window * x).sum((1, 2)) / safe / width, (window * y).sum((1, 2)) / safe / height], axis=1)
    is_on_map = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    moves = is_on_map & (window.max(axis=(1, 2)) >= _MIN_PEAK) & (total > 0)
    return np.where(moves[:, None], means, places).astype(np.float32)


def _sigmoid(logits: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)

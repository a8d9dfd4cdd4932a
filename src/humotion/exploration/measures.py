"""What is measured on a video for the data report, and how unusual a value is compared with the others."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from humotion.exploration.hashes import hash_frames
from humotion.store.frames import FrameStore, StoredVideo

NUM_FRAMES_MEASURED = 3
MAD_TO_SIGMA = 1.4826  # of a normal distribution
UNUSUAL = 3.5  # Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers

MEASURES = {
    "num_frames": "frames",
    "brightness": "brightness (0-255)",
    "contrast": "contrast (0-255)",
    "sharpness": "sharpness",
    "saturation": "saturation (0-255)",
    "warmth": "red minus blue",
}
"""Columns of the statistics that are drawn, with their axis labels."""

LOGARITHMIC = ("num_frames", "sharpness")


class Measured(NamedTuple):
    """The measures of one video.

    ``hashes`` (3, 4) are perceptual hashes of its frames. ``joint_counts`` (J, 3) counts its joints by visibility:
    visible, occluded, absent.
    """

    measures: dict[str, float]
    hashes: NDArray[np.uint64]
    joint_counts: NDArray[np.int64] | None


def measure_video(store: FrameStore, video_id: str) -> Measured:
    """Measure the representative frames of a video, and count its joints."""
    video = store[video_id]
    frames = representative_frames(video)
    counts = None
    if video.visibility is not None:
        counts = np.stack([(video.visibility == flag).sum(axis=(0, 1)) for flag in (2, 1, 0)], axis=1)
    return Measured(measure_frames(frames), hash_frames(frames), counts)


def representative_frames(video: StoredVideo) -> NDArray[np.uint8]:
    """Three frames (3, H, W, 3), at one sixth, one half and five sixths of a video."""
    places = (np.arange(NUM_FRAMES_MEASURED) + 0.5) / NUM_FRAMES_MEASURED
    return video.decode((places * video.num_frames).astype(int))


def measure_frames(frames: NDArray[np.uint8]) -> dict[str, float]:
    """Mean measures of RGB frames (T, H, W, 3).

    ``brightness`` and ``contrast`` are the mean and standard deviation of the luma, ``sharpness`` is the
    variance of its Laplacian (low: blurred; it depends on the stored size), ``red``, ``green``, ``blue``
    and ``saturation`` are means, ``warmth`` is red minus blue. All are on the scale 0-255.
    """
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    saturation = [cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)[..., 1].mean() for frame in frames]
    red, green, blue = frames.reshape(-1, 3).mean(axis=0)
    values: dict[str, Any] = {
        "brightness": np.mean([image.mean() for image in grey]),
        "contrast": np.mean([image.std() for image in grey]),
        "sharpness": np.mean([cv2.Laplacian(image, cv2.CV_64F).var() for image in grey]),
        "saturation": np.mean(saturation),
        **{"red": red, "green": green, "blue": blue, "warmth": red - blue},
    }
    return {name: float(value) for name, value in values.items()}


def robust_z(values: pd.Series, is_log: bool = False) -> pd.Series:
    """The distance from the median in robust standard deviations: (x - median) / (1.4826 MAD).

    ``is_log`` takes logarithms first, for measures that span orders of magnitude. If more than half
    of the values are equal, the scale is the mean absolute deviation instead. If all are equal, the result is 0.
    """
    known = np.log(values.clip(lower=1e-6)) if is_log else values.astype(float)
    distance = known - known.median()
    scale = MAD_TO_SIGMA * distance.abs().median() or 1.2533 * distance.abs().mean()
    return distance / scale if scale else distance * 0


def split_columns(table: pd.DataFrame) -> list[str]:
    """The official splits of a video table: ``split_1``, ``sub_split_1`` and so on."""
    return [column for column in table.columns if "split_" in column]


def split_roles(table: pd.DataFrame, column: str | None) -> pd.Series:
    """The role of every video in a split: train, test or unused; ``all`` if there is no split."""
    if column is None:
        return pd.Series("all", index=table.index)
    return table[column].fillna("unused").astype(str)


def split_facts(statistics: pd.DataFrame, column: str) -> dict[str, int]:
    """Sizes of an official split, and its leakage: groups with videos in both train and test.

    A group is a source film or recording. ``num_shared_groups_in_class`` counts only those that appear in
    both with the same class; ``num_test_videos_in_shared_groups`` is the number of affected test videos.
    """
    roles = split_roles(statistics, column)
    train, test = statistics[roles == "train"], statistics[roles == "test"]
    shared = set(train["group"].dropna()) & set(test["group"].dropna())
    pairs = statistics[statistics["group"].isin(shared)].assign(role=roles)
    sides = pairs[pairs["role"] != "unused"].groupby(["label", "group"])["role"].nunique()
    return {
        "num_train": len(train),
        "num_test": len(test),
        "num_unused": int((roles == "unused").sum()),
        "num_shared_groups": len(shared),
        "num_shared_groups_in_class": int((sides == 2).sum()),
        "num_test_videos_in_shared_groups": int(test["group"].isin(shared).sum()),
    }

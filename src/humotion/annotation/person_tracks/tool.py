"""People of another layer, followed: person p of a video is the same one in all frames.

Arrays of a video: ``landmarks``, ``visibility``, ``boxes`` and ``found``, as the layer that is read has them, but with
one person per track, and NaN where that person was not found. The first person is the one who is found most often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from humotion.annotation.person_tracks.similarity import deviations
from humotion.annotation.person_tracks.tracker import Tracker
from humotion.annotation.shared.contract import Frames
from humotion.errors import HumotionError
from humotion.params.annotation.person_tracks import PersonTracksParams
from humotion.store.skeleton import Skeleton

VERSION = 1
SKELETON = None  # that of the layer that is read: see `skeleton`
_COPIED = ("landmarks", "visibility", "boxes")

Arrays = dict[str, npt.NDArray[Any]]


def skeleton(_: PersonTracksParams, read: Skeleton | None) -> Skeleton:
    """The joint set of the layer that is read; raise a HumotionError if it has none."""
    if read is None:
        raise HumotionError(
            "person_tracks follows people by their joints, but the layer that it reads has none. Set its `of` to a "
            "layer of landmarks, such as one of posenet."
        )
    return read


def nobody(num_frames: int) -> Arrays:
    """See `humotion.annotation.shared.contract.Tool`; without people, the number of joints is 0."""
    return {
        "landmarks": np.zeros((0, num_frames, 0, 3), np.float32),
        "visibility": np.zeros((0, num_frames, 0), np.float32),
        "boxes": np.zeros((0, num_frames, 4), np.float32),
        "found": np.zeros((0, num_frames), np.bool_),
    }


def weights(_: PersonTracksParams) -> Mapping[str, Path]:
    """See `humotion.annotation.shared.contract.Tool`: there are none."""
    return {}


def open_tool(settings: PersonTracksParams) -> Callable[[Frames], Arrays]:
    """See `humotion.annotation.shared.contract.Tool`."""

    def annotate(video: Frames) -> Arrays:
        names = skeleton(settings, video.skeleton).joints
        if missing := [name for name in (*_COPIED, "found") if name not in video.annotation]:
            raise HumotionError(f"person_tracks reads a layer of people, but it has no {', '.join(missing)}.")
        read = {name: np.asarray(video.annotation[name]) for name in (*_COPIED, "found")}
        if not read["found"].any():
            return nobody(video.num_frames)
        pixels = read["landmarks"][..., :2].astype(np.float64) * [video.width, video.height]
        known = np.nan_to_num(read["visibility"].astype(np.float64)) * np.isfinite(pixels).all(-1)
        tracker = Tracker(deviations(names), settings.surely, settings.alike, settings.hits, settings.lost)
        boxes = read["boxes"].astype(np.float64)
        tracks = tracker(np.nan_to_num(pixels), known, boxes, read["found"].astype(bool))[: settings.most]
        return _arranged(read, tracks, video.num_frames)

    return annotate


def _arranged(read: Mapping[str, npt.NDArray[Any]], tracks: list[dict[int, int]], num_frames: int) -> Arrays:
    """The arrays of the layer that is read, with one person per track."""
    if not tracks:
        return nobody(num_frames)
    arrays: Arrays = {
        name: np.full((len(tracks), num_frames, *read[name].shape[2:]), np.nan, np.float32) for name in _COPIED
    }
    arrays["found"] = np.zeros((len(tracks), num_frames), np.bool_)
    for number, seen in enumerate(tracks):
        frames, people = list(seen), list(seen.values())
        for name in _COPIED:
            arrays[name][number, frames] = read[name][people, frames]
        arrays["found"][number, frames] = True
    return arrays

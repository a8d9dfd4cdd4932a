"""BlazePose as an annotation tool: the landmarks of one person per frame, by the networks that MediaPipe publishes.

The networks, their order of work and their numbers are MediaPipe's; its package is not needed. One thing is added:
where the detector finds nobody, small and faint people are looked for, and a person is followed backwards, too.

Arrays of a video (P persons, today at most one; T frames; NaN where nobody is found)::

    landmarks   (P, T, 33, 3) float32  x, y relative to width and height of the frame, not clipped; z in the unit of x
    visibility  (P, T, 33)    float32  probability that the landmark is in the picture and not hidden
    presence    (P, T, 33)    float32  probability that it is in the picture
    world       (P, T, 33, 3) float32  metres, from the middle of the hips
    boxes       (P, T, 4)     float32  x0 y0 x1 y1 in pixels of the frame: the part of the landmarks' extent inside it
    found       (P, T)        bool

Sources: V. Bazarevsky et al., "BlazePose: On-device Real-time Body Pose Tracking", 2020; the graphs of MediaPipe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from humotion.annotation.blazepose import detector, landmarks
from humotion.annotation.blazepose.runtime import open_network
from humotion.annotation.blazepose.smoothing import WORLD, OneEuro, PointFilter, RunningMean
from humotion.annotation.blazepose.tracking import Tracker, by_boxes, by_detector, size_of
from humotion.annotation.blazepose.weights import DETECTOR, find_weights, landmark_file
from humotion.annotation.shared.contract import Frames
from humotion.errors import HumotionError
from humotion.params.annotation.blazepose import BlazePoseParams, SmoothingParams
from humotion.store.blazepose import NUM_LANDMARKS
from humotion.store.blazepose import SKELETON as SKELETON

VERSION = 1
USUAL_FPS = 30.0  # of a video that does not say
_SHAPES = {
    **{"landmarks": (NUM_LANDMARKS, 3), "visibility": (NUM_LANDMARKS,), "presence": (NUM_LANDMARKS,)},
    **{"world": (NUM_LANDMARKS, 3), "boxes": (4,)},
}

Arrays = dict[str, npt.NDArray[Any]]
_Pose = landmarks.Pose
_Smooth = tuple[npt.NDArray[np.float32], ...]


def nobody(num_frames: int) -> Arrays:
    """See `humotion.annotation.shared.contract.Tool`."""
    return _empty(0, num_frames)


def weights(settings: BlazePoseParams) -> Mapping[str, Path]:
    """See `humotion.annotation.shared.contract.Tool`."""
    return find_weights(settings)


def open_tool(settings: BlazePoseParams) -> Callable[[Frames], Arrays]:
    """See `humotion.annotation.shared.contract.Tool`."""
    network, people = _networks(settings)

    def annotate(video: Frames) -> Arrays:
        boxes = video.boxes if settings.regions == "labels" else None
        if boxes is not None and len(boxes):
            find = by_boxes(boxes[0], network)
        elif people is not None:
            find = by_detector(people, settings.min_detection, settings.doubtful)
        else:
            return nobody(video.num_frames)
        tracker = Tracker(network, find, settings.min_presence, settings.backwards)
        return arrays_of(tracker(video), video, settings.smoothing)

    return annotate


def _networks(settings: BlazePoseParams) -> tuple[landmarks.LandmarkNetwork, detector.Detector | None]:
    """The landmark network, and the detector if the settings need it."""
    files = find_weights(settings)
    path = files[landmark_file(settings.model)]
    network = landmarks.LandmarkNetwork(open_network(path, landmarks.OUTPUTS, settings.runtime), settings.refine)
    if DETECTOR not in files:
        return network, None
    return network, detector.Detector(open_network(files[DETECTOR], detector.OUTPUTS, "litert"))


def follow(settings: BlazePoseParams) -> Follower:
    """Load the networks; return what follows one person through frames that come one by one.

    Raises:
        HumotionError: a file or a package is missing, or the settings need labelled boxes, which such frames lack.
    """
    network, people = _networks(settings)
    if people is None or settings.regions == "labels":
        raise HumotionError(
            "The layer of the training looked at labelled boxes (regions: labels), but live frames have none. Make a "
            "layer with regions: detector, and train with it."
        )
    find = by_detector(people, settings.min_detection, settings.doubtful)
    return Follower(Tracker(network, find, settings.min_presence), settings.smoothing)


class Follower:
    """Follows one person through frames that come one by one. Nobody is followed backwards.

    Smoothing starts again when a person was lost.
    """

    def __init__(self, tracker: Tracker, smoothing: SmoothingParams | None) -> None:
        self._tracker, self._smoothing = tracker, smoothing
        self._smooth = _Smoothing(smoothing)
        self._num_frames = 0
        self._pose: _Pose | None = None

    def __call__(self, frame: npt.NDArray[np.uint8], seconds: float) -> Arrays | None:
        """Return the arrays of a video of this frame (H, W, 3) alone; None if nobody is found.

        ``seconds`` is the time since the frame before.
        """
        self._pose = self._tracker.next(self._num_frames, frame, self._pose)
        self._num_frames += 1
        if self._pose is None:
            self._smooth = _Smoothing(self._smoothing)
            return None
        arrays = _empty(1, 1)
        _fill(arrays, 0, self._smooth(self._pose, seconds), self._pose, frame.shape[1], frame.shape[0])
        return arrays


def arrays_of(poses: list[_Pose | None], video: Frames, smoothing: SmoothingParams | None) -> Arrays:
    """The arrays of one person's poses, filtered over each stretch of frames in which it was found."""
    if not any(poses):
        return nobody(len(poses))
    arrays = _empty(1, len(poses))
    seconds = 1 / (video.fps or USUAL_FPS)
    smooth = _Smoothing(smoothing)
    for t, pose in enumerate(poses):
        if pose is None:
            smooth = _Smoothing(smoothing)
        else:
            _fill(arrays, t, smooth(pose, seconds), pose, video.width, video.height)
    return arrays


def _fill(arrays: Arrays, t: int, smoothed: _Smooth, pose: _Pose, width: int, height: int) -> None:
    """Write what is known of one person in frame ``t``."""
    size = np.array([width, height], np.float32)
    points, visibility, world = smoothed
    arrays["landmarks"][0, t, :, :2] = points[:, :2] / size
    arrays["landmarks"][0, t, :, 2] = points[:, 2] / size[0]
    arrays["visibility"][0, t], arrays["presence"][0, t] = visibility, pose.presence
    arrays["world"][0, t] = world
    corners = np.stack([points[:, :2].min(axis=0), points[:, :2].max(axis=0)])
    arrays["boxes"][0, t] = np.clip(corners, 0, size - 1).reshape(4)
    arrays["found"][0, t] = True


class _Smoothing:
    """The filters of one stretch of frames; without settings, everything stays as it is."""

    def __init__(self, settings: SmoothingParams | None) -> None:
        self._is_on = settings is not None
        chosen = settings or SmoothingParams()
        self._points = PointFilter(OneEuro(chosen.min_cutoff, chosen.beta, chosen.derivative_cutoff))
        self._world = PointFilter(WORLD)
        self._visibility = RunningMean(chosen.visibility)

    def __call__(self, pose: _Pose, seconds: float) -> _Smooth:
        """Landmarks (33, 3) in pixels, visibility (33,), and landmarks (33, 3) in metres.

        ``seconds`` is the time since the frame before.
        """
        points = pose.points[:NUM_LANDMARKS]
        if not self._is_on:
            return points, pose.visibility, pose.world
        return (
            self._points(points, seconds, size_of(pose)),
            self._visibility(pose.visibility),
            self._world(pose.world, seconds),
        )


def _empty(persons: int, frames: int) -> Arrays:
    values = {name: np.full((persons, frames, *shape), np.nan, np.float32) for name, shape in _SHAPES.items()}
    return {**values, "found": np.zeros((persons, frames), np.bool_)}

"""One person through a video: found by the detector, then followed from frame to frame.

Each pose says where to look in the next frame, so the detector runs only where nobody is followed::

    frame      0      1      2      3      4      5
    detector   no     no     yes    .      .      yes      (it runs again in the frame in which the person is lost)
    forwards                 *----->*----->*
    backwards  *<-----*<-----'                             (from a first pose, into frames where nobody was found)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from humotion.annotation.blazepose.detector import Detector
from humotion.annotation.blazepose.landmarks import LandmarkNetwork, Pose
from humotion.annotation.blazepose.region import Region, region_of_box
from humotion.annotation.blazepose.skeleton import NUM_LANDMARKS
from humotion.annotation.shared.contract import Frames

Finder = Callable[[int, npt.NDArray[np.uint8]], Iterable[Region]]
"""Where to look for a person in frame t, the likeliest place first."""
_AT_ONCE = 32  # decoded frames in memory


@dataclass(frozen=True)
class Tracker:
    """Follows one person. As in MediaPipe's Tasks, what it returns and what it follows is not smoothed.

    Attributes:
        network: finds landmarks in a region.
        find: where to look if nobody is followed.
        min_presence: the probability of a person below which it is lost.
        backwards: whether a person is followed backwards, too, into frames in which it was not found.
    """

    network: LandmarkNetwork
    find: Finder
    min_presence: float = 0.5
    backwards: bool = True

    def __call__(self, video: Frames) -> list[Pose | None]:
        """The pose in each frame; None where nobody is found."""
        poses: list[Pose | None] = [None] * video.num_frames
        pose: Pose | None = None
        for t, frame in frames_of(video, range(video.num_frames)):
            pose = self._look(frame, [] if pose is None else [pose.region])
            if pose is None:
                pose = self._look(frame, self.find(t, frame))
            poses[t] = pose
        if self.backwards:
            for start in [t for t in range(1, len(poses)) if poses[t] is not None and poses[t - 1] is None]:
                self._follow_backwards(video, poses, start)
        return poses

    def _look(self, frame: npt.NDArray[np.uint8], regions: Iterable[Region]) -> Pose | None:
        """The person in the first of these regions that has one."""
        for region in regions:
            if region.is_usable():
                pose = self.network(frame, region)
                if pose.presence_of_person >= self.min_presence:
                    return pose
        return None

    def _follow_backwards(self, video: Frames, poses: list[Pose | None], start: int) -> None:
        """Fill the frames before ``start`` until the person is lost, or another pose is reached."""
        pose = poses[start]
        for t, frame in frames_of(video, range(start - 1, -1, -1)):
            if poses[t] is not None or pose is None:
                return
            poses[t] = pose = self._look(frame, [pose.region])


def size_of(pose: Pose) -> float:
    """The size of a person in pixels: the side of the region around it, without the room that is added."""
    centre, other = pose.points[NUM_LANDMARKS:, :2]
    return float(2 * np.hypot(*(other - centre)))


def by_detector(detector: Detector, tiles: bool = True) -> Finder:
    """Look where the detector finds somebody."""

    def find(t: int, frame: npt.NDArray[np.uint8]) -> Iterator[Region]:
        for found in detector.detect(frame, tiles):
            yield found.region

    return find


def by_boxes(boxes: npt.NDArray[np.float32], network: LandmarkNetwork) -> Finder:
    """Look at the labelled boxes (T, 4): once to find the body in the box, then at the body."""

    def find(t: int, frame: npt.NDArray[np.uint8]) -> Iterator[Region]:
        if t < len(boxes) and np.isfinite(boxes[t]).all() and (boxes[t, 2:] > boxes[t, :2]).all():
            first = region_of_box(boxes[t])
            yield network(frame, first).region
            yield first

    return find


def frames_of(video: Frames, indices: range) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """The frames of a video in this order, a few decoded at a time."""
    for start in range(0, len(indices), _AT_ONCE):
        chunk = np.asarray(indices[start : start + _AT_ONCE], np.int64)
        yield from zip(chunk.tolist(), video.decode(chunk), strict=True)

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
from humotion.annotation.shared.contract import Frames
from humotion.store.blazepose import NUM_LANDMARKS

Finder = Callable[[int, npt.NDArray[np.uint8]], Iterable["Place"]]
"""Where to look for a person in frame t, the likeliest place first."""
_AT_ONCE = 32  # decoded frames in memory


_AGREE = 0.04  # of the region's side: how far two looks at the same person are apart on average, at most
_TILE_SCORE, _FAINT_SCORE = 0.6, 0.3  # of a person in a tile, and in the whole frame, who is looked at twice
_TILES_EVERY = 3  # frames: the tiles cost seven times the work, and a person who is found is followed both ways


@dataclass(frozen=True)
class Place:
    """A region to look at; if it is ``doubtful``, a second look must agree with the first."""

    region: Region
    doubtful: bool = False


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
        frames = (frame for _, frame in frames_of(video, range(video.num_frames)))
        poses = list(self.forwards(frames))
        if self.backwards:
            for start in [t for t in range(1, len(poses)) if poses[t] is not None and poses[t - 1] is None]:
                self._follow_backwards(video, poses, start)
        return poses

    def forwards(self, frames: Iterable[npt.NDArray[np.uint8]]) -> Iterator[Pose | None]:
        """The pose in each frame; None where nobody is found."""
        pose: Pose | None = None
        for t, frame in enumerate(frames):
            yield (pose := self.next(t, frame, pose))

    def next(self, t: int, frame: npt.NDArray[np.uint8], before: Pose | None) -> Pose | None:
        """The pose in frame ``t``, by that in the frame before it; None if nobody is found."""
        pose = self._look(frame, [] if before is None else [Place(before.region)])
        return self._look(frame, self.find(t, frame)) if pose is None else pose

    def _look(self, frame: npt.NDArray[np.uint8], places: Iterable[Place]) -> Pose | None:
        """The person in the first of these places that has one."""
        for place in places:
            pose = self._person(frame, place.region)
            if pose is not None and place.doubtful:
                again = self._person(frame, pose.region)
                pose = again if again is not None and _agree(pose, again) else None
            if pose is not None:
                return pose
        return None

    def _person(self, frame: npt.NDArray[np.uint8], region: Region) -> Pose | None:
        if not region.is_usable():
            return None
        pose = self.network(frame, region)
        return pose if pose.presence_of_person >= self.min_presence else None

    def _follow_backwards(self, video: Frames, poses: list[Pose | None], start: int) -> None:
        """Fill the frames before ``start`` until the person is lost, or another pose is reached."""
        pose = poses[start]
        for t, frame in frames_of(video, range(start - 1, -1, -1)):
            if poses[t] is not None or pose is None:
                return
            poses[t] = pose = self._look(frame, [Place(pose.region)])


def size_of(pose: Pose) -> float:
    """The size of a person in pixels: the side of the region around it, without the room that is added."""
    centre, other = pose.points[NUM_LANDMARKS:, :2]
    return float(2 * np.hypot(*(other - centre)))


def _agree(one: Pose, other: Pose) -> bool:
    """Whether two looks saw the same person: of what is no person, each look sees something else."""
    apart = np.linalg.norm((one.points - other.points)[:NUM_LANDMARKS, :2], axis=-1).mean()
    return bool(apart < _AGREE * one.region.side)


def by_detector(detector: Detector, min_score: float = 0.5, doubtful: bool = True) -> Finder:
    """Look where the detector finds somebody.

    Where it finds nobody, MediaPipe gives up. Here, if ``doubtful``, the places of small people (in tiles of every
    third frame) and of faint ones (with a low score) follow. In 298 frames of JHMDB without anybody so far, two looks
    agreed about 32 persons of tiles and 33 faint ones, and 26 and 24 of them were the labelled person.
    """

    def find(t: int, frame: npt.NDArray[np.uint8]) -> Iterator[Place]:
        in_whole = detector.detect(frame, min_score, min(min_score, _FAINT_SCORE) if doubtful else None)
        yield from (Place(found.region) for found in in_whole if found.score >= min_score)
        if doubtful and t % _TILES_EVERY == 0:
            yield from (Place(found.region, True) for found in detector.detect_small(frame, _TILE_SCORE))
        yield from (Place(found.region, True) for found in in_whole if found.score < min_score)

    return find


def by_boxes(boxes: npt.NDArray[np.float32], network: LandmarkNetwork) -> Finder:
    """Look at the labelled boxes (T, 4): once to find the body in the box, then at the body."""

    def find(t: int, frame: npt.NDArray[np.uint8]) -> Iterator[Place]:
        if t < len(boxes) and np.isfinite(boxes[t]).all() and (boxes[t, 2:] > boxes[t, :2]).all():
            first = region_of_box(boxes[t])
            yield Place(network(frame, first).region)
            yield Place(first)

    return find


def frames_of(video: Frames, indices: range) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """The frames of a video in this order, a few decoded at a time."""
    for start in range(0, len(indices), _AT_ONCE):
        chunk = np.asarray(indices[start : start + _AT_ONCE], np.int64)
        yield from zip(chunk.tolist(), video.decode(chunk), strict=True)

"""Following a person: when the detector runs, where the network looks, and what is filled backwards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from humotion.annotation.blazepose.detector import Detection, Detector
from humotion.annotation.blazepose.landmarks import LandmarkNetwork, Pose
from humotion.annotation.blazepose.region import Floats, Region
from humotion.annotation.blazepose.tracking import Place, Tracker, by_boxes, by_detector
from humotion.store.blazepose import NUM_LANDMARKS
from tests.support.clips import Clip

SIDE = 25.0
Frame = npt.NDArray[np.uint8]


class World:
    """A person who stands at x = 100 + 4 t, as a clip whose frames have the number t as their colour.

    The network sees the person if the middle of its region is within 8 pixels and the frame is not in ``hidden``. The
    detector sees the person in the frames ``detected``.
    """

    def __init__(self, num_frames: int, detected: set[int], hidden: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        frames = (
            np.zeros((num_frames, 120, 400, 3), np.uint8) + np.arange(num_frames, dtype=np.uint8)[:, None, None, None]
        )
        self.clip = Clip(frames)
        self.detected, self.hidden = detected, hidden
        self.doubtful = False
        self.asked: list[int] = []
        self.looked: list[int] = []

    def place(self, t: int) -> Floats:
        return np.array([100 + 4 * t, 60], np.float32)

    def find(self, t: int, frame: Frame) -> Iterator[Place]:
        self.asked.append(t)
        assert frame[0, 0, 0] == t
        if t in self.detected:
            yield Place(Region(*self.place(t).tolist(), SIDE), self.doubtful)

    def network(self, frame: Frame, region: Region) -> Pose:
        t = int(frame[0, 0, 0])
        self.looked.append(t)
        is_there = t not in self.hidden and abs(region.x - self.place(t)[0]) < 8
        points = np.zeros((NUM_LANDMARKS + 2, 3), np.float32)
        points[:, :2] = self.place(t)
        points[-1, 1] -= SIDE / 2.5
        ones = np.ones(NUM_LANDMARKS, np.float32)
        return Pose(0.9 if is_there else 0.2, points, ones, ones, np.zeros((NUM_LANDMARKS, 3), np.float32))

    def track(self, **settings: bool) -> list[int]:
        """The frames in which the person is found."""
        network: LandmarkNetwork = self.network  # type: ignore[assignment]
        poses = Tracker(network, self.find, **settings)(self.clip)  # type: ignore[arg-type]
        found = [t for t, pose in enumerate(poses) if pose is not None]
        for t in found:
            assert poses[t].points[0, 0] == self.place(t)[0]  # type: ignore[union-attr]
        return found


def test_the_detector_runs_only_until_somebody_is_found() -> None:
    world = World(9, detected={0})
    assert world.track() == list(range(9))
    assert (world.asked, world.looked) == ([0], list(range(9)))


def test_a_person_is_followed_backwards_to_the_first_frame() -> None:
    world = World(80, detected={40})
    assert world.track() == list(range(80))
    assert world.asked == list(range(41))
    assert world.clip.most_at_once < 40, "not all frames are in memory"
    assert World(80, detected={40}).track(backwards=False) == list(range(40, 80))


def test_a_person_who_is_lost_is_looked_for_in_the_same_frame_and_after() -> None:
    # Hidden in 3 and 4: lost, found by the detector in 6, and followed backwards from there to 5.
    world = World(9, detected={0, 6}, hidden={3, 4})
    assert world.track() == [0, 1, 2, 5, 6, 7, 8]
    assert world.asked == [0, 3, 4, 5, 6]


def test_going_backwards_ends_where_poses_are_known() -> None:
    world = World(8, detected={0, 5}, hidden={3})
    assert world.track() == [0, 1, 2, 4, 5, 6, 7]
    assert world.looked == [0, 1, 2, 3, 5, 6, 7, 4, 3]


def test_nobody_is_nobody() -> None:
    world = World(5, detected=set())
    assert world.track() == []
    assert (world.asked, world.looked) == ([0, 1, 2, 3, 4], [])
    assert World(5, detected={2}, hidden={0, 1, 2, 3, 4}).track() == []  # the detector was wrong


def test_a_doubtful_person_is_looked_at_twice() -> None:
    world = World(3, detected={0})
    world.doubtful = True
    assert world.track() == [0, 1, 2]
    assert world.looked == [0, 0, 1, 2]


def test_two_looks_that_see_different_things_saw_nobody() -> None:
    world = World(3, detected={0, 1, 2})
    world.doubtful = True
    see = world.network

    def unsteady(frame: Frame, region: Region) -> Pose:
        pose = see(frame, region)
        pose.points[:NUM_LANDMARKS, 0] += 5 * (len(world.looked) % 2)  # a fifth of the side
        return pose

    poses = Tracker(unsteady, world.find)(world.clip)  # type: ignore[arg-type]
    assert poses == [None, None, None]
    assert world.looked == [0, 0, 1, 1, 2, 2]


class People:
    """A detector that finds somebody at x = 10 in the whole frame, and at x = 20 in its tiles, with these scores."""

    def __init__(self, whole: float, tiles: float) -> None:
        self.whole, self.tiles = whole, tiles

    def one(self, score: float, x: float) -> Detection:
        return Detection(score, np.zeros(4, np.float32), np.array([[x, 50], [x, 40]], np.float32))

    def detect(self, frame: Frame, min_score: float, faint: float | None) -> list[Detection]:
        return [self.one(self.whole, 10)] if self.whole >= (faint or min_score) else []

    def detect_small(self, frame: Frame, min_score: float) -> list[Detection]:
        return [self.one(self.tiles, 20)] if self.tiles >= min_score else []


def test_where_the_detector_says_to_look() -> None:
    frame = np.zeros((8, 8, 3), np.uint8)

    def places(whole: float, tiles: float, t: int = 0, doubtful: bool = True) -> list[tuple[float, bool]]:
        people: Detector = People(whole, tiles)  # type: ignore[assignment]
        return [(place.region.x, place.doubtful) for place in by_detector(people, 0.5, doubtful)(t, frame)]

    assert places(0.9, 0.9)[0] == (10, False)
    assert places(0.4, 0.9) == [(20, True), (10, True)]
    assert places(0.4, 0.9, t=1) == [(10, True)]  # the tiles of every third frame
    assert places(0.2, 0.5) == []
    assert places(0.4, 0.9, doubtful=False) == []


def test_labelled_boxes_say_where_to_look() -> None:
    world = World(4, detected=set())
    network: LandmarkNetwork = world.network  # type: ignore[assignment]
    around = np.array([world.place(t).tolist() * 2 for t in range(4)], np.float32) + [-10, -30, 10, 30]
    boxes = around.astype(np.float32)
    boxes[1] = np.nan
    find = by_boxes(boxes, network)
    frames = world.clip.frames
    regions = list(find(0, frames[0]))
    assert [place.region.side for place in regions] == [25.0, 75.0]  # the body in the box, then the box itself
    assert list(find(1, frames[1])) == []  # no box
    assert list(find(7, frames[3])) == []  # more frames than labels
    poses = Tracker(network, find)(world.clip)
    assert all(pose is not None for pose in poses)

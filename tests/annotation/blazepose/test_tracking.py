"""Following a person: when the detector runs, where the network looks, and what is filled backwards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from humotion.annotation.blazepose.landmarks import LandmarkNetwork, Pose
from humotion.annotation.blazepose.region import Floats, Region
from humotion.annotation.blazepose.skeleton import NUM_LANDMARKS
from humotion.annotation.blazepose.tracking import Tracker, by_boxes
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
        self.asked: list[int] = []
        self.looked: list[int] = []

    def place(self, t: int) -> Floats:
        return np.array([100 + 4 * t, 60], np.float32)

    def find(self, t: int, frame: Frame) -> Iterator[Region]:
        self.asked.append(t)
        assert frame[0, 0, 0] == t
        if t in self.detected:
            yield Region(*self.place(t).tolist(), SIDE)

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


def test_labelled_boxes_say_where_to_look() -> None:
    world = World(4, detected=set())
    network: LandmarkNetwork = world.network  # type: ignore[assignment]
    around = np.array([world.place(t).tolist() * 2 for t in range(4)], np.float32) + [-10, -30, 10, 30]
    boxes = around.astype(np.float32)
    boxes[1] = np.nan
    find = by_boxes(boxes, network)
    frames = world.clip.frames
    regions = list(find(0, frames[0]))
    assert [region.side for region in regions] == [25.0, 75.0]  # the body in the box, then the box itself
    assert list(find(1, frames[1])) == []  # no box
    assert list(find(7, frames[3])) == []  # more frames than labels
    poses = Tracker(network, find)(world.clip)
    assert all(pose is not None for pose in poses)

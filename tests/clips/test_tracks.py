"""Gaps, times and coordinates of the body, on values that can be worked out by hand."""

from __future__ import annotations

import numpy as np

from humotion.clips.tracks import Track, at_times, bridged, has_torso, on_body
from humotion.datasets.penn_action import SKELETON

NAN = np.nan
JOINTS = SKELETON.joints


def line(*values: float) -> Track:
    """A track of one landmark in one dimension; NaN is not known."""
    points = np.array(values, np.float32)[:, None, None]
    return Track(points, np.ones((len(values), 1), np.float32), np.isfinite(points[..., 0]))


def standing(num_frames: int = 3, at: tuple[float, float] = (10.0, 20.0), height: float = 1.0) -> Track:
    """Somebody whose torso has the length 2 times height and whose shoulders are 1 times height apart."""
    points = np.zeros((num_frames, len(JOINTS), 3), np.float32)
    for part, y, half in (("shoulder", 0.0, 0.5), ("elbow", 1.0, 0.7), ("hip", 2.0, 0.3), ("knee", 4.0, 0.3)):
        for side, sign in (("l", 1), ("r", -1)):
            points[:, JOINTS.index(f"{side}_{part}"), :2] = np.array([sign * half, y]) * height
    points[..., :2] += at
    shape = points.shape[:2]
    return Track(points, np.ones(shape, np.float32), np.ones(shape, bool))


def test_gaps_between_two_known_frames_are_filled_on_a_line() -> None:
    filled = bridged(line(NAN, 1, NAN, NAN, 7, NAN))
    assert filled.points.flatten().tolist() == [0, 1, 3, 5, 7, 0]
    assert filled.known.flatten().tolist() == [False, True, True, True, True, False]
    assert not np.isnan(filled.points).any()


def test_only_gaps_that_are_short_enough_are_filled() -> None:
    track = line(0, NAN, 2, NAN, NAN, 8)
    assert bridged(track, longest=1).known.flatten().tolist() == [True, True, True, False, False, True]
    assert bridged(track, longest=2).known.all()
    assert bridged(track, longest=0).known.flatten().tolist() == track.known.flatten().tolist()


def test_a_track_that_is_never_known_stays_so() -> None:
    filled = bridged(line(NAN, NAN))
    assert not filled.known.any()
    assert filled.points.flatten().tolist() == [0, 0]


def test_times_between_frames() -> None:
    read = at_times(bridged(line(0, 10, 20, NAN)), np.array([0, 0.25, 1.5, 2.0, 2.4, 2.6, 3.0]))
    np.testing.assert_allclose(read.points.flatten(), [0, 2.5, 15, 20, 20, 0, 0])
    assert read.known.flatten().tolist() == [True, True, True, True, True, False, False]


def test_hips_are_the_origin_and_the_torso_is_the_unit() -> None:
    placed = on_body(standing(height=5.0), SKELETON, per_frame=True)
    np.testing.assert_allclose(placed.points[0, JOINTS.index("l_hip")], [0.15, 0, 0], atol=1e-5)
    np.testing.assert_allclose(placed.points[0, JOINTS.index("r_shoulder")], [-0.25, -1, 0], atol=1e-5)
    np.testing.assert_allclose(placed.points[0, JOINTS.index("l_knee")], [0.15, 1, 0], atol=1e-5)


def test_without_hips_in_the_picture_the_shoulders_are_the_origin() -> None:
    track = standing(height=4.0)
    track.visibility[:, [JOINTS.index("l_hip"), JOINTS.index("r_hip")]] = 0.1
    track.points[:, JOINTS.index("l_hip"), :2] += 1000  # a guess
    placed = on_body(track, SKELETON, per_frame=True)
    np.testing.assert_allclose(placed.points[0, JOINTS.index("l_shoulder")], [0.4, 0, 0], atol=1e-5)  # 2 of 1.25 * 4
    middle = placed.points[:, [JOINTS.index("l_shoulder"), JOINTS.index("r_shoulder")]].mean(1)
    np.testing.assert_allclose(middle, 0, atol=1e-5)


def test_one_origin_per_clip_keeps_the_way_that_somebody_goes() -> None:
    track = standing(3)
    track.points[:, :, 0] += np.array([0, 2, 4], np.float32)[:, None]
    by_frame, by_clip = (on_body(track, SKELETON, per_frame=each) for each in (True, False))
    hip = JOINTS.index("l_hip")
    np.testing.assert_allclose(np.diff(by_frame.points[:, hip, 0]), 0, atol=1e-5)
    np.testing.assert_allclose(np.diff(by_clip.points[:, hip, 0]), 1, atol=1e-5)  # 2 pixels are one torso


def test_a_frame_without_hips_takes_the_origin_of_the_nearest_frame() -> None:
    track = standing(3)
    track.points[2, :, 0] += 6
    track.known[1, JOINTS.index("l_hip")] = False
    placed = on_body(track, SKELETON, per_frame=True)
    np.testing.assert_allclose(placed.points[1, JOINTS.index("r_hip")], placed.points[0, JOINTS.index("r_hip")])
    assert placed.points[1, JOINTS.index("l_hip")].tolist() == [0, 0, 0]


def test_nobody_stays_nobody() -> None:
    track = standing(2)
    nobody = Track(track.points * 0, track.visibility, np.zeros_like(track.known))
    assert not on_body(nobody, SKELETON, per_frame=True).points.any()
    assert has_torso(SKELETON)

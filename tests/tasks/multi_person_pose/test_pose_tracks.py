from __future__ import annotations

import json

import motmetrics
import numpy as np
import pytest

from humotion.datasets.posetrack18 import SKELETON
from humotion.tasks.multi_person_pose.evaluation.pose_tracks import PoseFrame, frames_of, posetrack_mota
from humotion.tasks.multi_person_pose.training.people import People

NUM_JOINTS = len(SKELETON.joints)


def people_at(joints: np.ndarray, tracks: list[int]) -> People:
    number = len(tracks)
    scores = np.ones((number, NUM_JOINTS))
    return People(joints, scores, np.ones(number), np.zeros((number, 4)), tracks=np.array(tracks, np.int64))


def frame(found: np.ndarray, tracks: list[int], ignored: tuple[np.ndarray, ...] = ()) -> PoseFrame:
    """One person with all joints labelled at 50, 50; the head size is 10."""
    joints = np.full((1, NUM_JOINTS, 2), 50.0)
    labelled = np.ones((1, NUM_JOINTS), bool)
    return PoseFrame(joints, labelled, np.array([10.0]), np.array([1]), people_at(found, tracks), ignored)


def test_each_joint_by_itself() -> None:
    """A wrist is off by 6 pixels, more than half of the head size; a knee was not found; an ankle is just near."""
    found = np.full((1, NUM_JOINTS, 2), 50.0)
    wrist, knee, ankle = (SKELETON.joints.index(name) for name in ("l_wrist", "r_knee", "l_ankle"))
    found[0, wrist, 0], found[0, knee], found[0, ankle, 1] = 56, np.nan, 55
    scores = posetrack_mota([[frame(found, [7])]], SKELETON)
    assert "l_ear" not in scores and len(scores) == 15 + 1
    assert (scores["l_wrist"], scores["r_knee"], scores["l_ankle"], scores["nose"]) == (-1, 0, 1, 1)
    assert scores["mean"] == pytest.approx((13 - 1) / 15)


def test_a_new_number_is_one_switch_of_each_joint() -> None:
    found = np.full((1, NUM_JOINTS, 2), 50.0)
    scores = posetrack_mota([[frame(found, [7]), frame(found, [8])]], SKELETON)
    assert set(scores.values()) == {0.5}


def test_joints_in_ignored_regions_do_not_count() -> None:
    """A false person within the region, and the labelled one outside it."""
    found = np.full((2, NUM_JOINTS, 2), 50.0)
    found[1] = 200
    region = np.array([[190.0, 190], [210, 190], [210, 210], [190, 210]])
    assert posetrack_mota([[frame(found, [7, 8], (region,))]], SKELETON)["mean"] == 1
    assert posetrack_mota([[frame(found, [7, 8])]], SKELETON)["mean"] == 0
    everything = np.array([[0.0, 0], [999, 0], [999, 999], [0, 999]])
    assert np.isnan(posetrack_mota([[frame(found, [7, 8], (everything,))]], SKELETON)["mean"])


def test_motmetrics_says_the_same_of_each_joint() -> None:
    """As PoseTrack's code calls it: distances in head sizes, and no pair beyond one half."""
    random = np.random.default_rng(5)
    video = []
    places = random.uniform(0, 300, (4, 1, 2)) + random.uniform(0, 80, (4, NUM_JOINTS, 2))
    heads = random.uniform(15, 30, 4)
    for time in range(30):
        places = places + random.normal(0, 3, (4, 1, 2))
        joints = np.concatenate([places, random.uniform(0, 300, (1, NUM_JOINTS, 2))])
        joints = joints + random.normal(0, 5, joints.shape)
        joints[random.uniform(size=joints.shape[:2]) < 0.1] = np.nan
        tracks = [5, 6, 7, 8, 9] if time < 15 else [6, 5, 7, 8, 9]
        labelled = random.uniform(size=(4, NUM_JOINTS)) < 0.8
        video.append(PoseFrame(places, labelled, heads, np.arange(4), people_at(joints, tracks)))
    scores = posetrack_mota([video], SKELETON)
    for place, joint in enumerate(SKELETON.joints):
        if joint not in scores:
            continue
        accumulator = motmetrics.MOTAccumulator(auto_id=True)
        for one in video:
            there, seen = one.labelled[:, place], np.isfinite(one.people.joints[:, place]).all(axis=1)
            steps = one.joints[there, None, place] - one.people.joints[None, seen, place]
            distance = np.linalg.norm(steps, axis=2) / one.heads[there, None]
            assert one.people.tracks is not None
            accumulator.update(one.tracks[there], one.people.tracks[seen], np.where(distance <= 0.5, distance, np.nan))
        theirs = motmetrics.metrics.create().compute(accumulator, metrics=["mota"], return_dataframe=False)
        assert scores[joint] == pytest.approx(theirs["mota"], abs=1e-12), joint
    assert 0 < scores["mean"] < 1


def labels_of(num_frames: int) -> dict[str, np.ndarray]:
    """Arrays as the layer ``labels`` has them: one person in the first frames, and a last frame without labels."""
    text = np.frombuffer(json.dumps([[[0, 9, 9], [0, 0, 9]]]).encode(), np.uint8)
    found = np.ones((1, num_frames), bool)
    found[0, -1] = False
    keypoints = np.full((1, num_frames, NUM_JOINTS, 3), 50.0)
    return {
        **{"found": found, "keypoints": keypoints, "is_labelled": found.copy()},
        **{"head_box": np.tile([0.0, 0, 3, 4], (1, num_frames, 1)), "track_id": np.full((1, num_frames), 3)},
        "ignored": np.tile(text, (1, num_frames, 1)),
    }


def test_frames_of_the_layer() -> None:
    """Frames without labels are left out; the head size is 0.6 of the diagonal of its box."""
    people = [people_at(np.full((1, NUM_JOINTS, 2), 50.0), [7])] * 3
    frames = frames_of(labels_of(3), people)
    assert len(frames) == 2
    assert frames[0].heads.tolist() == pytest.approx([3])
    assert frames[0].ignored[0].tolist() == [[0, 0], [9, 0], [9, 9]]
    assert posetrack_mota([frames], SKELETON)["mean"] == 1


def test_what_cannot_be_scored() -> None:
    people = [people_at(np.full((1, NUM_JOINTS, 2), 50.0), [7])] * 3
    with pytest.raises(ValueError, match="2 frames with people, but 3 with labels"):
        frames_of(labels_of(3), people[:2])
    without = labels_of(3)
    without["head_box"][0, 1] = np.nan
    with pytest.raises(ValueError, match="frame 1 has no box of the head"):
        frames_of(without, people)
    untracked = frame(np.full((1, NUM_JOINTS, 2), 50.0), [7])
    found = untracked.people
    people_only = People(found.joints, found.joint_scores, found.scores, found.boxes)
    with pytest.raises(ValueError, match="without tracks"):
        posetrack_mota([[untracked._replace(people=people_only)]], SKELETON)

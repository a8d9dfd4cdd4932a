"""PoseTrack's MOTA: tracks of joints, each joint for itself (Andriluka et al., CVPR 2018).

A found joint can be a labelled one if it is within half of the person's head size. MOTA is computed for each joint,
over all videos, and then averaged over the joints. Joints within the regions that the labels say to ignore do not
count, nor do frames without labels, nor the ears.

PoseTrack's code (poseval) differs in two ways, which are errors rather than rules: it leaves out the last frame of each
video, and it counts a frame in which nobody is labelled, or nobody found, as one miss and one false joint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from humotion.store.skeleton import Skeleton
from humotion.tasks.multi_person_pose.evaluation.pckh import head_sizes
from humotion.tasks.multi_person_pose.evaluation.tracks import POSETRACK, Clear, Frame, clear_counts
from humotion.tasks.multi_person_pose.training.people import People

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NOT_SCORED = ("l_ear", "r_ear")


class PoseFrame(NamedTuple):
    """The people of a frame: G labelled ones, and those that a tracker found.

    Attributes:
        joints: (G, J, 2) labels.
        labelled: (G, J) which joints have one.
        heads: (G,) head sizes in pixels.
        tracks: (G,) numbers of the labelled people.
        people: those found, with ``tracks``. A joint that is NaN was not found.
        ignored: polygons (K, 2) in which nobody is labelled.
    """

    joints: Floats
    labelled: Bools
    heads: Floats
    tracks: npt.NDArray[np.int64]
    people: People
    ignored: Sequence[Floats] = ()


def frames_of(labels: Mapping[str, npt.NDArray[Any]], people: Sequence[People]) -> list[PoseFrame]:
    """The frames of a video that have labels.

    Args:
        labels: the arrays of the video in the layer ``labels`` of a dataset with the layout ``posetrack18``.
        people: those found in each frame of the video, in pixels of the original frames.

    Raises:
        ValueError: there are not as many frames, or a labelled person has no box of the head.
    """
    if len(people) != labels["found"].shape[1]:
        raise ValueError(f"there are {len(people)} frames with people, but {labels['found'].shape[1]} with labels")
    frames = []
    for frame in np.flatnonzero(labels["is_labelled"][0]).tolist():
        there = labels["found"][:, frame]
        keypoints, head = labels["keypoints"][there, frame], labels["head_box"][there, frame]
        heads = head_sizes(np.concatenate([head[:, :2], head[:, :2] + head[:, 2:]], axis=1))
        if not (heads > 0).all():
            raise ValueError(f"a labelled person of frame {frame} has no box of the head")
        regions = [np.array(region).T for region in json.loads(labels["ignored"][0, frame].tobytes())]
        tracks = labels["track_id"][there, frame]
        known = keypoints[..., 2] > 0
        frames.append(PoseFrame(keypoints[..., :2], known, heads, tracks, people[frame], regions))
    return frames


def posetrack_mota(videos: Sequence[Sequence[PoseFrame]], skeleton: Skeleton) -> dict[str, float]:
    """MOTA by joint, and their mean as ``mean``; NaN for a joint without labels.

    Args:
        videos: the frames of each video, in order.
        skeleton: the joint set.

    Raises:
        ValueError: the people that were found have no tracks.
    """
    scored = [joint for joint in skeleton.joints if joint not in NOT_SCORED]
    counts = dict.fromkeys(scored, Clear())
    for video in videos:
        cleaned = [_without_ignored(frame) for frame in video]
        for joint in scored:
            place = skeleton.joints.index(joint)
            counts[joint] += clear_counts((_of_joint(frame, place) for frame in cleaned), 0.5, POSETRACK)
    scores = {joint: count.mota for joint, count in counts.items()}
    known = [score for score in scores.values() if not np.isnan(score)]
    return {**scores, "mean": float(np.mean(known)) if known else float("nan")}


def _of_joint(frame: PoseFrame, place: int) -> Frame:
    """The joint of all people: similarity is 1 less the distance in head sizes, so that .5 is the threshold."""
    if frame.people.tracks is None:
        raise ValueError("people without tracks have no MOTA")
    labelled = frame.labelled[:, place]
    found = frame.people.joints[:, place]  # (D, 2)
    seen = np.asarray(np.isfinite(found).all(axis=1))
    steps = frame.joints[labelled, None, place] - found[None, seen]  # (G, D, 2)
    distance = np.linalg.norm(steps, axis=2) / frame.heads[labelled, None]
    return Frame(frame.tracks[labelled], frame.people.tracks[seen], np.maximum(1 - distance, 0))


def _without_ignored(frame: PoseFrame) -> PoseFrame:
    """The frame without the joints, labelled or found, in regions that are ignored."""
    if not frame.ignored:
        return frame
    people = frame.people
    joints = np.where(_within(people.joints, frame.ignored)[..., None], np.nan, people.joints)
    kept = People(joints, people.joint_scores, people.scores, people.boxes, tracks=people.tracks)
    return frame._replace(labelled=frame.labelled & ~_within(frame.joints, frame.ignored), people=kept)


def _within(points: Floats, regions: Sequence[Floats]) -> Bools:
    """Whether each of (..., 2) points lies in one of the polygons; False for NaN."""
    outlines = [np.asarray(region, np.float32).reshape(-1, 1, 2) for region in regions]
    flat = [
        np.isfinite(point).all()
        and any(cv2.pointPolygonTest(one, tuple(point.tolist()), False) > 0 for one in outlines)
        for point in points.reshape(-1, 2)
    ]
    return np.array(flat, bool).reshape(points.shape[:-1])

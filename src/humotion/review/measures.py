"""Measures of one video of a layer: frames with somebody, jitter, and distances to labelled joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from humotion.store.frames import StoredVideo
from humotion.store.people import found_frames, main_person
from humotion.store.skeleton import Skeleton

THRESHOLDS = (0.1, 0.2)
VISIBLE = 2  # the flag of a labelled joint that can be seen

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reviewed:
    """Counts of one video, which add up to those of a dataset.

    Attributes:
        num_frames: T.
        num_found: frames with somebody.
        acceleration: sum of the accelerations of landmarks, in box sides per frame squared.
        num_accelerations: landmarks in three consecutive frames with the person.
        num_labelled: visible labelled joints that the tool knows, too.
        num_reachable: those of them in frames in which the person was found.
        hits: for each of `THRESHOLDS`, joints whose landmark is nearer than this share of the box's longer side.
    """

    num_frames: int
    num_found: int
    acceleration: float = 0.0
    num_accelerations: int = 0
    num_labelled: int = 0
    num_reachable: int = 0
    hits: tuple[int, ...] = (0,) * len(THRESHOLDS)


def review_video(video: StoredVideo, skeleton: Skeleton | None, labelled: Skeleton | None) -> Reviewed:
    """Measure what a layer says of a video.

    Args:
        video: with its ``annotation``.
        skeleton: the layer's joint set; None if it has no landmarks.
        labelled: the joint set of the dataset; None without labels. A video with several labelled people is not
            compared, because it is open who of them was found.
    """
    found = found_frames(video.annotation)
    anybody = int(found.any(axis=0).sum()) if len(found) else 0
    points = main_landmarks(video) if skeleton is not None else None
    of_frames: dict[str, Any] = {"num_frames": video.num_frames, "num_found": anybody}
    if skeleton is None:
        return Reviewed(**of_frames)
    moved = {} if points is None else _accelerations(points)
    compared = {}
    if labelled is not None and video.joints is not None and len(video.joints) == 1:
        compared = _compared(points, video, skeleton.joints, labelled.joints)
    return Reviewed(**of_frames, **moved, **compared)


def main_landmarks(video: StoredVideo) -> Floats | None:
    """Landmarks (T, J, 2) in pixels of the person who is found in most frames, NaN elsewhere; None for nobody."""
    found = found_frames(video.annotation)
    if not found.any() or "landmarks" not in video.annotation:
        return None
    person = main_person(found)
    points = video.annotation["landmarks"][person, :, :, :2] * np.array([video.width, video.height], np.float64)
    return np.where(found[person][:, None, None], points, np.nan)


def _accelerations(points: Floats) -> dict[str, Any]:
    """The second difference in time, in units of the longer side of the landmarks' extent in the middle frame.

    Landmarks that are not known do not count; some tools find only a part of a person.
    """
    second = np.linalg.norm(points[2:] - 2 * points[1:-1] + points[:-2], axis=-1)  # (T - 2, J)
    extent = (np.fmax.reduce(points[1:-1], axis=1) - np.fmin.reduce(points[1:-1], axis=1)).max(axis=-1)  # (T - 2,)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = second / extent[:, None]
    counted = np.isfinite(relative)
    return {"acceleration": float(relative[counted].sum()), "num_accelerations": int(counted.sum())}


def _compared(
    points: Floats | None, video: StoredVideo, names: Sequence[str], labelled: Sequence[str]
) -> dict[str, Any]:
    """Compare joints of the same name with their labels, in units of the longer side of the labelled box."""
    assert video.joints is not None and video.visibility is not None and video.boxes is not None
    shared = [name for name in labelled if name in names]
    ours, theirs = [names.index(name) for name in shared], [labelled.index(name) for name in shared]
    box = video.boxes[0]
    side = np.maximum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1])[:, None]  # (T, 1)
    visible = (video.visibility[0][:, theirs] == VISIBLE) & (side > 0)  # (T, J)
    if points is None:
        return {"num_labelled": int(visible.sum())}
    distance = np.linalg.norm(points[:, ours] - video.joints[0][:, theirs, :2], axis=-1)
    reachable = visible & np.isfinite(distance)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = (distance / side)[reachable]
    hits = [int((relative < limit).sum()) for limit in THRESHOLDS]
    return {"num_labelled": int(visible.sum()), "num_reachable": int(reachable.sum()), "hits": tuple(hits)}


def summarise(videos: Sequence[Reviewed]) -> dict[str, Any]:
    """Add up the videos of a dataset: shares and means over all frames and joints, None where nothing counts."""
    total = {key: sum(asdict(one)[key] for one in videos) for key in asdict(Reviewed(0, 0)) if key != "hits"}
    hits = np.sum([one.hits for one in videos], axis=0) if videos else np.zeros(len(THRESHOLDS))
    pck = {
        f"pck_{limit:g}{name}": _share(float(hit), total[count])
        for limit, hit in zip(THRESHOLDS, hits, strict=True)
        for name, count in (("_where_found", "num_reachable"), ("", "num_labelled"))
    }
    return {
        "frames": total["num_frames"],
        "frames_with_somebody": total["num_found"],
        "found": _share(total["num_found"], total["num_frames"]),
        "videos": len(videos),
        "videos_without_anybody": sum(one.num_found == 0 for one in videos),
        "acceleration": _share(total["acceleration"], total["num_accelerations"]),
        **(pck if total["num_labelled"] else {}),
    }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None

"""PoseTrack 2018 (Andriluka et al., CVPR 2018): videos of several people with tracks, 17 joints.

``annotations/{train,val}/<sequence>.json`` and ``images/{train,val}/<sequence>/000000.jpg``. A sequence is a video of
the frames that its file names; a person is a track. The labels of the test sequences are not public, so scores are
those of ``val``. All labelled joints have flag 2.

The layer ``labels`` has what scores need (P tracks, T frames); numbers are float64 as in the file::

    found          (P, T)        whether the person is labelled in the frame
    track_id       (P, T)        int64, the same in all frames
    annotation_id  (P, T)        int64, -1 where there is none
    keypoints      (P, T, 17, 3) x, y, labelled
    bbox, head_box (P, T, 4)     x, y, width, height; NaN where there is none
    is_labelled    (1, T)        whether the people of the frame are labelled at all: others are not scored
    image_id       (1, T)        int64, -1 for a frame that the file does not name
    size           (1, T, 2)     width and height of the frames on disk
    ignored        (1, T, B)     uint8, the text of JSON: polygons [[x, ...], [y, ...]] in which nobody is labelled
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.datasets.shared.base import LabelError, Layout, PoseLabels, require_videos, video_table
from humotion.files import read_json
from humotion.store.skeleton import skeleton_of
from humotion.video.decoded import Decoded
from humotion.video.images import decode_frames_folder
from humotion.video.probe import Probe, probe

Arrays = dict[str, npt.NDArray[Any]]

SPLITS = {"train": "train", "val": "test"}
_FILE = re.compile(r"annotations/(?P<part>train|val)/(?P<sequence>[^/]+)\.json")
_PAIRS = tuple(f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in "lr")

SKELETON = skeleton_of(
    "posetrack18",
    ("nose", "head_bottom", "head_top", "l_ear", "r_ear", *_PAIRS),
    (
        *(("head_top", "nose"), ("nose", "head_bottom"), ("head_bottom", "l_shoulder"), ("head_bottom", "r_shoulder")),
        *(("l_shoulder", "l_elbow"), ("l_elbow", "l_wrist"), ("r_shoulder", "r_elbow"), ("r_elbow", "r_wrist")),
        *(("l_shoulder", "l_hip"), ("r_shoulder", "r_hip"), ("l_hip", "r_hip")),
        *(("l_hip", "l_knee"), ("l_knee", "l_ankle"), ("r_hip", "r_knee"), ("r_knee", "r_ankle")),
    ),
    scored="labelled",
)
"""PoseTrack's 17 joints, in the order of its files."""


class PoseTrack18(Layout):
    """PoseTrack 2018 below ``root``; ``split_1`` has "train", and "test" for val; the group is the sequence."""

    skeleton = SKELETON
    array_joints = SKELETON
    origin = (
        "annotations/{train,val}/<sequence>.json and images/{train,val}/<sequence>/*.jpg, from https://posetrack.net"
    )
    terms = "its own; read them on its page"
    spare = ("annotations/test/", "images/test/")

    def list_videos(self) -> pd.DataFrame:
        """All sequences that have a file of labels."""
        rows: list[dict[str, Any]] = []
        for name in self.tree.below("annotations"):
            if (match := _FILE.fullmatch(name)) is None:
                continue
            self.used.add(name)
            path = f"images/{match['part']}/{match['sequence']}"
            row = {"video_id": path, "path": path, "label": "person", "group": path, "split_1": SPLITS[match["part"]]}
            absent = {"status": "missing", "error": f"{name} is of a folder that is not there"}
            rows.append(row if path in self.tree.folders else row | absent)
        require_videos(rows, self)
        return video_table(rows, ["split_1"], ["person"])

    def pose(self, video_id: str) -> PoseLabels:
        """All tracks of a sequence. The box of a frame without the person is that of the nearest frame before or after.

        Frames whose people are not labelled have no known joints.
        """
        arrays = read_sequence(self._file_of(video_id))
        known = arrays["keypoints"][..., 2] > 0
        joints = np.where(known[..., None], arrays["keypoints"][..., :2], 0).astype(np.float32)
        corner, size = np.split(arrays["bbox"], 2, axis=-1)
        boxes = np.concatenate([corner, corner + size], axis=-1)  # (P, T, 4)
        filled = [pd.DataFrame(box).ffill().bfill().to_numpy(np.float32) for box in boxes]
        return PoseLabels(joints, np.where(known, 2, 0).astype(np.uint8), np.array(filled, "f4").reshape(boxes.shape))

    def own_probe(self, path: Path) -> Probe:
        """The folder of frames, whose first number is that of the file of labels."""
        return probe(path, self._first_frame(path))

    def own_frames(self, path: Path) -> Decoded:
        """The frames from the first one that the file of labels names."""
        return decode_frames_folder(path, self._first_frame(path))

    def own_arrays(self, path: Path) -> Arrays:
        """See the top of this file."""
        arrays = read_sequence(self._file_of(path.relative_to(self.root).as_posix()))
        found = self.own_probe(path)
        size = [np.nan if side is None else side for side in (found.width, found.height)]
        return {**arrays, "size": np.tile(np.array(size, float), (1, arrays["found"].shape[1], 1))}

    def _file_of(self, video_id: str) -> Path:
        return self.root / f"{video_id.replace('images/', 'annotations/', 1)}.json"

    def _first_frame(self, path: Path) -> int:
        try:
            return min(_numbers(_content_of(self._file_of(path.relative_to(self.root).as_posix()))["images"]).values())
        except LabelError:
            return 0  # `pose` says what is wrong


def read_sequence(path: Path) -> Arrays:
    """The arrays of the layer ``labels``, from a sequence's file.

    Raises:
        LabelError: the file, or an annotation in it, cannot be used.
    """
    content = _content_of(path)
    try:
        return _arrays(content, path.stem)
    except (TypeError, ValueError, LookupError) as error:
        what = str(error) if isinstance(error, ValueError) else f"{error!r}"
        raise LabelError(f"{path.name}: {what}") from error


def _content_of(path: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        content = read_json(path)
        found = {key: list(content[key]) for key in ("images", "annotations", "categories")}
        names = tuple(
            re.sub("^(l|r)(eft|ight)_", r"\1_", name)
            for one in found["categories"]
            for name in one.get("keypoints", ())
        )
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise LabelError(f"{path.name} is not of PoseTrack's format: {error!r}") from error
    if names != SKELETON.joints:
        raise LabelError(f"{path.name} has {len(names)} joints, not PoseTrack's {len(SKELETON.joints)} in their order")
    if not found["images"]:
        raise LabelError(f"{path.name} names no frames")
    return found


def _numbers(images: list[dict[str, Any]]) -> dict[Any, int]:
    """The number of each frame, by the id of its image."""
    try:
        numbers = {one["id"]: int(Path(one["file_name"]).stem) for one in images}
    except (ValueError, TypeError, LookupError) as error:
        raise LabelError(f"the name or the id of a frame is not a number: {error!r}") from error
    if len(set(numbers.values())) < len(images):
        raise LabelError("a frame, or the id of one, is named twice")
    return numbers


def _arrays(content: Mapping[str, list[dict[str, Any]]], sequence: str) -> Arrays:
    images, people = content["images"], content["annotations"]
    numbers = _numbers(images)
    if other := [one["file_name"] for one in images if Path(one["file_name"]).parent.name != sequence]:
        raise LabelError(f"{other[0]} is a frame of another sequence")
    first = min(numbers.values())
    at = {image: number - first for image, number in numbers.items()}
    tracks = {track: place for place, track in enumerate(sorted({one["track_id"] for one in people}))}
    arrays = _empty(len(tracks), max(at.values()) + 1)
    arrays["track_id"][:] = np.array(list(tracks), np.int64)[:, None]
    for one in people:
        if one["image_id"] not in at:
            raise LabelError(f"annotation {one['id']} is of image {one['image_id']}, which the file does not name")
        place = tracks[one["track_id"]], at[one["image_id"]]
        if arrays["found"][place]:
            raise LabelError(f"annotation {one['id']}: its track {one['track_id']} is twice in one frame")
        _put(arrays, place, one)
    texts = {at[one["id"]]: _ignored(one) for one in images}
    arrays["ignored"] = np.full((1, len(arrays["found"].T), max(map(len, texts.values()))), ord(" "), np.uint8)
    for one in images:
        frame = at[one["id"]]
        arrays["image_id"][0, frame] = one["id"]
        # Files without the flag have people in all frames that they name.
        arrays["is_labelled"][0, frame] = bool(one.get("is_labeled", True))
        arrays["ignored"][0, frame, : len(texts[frame])] = np.frombuffer(texts[frame], np.uint8)
    return arrays


def _empty(num_people: int, num_frames: int) -> Arrays:
    shape = (num_people, num_frames)
    return {
        "found": np.zeros(shape, bool),
        "track_id": np.zeros(shape, np.int64),
        "annotation_id": np.full(shape, -1, np.int64),
        "keypoints": np.zeros((*shape, len(SKELETON.joints), 3)),
        "bbox": np.full((*shape, 4), np.nan),
        "head_box": np.full((*shape, 4), np.nan),
        "is_labelled": np.zeros((1, num_frames), bool),
        "image_id": np.full((1, num_frames), -1, np.int64),
    }


def _put(arrays: Arrays, place: tuple[int, int], one: Mapping[str, Any]) -> None:
    """Write an annotation to its person and frame."""
    keypoints = np.array(one["keypoints"], float)
    if keypoints.shape != (3 * len(SKELETON.joints),):
        raise LabelError(
            f"annotation {one['id']} has {keypoints.size} numbers of keypoints, not 3 x {len(SKELETON.joints)}"
        )
    bbox = np.array(one.get("bbox") or _extent(keypoints.reshape(-1, 3)), float)
    head = np.array(one.get("bbox_head") or [np.nan] * 4, float)
    if not np.isfinite([*keypoints, *bbox]).all() or bbox.shape != (4,) or head.shape != (4,):
        raise LabelError(
            f"annotation {one['id']} has a keypoint or a box that is not finite, or a box without 4 numbers"
        )
    arrays["found"][place] = True
    arrays["annotation_id"][place] = one["id"]
    arrays["keypoints"][place], arrays["bbox"][place], arrays["head_box"][place] = keypoints.reshape(-1, 3), bbox, head


def _extent(keypoints: npt.NDArray[np.float64]) -> list[float]:
    """The box x, y, width, height around the labelled joints; zeros if there are none."""
    known = keypoints[keypoints[:, 2] > 0, :2]
    return [*known.min(axis=0), *np.ptp(known, axis=0)] if len(known) else [0.0] * 4


def _ignored(image: Mapping[str, Any]) -> bytes:
    regions = zip(image.get("ignore_regions_x", []), image.get("ignore_regions_y", []), strict=True)
    return json.dumps([list(region) for region in regions], separators=(",", ":")).encode()

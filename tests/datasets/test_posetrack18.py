"""The layout posetrack18: sequences, tracks that come and go, frames without labels, and damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from humotion.datasets.posetrack18 import SKELETON, PoseTrack18
from humotion.datasets.shared.base import LabelError
from humotion.params.document import validate_params
from humotion.stages import extract, index

SEQUENCE = "000012_mpii_test"
NAMES = [{"l_": "left_", "r_": "right_"}.get(joint[:2], joint[:2]) + joint[2:] for joint in SKELETON.joints]


def content_of(num_frames: int = 4, first: int = 0) -> dict[str, Any]:
    """Track 5 is in all frames, track 2 in the second one alone."""
    images = [
        {
            "id": 100 + t,
            "file_name": f"images/val/{SEQUENCE}/{t + first:06d}.jpg",
            "is_labeled": t < 3,
            "nframes": num_frames,
        }
        for t in range(num_frames)
    ]
    images[1] |= {"ignore_regions_x": [[0, 9, 9], [1, 2, 3, 4]], "ignore_regions_y": [[0, 0, 9], [5, 6, 7, 8]]}
    people = [person(1000 + t, 100 + t, 5, t) for t in range(3)] + [person(2000, 101, 2, 9)]
    return {"images": images, "annotations": people, "categories": [{"id": 1, "name": "person", "keypoints": NAMES}]}


def person(number: int, image: int, track: int, x: int, **changes: Any) -> dict[str, Any]:
    keypoints = [value for joint in range(17) for value in (x + joint, 2 * joint, 1)]
    keypoints[9:15] = [0] * 6
    whole = {"id": number, "image_id": image, "track_id": track, "keypoints": keypoints, "bbox": [x, 0, 17, 34]}
    return {**whole, "bbox_head": [x, 0, 6, 8], "category_id": 1, **changes}


def tree(root: Path, content: Any, num_images: int = 4, first: int = 0) -> PoseTrack18:
    path = root / f"annotations/val/{SEQUENCE}.json"
    path.parent.mkdir(parents=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    frames = root / f"images/val/{SEQUENCE}"
    frames.mkdir(parents=True)
    for number in range(num_images):
        cv2.imwrite(str(frames / f"{number + first:06d}.jpg"), np.full((48, 64, 3), 90, np.uint8))
    return PoseTrack18(root)


VIDEO = f"images/val/{SEQUENCE}"


def test_a_person_is_a_track(tmp_path: Path) -> None:
    layout = tree(tmp_path, content_of())
    labels = layout.pose(VIDEO)
    assert labels.joints.shape == (2, 4, 17, 2)  # tracks 2 and 5
    assert (labels.visibility[0] > 0).any(axis=1).tolist() == [False, True, False, False]
    assert (labels.visibility[1] > 0).any(axis=1).tolist() == [True, True, True, False]
    assert labels.visibility[1, 0].tolist() == [2, 2, 2, 0, 0] + [2] * 12
    assert labels.boxes[0].tolist() == [[9, 0, 26, 34]] * 4
    assert labels.boxes[1, :, 0].tolist() == [0, 1, 2, 2]
    arrays = layout.own_arrays(tmp_path / VIDEO)
    assert arrays["track_id"].tolist() == [[2] * 4, [5] * 4]
    assert arrays["annotation_id"].tolist() == [[-1, 2000, -1, -1], [1000, 1001, 1002, -1]]
    assert arrays["is_labelled"].tolist() == [[True, True, True, False]]
    assert arrays["image_id"].tolist() == [[100, 101, 102, 103]]
    assert np.isnan(arrays["head_box"][0, 0]).all()
    texts = [json.loads(text.tobytes()) for text in arrays["ignored"][0]]
    assert texts == [[], [[[0, 9, 9], [0, 0, 9]], [[1, 2, 3, 4], [5, 6, 7, 8]]], [], []]


def test_frames_may_start_at_any_number(tmp_path: Path) -> None:
    layout = tree(tmp_path, content_of(first=30), first=30)
    assert layout.pose(VIDEO).num_frames == 4
    decoded = layout.own_frames(tmp_path / VIDEO)
    assert len(list(decoded)) == 4 and decoded.status == "ok"
    assert layout.own_probe(tmp_path / VIDEO).num_frames == 4


def test_a_sequence_without_people(tmp_path: Path) -> None:
    layout = tree(tmp_path, {**content_of(), "annotations": []})
    assert layout.pose(VIDEO).joints.shape == (0, 4, 17, 2)
    assert layout.own_arrays(tmp_path / VIDEO)["found"].shape == (0, 4)


def test_splits_and_missing_folders(tmp_path: Path) -> None:
    layout = tree(tmp_path, content_of())
    for part, name in (("train", "a_train"), ("test", "b_test")):
        path = tmp_path / f"annotations/{part}/{name}.json"
        path.parent.mkdir()
        path.write_text("{}")
    table = layout.list_videos().set_index("video_id")
    assert table["split_1"].to_dict() == {VIDEO: "test", "images/train/a_train": "train"}
    assert table.loc["images/train/a_train", "status"] == "missing"


def change(where: str, place: int, **changes: Any) -> Callable[[dict[str, Any]], None]:
    def changed(content: dict[str, Any]) -> None:
        content[where][place].update(changes)

    return changed


DAMAGED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a track twice in a frame": (change("annotations", 3, track_id=5), "its track 5 is twice in one frame"),
    "no track": (lambda content: content["annotations"][0].pop("track_id"), "track_id"),
    "an image that is not named": (change("annotations", 0, image_id=7), "of image 7, which the file does not name"),
    "keypoints of another count": (change("annotations", 0, keypoints=[1, 2, 1] * 15), "45 numbers of keypoints"),
    "a keypoint that is NaN": (change("annotations", 0, keypoints=[float("nan")] * 51), "not finite"),
    "a box of three numbers": (change("annotations", 0, bbox=[1, 2, 3]), "without 4 numbers"),
    "a frame twice": (change("images", 1, file_name=f"images/val/{SEQUENCE}/000000.jpg"), "is named twice"),
    "an id twice": (change("images", 1, id=100), "is named twice"),
    "a frame of another sequence": (change("images", 1, file_name="images/val/other/000001.jpg"), "another sequence"),
    "a frame without a number": (change("images", 1, file_name=f"images/val/{SEQUENCE}/last.jpg"), "not a number"),
    "other joints": (change("categories", 0, keypoints=NAMES[:15]), "has 15 joints, not PoseTrack's 17"),
    "no frames": (lambda content: content["images"].clear(), "names no frames"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_the_status_of_its_sequence(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    harm, reason = DAMAGED[name]
    content = content_of()
    harm(content)
    tree(tmp_path / "raw", content)
    monkeypatch.chdir(tmp_path)
    settings: dict[str, Any] = {"datasets": {"tiny": {"layout": "posetrack18", "root": "raw"}}}
    params = validate_params({**settings, "layers": {}, "experiments": {}, "machine": {"workers": 0}}, "wrong:")
    index.run("tiny", params)
    row = pd.read_parquet("prepared/tiny/videos.parquet").iloc[0]
    assert row["status"] == "corrupt"
    assert SEQUENCE in row["error"] and reason in row["error"]
    extract.run("tiny", params)
    assert pd.read_parquet("prepared/tiny/frames.parquet")["num_frames"].tolist() == [0]


@pytest.mark.parametrize("content", ["{", "[]", '{"images": []}'])
def test_another_format(content: str, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="is not of PoseTrack's format"):
        tree(tmp_path, content).pose(VIDEO)


def test_fewer_frames_than_labels_is_truncated(tmp_path: Path, monkeypatch: Any) -> None:
    tree(tmp_path / "raw", content_of(), num_images=2)
    monkeypatch.chdir(tmp_path)
    settings: dict[str, Any] = {"datasets": {"tiny": {"layout": "posetrack18", "root": "raw"}}}
    params = validate_params({**settings, "layers": {}, "experiments": {}, "machine": {"workers": 0}}, "wrong:")
    index.run("tiny", params)
    extract.run("tiny", params)
    row = pd.read_parquet("prepared/tiny/frames.parquet").iloc[0]
    assert (row["status"], row["num_frames"]) == ("truncated", 2)
    assert row["error"] == "2 frames, but 4 labelled frames"

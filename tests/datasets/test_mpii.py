"""The layout mpii: lists of people, splits, the video of an image, and damage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import scipy.io

from humotion.datasets.mpii import MPII, OFFICIAL
from humotion.datasets.shared.base import LabelError
from humotion.errors import HumotionError


def person(image: str, **changes: Any) -> dict[str, Any]:
    joints = [[10.0 + joint, 20.0 + joint] for joint in range(16)]
    whole = {"image": image, "joints": joints, "joints_vis": [1] * 15 + [0], "center": [30.0, 40.0], "scale": 0.5}
    return {key: value for key, value in {**whole, **changes}.items() if value is not ...}


def tree(root: Path, lists: dict[str, Any], images: tuple[str, ...] = ("a.jpg", "b.jpg", "c.jpg")) -> MPII:
    (root / "images").mkdir(parents=True)
    for name in images:
        cv2.imwrite(str(root / "images" / name), np.full((48, 64, 3), 90, np.uint8))
    for name, entries in lists.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return MPII(root)


def official(path: Path, videos: dict[str, int | None]) -> None:
    """The official file, as MATLAB wrote it: a struct of structs."""
    kind = [("image", object), ("vidx", object)]
    images = np.zeros((1, len(videos)), kind)
    for place, (name, video) in enumerate(videos.items()):
        images[0, place]["image"] = {"name": name}
        images[0, place]["vidx"] = np.zeros((0, 0)) if video is None else video
    scipy.io.savemat(path, {"RELEASE": {"annolist": images, "img_train": np.ones((1, len(videos)))}})


def test_people_of_an_image_are_zero_based(tmp_path: Path) -> None:
    layout = tree(tmp_path, {"annot/valid.json": [person("a.jpg"), person("a.jpg", scale=1.0), person("b.jpg")]})
    assert layout.list_videos()["video_id"].tolist() == ["images/a", "images/b"]
    labels = layout.pose("images/a")
    assert labels.joints.shape == (2, 1, 16, 2)
    assert labels.joints[0, 0, :2].tolist() == [[9, 19], [10, 20]]
    assert labels.visibility[0, 0].tolist() == [2] * 15 + [0]
    assert labels.joints[0, 0, 15].tolist() == [0, 0]
    assert labels.boxes[:, 0].tolist() == [[-21, -11, 79, 89], [-71, -61, 129, 139]]
    arrays = layout.own_arrays(tmp_path / "images/a.jpg")
    assert arrays["head_size"][:, 0].tolist() == [12.5, 25]
    assert arrays["keypoints"][0, 0, 0].tolist() == [10, 20, 1]


@pytest.mark.parametrize(
    "names", [("annot/train.json", "annot/valid.json"), ("annotations/mpii_train.json", "annotations/mpii_val.json")]
)
def test_the_validation_list_is_scored(names: tuple[str, str], tmp_path: Path) -> None:
    lists = {names[0]: [person("a.jpg")], names[1]: [person("b.jpg")], "annot/test.json": [person("c.jpg")]}
    table = tree(tmp_path, lists).list_videos().set_index("video_id")
    assert table["split_1"].to_dict() == {"images/a": "train", "images/b": "test"}


def test_the_union_of_both_lists_is_left_out(tmp_path: Path) -> None:
    lists = {"annotations/mpii_trainval.json": [person("a.jpg"), person("b.jpg")]}
    assert tree(tmp_path / "alone", lists).list_videos()["split_1"].tolist() == ["train", "train"]
    lists |= {"annotations/mpii_train.json": [person("a.jpg")], "annotations/mpii_val.json": [person("b.jpg")]}
    table = tree(tmp_path / "all", lists).list_videos()
    assert table["split_1"].tolist() == ["train", "test"]
    assert (table["status"] == "ok").all()


def test_images_of_one_video_are_a_group(tmp_path: Path) -> None:
    layout = tree(tmp_path, {"annot/valid.json": [person(f"{name}.jpg") for name in "abc"]})
    official(tmp_path / OFFICIAL, {"a.jpg": 7, "b.jpg": 7, "c.jpg": None})
    assert layout.list_videos()["group"].tolist() == ["video 7", "video 7", "images/c.jpg"]
    assert layout.notes == []
    assert OFFICIAL in layout.used


@pytest.mark.parametrize("content", [None, "torn", "other"])
def test_without_the_official_file_each_image_is_its_own_group(content: str | None, tmp_path: Path) -> None:
    layout = tree(tmp_path, {"annot/valid.json": [person("a.jpg"), person("b.jpg")]})
    if content == "torn":
        (tmp_path / OFFICIAL).write_bytes(b"MATLAB 5.0 MAT-file" + bytes(300))
    if content == "other":
        scipy.io.savemat(tmp_path / OFFICIAL, {"RELEASE": {"version": 1}})
    assert layout.list_videos()["group"].tolist() == ["images/a.jpg", "images/b.jpg"]
    assert "which images are of one video" in layout.notes[0]


DAMAGED = {
    "joints of another count": ({"joints": [[1, 2]] * 14}, "has joints (14, 2), not 16 x 2"),
    "joints without flags": ({"joints_vis": ...}, "joints_vis"),
    "a joint that is NaN": ({"joints": [[float("nan"), 2]] * 16}, "not finite"),
    "a scale of 0": ({"scale": 0}, "scale is not positive"),
    "a scale that is NaN": ({"scale": float("nan")}, "scale is not positive"),
    "no center": ({"center": ...}, "center"),
    "words": ({"scale": "large"}, "large"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_of_the_image_alone(name: str, tmp_path: Path) -> None:
    changes, reason = DAMAGED[name]
    layout = tree(tmp_path, {"annot/valid.json": [person("a.jpg"), person("b.jpg", **changes), person("c.jpg")]})
    assert layout.list_videos()["status"].tolist() == ["ok"] * 3
    with pytest.raises(LabelError, match=r"annot/valid.json, images/b.jpg") as error:
        layout.checked_pose("images/b")
    assert reason in str(error.value)
    for other in ("images/a", "images/c"):
        assert layout.pose(other).joints.shape == (1, 1, 16, 2)


def test_an_unlabelled_joint_may_stand_anywhere(tmp_path: Path) -> None:
    joints = [[10.0, 20.0]] * 15 + [[float("nan"), -1.0]]
    labels = tree(tmp_path, {"annot/valid.json": [person("a.jpg", joints=joints)]}).pose("images/a")
    assert labels.joints[0, 0, 15].tolist() == [0, 0]


def test_images_that_are_missing_or_in_two_lists(tmp_path: Path) -> None:
    lists = {"annot/train.json": [person("a.jpg")], "annot/valid.json": [person("a.jpg"), person("gone.jpg")]}
    layout = tree(tmp_path, lists)
    table = layout.list_videos().set_index("video_id")
    assert table["status"].to_dict() == {"images/a": "ok", "images/gone": "missing"}
    with pytest.raises(LabelError, match=r"it is in annot/train.json and in annot/valid.json"):
        layout.pose("images/a")


@pytest.mark.parametrize("content", ["{", "[1, 2]", '{"images": []}', '[{"joints": []}]'])
def test_another_format_is_an_error(content: str, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match=r"annot/valid.json is no list of people"):
        tree(tmp_path, {"annot/valid.json": content}).list_videos()

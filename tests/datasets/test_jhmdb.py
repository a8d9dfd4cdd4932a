from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io

from humotion.datasets.base import LabelError
from humotion.datasets.jhmdb import JHMDB
from tests.datasets.trees import JHMDB_CLIPS, jhmdb_tree, picture

FIRST, SECOND, THIRD = (f"ReCompress_Videos/walk/{name}" for name in JHMDB_CLIPS)


def test_list_videos(tmp_path: Path) -> None:
    table = JHMDB(jhmdb_tree(tmp_path)).list_videos().set_index("video_id")
    assert list(table.index) == [FIRST, SECOND, THIRD]
    assert table["split_1"].tolist() == ["train", "test", "train"]
    assert table.loc[FIRST, "sub_split_2"] == "test"
    assert table["sub_split_2"].isna().tolist() == [False, True, True]
    assert table["group"].tolist() == ["Film", "Film", "Other"]


def test_pose_is_zero_based_with_mask_boxes(tmp_path: Path) -> None:
    dataset = JHMDB(jhmdb_tree(tmp_path))
    labels = dataset.pose(FIRST)
    assert labels is not None
    raw = scipy.io.loadmat(tmp_path / "joint_positions/walk" / Path(FIRST).name / "joint_positions.mat")["pos_img"]
    assert labels.joints.shape == (6, 15, 2)
    np.testing.assert_allclose(labels.joints[4, 7], raw[:, 7, 4] - 1, rtol=1e-6)
    assert (labels.visibility == 2).all()
    # The mask stack is one frame short: its last frame's box stands for the rest.
    assert labels.boxes.tolist() == [[20, 10, 40, 30]] * 6
    assert dataset.pose(THIRD) is None


def test_a_frame_without_mask_pixels_and_a_clip_without_masks(tmp_path: Path) -> None:
    dataset = JHMDB(jhmdb_tree(tmp_path))
    path = tmp_path / "puppet_mask/walk" / Path(FIRST).name / "puppet_mask.mat"
    mask = scipy.io.loadmat(path)["part_mask"]
    mask[:, :, 2] = 0
    scipy.io.savemat(path, {"part_mask": mask})
    (tmp_path / "puppet_mask/walk" / Path(SECOND).name / "puppet_mask.mat").unlink()
    for video_id, frame in ((FIRST, 2), (SECOND, 0)):
        labels = dataset.pose(video_id)
        assert labels is not None
        extent = [*labels.joints[frame].min(axis=0), *labels.joints[frame].max(axis=0)]
        np.testing.assert_allclose(labels.boxes[frame], extent)


def test_damaged_labels_raise(tmp_path: Path) -> None:
    dataset = JHMDB(jhmdb_tree(tmp_path))
    path = tmp_path / "joint_positions/walk" / Path(FIRST).name / "joint_positions.mat"
    scipy.io.savemat(path, {"scale": np.ones(3)})
    with pytest.raises(LabelError, match="pos_img"):
        dataset.pose(FIRST)


def test_images_stand_in_for_videos(tmp_path: Path) -> None:
    jhmdb_tree(tmp_path / "videos")
    (tmp_path / "videos" / "ReCompress_Videos").rename(tmp_path / "unused")
    for name in list(JHMDB_CLIPS)[:2]:
        folder = tmp_path / "videos" / "Rename_Images" / "walk" / name
        folder.mkdir(parents=True)
        for number in range(6):
            cv2.imwrite(str(folder / f"{number + 1:05d}.png"), picture(number))
    table = JHMDB(tmp_path / "videos").list_videos()
    assert table["video_id"].tolist() == [f"Rename_Images/walk/{name}" for name in JHMDB_CLIPS]
    assert table["status"].tolist() == ["ok", "ok", "missing"]
    assert JHMDB(tmp_path / "videos").pose(table["video_id"][0]) is not None


def test_real_jhmdb(real_data: Path) -> None:
    dataset = JHMDB(real_data / "jhmdb")
    table = dataset.list_videos()
    assert len(table) == 517
    assert table["label"].nunique() == 12
    assert (table["status"] == "ok").all()
    assert table["sub_split_1"].notna().sum() == 210
    posed = [video_id for video_id in table["video_id"] if has_joints(real_data, video_id)]
    assert len(posed) == 327
    for video_id in posed[::20]:
        labels = dataset.pose(video_id)
        assert labels is not None
        centre = (labels.boxes[:, :2] + labels.boxes[:, 2:]) / 2
        size = (labels.boxes[:, 2:] - labels.boxes[:, :2]).max(axis=1)
        assert (np.abs(labels.joints.mean(axis=1) - centre).max(axis=1) < size).all(), video_id


def has_joints(real_data: Path, video_id: str) -> bool:
    return (real_data / "jhmdb/joint_positions" / Path(*Path(video_id).parts[1:]) / "joint_positions.mat").exists()

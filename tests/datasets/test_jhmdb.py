from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io

from humotion.datasets.jhmdb import JHMDB
from humotion.datasets.shared.base import LabelError
from humotion.video.decode import decode_video
from humotion.video.images import decode_frames_folder
from tests.support.trees import JHMDB_CLIPS, jhmdb_tree, picture

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
    assert labels.joints.shape == (1, 6, 15, 2)
    np.testing.assert_allclose(labels.joints[0, 4, 7], raw[:, 7, 4] - 1, rtol=1e-6)
    assert (labels.visibility == 2).all()
    # The mask stack is one frame short: its last frame's box stands for the rest.
    assert labels.boxes.tolist() == [[[20, 10, 40, 30]] * 6]
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
        extent = [*labels.joints[0, frame].min(axis=0), *labels.joints[0, frame].max(axis=0)]
        np.testing.assert_allclose(labels.boxes[0, frame], extent)


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


def test_an_empty_folder_of_videos_does_not_hide_the_images(tmp_path: Path) -> None:
    root = jhmdb_tree(tmp_path)
    shutil.move(root / "ReCompress_Videos", tmp_path / "elsewhere")
    (root / "ReCompress_Videos" / "walk").mkdir(parents=True)
    for name in JHMDB_CLIPS:
        folder = root / "Rename_Images" / "walk" / name
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "00001.png"), picture(0))
    layout = JHMDB(root)
    table = layout.list_videos()
    assert table["video_id"].tolist() == [f"Rename_Images/walk/{name}" for name in JHMDB_CLIPS]
    assert (table["status"] == "ok").all()
    assert layout.notes == ["there is no video in ReCompress_Videos, so the clips are read from Rename_Images"]


@pytest.fixture(scope="module")
def real(real_data: Path) -> JHMDB:
    return JHMDB(real_data / "jhmdb")


def test_every_line_of_the_real_split_files(real: JHMDB) -> None:
    """Read once more by words: 1 is train, 2 is test, and sub_splits name a part of the clips."""
    table = real.list_videos()
    assert len(table) == 517
    assert table["label"].nunique() == 12
    assert (table["status"] == "ok").all()
    rows = table.set_index("video_id")
    for folder, column, num_clips in (("splits", "split", 517), ("sub_splits", "sub_split", 210)):
        paths = sorted((real.root / folder).iterdir())
        assert len(paths) == 36
        for number in "123":
            split = rows[f"{column}_{number}"]
            words = [(path, *line.split()) for path in paths if path.stem[-1] == number for line in path.open()]
            for path, name, code in words:
                label = path.name.rpartition("_test_split")[0]
                assert (
                    split[f"ReCompress_Videos/{label}/{name.removesuffix('.avi')}"]
                    == [None, "train", "test"][int(code)]
                )
            assert len(words) == split.notna().sum() == num_clips


def test_all_real_joints(real: JHMDB, real_data: Path) -> None:
    videos = real.list_videos()["video_id"]
    posed = [video_id for video_id in videos if has_joints(real_data, video_id)]
    assert len(posed) == 327
    for video_id in posed[::20]:
        labels = real.pose(video_id)
        assert labels is not None
        centre = (labels.boxes[0, :, :2] + labels.boxes[0, :, 2:]) / 2
        size = (labels.boxes[0, :, 2:] - labels.boxes[0, :, :2]).max(axis=1)
        assert (np.abs(labels.joints[0].mean(axis=1) - centre).max(axis=1) < size).all(), video_id


def test_a_real_clip_as_images_is_the_same_clip(real: JHMDB, tmp_path: Path) -> None:
    """The other official form, made of a real clip: Rename_Images/<class>/<clip>/00001.png, the rest as it is."""
    table = real.list_videos()
    row = table[table["sub_split_1"].notna()].iloc[0]
    label, clip = Path(row["video_id"]).parts[1:]
    frames = [picture.pixels for picture in decode_video(real.root / row["path"]).pictures()]
    folder = tmp_path / "Rename_Images" / label / clip
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames, start=1):
        cv2.imwrite(str(folder / f"{number:05d}.png"), frame[..., ::-1])
    for name in ("joint_positions", "puppet_mask", "splits", "sub_splits"):
        shutil.copytree(real.root / name, tmp_path / name, copy_function=os.symlink)  # DVC follows links to files
    images = JHMDB(tmp_path)
    found = images.list_videos().set_index("video_id").loc[f"Rename_Images/{label}/{clip}"]
    for column in ("label", "group", "split_1", "split_2", "split_3", "sub_split_1", "status"):
        assert found[column] == row[column]
    decoded = [picture.pixels for picture in decode_frames_folder(images.root / found["path"]).pictures()]
    np.testing.assert_array_equal(decoded, frames)
    one, other = real.pose(row["video_id"]), images.pose(found.name)
    assert one is not None and other is not None
    np.testing.assert_array_equal(one.joints, other.joints)
    np.testing.assert_array_equal(one.boxes, other.boxes)
    assert one.num_frames == len(frames)


def has_joints(real_data: Path, video_id: str) -> bool:
    return (real_data / "jhmdb/joint_positions" / Path(*Path(video_id).parts[1:]) / "joint_positions.mat").exists()

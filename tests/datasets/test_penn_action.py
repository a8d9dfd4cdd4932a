from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from humotion.datasets.base import LabelError
from humotion.datasets.penn_action import PennAction, read_labels
from tests.datasets.trees import SIZE, penn_labels, penn_tree


def save(path: Path, **changes: object) -> Path:
    scipy.io.savemat(path, {**penn_labels(4), **changes})
    return path


def test_list_videos(tmp_path: Path) -> None:
    root = penn_tree(tmp_path)
    table = PennAction(root).list_videos()
    assert table["video_id"].tolist() == ["frames/0001", "frames/0002", "frames/0003"]
    assert table["label"].tolist() == ["squat", "squat", "bowl"]
    assert table["label_id"].tolist() == [1, 1, 0]
    assert table["split_1"].tolist() == ["train", "train", "test"]
    assert table["group"].tolist() == ["0001", "0002", "0003"]
    assert (table["status"] == "ok").all()


def test_labels_become_zero_based(tmp_path: Path) -> None:
    content = penn_labels(4)
    labels = read_labels(save(tmp_path / "0001.mat"))
    assert labels.joints.shape == (4, 13, 2)
    assert labels.joints.dtype == np.float32
    np.testing.assert_allclose(labels.joints[2, 3], [content["x"][2, 3] - 1, content["y"][2, 3] - 1], rtol=1e-6)
    np.testing.assert_allclose(labels.boxes[0], [3, 4, 59, 43])
    assert (labels.visibility == 2).all()


def test_small_integer_positions_do_not_wrap(tmp_path: Path) -> None:
    x = np.full((4, 13), 3, np.uint8)
    x[0, 0] = 0
    y = np.full((4, 13), 200, np.uint8)
    labels = read_labels(save(tmp_path / "0001.mat", x=x, y=y))
    assert labels.joints[0, 0].tolist() == [-1, 199]
    assert labels.joints[1, 1].tolist() == [2, 199]


@pytest.mark.parametrize("value", [0.75, 2 / 3, 1.5, 1.0, 0.0, 1e-4])
def test_placeholders_near_the_origin_are_absent(tmp_path: Path, value: float) -> None:
    content = penn_labels(4)
    x, y = content["x"].copy(), content["y"].copy()
    x[1, 4] = y[1, 4] = value
    visibility = np.ones((4, 13), np.uint8)
    visibility[1, 4] = visibility[2, 5] = 0
    labels = read_labels(save(tmp_path / "0001.mat", x=x, y=y, visibility=visibility))
    assert labels.visibility[1, 4] == 0
    assert labels.visibility[2, 5] == 1  # hidden, but its position is known
    assert (labels.visibility == 2).sum() == 4 * 13 - 2


def test_a_box_short_of_a_row_repeats_the_last(tmp_path: Path) -> None:
    boxes = np.array([[1, 2, 30, 40], [2, 3, 31, 41], [3, 4, 32, 42]], float)
    labels = read_labels(save(tmp_path / "0001.mat", bbox=boxes))
    assert labels.boxes[:, 0].tolist() == [0, 1, 2, 2]


def test_a_box_without_area_becomes_the_extent_of_visible_joints(tmp_path: Path) -> None:
    content = penn_labels(4)
    boxes = content["bbox"].copy()
    boxes[1] = [10, 10, 10, 10]
    boxes[3] = [0.75, 0.75, 0, 0]
    visibility = np.ones((4, 13), np.uint8)
    visibility[1, 6:] = 0
    visibility[3] = 0
    labels = read_labels(save(tmp_path / "0001.mat", bbox=boxes, visibility=visibility))
    x, y = content["x"][1, :6] - 1, content["y"][1, :6] - 1
    np.testing.assert_allclose(labels.boxes[1], [x.min(), y.min(), x.max(), y.max()], rtol=1e-5)
    np.testing.assert_allclose(labels.boxes[3], labels.boxes[2])  # nothing visible: the frame before


def test_frames_are_counted_in_x_and_sizes_taken_from_images(tmp_path: Path) -> None:
    root = penn_tree(tmp_path, num_sequences=1, num_frames=3)
    content = penn_labels(3)
    content["x"][0, 0] = SIZE[0] + 30  # 1-based: outside the image, inside the wrong dimensions
    content["x"][0, 1] = SIZE[0]  # the last column
    content |= {"dimensions": np.array([[480, 640, 3]], np.uint16), "nframes": np.array([[99]], np.uint8)}
    scipy.io.savemat(root / "labels" / "0001.mat", content)
    labels = PennAction(root).pose("frames/0001")
    assert len(labels.joints) == 3
    assert labels.visibility[0, 0] == 0
    assert labels.visibility[0, 1] == 2


@pytest.mark.parametrize("field", ["x", "bbox", "visibility", "train", "action"])
def test_a_missing_field_becomes_a_status_that_names_it(tmp_path: Path, field: str) -> None:
    root = penn_tree(tmp_path)
    content = penn_labels(5)
    del content[field]
    scipy.io.savemat(root / "labels" / "0002.mat", content)
    table = PennAction(root).list_videos()
    assert table["status"].tolist() == ["ok", "corrupt", "ok"]
    assert f"'{field}'" in table["error"][1]
    with pytest.raises(LabelError, match=field):
        read_labels(root / "labels" / "0002.mat")


@pytest.mark.parametrize("data", [b"", b"no matlab file", b"MATLAB 5.0 MAT-file" + bytes(200)])
def test_a_damaged_label_file_becomes_a_status(tmp_path: Path, data: bytes) -> None:
    root = penn_tree(tmp_path)
    (root / "labels" / "0001.mat").write_bytes(data)
    table = PennAction(root).list_videos()
    assert table["status"].tolist() == ["corrupt", "ok", "ok"]
    assert table["label_id"][0] == -1


def test_wrong_shapes_are_label_errors(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="'y'"):
        read_labels(save(tmp_path / "0001.mat", y=np.ones((3, 13))))
    with pytest.raises(LabelError, match="'x'"):
        read_labels(save(tmp_path / "0001.mat", x=np.ones((4, 12))))


def test_labels_without_frames_and_frames_without_labels(tmp_path: Path) -> None:
    root = penn_tree(tmp_path)
    (root / "labels" / "0001.mat").unlink()
    for path in (root / "frames" / "0002").iterdir():
        path.unlink()
    (root / "frames" / "0002").rmdir()
    table = PennAction(root).list_videos()
    assert table["status"].tolist() == ["corrupt", "missing", "ok"]


def test_real_labels(real_data: Path) -> None:
    dataset = PennAction(real_data / "penn_action")
    table = dataset.list_videos()
    assert len(table) == 2326
    assert table["label"].nunique() == 15
    assert table["split_1"].value_counts().to_dict() == {"train": 1258, "test": 1068}
    errata = [f"frames/{name}" for name in ("0038", "0623", "1021", "1154", "1865", "2173")]
    for video_id in [*table["video_id"][::20], *errata]:
        labels = dataset.pose(video_id)
        known = labels.visibility > 0
        assert len(labels.joints) == len(labels.visibility) == len(labels.boxes)
        assert (labels.joints[known] > -0.5).all()
        assert not labels.joints[~known].any()
        assert (labels.boxes[:, 2] > labels.boxes[:, 0]).all(), video_id
        assert (labels.boxes[:, 3] > labels.boxes[:, 1]).all(), video_id
    assert len(dataset.pose("frames/1865").boxes) == 73


def test_the_first_of_each_pair_is_the_anatomical_right(real_data: Path) -> None:
    """Facing the camera, a person's right shoulder lies at the left of the image; from behind, at the right."""
    shoulder = {"front": [], "back": []}
    for path in sorted((real_data / "penn_action" / "labels").glob("*.mat"))[::20]:
        view = str(scipy.io.loadmat(path)["pose"].ravel()[0])
        labels = read_labels(path)
        both = (labels.visibility[:, 1] == 2) & (labels.visibility[:, 2] == 2)
        if view in shoulder and both.any():
            shoulder[view].append(np.sign(labels.joints[both, 1, 0] - labels.joints[both, 2, 0]).mean())
    assert np.mean(shoulder["front"]) < -0.4
    assert np.mean(shoulder["back"]) > 0.3

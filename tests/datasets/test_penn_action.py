from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import scipy.io

from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.datasets.penn_action import PennAction, hide_outside, read_labels
from humotion.datasets.shared.base import LabelError, PoseLabels
from humotion.video.probe import probe
from tests.support.trees import SIZE, penn_labels, penn_tree


def of_one(labels: PoseLabels) -> PoseLabels:
    """The labels of the one person, without that axis."""
    assert len(labels.joints) == len(labels.visibility) == len(labels.boxes) == 1
    return PoseLabels(labels.joints[0], labels.visibility[0], labels.boxes[0], labels.changed)


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


@pytest.mark.parametrize("value", [7, 2, -3])
def test_a_split_that_is_none_is_damage_and_not_a_test_clip(tmp_path: Path, value: int) -> None:
    root = penn_tree(tmp_path)
    scipy.io.savemat(root / "labels" / "0002.mat", {**penn_labels(4), "train": value})
    row = PennAction(root).list_videos().set_index("video_id").loc["frames/0002"]
    assert row["status"] == "corrupt" and pd.isna(row["split_1"])
    assert f"'train' is {value}" in row["error"]


def test_labels_become_zero_based(tmp_path: Path) -> None:
    content = penn_labels(4)
    labels = of_one(read_labels(save(tmp_path / "0001.mat")))
    assert labels.joints.shape == (4, 13, 2)
    assert labels.joints.dtype == np.float32
    np.testing.assert_allclose(labels.joints[2, 3], [content["x"][2, 3] - 1, content["y"][2, 3] - 1], rtol=1e-6)
    np.testing.assert_allclose(labels.boxes[0], [3, 4, 59, 43])
    assert (labels.visibility == 2).all()


def test_small_integer_positions_do_not_wrap(tmp_path: Path) -> None:
    x = np.full((4, 13), 3, np.uint8)
    x[0, 0] = 0
    y = np.full((4, 13), 200, np.uint8)
    labels = of_one(read_labels(save(tmp_path / "0001.mat", x=x, y=y)))
    assert labels.joints[0, 0].tolist() == [-1, 199]
    assert labels.joints[1, 1].tolist() == [2, 199]


@pytest.mark.parametrize("value", [0.75, 2 / 3, 1.5, 1.0, 0.0, 1e-4])
def test_placeholders_near_the_origin_are_absent(tmp_path: Path, value: float) -> None:
    content = penn_labels(4)
    x, y = content["x"].copy(), content["y"].copy()
    x[1, 4] = y[1, 4] = value
    visibility = np.ones((4, 13), np.uint8)
    visibility[1, 4] = visibility[2, 5] = 0
    labels = of_one(read_labels(save(tmp_path / "0001.mat", x=x, y=y, visibility=visibility)))
    assert labels.visibility[1, 4] == 0
    assert labels.visibility[2, 5] == 1  # hidden, but its position is known
    assert (labels.visibility == 2).sum() == 4 * 13 - 2


def test_a_box_short_of_a_row_repeats_the_last(tmp_path: Path) -> None:
    boxes = np.array([[1, 2, 30, 40], [2, 3, 31, 41], [3, 4, 32, 42]], float)
    labels = of_one(read_labels(save(tmp_path / "0001.mat", bbox=boxes)))
    assert labels.boxes[:, 0].tolist() == [0, 1, 2, 2]


def test_a_box_without_area_becomes_the_extent_of_visible_joints(tmp_path: Path) -> None:
    content = penn_labels(4)
    boxes = content["bbox"].copy()
    boxes[1] = [10, 10, 10, 10]
    boxes[3] = [0.75, 0.75, 0, 0]
    visibility = np.ones((4, 13), np.uint8)
    visibility[1, 6:] = 0
    visibility[3] = 0
    labels = of_one(read_labels(save(tmp_path / "0001.mat", bbox=boxes, visibility=visibility)))
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
    labels = of_one(PennAction(root).pose("frames/0001"))
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


class Sequence(NamedTuple):
    """One real label file: as it is, and as it is read."""

    raw: dict[str, Any]
    labels: PoseLabels


@pytest.fixture(scope="module")
def sequences(real_data: Path) -> dict[str, Sequence]:
    """All of them."""
    paths = sorted((real_data / "penn_action" / "labels").glob("*.mat"))
    return {path.stem: Sequence(scipy.io.loadmat(path), of_one(read_labels(path))) for path in paths}


def test_table_of_all_sequences(real_data: Path) -> None:
    table = PennAction(real_data / "penn_action").list_videos()
    assert len(table) == 2326
    assert table["label"].nunique() == 15
    assert table["split_1"].value_counts().to_dict() == {"train": 1258, "test": 1068}
    assert (table["status"] == "missing").all()  # the frames are not at hand


def test_every_label_file_is_read_whole(sequences: dict[str, Sequence]) -> None:
    assert len(sequences) == 2326
    flags: Counter[int] = Counter()
    for name, (raw, labels) in sequences.items():
        num_frames = int(raw["nframes"].ravel()[0])
        assert labels.joints.shape == (num_frames, 13, 2), name
        assert labels.visibility.shape == (num_frames, 13)
        assert labels.boxes.shape == (num_frames, 4)
        assert np.isfinite(labels.joints).all()
        assert (labels.boxes[:, 2:] > labels.boxes[:, :2]).all(), name
        known = labels.visibility > 0
        # 1-based to 0-based, also where the file holds 8-bit numbers.
        expected = np.stack([raw["x"], raw["y"]], axis=-1).astype(float)[known] - 1
        np.testing.assert_allclose(labels.joints[known], expected, rtol=1e-6, err_msg=name)
        assert (labels.joints[known] >= 0).all()
        assert not labels.joints[~known].any()
        flags.update(labels.visibility.ravel().tolist())
    assert flags == {0: 187_352, 1: 282_149, 2: 1_660_432}
    assert sum(raw["nframes"].dtype == np.uint8 for raw, _ in sequences.values()) == 2273
    assert sum(raw["x"].dtype == np.uint8 for raw, _ in sequences.values()) == 41


def test_placeholders_lie_apart_from_every_labelled_joint(sequences: dict[str, Sequence]) -> None:
    """Absent joints have x == y near the origin, are never marked visible, and nothing else is like them."""
    diagonal, is_absent = [], []
    for raw, labels in sequences.values():
        x, y = (raw[axis].astype(float) for axis in "xy")
        absent = labels.visibility == 0
        diagonal.append(x[x == y])
        is_absent.append(absent[x == y])
        assert (x[absent] == y[absent]).all()
        assert not raw["visibility"][absent].any()
    values, absent = np.concatenate(diagonal), np.concatenate(is_absent)
    assert values[absent].max() < 1.53
    assert values[~absent].min() >= 10


def test_boxes_without_a_row_or_an_area(sequences: dict[str, Sequence]) -> None:
    short = {name for name, (raw, _) in sequences.items() if len(raw["bbox"]) != len(raw["x"])}
    assert short == {"1154", "1865"}
    for name in short:
        raw, labels = sequences[name]
        assert len(raw["bbox"]) == len(raw["x"]) - 1
        np.testing.assert_allclose(labels.boxes[-1], raw["bbox"][-1] - 1.0)  # the row before stands for it
    empty = {}
    for name, (raw, labels) in sequences.items():
        boxes = raw["bbox"].astype(float)
        whole = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        if not whole.all():
            empty[name] = int((~whole).sum())
        np.testing.assert_allclose(labels.boxes[: len(boxes)][whole], boxes[whole] - 1, atol=1e-4)
    assert empty == {
        **{"0038": 7, "0374": 5, "0525": 1, "0541": 1, "0600": 4},
        **{"0623": 153, "0645": 2, "0700": 1, "1825": 10, "2173": 1},
    }
    told: Counter[str] = Counter()
    for name, (_, labels) in sequences.items():
        told.update(labels.changed)
        assert sum(number for kind, number in labels.changed.items() if "an empty box" in kind) == empty.get(name, 0)
    assert told == {
        "an empty box: that of another frame replaces it": 184,
        "an empty box: the extent of the visible joints replaces it": 1,
        "no box: the last one of the file is repeated": 2,
    }


def test_visible_joints_outside_the_image_are_hidden(sequences: dict[str, Sequence]) -> None:
    """By ``dimensions`` here, for lack of the images; it is these four sequences that make it suspect."""
    outside = {}
    for name, (raw, labels) in sequences.items():
        height, width = (int(size) for size in raw["dimensions"].ravel()[:2])
        hidden = hide_outside(labels, width, height)
        lost = (labels.visibility == 2) & (hidden.visibility == 0)
        x, y = raw["x"][lost].astype(float), raw["y"][lost].astype(float)
        assert ((x > width) | (y > height)).all()
        if lost.any():
            outside[name] = int(lost.sum())
    assert outside == {"0979": 86, "1021": 382, "1024": 329, "1032": 210}


def test_left_and_right_measured_on_all_labels(sequences: dict[str, Sequence]) -> None:
    """Facing the camera, a person's right side lies at the left of the image; from behind, at the right.

    Where one joint of a pair is labelled "r_", its x is compared with that of its "l_": the sign, averaged over
    the frames of a clip in which both are labelled visible, and then over the clips of each view.
    """
    measured = {}
    for part in ("shoulder", "hip"):
        right, left = (PENN_ACTION.joints.index(f"{side}_{part}") for side in "rl")
        for view in ("front", "back"):
            signs = []
            for raw, labels in sequences.values():
                both = (labels.visibility[:, [right, left]] == 2).all(axis=1)
                if raw["pose"].item() == view and both.any():
                    signs.append(np.sign(labels.joints[both, right, 0] - labels.joints[both, left, 0]).mean())
            measured[view, part] = (round(float(np.mean(signs)), 2), len(signs))
    assert measured == {
        ("front", "shoulder"): (-0.92, 567),
        ("front", "hip"): (-0.92, 509),
        ("back", "shoulder"): (0.57, 598),
        ("back", "hip"): (0.68, 600),
    }


def cell(value: object) -> np.ndarray:
    """A MATLAB cell array with one cell."""
    found = np.empty((1, 1), object)
    found[0, 0] = value
    return found


@pytest.mark.parametrize(
    ("field", "value", "label", "told"),
    [
        ("action", cell("squat"), "squat", None),
        ("action", cell(cell("squat")), "squat", None),
        ("action", "squat  ", "squat", None),
        ("action", "   ", None, "'action' is not one line of text"),
        ("action", np.array([["squat"], ["bowl"]]), None, "'action' is not one line of text"),
        ("action", 3.0, None, "'action' is not one line of text"),
        ("train", cell(np.array([[1]])), "squat", None),
        ("train", "yes", None, "'train' is text, not numbers"),
        ("train", np.array([[1, 1]]), None, "'train' is not one whole number"),
        ("train", np.array([[np.nan]]), None, "'train' is not one whole number"),
        ("x", cell(penn_labels(5, 1)["x"]), "squat", None),
        ("x", np.array([[1, "a"], ["b", 2]], object), "squat", "'x' is a cell array, not numbers"),
        ("visibility", {"left": 1.0}, "squat", "'visibility' is a struct, not numbers"),
    ],
)
def test_cells_and_blanks_are_values_or_rows(
    field: str, value: object, label: str | None, told: str | None, tmp_path: Path
) -> None:
    root = penn_tree(tmp_path)
    scipy.io.savemat(root / "labels" / "0001.mat", {**penn_labels(5, 1), field: value})
    layout = PennAction(root)
    table = layout.list_videos()
    assert (table["label"][0] if label else table["label"].isna()[0]) == (label or True)
    assert table["label_id"].tolist()[1:] == [1, 0]
    if told and label:
        with pytest.raises(LabelError, match=told):
            layout.checked_pose("frames/0001")
    elif told:
        assert told in table["error"][0]
    else:
        found = layout.checked_pose("frames/0001")
        assert found is not None
        np.testing.assert_array_equal(found.joints, read_labels(save_plain(tmp_path / "plain.mat")).joints)


def save_plain(path: Path) -> Path:
    scipy.io.savemat(path, penn_labels(5, 1))
    return path


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(600),
            r"format 7\.3.*save\('0001\.mat', '-struct', 's', '-v7'\)",
        ),
        (b"# Created by Octave 8.4.0\n# name: x\n", "Octave's text format.*save"),
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
    ],
)
def test_other_formats_say_how_to_convert_them(data: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "0001.mat"
    path.write_bytes(data)
    with pytest.raises(LabelError, match=told):
        read_labels(path)


def test_a_lost_first_frame_shifts_no_label(tmp_path: Path) -> None:
    root = penn_tree(tmp_path)
    (root / "frames" / "0001" / "000001.jpg").unlink()
    found = probe(root / "frames" / "0001", PennAction(root).first_frame)
    assert (found.status, found.error) == ("corrupt", "frame 1 is missing: the first is 000002.jpg")

"""The layout coco: every way in which a file or an annotation can be bad is an error, a status or a note."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from humotion.datasets.coco import COCO, SKELETONS
from humotion.datasets.shared.base import LabelError
from humotion.datasets.shared.omissions import find_omissions
from humotion.errors import HumotionError
from humotion.params.document import validate_params
from humotion.stages import extract, index
from humotion.store.frames import FrameStore
from humotion.store.layers import Layer
from humotion.tasks.multi_person_pose.training.truth import truth_of_layer

WIDTH, HEIGHT = 64, 48
SIDES = {"l_": "left_", "r_": "right_"}
Change = Callable[[dict[str, Any]], None]


def names_of(skeleton: Any) -> list[str]:
    return [SIDES.get(joint[:2], joint[:2]) + joint[2:] for joint in skeleton.joints]


def person(number: int, image: int, num_joints: int = 17, **changes: Any) -> dict[str, Any]:
    keypoints = [value for joint in range(num_joints) for value in (10 + joint, 5 + 2 * joint, 2)]
    keypoints[:3] = [0, 0, 0]
    whole = {
        **{"id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "area": 400.0, "bbox": [10, 5, 20, 40]},
        **{"keypoints": keypoints, "num_keypoints": num_joints - 1, "segmentation": [[10, 5, 30, 5, 30, 45]]},
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not ...}


def content_of(num_images: int = 3, skeleton: Any = SKELETONS[0]) -> dict[str, Any]:
    images = [
        {"id": number, "file_name": f"{number:03d}.jpg", "width": WIDTH, "height": HEIGHT}
        for number in range(1, num_images + 1)
    ]
    people = [person(10 * image["id"], image["id"], len(skeleton.joints)) for image in images]
    category = {"id": 1, "name": "person", "keypoints": names_of(skeleton), "skeleton": [[16, 14]]}
    return {"images": images, "annotations": people, "categories": [category]}


def picture(path: Path, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((size[1], size[0], 3), 90, np.uint8))


def dataset(root: Path, content: Any, name: str = "annotations/person_keypoints_val2017.json") -> COCO:
    """The content in a file, and its images in val2017."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    if not (root / "val2017").exists():
        for number in (1, 2, 3):
            picture(root / f"val2017/{number:03d}.jpg")
    return COCO(root)


def put(**changes: Any) -> Change:
    """The second image's person with other values; ``...`` takes one away."""

    def change(content: dict[str, Any]) -> None:
        content["annotations"][1] = person(20, 2, **changes)

    return change


def add(**changes: Any) -> Change:
    return lambda content: content["annotations"].append(person(99, 2, **changes))


def image(**changes: Any) -> Change:
    return lambda content: content["images"][1].update(changes)


def run_stages() -> None:
    """Index and extract the dataset in ``raw``."""
    settings: dict[str, Any] = {"datasets": {"tiny": {"layout": "coco", "root": "raw", "frames": {"shards": 2}}}}
    params = validate_params({**settings, "layers": {}, "experiments": {}, "machine": {"workers": 0}}, "wrong:")
    index.run("tiny", params)
    extract.run("tiny", params)


DAMAGED: dict[str, tuple[Change, str]] = {
    "keypoints of another count": (put(keypoints=[1, 2, 2] * 14), "annotation 20: keypoints has 42 numbers, not 51"),
    "a keypoint that is NaN": (put(keypoints=[float("nan"), 1, 2] * 17), "not 51 that are finite"),
    "an infinite keypoint": (put(keypoints=[float("inf"), 1, 2] * 17), "not 51 that are finite"),
    "a flag of 3": (put(keypoints=[1, 2, 3] * 17), "flag that is not 0, 1 or 2"),
    "keypoints that are words": (put(keypoints="none"), "could not convert"),
    "a box of three numbers": (put(bbox=[1, 2, 3]), "annotation 20: bbox has 3 numbers, not 4"),
    "a box with NaN": (put(bbox=[1, 2, 3, float("nan")]), "not 4 that are finite"),
    "a negative area": (put(area=-1), "an area that is no area"),
    "an area that is NaN": (put(area=float("nan")), "an area that is no area"),
    "no id": (put(id=...), "id"),
    "an id that is there twice": (add(id=30), "given twice"),
    "an image of another size": (image(width=WIDTH + 1), "64 x 48 pixels, but annotations/person_keypoints_val2017"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_annotation_is_the_status_of_its_image(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    """Through the real stages: one image is corrupt, with the reason, and the others are whole."""
    change, reason = DAMAGED[name]
    content = content_of()
    change(content)
    dataset(tmp_path / "raw", content)
    monkeypatch.chdir(tmp_path)
    run_stages()
    videos = pd.read_parquet("prepared/tiny/videos.parquet").set_index("video_id")
    bad = {"val2017/002", "val2017/003"} if "twice" in name else {"val2017/002"}
    assert set(videos.index[videos["status"] == "corrupt"]) == bad
    assert reason in videos.loc["val2017/002", "error"]
    frames = pd.read_parquet("prepared/tiny/frames.parquet").set_index("video_id")
    assert set(frames.index[frames["status"] == "ok"]) == set(videos.index) - bad
    store = FrameStore(Path("prepared/tiny/frames"), Path("prepared/tiny/frames.parquet"), Path("layers/tiny/labels"))
    assert set(store) == set(videos.index) - bad
    assert store["val2017/001"].annotation["keypoints"].shape == (1, 1, 17, 3)


KEPT: dict[str, tuple[Change, set[str]]] = {
    "no area": (put(area=...), {"an annotation without an area: 0.53 of its box counts"}),
    "no box": (put(bbox=...), {"an empty box: the extent of the visible joints replaces it"}),
    "an empty box": (put(bbox=[5, 5, 0, 0]), {"an empty box: the extent of the visible joints replaces it"}),
    "no keypoints": (put(keypoints=..., num_keypoints=0), set()),
    "a crowd alone": (
        put(keypoints=[0] * 51, num_keypoints=0, iscrowd=1, segmentation={"counts": [9, 9], "size": [48, 64]}),
        set(),
    ),
    "no segmentation": (put(segmentation=...), set()),
    "a huge polygon": (put(segmentation=[list(range(200_000))]), set()),
    "sixty people": (lambda content: content["annotations"].extend(person(100 + n, 2) for n in range(59)), set()),
    "a person half outside": (put(keypoints=[-30, 20, 2] * 8 + [200, 90, 1] * 9, bbox=[-40, 5, 300, 60]), set()),
    "nobody": (lambda content: content["annotations"].pop(1), set()),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_an_annotation_may_lack_is_kept_or_told(name: str, tmp_path: Path) -> None:
    change, told = KEPT[name]
    content = content_of()
    change(content)
    layout = dataset(tmp_path, content)
    table = layout.list_videos()
    assert table["status"].tolist() == ["ok"] * 3
    people = [one for one in content["annotations"] if one["image_id"] == 2]
    labels, arrays = layout.pose("val2017/002"), layout.own_arrays(tmp_path / "val2017/002.jpg")
    assert labels.joints.shape == (len(people), 1, 17, 2)
    assert set(labels.changed) == told
    assert np.isfinite(labels.boxes).all()
    ends = arrays["segment_end"][:, 0].tolist()
    for one, start, end, keypoints in zip(people, [0, *ends], ends, arrays["keypoints"][:, 0], strict=False):
        assert json.loads(arrays["segments"][0, 0, start:end].tobytes()) == one.get("segmentation", [])
        np.testing.assert_array_equal(keypoints.reshape(-1), one.get("keypoints", [0] * 51))
    same = layout.own_arrays(tmp_path / "val2017/001.jpg")
    assert {key: array.dtype for key, array in arrays.items()} == {key: array.dtype for key, array in same.items()}


def test_images_of_nobody_and_of_sixty_people_are_stored(tmp_path: Path, monkeypatch: Any) -> None:
    content = content_of()
    content["annotations"] = [person(10, 1), *(person(100 + n, 3) for n in range(60))]
    dataset(tmp_path / "raw", content)
    monkeypatch.chdir(tmp_path)
    run_stages()
    store = FrameStore(Path("prepared/tiny/frames"), Path("prepared/tiny/frames.parquet"), Path("layers/tiny/labels"))
    shapes = {video_id: store[video_id].joints.shape for video_id in store}  # type: ignore[union-attr]
    assert shapes == {f"val2017/00{n}": (people, 1, 17, 2) for n, people in ((1, 1), (2, 0), (3, 60))}
    assert store["val2017/002"].annotation["bbox"].shape == (0, 1, 4)
    truth = truth_of_layer(Layer(Path("layers/tiny/labels")))
    assert (len(truth.images), len(truth.annotations)) == (3, 61)


def test_unlabelled_joints_stand_at_the_origin(tmp_path: Path) -> None:
    labels = dataset(tmp_path, content_of()).pose("val2017/001")
    assert labels.visibility[0, 0].tolist() == [0] + [2] * 16
    assert labels.joints[0, 0, :2].tolist() == [[0, 0], [11, 7]]
    assert labels.boxes[0, 0].tolist() == [10, 5, 30, 45]


NOT_COCO = {
    "no JSON": "{",
    "a list": "[]",
    "no annotations": json.dumps({"images": [], "categories": []}),
    "annotations without joints": json.dumps({"images": [], "annotations": [], "categories": [{"id": 1}]}),
    "joints of another set": json.dumps(
        {"images": [], "annotations": [], "categories": [{"id": 1, "keypoints": ["head", "tail"]}]}
    ),
    "categories that are words": json.dumps({"images": [], "annotations": [], "categories": ["person"]}),
}


@pytest.mark.parametrize("name", NOT_COCO)
def test_a_file_of_another_format_is_an_error_that_says_what_is_expected(name: str, tmp_path: Path) -> None:
    layout = dataset(tmp_path, NOT_COCO[name])
    with pytest.raises(
        HumotionError, match=r"(?s)person_keypoints_val2017.json is not of COCO's format.*Expected: ann"
    ):
        layout.list_videos()


def test_a_root_without_labels_says_what_is_expected(tmp_path: Path) -> None:
    picture(tmp_path / "val2017/001.jpg")
    with pytest.raises(
        HumotionError, match=r"No videos .* There are: val2017/. Expected in it: annotations/person_key"
    ):
        COCO(tmp_path).list_videos()


def test_a_link_to_a_folder_is_refused(tmp_path: Path) -> None:
    layout = dataset(tmp_path / "root", content_of())
    (tmp_path / "root/val2017").rename(tmp_path / "elsewhere")
    (tmp_path / "root/val2017").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HumotionError, match=r"val2017 is a link to the folder .*elsewhere"):
        layout.list_videos()


def test_missing_images_have_a_status_and_others_are_left_out(tmp_path: Path) -> None:
    layout = dataset(tmp_path, content_of())
    (tmp_path / "val2017/002.jpg").unlink()
    picture(tmp_path / "val2017/stranger.jpg")
    table = layout.list_videos().set_index("video_id")
    assert table["status"].to_dict() == {"val2017/001": "ok", "val2017/002": "missing", "val2017/003": "ok"}
    assert "person_keypoints_val2017.json names it" in table.loc["val2017/002", "error"]
    assert list(find_omissions(layout.tree, table["path"], layout.used).entries) == ["val2017/stranger.jpg"]


def test_entries_that_fit_no_image_are_counted(tmp_path: Path) -> None:
    content = content_of()
    content["annotations"] += [person(91, 77), person(92, 1, category_id=3), "nothing"]
    content["images"] += [{"id": 8}, {"id": 9, "file_name": "../../secret.jpg"}, None]
    layout = dataset(tmp_path, content)
    assert len(layout.list_videos()) == 3
    name = "annotations/person_keypoints_val2017.json"
    assert sorted(layout.notes) == [
        f"{name}: 1 annotations are of another category",
        f"{name}: 2 annotations are of images that it does not name",
        f"{name}: 3 images have no file name",
    ]
    assert len(layout.pose("val2017/001").joints) == 1


def test_an_image_that_two_files_or_two_ids_claim_is_corrupt(tmp_path: Path) -> None:
    content = content_of()
    content["images"].append({**content["images"][2], "id": 3, "file_name": "001.jpg"})
    layout = dataset(tmp_path, content)
    assert len(layout.list_videos()) == 3
    for video_id in ("val2017/001", "val2017/003"):
        with pytest.raises(LabelError, match="twice"):
            layout.pose(video_id)
    assert layout.pose("val2017/002").joints.shape[0] == 1


def test_official_splits(tmp_path: Path) -> None:
    """val is scored, because COCO keeps the labels of its test images; other files of the archive are no labels."""
    train = content_of(1)
    train["images"][0]["file_name"] = "t.jpg"
    dataset(tmp_path, train, "annotations/person_keypoints_train2017.json")
    picture(tmp_path / "train2017/t.jpg")
    layout = dataset(tmp_path, content_of())
    (tmp_path / "annotations/instances_val2017.json").write_text("{}")
    table = layout.list_videos().set_index("video_id")
    assert table["split_1"].to_dict() == {
        **{"train2017/t": "train"},
        **dict.fromkeys(["val2017/001", "val2017/002", "val2017/003"], "test"),
    }
    assert table["group"].is_unique


def test_crowdpose_has_a_public_test_split(tmp_path: Path) -> None:
    """train and val are for training; the union of both is left out."""
    for part in ("train", "val", "test", "trainval"):
        content = content_of(1, SKELETONS[1])
        content["images"][0] |= {"file_name": f"{part.removeprefix('train') or part}.jpg", "crowdIndex": 0.4}
        picture(tmp_path / "images" / content["images"][0]["file_name"])
        dataset(tmp_path, content, f"json/crowdpose_{part}.json")
    layout = COCO(tmp_path)
    table = layout.list_videos().set_index("video_id")
    assert table["split_1"].to_dict() == {"images/train": "train", "images/val": "train", "images/test": "test"}
    assert layout.skeleton.name == "crowdpose"
    assert layout.own_arrays(tmp_path / "images/test.jpg")["crowd_index"][0, 0] == 0.4


def test_files_with_different_joints_are_two_datasets(tmp_path: Path) -> None:
    dataset(tmp_path, content_of(), "annotations/one.json")
    dataset(tmp_path, content_of(skeleton=SKELETONS[1]), "annotations/two.json")
    with pytest.raises(HumotionError, match=r"different joints .*one.json: coco, annotations/two.json: crowdpose"):
        COCO(tmp_path).list_videos()


def test_a_file_of_ones_own_has_no_split(tmp_path: Path) -> None:
    content = content_of()
    for one in content["images"]:
        del one["width"], one["height"]
    layout = dataset(tmp_path, content, "annotations/kitchen.json")
    (tmp_path / "val2017").rename(tmp_path / "images")
    table = layout.list_videos()
    assert table["path"].tolist() == ["images/001.jpg", "images/002.jpg", "images/003.jpg"]
    assert table["split_1"].isna().all()
    assert layout.own_probe(tmp_path / "images/001.jpg").status == "ok"


def test_a_changed_file_is_read_again_and_a_worker_gets_no_content(tmp_path: Path) -> None:
    layout = dataset(tmp_path, content_of())
    assert len(layout.pose("val2017/001").joints) == 1
    assert len(pickle.dumps(layout)) < 500
    content = content_of()
    content["annotations"].append(person(98, 1))
    changed = dataset(tmp_path, content)
    assert len(changed.pose("val2017/001").joints) == 2
    assert len(pickle.loads(pickle.dumps(changed)).pose("val2017/001").joints) == 2


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 torn", b"GIF89a"], ids=["empty", "torn", "gif"])
def test_an_image_that_cannot_be_read(data: bytes, tmp_path: Path) -> None:
    layout = dataset(tmp_path, content_of())
    (tmp_path / "val2017/002.jpg").write_bytes(data)
    assert layout.own_probe(tmp_path / "val2017/002.jpg").status == "corrupt"
    decoded = layout.own_frames(tmp_path / "val2017/002.jpg")
    assert list(decoded) == [] and decoded.status == "corrupt" and decoded.error

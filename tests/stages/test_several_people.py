"""Images and videos of several people through index and extract, and their labels back from the layer ``labels``."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from humotion.files import read_json
from humotion.params.document import Params, validate_params
from humotion.stages import extract, index
from humotion.store.frames import FrameStore
from humotion.store.layers import Layer
from humotion.tasks.multi_person_pose.evaluation.coco_ap import average_precision
from humotion.tasks.multi_person_pose.evaluation.pose_tracks import frames_of
from humotion.tasks.multi_person_pose.training.people import read_results
from humotion.tasks.multi_person_pose.training.truth import truth_of_file, truth_of_layer


@pytest.fixture(scope="module")
def multi(real_data: Path) -> Path:
    folder = real_data / "multi"
    if not folder.is_dir():
        pytest.skip(f"no images of several people at {folder}")
    return folder


@pytest.fixture(scope="module")
def project(multi: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the real files in the official folders, after index and extract."""
    folder = tmp_path_factory.mktemp("people")
    raw = folder / "raw"
    for name in ("val2017", "train2017"):
        shutil.copytree(multi / "coco_mini" / name, raw / "coco" / name)
        put(multi / f"coco_mini/person_keypoints_{name}.json", raw / "coco/annotations")
    shutil.copytree(multi / "mmpose/coco", raw / "four/val2017", ignore=shutil.ignore_patterns("*.json"))
    put(multi / "mmpose/coco/test_coco.json", raw / "four/annotations", "person_keypoints_val2017.json")
    shutil.copytree(multi / "mmpose/crowdpose", raw / "crowdpose/images", ignore=shutil.ignore_patterns("*.json"))
    put(multi / "mmpose/crowdpose/test_crowdpose.json", raw / "crowdpose/json", "crowdpose_test.json")
    shutil.copytree(multi / "mmpose/mpii", raw / "mpii/images", ignore=shutil.ignore_patterns("*.json"))
    put(multi / "mmpose/mpii/test_mpii.json", raw / "mpii/annot", "valid.json")
    shutil.copytree(multi / "mmpose/posetrack18/images", raw / "posetrack18/images")
    shutil.copytree(multi / "mmpose/posetrack18/annotations/val", raw / "posetrack18/annotations/val")
    with contextlib.chdir(folder):
        for name in ("dvc.yaml", "params.yaml"):
            Path(name).write_text("{}\n")
        params = settings()
        for name in params.datasets:
            index.run(name, params)
            extract.run(name, params)
    return folder


def put(source: Path, folder: Path, name: str | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, folder / (name or source.name))


def settings() -> Params:
    layouts = {"coco": "coco", "four": "coco", "crowdpose": "coco", "mpii": "mpii", "posetrack18": "posetrack18"}
    datasets: dict[str, Any] = {
        name: {"layout": layout, "root": f"raw/{name}", "frames": {"short_side": 2000, "shards": 2}}
        for name, layout in layouts.items()
    }
    datasets["four"]["frames"]["short_side"] = 100  # the store shrinks them; the layer does not
    machine = {"workers": 0, "accelerator": "cpu", "devices": 1}
    return validate_params({"datasets": datasets, "layers": {}, "experiments": {}, "machine": machine}, "wrong:")


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    return project


def store_of(name: str) -> FrameStore:
    folder = Path("prepared") / name
    return FrameStore(folder / "frames", folder / "frames.parquet", Path("layers") / name / "labels")


@pytest.mark.parametrize(
    ("name", "num_videos", "splits"),
    [
        ("coco", 48, {"test": 32, "train": 16}),
        ("four", 4, {"test": 4}),
        ("crowdpose", 2, {"test": 2}),
        ("mpii", 5, {"test": 5}),
        ("posetrack18", 3, {"test": 3}),
    ],
)
def test_every_image_is_whole(here: Path, name: str, num_videos: int, splits: dict[str, int]) -> None:
    videos = pd.read_parquet(f"prepared/{name}/videos.parquet")
    frames = pd.read_parquet(f"prepared/{name}/frames.parquet")
    assert len(videos) == num_videos
    assert (videos["status"] == "ok").all()
    assert (frames["status"] == "ok").all() and frames["error"].isna().all()
    assert (frames["num_frames"] == 1).all()
    assert read_json(Path(f"prepared/{name}/index.json"))["splits"]["split_1"] == splits
    assert videos["group"].is_unique
    expected = "images" if name == "four" else "copy"  # without shrinking, the JPEG bytes are those of the file
    assert set(frames["method"]) == {expected}


def test_coco_from_the_store_is_the_file(here: Path) -> None:
    """Joints, flags, boxes in the store; everything else in the layer, segments as text of the file."""
    store = store_of("coco")
    num_people = num_crowds = num_rle = 0
    for part in ("val2017", "train2017"):
        content = read_json(Path(f"raw/coco/annotations/person_keypoints_{part}.json"))
        for image in content["images"]:
            video = store[f"{part}/{Path(image['file_name']).stem}"]
            people = [one for one in content["annotations"] if one["image_id"] == image["id"]]
            keypoints = np.array([one["keypoints"] for one in people]).reshape(-1, 17, 3)
            assert (video.width, video.height) == (image["width"], image["height"])
            assert video.joints is not None and video.visibility is not None and video.boxes is not None
            np.testing.assert_allclose(video.joints[:, 0], keypoints[..., :2], atol=1e-4)
            np.testing.assert_array_equal(video.visibility[:, 0], keypoints[..., 2])
            box = np.array([one["bbox"] for one in people])
            np.testing.assert_allclose(video.boxes[:, 0, 2:] - video.boxes[:, 0, :2], box[:, 2:], rtol=1e-4, atol=1e-3)
            layer = video.annotation
            np.testing.assert_array_equal(layer["annotation_id"][:, 0], [one["id"] for one in people])
            np.testing.assert_array_equal(layer["area"][:, 0], [one["area"] for one in people])
            np.testing.assert_array_equal(layer["is_crowd"][:, 0], [one["iscrowd"] for one in people])
            start = 0
            for one, end in zip(people, layer["segment_end"][:, 0], strict=True):
                assert json.loads(layer["segments"][0, 0, start:end].tobytes()) == one["segmentation"]
                start = end
            num_people += len(people)
            num_crowds += sum(one["iscrowd"] for one in people)
            num_rle += sum(isinstance(one["segmentation"], dict) for one in people)
    assert (num_people, num_crowds, num_rle) == (93 + 134, 6, 6)


def test_ap_is_the_same_from_the_layer_and_from_the_file(here: Path, multi: Path) -> None:
    people = read_results(multi / "xtcocoapi/example_coco_preds.json", 17)
    by_file = average_precision(truth_of_file(multi / "mmpose/coco/test_coco.json", "coco"), people)
    by_layer = average_precision(truth_of_layer(Layer(Path("layers/four/labels"))), people)
    assert by_layer == by_file
    assert by_layer["AP"] == pytest.approx(0.8608896054440609, abs=1e-12)


def test_crowdpose_has_its_joints_and_index(here: Path) -> None:
    store = store_of("crowdpose")
    assert store.skeleton is not None and store.skeleton.name == "crowdpose" and len(store.skeleton.joints) == 14
    content = read_json(Path("raw/crowdpose/json/crowdpose_test.json"))
    for image in content["images"]:
        layer = store[f"images/{image['id']}"].annotation
        assert layer["crowd_index"][0, 0] == image["crowdIndex"]
        assert np.isnan(layer["area"]).all()
    told = read_json(Path("prepared/crowdpose/index.json"))["changed_labels"]
    assert {kind: len(images) for kind, images in told.items()} == {
        "an annotation without an area: 0.53 of its box counts": 2
    }


def test_mpii_is_zero_based_with_the_size_of_the_head(here: Path) -> None:
    store = store_of("mpii")
    for one in read_json(Path("raw/mpii/annot/valid.json")):
        video = store[f"images/{Path(one['image']).stem}"]
        assert video.joints is not None and video.visibility is not None
        known = np.array(one["joints_vis"]) > 0
        np.testing.assert_allclose(video.joints[0, 0][known], np.array(one["joints"])[known] - 1, atol=1e-3)
        np.testing.assert_array_equal(video.visibility[0, 0], 2 * known)
        # MPII's upper neck and head top lie on the head's box: their distance is 0.8 of its diagonal.
        neck, top = (np.array(one["joints"][place]) for place in (8, 9))
        assert video.annotation["head_size"][0, 0] == pytest.approx(0.6 * np.linalg.norm(top - neck) / 0.8, rel=1e-3)
    assert "which images are of one video" in read_json(Path("prepared/mpii/index.json"))["notes"][0]


def test_posetrack_has_tracks_heads_and_ignored_regions(here: Path) -> None:
    store = store_of("posetrack18")
    content = read_json(Path("raw/posetrack18/annotations/val/012834_mpii_test.json"))
    video = store["images/val/012834_mpii_test"]
    assert video.joints is not None and video.joints.shape == (11, 1, 17, 2)
    by_track = {one["track_id"]: one for one in content["annotations"]}
    for place, track in enumerate(video.annotation["track_id"][:, 0].tolist()):
        keypoints = np.array(by_track[track]["keypoints"]).reshape(17, 3)
        np.testing.assert_allclose(
            video.joints[place, 0], keypoints[:, :2] * (keypoints[:, 2:] > 0), rtol=1e-4, atol=1e-3
        )
        np.testing.assert_array_equal(video.annotation["head_box"][place, 0], by_track[track]["bbox_head"])
    (frame,) = frames_of(video.annotation, [nobody()])
    assert [len(region) for region in frame.ignored] == [len(xs) for xs in content["images"][0]["ignore_regions_x"]]


def nobody() -> Any:
    from humotion.tasks.multi_person_pose.training.people import People

    return People.nobody(17)

"""Sequences with PoseTrack's labels as training data: every frame is a picture, and a sequence is in one split."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from humotion.clips.datamodule import ClipDataModule
from humotion.errors import HumotionError
from humotion.files import read_json, write_json
from humotion.params.document import Params, validate_params
from humotion.stages import augment, evaluate, extract, index, sample, train
from humotion.store.layers import Layer
from humotion.store.owners import NOBODY, UNKNOWN
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.outcomes import labels_of_split, pictures_of
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import truth_of_layer
from tests.support.repository import REPOSITORY

TRACKS = REPOSITORY / "data" / "crowd_tracks"
FRAMES = 5
SHORT_SIDE = 72  # half of the labelled size
NAME = "sequences"


def settings(**changes: Any) -> dict[str, Any]:
    experiment = {
        "task": "multi_person_pose",
        "dataset": "tracks",
        "layer": "labels",
        "input": "whole_pictures",
        "seed": 7,
        "clips": {"split": "split_1", "validation_folds": 4, "sampling": "windows", "num_frames": 1},
        "augment": {"size": 64},
        "model": {"family": "person_lab", "name": "person_lab", "width": 16, "stacks": 1, "depth": 2},
        "optimizer": {"lr": 2e-3},
        "trainer": {"epochs": 1, "batch_size": 4},
        "evaluate": {"overlays": 2, "bootstrap": 100},
        "register": {"metric": "ap", "bootstrap": 100},
    }
    return experiment | changes


def params(**changes: Any) -> Params:
    dataset = {"layout": "posetrack18", "root": "raw", "frames": {"short_side": SHORT_SIDE, "shards": 2}}
    machine = {"workers": 0, "accelerator": "cpu", "devices": 1}
    raw = {
        "datasets": {"tracks": dataset},
        "layers": {},
        "experiments": {NAME: settings(**changes)},
        "machine": machine,
    }
    return validate_params(raw, "wrong:")


def part_of_tracks(root: Path) -> None:
    """The first frames of the sample's sequences; the people of the third frame of each are not labelled."""
    for file in TRACKS.glob("annotations/*/*.json"):
        content = read_json(file)
        images = content["images"][:FRAMES]
        images[2]["is_labeled"] = False
        ids = {image["id"] for image in images if image["is_labeled"]}
        people = [one for one in content["annotations"] if one["image_id"] in ids]
        for image in images:
            (root / image["file_name"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TRACKS / image["file_name"], root / image["file_name"])
        target = root / file.relative_to(TRACKS)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_json(target, {**content, "images": images, "annotations": people})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project in which all stages have run but the last one."""
    if not TRACKS.is_dir():
        pytest.skip("the sample is not here: dvc pull -r sample data.dvc")
    folder = tmp_path_factory.mktemp("tracks")
    part_of_tracks(folder / "raw")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        index.run("tracks", params())
        extract.run("tracks", params())
        for stage in (sample, augment, train, evaluate):
            stage.run(NAME, params())
        yield folder


@pytest.fixture
def data(finished: Path, monkeypatch: pytest.MonkeyPatch) -> ClipDataModule:
    monkeypatch.chdir(finished)
    return ClipDataModule(NAME, params())


def test_every_frame_is_a_clip_and_no_sequence_is_in_two_splits(data: ClipDataModule) -> None:
    clips = {split: data.clips(split) for split in ("train", "val", "test")}
    assert {split: len(table) for split, table in clips.items()} == {"train": 15, "val": 5, "test": 10}
    groups = [set(table["group"]) for table in clips.values()]
    assert sum(map(len, groups)) == 6
    assert len(set.union(*groups)) == 6
    table = clips["test"]
    assert pictures_of(table)[:FRAMES] == [(table["video_id"].iloc[0], frame) for frame in range(FRAMES)]
    assert table["clip_id"].iloc[3] == "images/val/000005_rendered#0003"


def test_a_sample_has_the_people_of_its_own_frame(data: ClipDataModule) -> None:
    labels = Layer(Path("layers/tracks/labels"))[data.clips("test")["video_id"].iloc[0]]
    samples = data.clip_dataset("test")
    for frame in (0, 1, 3):
        shown = samples[frame]
        keypoints = labels["keypoints"][labels["found"][:, frame], frame]
        known = keypoints[..., 2] > 0
        assert int((shown["visibility"] > 0).sum()) == known.sum()
        # 192 x 144 pixels become a third of that, with bars of 8 pixels above and below.
        expected = (keypoints[known][:, :2] + 0.5) / 3 - 0.5 + [0, 8]
        found = shown["joints"][shown["visibility"] > 0].numpy()
        np.testing.assert_allclose(np.sort(found, axis=0), np.sort(expected, axis=0), atol=0.02)
    assert not shown["visibility"][len(keypoints) :].any()


def test_from_unlabelled_frames_and_ignored_regions_nothing_is_learned(finished: Path, data: ClipDataModule) -> None:
    samples = data.clip_dataset("train")
    owners = samples[2]["owners"].numpy()
    assert (owners[8:56] == UNKNOWN).all()
    labelled = samples[1]["owners"].numpy()
    video = data.store[data.clips("train")["video_id"].iloc[0]]
    text = json.dumps([[[0, 96, 96, 0], [0, 0, 72, 72]]]).encode()  # the upper left quarter, in labelled pixels
    ignored = np.tile(np.frombuffer(text, np.uint8), (1, FRAMES, 1))
    video.annotation = {**video.annotation, "ignored": ignored}
    shown = data.input.make(data.experiment.augment, data.skeleton)(video, -1, np.array([[1]]), 0)["owners"].numpy()
    nobody = labelled == NOBODY
    assert nobody[8:30, :30].any()
    assert (shown[8:30, :30][nobody[8:30, :30]] == UNKNOWN).all()
    assert (shown[34:, 34:] == labelled[34:, 34:]).all()


def test_truth_is_of_labelled_frames_in_labelled_pixels(data: ClipDataModule) -> None:
    truth = labels_of_split(data, "test")
    assert len(truth.images) == 8, "two of ten frames have no labels"
    assert {image["width"] for image in truth.images} == {192}
    raw = [read_json(path) for path in sorted(Path("raw/annotations/val").glob("*.json"))]
    people = [one for content in raw for one in content["annotations"]]
    assert sorted(one["id"] for one in truth.annotations if one["id"] > 0) == sorted(one["id"] for one in people)
    ignored = sum(
        len(image["ignore_regions_x"]) for content in raw for image in content["images"] if image["is_labeled"]
    )
    crowds = [one for one in truth.annotations if one["iscrowd"]]
    assert len(crowds) == ignored
    found = {}
    for image in truth.images:
        own = [one for one in truth.annotations if one["image_id"] == image["id"] and not one["iscrowd"]]
        keypoints = np.array([one["keypoints"] for one in own], float).reshape(len(own), 17, 3)
        ones = np.ones(len(own))
        found[image["id"]] = People(keypoints[..., :2], keypoints[..., 2], ones, np.zeros((len(own), 4)))
    matches = match(truth, found)
    assert matches.hit.all()
    assert matches.num_people.sum() == len(people)
    everything = truth_of_layer(Layer(Path("layers/tracks/labels")))
    assert len(everything.images) == 6 * (FRAMES - 1)


def test_scores_have_a_row_per_labelled_frame(data: ClipDataModule) -> None:
    test = read_json(Path(f"metrics/{NAME}/test.json"))
    assert {"ap", "ap_50", "ar"} <= test["test"].keys()
    assert (test["num_clips"], test["num_groups"]) == (8, 2)
    validation = pd.read_parquet(f"models/{NAME}/validation.parquet")
    assert len(validation) == FRAMES - 1
    assert validation["group"].nunique() == 1
    assert validation["clip_id"].is_unique
    assert len(list(Path(f"reports/{NAME}/overlays").iterdir())) == 2


def test_one_frame_per_sequence_is_the_default() -> None:
    for clips in ({"split": "split_1"}, {"sampling": "uniform"}):
        assert params(clips=clips).experiment(NAME).clips.sampling == "uniform"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"clips": {"sampling": "windows", "num_frames": 1, "split": "blocks"}}, "divides sequences"),
        ({"clips": {"sampling": "windows", "num_frames": 2}}, "num_frames"),
        ({"clips": {"sampling": "windows", "num_frames": 1, "stride": 2}}, "stride"),
        (
            {
                "input": "person_crops",
                "augment": {"size": 64, "person_scale": 1.25},
                "model": {"family": "hourglass", "name": "hourglass", "width": 16, "stacks": 1, "depth": 2},
            },
            "who are not in every frame",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(HumotionError, match=complaint):
        params(**changes)

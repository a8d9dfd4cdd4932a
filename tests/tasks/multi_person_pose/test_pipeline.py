"""Pictures of the rendered crowd through all stages, by each family; sweeps of a decoder; and prediction."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from humotion.clips.datamodule import ClipDataModule
from humotion.errors import HumotionError
from humotion.files import read_json, write_json
from humotion.params.document import Params, validate_params
from humotion.prediction.predictor import load_predictor, read_video
from humotion.stages import augment, evaluate, extract, index, register, sample, train
from humotion.store.frames import FrameStore, shard_name
from humotion.store.layers import TABLE, TABLE_TYPES, AnnotatedVideo, LayerFacts, write_facts, write_layer_shard
from humotion.sweep.run_sweep import run_sweep
from humotion.sweep.storage import Storage
from humotion.tasks.multi_person_pose.evaluation.layer_boxes import people_in_layer_boxes
from humotion.tracking.store import connect
from humotion.training.model_folder import load_task
from tests.support.repository import REPOSITORY
from tests.support.trees import write_video

CROWD = REPOSITORY / "data" / "crowd"
MODELS: dict[str, dict[str, Any]] = {
    "person_lab": {"family": "person_lab"},
    "open_pose": {"family": "open_pose"},
    "associative_embedding": {"family": "associative_embedding"},
    "hourglass": {"family": "hourglass"},
}
SEARCHED = {
    "person_lab": {"evaluate.decoding.min_joint": {"type": "float", "low": 0.05, "high": 0.9}},
    "open_pose": {"evaluate.decoding.min_joint": {"type": "float", "low": 0.01, "high": 0.5}},
}


def settings(name: str) -> dict[str, Any]:
    """A tiny experiment of a family."""
    is_top_down = name == "hourglass"
    return {
        "task": "multi_person_pose",
        "dataset": "crowd",
        "layer": "labels",
        "input": "person_crops" if is_top_down else "whole_pictures",
        "seed": 7,
        "clips": {"split": "split_1", "validation_folds": 4, "sampling": "uniform", "num_frames": 1},
        "augment": {"size": 64, **({"person_scale": 1.25} if is_top_down else {"geometry": {"rotate": 10}})},
        "model": {"name": name, "width": 16, "stacks": 1, "depth": 2, **MODELS[name]},
        "optimizer": {"lr": 2e-3},
        "trainer": {"epochs": 1, "batch_size": 4},
        "evaluate": {"overlays": 2, "bootstrap": 100},
        "register": {"metric": "ap", "bootstrap": 100},
    }


def params(**sweeps: Any) -> Params:
    dataset = {"layout": "coco", "root": "raw", "frames": {"short_side": 144, "shards": 2}}
    raw = {
        "datasets": {"crowd": dataset},
        "layers": {},
        "experiments": {name: settings(name) for name in MODELS},
        "sweeps": sweeps,
        "machine": {"workers": 0, "accelerator": "cpu", "devices": 1},
    }
    return validate_params(raw, "wrong:")


def part_of_crowd(root: Path, counts: dict[str, int]) -> None:
    """The first pictures of the sample, as a dataset of its own."""
    for part, count in counts.items():
        content = read_json(CROWD / f"annotations/person_keypoints_{part}.json")
        images = content["images"][:count]
        ids = {image["id"] for image in images}
        people = [one for one in content["annotations"] if one["image_id"] in ids]
        (root / part).mkdir(parents=True)
        for image in images:
            shutil.copy(CROWD / part / image["file_name"], root / part)
        (root / "annotations").mkdir(exist_ok=True)
        kept = {**content, "images": images, "annotations": people}
        write_json(root / f"annotations/person_keypoints_{part}.json", kept)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project in which every stage has run for every family."""
    if not CROWD.is_dir():
        pytest.skip("the sample is not here: dvc pull -r sample data.dvc")
    folder = tmp_path_factory.mktemp("crowd")
    part_of_crowd(folder / "raw", {"train": 16, "val": 6})
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        for name in ("MLFLOW_TRACKING_URI", "OPTUNA_STORAGE"):
            patch.delenv(name, raising=False)
        index.run("crowd", params())
        extract.run("crowd", params())
        for name in MODELS:
            for stage in (sample, augment, train, evaluate, register):
                stage.run(name, params())
        yield folder


@pytest.fixture
def here(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(finished)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return finished


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_those_of_coco_and_in_mlflow(here: Path, name: str) -> None:
    test = read_json(Path(f"metrics/{name}/test.json"))
    assert {"ap", "ap_50", "ap_75", "ar"} <= test["test"].keys()
    assert all(0 <= value <= 1 for value in test["test"].values())
    assert test["gain"]["over"] == "mean_pose" and test["baseline"]["mean_pose"].keys() == test["test"].keys()
    assert test["num_clips"] == test["num_groups"] == 6
    trained = read_json(Path(f"metrics/{name}/train.json"))
    assert {"ap", "ap_50"} <= trained["val"].keys()
    connect()
    run = mlflow.get_run(read_json(Path(f"models/{name}/model.json"))["run_id"])
    assert run.data.metrics["test/ap"] == pytest.approx(test["test"]["ap"])


@pytest.mark.parametrize("name", MODELS)
def test_reports_show_people(here: Path, name: str) -> None:
    report = Path(f"reports/{name}")
    text = (report / "scores.md").read_text()
    assert "AP over the baseline" in text and "## Who is drawn" in text
    rule = read_json(Path(f"models/{name}/model.json"))["abstention"]
    assert (rule["person_threshold"] == 0) == (name == "hourglass")
    of_test = read_json(Path(f"metrics/{name}/test.json"))["abstention"]
    assert of_test["joint_threshold"] == rule["joint_threshold"] and of_test["num_groups"] == 6
    assert len(list((report / "overlays").glob("*.jpg"))) == 2 and (report / "overlays.jpg").exists()


@pytest.mark.parametrize("name", MODELS)
def test_the_first_version_is_champion(here: Path, name: str) -> None:
    assert read_json(Path(f"registered/{name}.json"))["alias"] == "champion"


@pytest.mark.parametrize("name", SEARCHED)
def test_a_sweep_of_the_decoder_trains_nothing(here: Path, tmp_path: Path, name: str) -> None:
    """Every trial reads the same weights; the one with the thresholds of the training has its validation score."""
    weights = Path(f"models/{name}/model.safetensors").read_bytes()
    sweep = {"trials": 3, "space": SEARCHED[name], "sampler": {"name": "random"}}
    run_sweep(name, params(**{name: sweep}), Storage(f"sqlite:///{tmp_path / 'optuna.db'}"), 1, tmp_path / "out")
    best = read_json(tmp_path / "out/best.json")
    assert best["best"] and set(best["best"][0]["params"]) == set(SEARCHED[name])
    assert Path(f"models/{name}/model.safetensors").read_bytes() == weights


def test_a_sweep_searches_decoder_or_training(here: Path, tmp_path: Path) -> None:
    space = SEARCHED["person_lab"] | {"optimizer.lr": {"type": "float", "low": 1e-4, "high": 1e-2}}
    with pytest.raises(HumotionError, match="one after the other"):
        run_sweep(
            "person_lab",
            params(person_lab={"trials": 1, "space": space}),
            Storage(f"sqlite:///{tmp_path / 'optuna.db'}"),
            1,
            tmp_path / "out",
        )


@pytest.mark.parametrize("name", MODELS)
def test_people_are_predicted_in_every_frame(here: Path, tmp_path: Path, name: str) -> None:
    """Nobody is in noise; what matters is that there is an answer for each frame, and that it can be written."""
    write_video(tmp_path / "clip.mp4", num_frames=5)
    answer = load_predictor(Path(f"models/{name}")).answer(read_video(tmp_path / "clip.mp4"))
    people = answer.values["people"]
    assert len(people["frames"]) == 5 and len(people["names"]) == 17
    for frame in people["frames"]:
        for person in frame:
            assert set(person) == {"track", "score", "box", "joints", "believed"}
            assert np.shape(person["joints"]) == (17, 3) and np.shape(person["believed"]) == (17,)
    assert json.dumps([list(frame) for frame in people["frames"]])


def test_labels_say_no_boxes_of_a_tool(here: Path) -> None:
    raw = params().model_dump(mode="json", by_alias=True, exclude_unset=True)
    raw["experiments"]["hourglass"]["evaluate"]["boxes"] = "layer"
    with pytest.raises(HumotionError, match="no boxes of people"):
        evaluate.run("hourglass", validate_params(raw, "wrong:"))


def test_a_layer_says_where_people_are(here: Path) -> None:
    """A layer with the labelled boxes gives the people of the labelled boxes."""
    data = ClipDataModule("hourglass", params())
    task, _ = load_task(Path("models/hourglass"))
    truth, expected = task.people_of_split(data, "test", params().machine)  # type: ignore[operator]
    write_boxes(Path("layers/crowd/boxes"), data.store)
    data.store = FrameStore(data.store.folder, data.store.frames_table, Path("layers/crowd/boxes"))
    found = people_in_layer_boxes(task, data, truth)  # type: ignore[arg-type]
    assert found.keys() == expected.keys()
    for image, people in found.items():
        kept = expected[image].joints.tolist()
        assert 0 < len(people) <= len(kept)  # equal poses in two boxes become one
        for joints in people.joints:
            assert min(np.abs(joints - np.array(other)).max() for other in kept) < 0.01


def write_boxes(folder: Path, store: FrameStore) -> None:
    """A layer that found everybody whose joints are labelled, where the labels say."""
    videos = []
    for video_id in store:
        video = store[video_id]
        assert video.boxes is not None and video.visibility is not None
        who = (video.visibility > 0).any(axis=(1, 2))
        arrays = {"boxes": video.boxes[who], "found": np.ones((int(who.sum()), 1), bool)}
        videos.append(AnnotatedVideo(video_id, arrays))
    folder.mkdir(parents=True)
    write_layer_shard(folder / shard_name(0), videos, videos[0].arrays)
    rows = [(one.video_id, 0, row, 1, 1, 1, "ok", "", "") for row, one in enumerate(videos)]
    pd.DataFrame(rows, columns=list(TABLE_TYPES)).astype(TABLE_TYPES).to_parquet(folder / TABLE)
    write_facts(folder, LayerFacts("posenet", 1))


def test_unknown_thresholds_are_refused() -> None:
    raw = params().model_dump(mode="json", by_alias=True, exclude_unset=True)
    raw["experiments"]["person_lab"]["evaluate"]["decoding"] = {"min_jiont": 0.2}
    with pytest.raises(HumotionError, match="min_jiont"):
        validate_params(raw, "wrong:")


def test_model_and_input_must_fit() -> None:
    raw = params().model_dump(mode="json", by_alias=True, exclude_unset=True)
    raw["experiments"]["hourglass"] |= {"input": "whole_pictures", "augment": {"size": 64}}
    with pytest.raises(HumotionError, match="person_crops"):
        validate_params(raw, "wrong:")


def test_a_flip_test_needs_training_with_mirrored_crops() -> None:
    raw = params().model_dump(mode="json", by_alias=True, exclude_unset=True)
    hourglass = raw["experiments"]["hourglass"]
    hourglass["evaluate"]["decoding"] = {"flip_test": True}
    with pytest.raises(HumotionError, match=r"augment\.geometry\.flip above 0, or flip_test: false"):
        validate_params(raw, "wrong:")
    hourglass["augment"]["geometry"] = {"flip": 0.5}
    validate_params(raw, "wrong:")

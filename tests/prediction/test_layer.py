"""Models that were trained with a layer: its tool looks at a new video as it looked at those of the dataset."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg

from humotion.clips.datamodule import ClipDataModule
from humotion.errors import HumotionError
from humotion.files import read_json, write_json
from humotion.params.document import Params
from humotion.prediction import layer as layers
from humotion.prediction.predictor import DecodedVideo, Predictor, load_predictor
from humotion.stages import annotate, augment, sample, train
from humotion.store.frames import PackedVideo
from humotion.tasks.action_recognition.predictor import ActionPredictor
from humotion.tasks.action_recognition.training.outcomes import action_probabilities
from tests.support.clips import CATCH, GOLF, real_clip
from tests.support.prepared import make_table, write_prepared


def settings(weights: Path) -> Params:
    common: dict[str, Any] = {
        "task": "action_recognition",
        "dataset": "tiny",
        "layer": "people",
        "input": "landmarks",
        "clips": {"split": "split_1", "num_frames": 4},
        "augment": {"joints": "body"},
        "optimizer": {"lr": 0.01},
        "trainer": {"epochs": 1, "batch_size": 2},
        "evaluate": {"bootstrap": 100},
        "register": {"bootstrap": 100},
    }
    return Params.model_validate(
        {
            "datasets": {"tiny": {"layout": "folder", "root": "data/tiny"}},
            "layers": {"people": {"dataset": "tiny", "tool": "blazepose", "model": "lite", "weights": str(weights)}},
            "experiments": {"gru": {**common, "model": {"family": "gru", "name": "bigru", "width": 4}}},
            "machine": {"workers": 0},
        }
    )


@pytest.fixture(scope="module")
def project(real_data: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two real people, each in six clips of one dataset, their layer, and a model that was trained with it."""
    root = tmp_path_factory.mktemp("layered")
    videos, rows = [], []
    for label, name in (("golf", GOLF), ("catch", CATCH)):
        frames = real_clip(real_data, name, 9).frames
        for number, split in enumerate(("train", "train", "train", "val", "val", "test")):
            jpegs = [simplejpeg.encode_jpeg(np.ascontiguousarray(one)) for one in frames[number : number + 4]]
            videos.append(PackedVideo(f"{label}-{number}", frames.shape[2], frames.shape[1], 25.0, jpegs))
            rows.append((f"{label}-{number}", label, split, f"{label}-{number}"))
    write_prepared(root / "prepared" / "tiny", videos, make_table(rows, ["catch", "golf"]), None)
    for name in ("dvc.yaml", "params.yaml"):
        (root / name).write_text("{}\n")
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(root):
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root / 'mlflow.db'}")
        params = settings(weights)
        annotate.run("people", params)
        for stage in (sample, augment, train):
            stage.run("gru", params)
    return root


def test_a_new_video_is_seen_as_those_of_the_dataset(project: Path, weights: Path) -> None:
    params = settings(weights)
    predictor = load_predictor(project / "models" / "gru")
    assert isinstance(predictor, ActionPredictor)
    data = ClipDataModule("gru", params, 1, project)
    clips, expected = action_probabilities(predictor.task, data, "test", params.machine)
    assert len({row.round(5).tobytes() for row in expected}) == len(clips) == 2
    for clip, row in zip(clips.itertuples(), expected, strict=True):
        video = data.store[clip.video_id]
        found = predictor.probabilities(DecodedVideo(video.decode(np.arange(video.num_frames)), 25.0))
        assert [found[name] for name in data.meta["classes"]] == pytest.approx(row.tolist(), abs=1e-6)


@pytest.fixture
def predictor(project: Path, tmp_path: Path) -> Predictor:
    return load_predictor(shutil.copytree(project / "models" / "gru", tmp_path / "model"))


def changed(folder: Path, **layer: Any) -> Predictor:
    description = read_json(folder / "model.json")
    description["preprocessing"]["layer"] |= layer
    write_json(folder / "model.json", description)
    return load_predictor(folder)


def test_the_tool_looks_once_whatever_number_of_models_ask(
    predictor: Predictor, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = DecodedVideo(real_clip(real_data, GOLF, 4).frames, 25.0)
    first = predictor.answer(video).values
    assert json.loads(json.dumps(first)) == first
    monkeypatch.setattr(layers, "annotate", lambda *_: pytest.fail("looked again"))
    assert predictor.answer(video).values == first


def test_nobody_in_the_video_is_said(predictor: Predictor, caplog: pytest.LogCaptureFixture) -> None:
    answer = predictor.answer(DecodedVideo(np.full((4, 48, 64, 3), 128, np.uint8), 25.0))
    assert answer.text == "nobody was found, so there is no action", "and no guess of a model that saw nobody"
    assert answer.values == {"label": None, "probabilities": None}
    assert "blazepose found nobody in this video" in caplog.text


def test_other_files_of_weights_and_another_version_are_told(
    predictor: Predictor, tmp_path: Path, real_data: Path, weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, video = tmp_path / "model", DecodedVideo(real_clip(real_data, GOLF, 2).frames, 25.0)
    as_trained = predictor.description.preprocessing["layer"]
    changed(folder, version=0).answer(video)
    assert "the model was trained with what version 0 had found" in caplog.text
    other = dict.fromkeys(as_trained["weights"], "0" * 32)
    with pytest.raises(HumotionError, match=r"is not the file with which.*humotion fetch"):
        changed(folder, weights=other).answer(video)
    unknown = {**as_trained["settings"], "from_the_future": 1}
    with pytest.raises(HumotionError, match="does not know the settings"):
        changed(folder, settings=unknown).answer(video)
    elsewhere = {**as_trained["settings"], "weights": "/of/another/machine"}
    with pytest.raises(HumotionError, match=r"weights/blazepose.*is missing.*humotion fetch blazepose"):
        changed(folder, settings=elsewhere).answer(video)

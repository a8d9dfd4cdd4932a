"""Recordings of landmarks through all stages, and the answers of the models for new recordings."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.document import Params, validate_params
from humotion.params.tasks.action_recognition import ActionTrainerParams
from humotion.prediction.predictor import load_predictor
from humotion.prediction.video_file import read_video
from humotion.stages import augment, evaluate, explore, extract, index, register, sample, train
from humotion.store.frames import FrameStore
from humotion.store.layers import Layer
from humotion.tasks.action_recognition.training.abstention import abstention_of

LSTM = {"family": "landmark_lstm", "name": "landmark_lstm", "widths": [8]}
DDNET = {"family": "ddnet", "name": "ddnet", "filters": 8, "frames": 16}
RAW = {"joints": "all", "values": "xyz_visibility", "placement": "raw"}
BODY = {"joints": "body", "geometry": {"flip": 0.5, "rotate": 10}, "time_jitter": 0.5, "size": 32}


def recording(num_rows: int, speed: float, seed: int) -> pd.DataFrame:
    """Somebody whose landmarks go up and down, slowly or quickly."""
    random = np.random.default_rng(seed)
    values = np.tile(random.uniform(0.3, 0.7, (1, 33, 4)), (num_rows, 1, 1))
    values[:, :, 1] += 0.2 * np.sin(speed * np.arange(num_rows))[:, None]
    values[:, :, 3] = 0.9
    return pd.DataFrame(values.reshape(num_rows, 132))


def settings(root: Path, split: str = "blocks") -> Params:
    common: dict[str, Any] = {
        "task": "action_recognition",
        "dataset": "recordings",
        "layer": "labels",
        "input": "landmarks",
        "clips": {"split": split, "sampling": "windows", "num_frames": 6, "stride": 2},
        "optimizer": {"lr": 0.01},
        "trainer": {"epochs": 3, "batch_size": 8},
        "evaluate": {"overlays": 1, "bootstrap": 100},
        "register": {"bootstrap": 100},
    }
    leaky = {**common["clips"], "split": "leaky_windows"}
    frames = {"short_side": 60, "shards": 2}
    return validate_params(
        {
            "datasets": {"recordings": {"layout": "landmarks", "root": str(root), "frames": frames}},
            "layers": {},
            "experiments": {
                "lstm": {**common, "augment": RAW, "model": LSTM},
                "lstm_leaky": {**common, "augment": RAW, "model": LSTM, "clips": leaky},
                "ddnet": {**common, "augment": BODY, "model": DDNET},
            },
            "machine": {"workers": 0, "accelerator": "cpu", "devices": 1},
        },
        "wrong:",
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "raw").mkdir()
    for name, num_rows, speed in (("SLOW", 58, 0.2), ("FAST", 120, 2.0), ("SHORT", 20, 1.0)):
        recording(num_rows, speed, seed=num_rows).to_csv(folder / "raw" / f"{name}.txt")
    with_gap = recording(58, 0.2, 58).drop(index=range(20, 24))
    with_gap.to_csv(folder / "raw" / "SLOW.txt")
    recording(30, 1.0, 0).drop(columns=7).to_csv(folder / "raw" / "BROKEN.txt")
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for name in ("dvc.yaml", "params.yaml"):
            Path(name).write_text("{}\n")
        params = settings(Path("raw"))
        for stage in (index, extract, explore):
            stage.run("recordings", params)
        for name in params.experiments:
            for of_experiment in (sample, augment):
                of_experiment.run(name, params)
        for of_experiment in (train, evaluate, register):
            of_experiment.run("ddnet", params)
        train.run("lstm", params)
    return folder


@pytest.fixture
def project(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(finished)
    return finished


def test_a_bad_recording_is_a_row_with_its_status(project: Path) -> None:
    videos = pd.read_parquet("prepared/recordings/videos.parquet").set_index("video_id")
    assert videos["status"].to_dict() == {"BROKEN": "corrupt", "FAST": "ok", "SHORT": "ok", "SLOW": "ok"}
    assert "column 7 is missing" in videos.loc["BROKEN", "error"]
    assert videos["num_frames_probed"].dropna().to_dict() == {"FAST": 120, "SHORT": 20, "SLOW": 58}
    frames = pd.read_parquet("prepared/recordings/frames.parquet").set_index("video_id")
    assert frames["num_frames"].to_dict() == {"BROKEN": 0, "FAST": 120, "SHORT": 20, "SLOW": 58}
    assert frames.loc["FAST", "method"] == "drawn"
    assert "no pictures" in read_json(Path("prepared/recordings/index.json"))["notes"][0]


def test_the_layer_labels_has_the_landmarks(project: Path) -> None:
    layer = Layer(Path("layers/recordings/labels"))
    assert sorted(layer) == ["FAST", "SHORT", "SLOW"]
    assert layer.skeleton is not None
    assert layer.skeleton.name == "blazepose"
    store = FrameStore(Path("prepared/recordings/frames"), Path("prepared/recordings/frames.parquet"), layer.folder)
    video = store["SLOW"]
    assert video.num_frames == 58
    assert (video.width, video.height) == (80, 60)
    assert video.joints is None
    expected = recording(58, 0.2, 58).to_numpy(np.float32).reshape(58, 33, 4)
    seen = video.annotation["found"][0]
    assert np.flatnonzero(~seen).tolist() == [20, 21, 22, 23]
    np.testing.assert_array_equal(video.annotation["landmarks"][0, seen], expected[seen, :, :3])
    np.testing.assert_array_equal(video.annotation["visibility"][0, seen], expected[seen, :, 3])
    table = layer.table().set_index("video_id")
    assert table.loc["SLOW", ["num_frames", "num_persons", "num_found"]].tolist() == [58, 1, 54]


def test_recordings_that_are_too_short_are_left_out_by_name(project: Path) -> None:
    honest, leaky = (read_json(Path(f"clips/{name}/meta.json")) for name in ("lstm", "lstm_leaky"))
    assert honest["left_out"]["video_ids"] == {"corrupt": ["BROKEN"], "with fewer than 30 frames": ["SHORT"]}
    assert leaky["left_out"]["video_ids"] == {"corrupt": ["BROKEN"]}
    assert honest["untrained_classes"] == ["BROKEN", "SHORT"]
    assert honest["split"]["test_clips_shared"] == 0
    assert leaky["split"]["test_clips_shared"] > 0.9
    assert honest["skeleton"]["name"] == "blazepose"


def test_the_report_says_what_the_split_is_worth(project: Path) -> None:
    text = Path("reports/ddnet/scores.md").read_text()
    assert "**0% of the test clips share frames with training clips." in text
    assert (project / "plans/ddnet/contact_sheet.jpg").stat().st_size > 5000
    assert "rotation by up to 10 degrees" in Path("plans/ddnet/report.md").read_text()
    assert read_json(Path("registered/ddnet.json"))["version"] == "1"


def test_when_it_says_none_is_chosen_on_validation_clips_and_told_of_test_clips(project: Path) -> None:
    description = read_json(Path("models/ddnet/model.json"))
    validation = pd.read_parquet("models/ddnet/validation.parquet")
    probabilities = np.stack(validation["probabilities"].to_list())
    labels = validation["label_id"].to_numpy()
    assert (probabilities.argmax(1) == validation["predicted"]).all()
    rule = abstention_of(probabilities, labels, validation["group"].nunique())
    assert description["abstention"] == rule.as_dict()
    assert (rule.num_clips, rule.num_groups) == (len(validation), 2)
    assert description["footage"] == {"num_frames": 6, "fps": None, "short_side": 60}
    found = read_json(Path("metrics/ddnet/test.json"))["abstention"]
    assert (found["temperature"], found["threshold"]) == (rule.temperature, rule.threshold)
    assert found["num_clips"] == len(pd.read_parquet("clips/ddnet/test.parquet"))
    assert "## None" in Path("reports/ddnet/scores.md").read_text()


def test_the_input_of_a_training_is_named_by_its_md5(project: Path) -> None:
    described = read_json(Path("models/ddnet/model.json"))
    assert "layer" in described["data_md5"]
    assert described["architecture"]["num_joints"] == 13
    assert described["preprocessing"]["sampling"] == "windows"


@pytest.mark.parametrize("name", ["ddnet", "lstm"])
def test_a_model_answers_for_a_recording(project: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "new.txt"
    recording(40, 2.0, 7).to_csv(path)
    predictor = load_predictor(project / "models" / name)
    answer = predictor.answer(read_video(path))
    probabilities = answer.values["probabilities"]
    assert set(probabilities) == {"BROKEN", "FAST", "SHORT", "SLOW"}
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
    window = tmp_path / "window.txt"
    recording(40, 2.0, 7).iloc[:6].to_csv(window)
    first = predictor.answer(read_video(window)).values["probabilities"]
    assert first != probabilities  # of all windows, not of the first one


def test_the_command_answers_for_a_recording(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.txt"
    recording(40, 2.0, 7).to_csv(path)
    expected = load_predictor(project / "models/ddnet").answer(read_video(path)).text
    done = subprocess.run(
        [sys.executable, "-m", "humotion", "predict", str(path), "--model", "models/ddnet", "--span", "2"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "40 frames of 320x240" in done.stdout
    assert expected in done.stdout, "it is shorter than two windows, so it has one answer"


def test_a_bad_recording_has_no_answer(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.txt"
    recording(10, 2.0, 7).drop(columns=5).to_csv(path)
    with pytest.raises(HumotionError, match=r"new\.txt cannot be read: it is corrupt .*column 5 is missing"):
        read_video(path)


def test_a_recording_of_one_row_has_an_answer_and_one_of_nobody_has_none(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.txt"
    recording(1, 2.0, 7).to_csv(path)
    for name in ("ddnet", "lstm"):
        probabilities = load_predictor(project / "models" / name).answer(read_video(path)).values["probabilities"]
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
    (recording(5, 2.0, 7) * np.nan).to_csv(path)
    with pytest.raises(HumotionError, match=r"it is empty \(nobody is found in any of its 5 frames\)"):
        read_video(path)


def sampled(folder: Path, lengths: dict[str, int], split: str = "blocks") -> None:
    """The clips of recordings of so many rows each; of nobody if the number is negative. Windows have 6 frames."""
    for number, (name, num_rows) in enumerate(lengths.items()):
        path = folder / "raw" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        (recording(abs(num_rows), 1.0, number) * (np.nan if num_rows < 0 else 1)).to_csv(path)
    params = settings(Path("raw"), split)
    index.run("recordings", params)
    extract.run("recordings", params)
    sample.run("lstm", params)


@pytest.mark.parametrize(
    ("lengths", "split", "said"),
    [
        ({"A": 40}, "blocks", r"every video that can be used is of the class A\. .* at least two"),
        ({"A": 40, "B": 10}, "blocks", r"is of the class A\. .*videos that could not be read or are too short"),
        (
            {"A/1": 20, "A/2": 20, "B/1": 20},
            "blocks",
            r"can be used: 3 with fewer than 30 frames\. The split is within videos, .*clips\.split: grouped",
        ),
        ({"A": 7, "B": 7}, "leaky_windows", r"2 with fewer than 8 frames\. The split is within videos"),
        ({"A": 40, "B": 40}, "grouped", r"2 groups \(source recordings\) cannot fill 5 folds.*or add recordings"),
        (
            {"A": 40, "B/1": 40, "B/2": 40, "B/3": 40, "B/4": 40},
            "grouped",
            r"4 groups .* cannot fill 5 folds for the validation split",
        ),
    ],
)
def test_too_few_or_too_short_recordings_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lengths: dict[str, int], split: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HumotionError, match=f"(?i){said}"):
        sampled(tmp_path, lengths, split)


def test_a_class_of_nobody_or_of_a_short_recording_is_named_and_the_others_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sampled(tmp_path, {"A b": 40, "\u00dcbung": 40, "nobody": -40, "short": 10})
    printed = capsys.readouterr().out
    assert "1 empty" in printed and "1 with fewer than 30 frames" in printed
    assert "NO CLIP of 2 of 4 classes: nobody, short" in printed
    assert read_json(Path("clips/lstm/meta.json"))["classes"] == ["A b", "nobody", "short", "\u00dcbung"]


def test_batch_norm_needs_two_clips(project: Path) -> None:
    params = settings(Path("raw"))
    lonely = params.experiment("ddnet").model_copy(update={"trainer": ActionTrainerParams(epochs=1, batch_size=1)})
    with pytest.raises(HumotionError, match=r"each device needs at least 2: trainer\.batch_size is 1"):
        train.run("ddnet", params.model_copy(update={"experiments": {"ddnet": lonely}}))


def test_the_recipe_is_valid(project: Path) -> None:
    from humotion.checkout.recipe_files import read_recipe
    from tests.support.repository import REPOSITORY

    recipe = read_recipe("landmarks", REPOSITORY / "recipes")
    params = validate_params({**recipe, "layers": {}}, "wrong:")
    honest, leaky = (params.experiment(name) for name in ("landmark_lstm", "landmark_lstm_leaky"))
    assert (honest.clips.split, leaky.clips.split) == ("blocks", "leaky_windows")
    assert honest.model == leaky.model

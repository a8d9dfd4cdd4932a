"""`humotion predict --log-to`: the run in a real store, its table and report, and what a kill leaves."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from PIL import Image

from humotion.cli.main import app
from humotion.drift.logged import UNDER, DriftLog
from humotion.errors import HumotionError
from humotion.export.export_model import export_model
from humotion.files import read_json, write_json
from humotion.prediction.predict_videos import predict_videos
from humotion.prediction.video_file import read_video
from humotion.tracking.outbox.waiting import waiting_runs
from humotion.tracking.predictions import EXPERIMENT
from humotion.tracking.store import connect
from humotion.work import digest_of_file
from tests.drift.conftest import changed_copies
from tests.drift.test_compared import darkened
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.tiny_pipeline import inside

NAME = "night / at the lake"


def call(*arguments: str) -> None:
    app([*arguments], standalone_mode=False)


def runs_in(client: MlflowClient) -> list[Run]:
    """The runs of predictions, the oldest first."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return sorted(client.search_runs([experiment.experiment_id]), key=lambda run: run.info.start_time)


def folder_of(run: Run) -> Path:
    return Path(unquote(run.info.artifact_uri.removeprefix("file://"))) / UNDER


@pytest.fixture(scope="module")
def logged(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run of 12 darkened videos and a broken one, predicted by two models, and what was said."""
    films = tmp_path_factory.mktemp("films")
    changed_copies(films, darkened)
    (films / "broken.mkv").write_bytes(b"no video")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "pose"
    pose = write_model_folder(elsewhere, make_task("pose_estimation"), "pose_estimation")
    models = ["--model", "models/frames", "--model", str(pose)]
    with inside(trained):
        said = tmp_path_factory.mktemp("said") / "said.json"
        with said.open("w") as stream, pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", stream)
            with pytest.raises(HumotionError, match="1 of 13 videos have no prediction"):
                call("predict", str(films), *models, "--log-to", NAME, "--json")
        (run,) = runs_in(connect())
    return {"run": run, "said": json.loads(said.read_text()), "folder": folder_of(run), "films": films}


def test_the_run_is_finished_and_says_what_it_is(logged: dict[str, Any]) -> None:
    run = logged["run"]
    assert (run.info.run_name, run.info.status, run.data.tags["kind"]) == (NAME, "FINISHED", "prediction")
    assert run.data.tags["model.0.experiment"] == "frames"
    assert run.data.metrics["num_videos"] == 13 and run.data.metrics["num_failed"] == 1
    assert run.data.metrics["frames/shift/brightness"] < -1
    assert "darker" in run.data.tags["mlflow.note.content"].lower()


def test_the_table_has_one_row_per_video_and_model_also_of_a_broken_one(logged: dict[str, Any]) -> None:
    table = pd.read_csv(logged["folder"] / "predictions.csv")
    assert len(table) == 2 * 13 and not table.duplicated(["video", "experiment"]).any()
    failed = table[table["status"] == "failed"]
    assert len(failed) == 2 and failed["error"].str.contains("cannot be read").all()
    of_frames = table[(table["experiment"] == "frames") & (table["status"] == "ok")]
    assert of_frames["label"].isin(["jump", "walk"]).all()
    assert of_frames["confidence"].between(0.5, 1).all() and of_frames["entropy"].between(0, 1).all()
    assert (of_frames["short_side"] == 96).all() and (of_frames["fps"] == 30).all()
    assert of_frames["outside"].str.contains("darker").all()
    of_joints = table[(table["experiment"] == "tiny") & (table["status"] == "ok")]
    assert of_joints["believed"].between(0, 1).all() and of_joints["outside"].isna().all()


def test_the_report_says_in_which_ways_and_its_figures_are_there(logged: dict[str, Any]) -> None:
    report = (logged["folder"] / "report.md").read_text()
    of_frames, of_joints = report.split("## frames on films")[1].split("## tiny on sample")
    assert "**These 12 videos are unlike what frames saw in training, in these ways:**" in of_frames
    assert re.search(r"^- Darker: brightness \d+.*, in training \d+", of_frames, re.MULTILINE)
    not_named = re.search(r"Not distinguishable from the training: (.*)\.", of_frames)
    assert not_named is not None and {"short side", "frames", "saturation"} <= set(not_named[1].split(", "))
    assert "The confidence of frames is" in report.split("## How sure")[1]
    assert "**The footage is not compared with the training of tiny on sample.**" in of_joints
    assert "broken.mkv" in report.split("## What could not be read")[1]
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", report)
    assert len(pictures) == 3
    for picture in pictures:
        with Image.open(logged["folder"] / picture) as image:
            assert image.width > 500


def test_differences_are_a_table_for_programs(logged: dict[str, Any]) -> None:
    table = pd.read_csv(logged["folder"] / "differences.csv").set_index("measure")
    assert table.loc["brightness", "verdict"] == "unlike" and table.loc["brightness", "p"] < 0.01
    assert table.loc["fps", "verdict"] == "not distinguishable"
    assert set(table["models"]) == {"frames"}, "nothing is compared with the training of the other model"


def test_the_json_document_says_it_too(logged: dict[str, Any]) -> None:
    document = logged["said"]
    assert len(document["videos"]) == 13
    assert document["log"]["run_id"] == logged["run"].info.run_id
    assert Path(document["log"]["report"]) == logged["folder"] / "report.md"
    assert any("unlike" in line for line in document["log"]["said"])


def test_a_killed_run_is_closed_by_the_next_and_a_name_may_be_used_twice(
    logged: dict[str, Any], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dies = (
        "import os, signal\n"
        "from humotion.tracking.predictions import prediction_run\n"
        f"with prediction_run({NAME!r}, {{}}, 'a note'):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", dies], check=False, stderr=subprocess.PIPE)
    assert done.returncode == -signal.SIGKILL, done.stderr
    video = sorted(logged["films"].glob("*.mkv"))[0]
    call("predict", str(video), "--model", "models/frames", "--log-to", NAME)
    said = capsys.readouterr().out
    assert "now KILLED" in said and "This video is unlike what frames saw in training" in said
    first, killed, second = runs_in(connect())
    assert {run.info.run_name for run in (first, killed, second)} == {NAME}
    assert [run.info.status for run in (first, killed, second)] == ["FINISHED", "KILLED", "FINISHED"]
    table = pd.read_csv(folder_of(second) / "predictions.csv")
    assert len(table) == 1
    report = (folder_of(second) / "report.md").read_text()
    assert re.search(r"Darker than all 28 training videos \(brightness [\d.]+, in training [\d.]+ to [\d.]+\)", report)


def test_other_footage_is_never_compared(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another training, another report, and no report: each is said, and nothing is compared."""
    for number, (break_it, why) in enumerate(
        (
            (_another_plan, r"is not the one of its training"),
            (_another_report, r"no report of explore about the frames"),
            (_another_store, r"no dataset films with the frames of its training"),
            (_no_lock, r"no dataset films with the frames of its training"),
        )
    ):
        folder = tmp_path / str(number)
        shutil.copytree(project, folder, ignore=shutil.ignore_patterns(".dvc", "mlruns", "mlflow.db*", "data"))
        monkeypatch.chdir(folder)
        break_it()
        log = DriftLog("a name")
        log.start([Path("models/frames")])
        assert re.search(why, log.models[0].unknown), break_it
        assert log.models[0].footage is None


def _another_plan() -> None:
    table = pd.read_parquet("plans/frames/train.parquet")
    table.iloc[1:].to_parquet("plans/frames/train.parquet")


def _another_report() -> None:
    table = pd.read_parquet("reports/films/statistics.parquet")
    table.assign(brightness=1.0).to_parquet("reports/films/statistics.parquet")


def _another_store() -> None:
    description = read_json(Path("models/frames/model.json"))
    description["data_md5"]["frames"] = "0" * 32
    write_json(Path("models/frames/model.json"), description)


def _no_lock() -> None:
    Path("dvc.lock").unlink()


def test_a_store_that_is_away_gets_the_run_later(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "frames"
    shutil.copytree(project / "models" / "frames", model)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    video = sorted((project / "data").rglob("*.mkv"))[0]
    predict_videos([str(video)], [str(model)], None, log=DriftLog(NAME))
    assert "waits on disk" in capsys.readouterr().out
    (waiting,) = waiting_runs()
    (run,) = runs_in(MlflowClient(waiting.store))
    assert run.info.status == "FINISHED" and run.info.run_name == NAME
    assert (folder_of(run) / "report.md").exists()


def test_frames_smaller_than_the_training_are_not_compared_in_sharpness(project: Path, tmp_path: Path) -> None:
    copies = changed_copies(tmp_path, lambda frames: frames[:, ::4, ::4].copy())
    log = DriftLog(NAME)
    log.start([Path("models/frames")])
    for path in copies[:6]:
        video = read_video(path)
        log.add({"path": str(path), "status": "ok", "predictions": []}, video)
    (part,) = log.parts()
    found = {one.measure: one for one in part.differences}
    assert (
        found["sharpness"].verdict == "not compared" and "smaller than those of the training" in found["sharpness"].why
    )
    assert found["short_side"].verdict == "unlike" and found["brightness"].verdict == "not distinguishable"


def test_a_single_broken_video_is_logged(project: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"")
    with inside(project, f"sqlite:///{tmp_path}/mlflow.db"):
        with pytest.raises(HumotionError, match="1 of 1 videos have no prediction"):
            predict_videos([str(tmp_path / "broken.mp4")], ["models/frames"], None, log=DriftLog(NAME))
        (run,) = runs_in(connect())
    assert (pd.read_csv(folder_of(run) / "predictions.csv")["status"] == "failed").all()
    assert "No video could be read" in (folder_of(run) / "report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--live", "--log-to", "name"], "--live logs nothing"),
        (["--log-to", " "], "name the run"),
        (["--log-to", "two\nlines"], "name the run"),
        (["--log-to", "x" * 251], "name the run"),
    ],
)
def test_what_cannot_be_logged_is_refused_before_any_work(arguments: list[str], told: str, project: Path) -> None:
    with pytest.raises(HumotionError, match=told):
        call("predict", "nosuch.mkv", "--model", "models/frames", *arguments)


def test_an_exported_model_is_known_by_the_weights_it_was_made_of(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    export_model(Path("models/frames"), "onnx", tmp_path / "exported")
    film = sorted(Path("data/films/walk").iterdir())[0]
    call("predict", str(film), "--model", str(tmp_path / "exported"), "--log-to", "exported")
    (run,) = runs_in(connect())
    assert run.data.tags["model.0.weights_md5"] == digest_of_file(Path("models/frames/model.safetensors"))

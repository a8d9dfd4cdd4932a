"""Results that are written row by row: what is in them, and that they are whole or not there."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humotion.prediction.answers import facts_of
from humotion.prediction.predict_videos import predict_videos
from humotion.prediction.predictor import load_predictor
from humotion.prediction.results import write_results
from humotion.prediction.rows import Rows, json_pieces, plain, write_rows
from humotion.prediction.video_file import read_video
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.trees import write_video


@pytest.fixture
def of_joints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_model_folder(tmp_path / "pose", make_task("pose_estimation"), "pose_estimation")


def test_rows_are_a_list_that_keeps_nothing() -> None:
    rows = Rows(3, lambda number: [number, None])
    assert rows == [[0, None], [1, None], [2, None]] and rows[-1] == [2, None] and rows[1:] == [[1, None], [2, None]]
    assert np.array(Rows(2, lambda number: [number, 2.5])).tolist() == [[0, 2.5], [1, 2.5]]
    with pytest.raises(IndexError):
        rows[3]


@pytest.mark.parametrize(
    "value",
    [
        {"a": Rows(2, lambda number: [number, 1.5]), "b": [{"c": Rows(1, lambda _: None)}, {}], "d": 'ä\n"'},
        {"a": Rows(0, lambda _: 1), "b": [], "c": [1, [2]], "d": ({"e": True},)},
        [],
    ],
)
def test_the_text_is_the_json_of_the_value(value: Any) -> None:
    text = "".join(json_pieces(value))
    assert json.loads(text) == json.loads(json.dumps(plain(value)))
    assert "ä" in text or "d" not in text or "true" in text


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.json", {"rows": Rows(2, lambda number: number)})
    for broken in (Rows(2, lambda number: 1 // (1 - number)), Rows(2, lambda _: float("nan"))):
        with pytest.raises((ZeroDivisionError, ValueError)):
            write_rows(tmp_path / "a.json", {"rows": broken})
    assert json.loads((tmp_path / "a.json").read_text()) == {"rows": [0, 1]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_joints_in_all_files_are_the_same(of_joints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = read_video(write_video(tmp_path / "clip.mp4", num_frames=12))
    predictor = load_predictor(of_joints)
    facts = facts_of(video, [predictor], [predictor.answer(video)])
    found = facts["predictions"][0]["joints"]
    written = write_results(tmp_path / "out" / "clip", facts, video.shown_at)
    assert [path.name for path in written] == ["clip.json", "clip.joints.csv", "clip.tiny.coco.json"]
    joints = json.loads(written[0].read_text())["predictions"][0]["joints"]
    assert joints == plain(found) and len(joints["frames"]) == len(joints["boxes"]) == 12
    with written[1].open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 12 * 13 and set(table[0]) == {
        *("experiment", "frame", "seconds", "joint"),
        *("x", "y", "score", "believed"),
    }
    row = table[5 * 13 + 2]
    assert (row["frame"], row["joint"], row["believed"]) == ("5", joints["names"][2], "True")
    assert [float(row[name]) for name in ("x", "y", "score")] == joints["frames"][5][2]
    coco = json.loads(written[2].read_text())
    assert [one["id"] for one in coco["images"]] == list(range(12)) and coco["annotations"][5]["image_id"] == 5
    assert coco["annotations"][5]["keypoints"][6:9] == [*joints["frames"][5][2][:2], 2]

    predict_videos([str(video.path)], [str(of_joints)], None, as_json=True)
    (printed,) = json.loads(capsys.readouterr().out)["videos"]
    assert printed["predictions"][0]["joints"] == joints
    assert json.loads(predictor.row(str(video.path))["joints"]) == joints

"""Joints in live frames: what was found is what the same frames give as a video, and the copy has it in time."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from humotion.annotation.person_tracks.similarity import deviations
from humotion.cli.main import app
from humotion.datasets.coco import SKELETONS
from humotion.errors import HumotionError
from humotion.files import read_json, write_json
from humotion.params.annotation.person_tracks import PersonTracksParams
from humotion.prediction.live.loop import LiveSettings, predict_live
from humotion.prediction.live.now import Glance
from humotion.prediction.live.recording import recording_to, with_captions
from humotion.prediction.predictor import load_predictor, read_video
from humotion.system import signals
from humotion.tasks.multi_person_pose.live import LivePeople
from humotion.tasks.multi_person_pose.training.outcomes import people_around
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.pose_estimation.live import LivePose
from tests.export.folders import folder_of
from tests.support.clips import GOLF
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.trees import write_video

COCO, _ = SKELETONS
BOX = np.array([12, 8, 50, 44], np.float32)


@pytest.fixture
def of_joints(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return write_model_folder(tmp_path / "pose", make_task("pose_estimation"), "pose_estimation")


@pytest.fixture
def of_people(tmp_path: Path) -> Path:
    folder = folder_of(tmp_path / "people", "open_pose", "2 hourglasses, COCO")
    description = read_json(folder / "model.json")
    description["meta"]["skeleton"] = COCO.as_dict()
    write_json(folder / "model.json", description)
    return folder


def found_in(box: Any) -> dict[str, Any]:
    return {"boxes": np.asarray(box, np.float32)[None, None], "found": np.ones((1, 1), bool)}


def test_live_joints_are_those_of_the_video(of_joints: Path, tmp_path: Path) -> None:
    """Lost in the fourth frame, so that the state of the model starts again."""
    predictor: Any = load_predictor(of_joints)
    video = read_video(write_video(tmp_path / "clip.mp4", num_frames=6))
    boxes = np.tile(BOX, (6, 1))
    boxes[3] = np.nan
    joints, scores = predictor.joints(video, boxes)
    live = LivePose(predictor)
    for number, frame in enumerate(video):
        now = live(Glance(frame, None if number == 3 else found_in(BOX), number == 0))
        if number == 3:
            assert now.text == "nobody is there" and now.draw is None and now.values["joints"] is None
            continue
        points = np.array(now.values["joints"])
        np.testing.assert_allclose(points[:, :2], joints[number], atol=2e-3)
        np.testing.assert_allclose(points[:, 2], scores[number], atol=2e-3)


def test_a_cut_and_another_person_start_the_model_again(of_joints: Path) -> None:
    predictor: Any = load_predictor(of_joints)
    frames = np.random.default_rng(0).integers(0, 256, (3, 64, 96, 3), np.uint8)
    alone = LivePose(predictor)(Glance(frames[2], found_in(BOX), False)).values
    for is_cut, first in ((True, BOX), (False, [70, 50, 90, 60])):
        live = LivePose(predictor)
        live(Glance(frames[0], found_in(first), False))
        assert live(Glance(frames[2], found_in(BOX), is_cut)).values == alone
    live = LivePose(predictor)
    live(Glance(frames[0], found_in(BOX), False))
    live(Glance(frames[1], found_in(BOX), False))
    state = live._state
    live(Glance(frames[2], found_in(BOX), False))
    assert state is not None and len(live._boxes) == 3


def test_people_keep_their_numbers_until_a_cut() -> None:
    """Two people who pass each other, in another order in every second frame."""
    places = np.random.default_rng(1).uniform(0, 40, (len(COCO.joints), 2))

    def people(number: int) -> People:
        both = np.stack([places + [4 * number, 0], places + [200 - 4 * number, 60]])
        order = [0, 1] if number % 2 else [1, 0]
        return people_around(both[order], np.full((2, len(COCO.joints)), 0.9), np.array([0.9, 0.8]))

    seen: list[list[int | None]] = []
    predictor: Any = SimpleNamespace(
        skeleton=COCO,
        size=32,
        in_pictures=lambda pictures, width, height: [people(len(seen))],
        believed=lambda people: np.ones(people.joint_scores.shape, bool),
        rows=lambda people, believed: seen.append(people.tracks.tolist()) or [],
    )
    live = LivePeople(predictor, PersonTracksParams(dataset="", tool="person_tracks", lost=30))
    assert len(deviations(COCO.joints)) == len(COCO.joints)
    for number in range(40):
        live(Glance(np.zeros((120, 400, 3), np.uint8), None, number in (0, 30)))
    numbers = [tracks[::-1] if place % 2 == 0 else tracks for place, tracks in enumerate(seen)]
    assert numbers[0] == [-1, -1], "seen in one frame only"
    assert len({tuple(one) for one in numbers[5:30]}) == 1 and set(numbers[10]) == {0, 1}
    assert set(numbers[39]) == {2, 3}, "after the cut they are others"
    assert max(len(track.seen) for track in live._alive) <= 8, "nothing grows"


def said_of(source: Path, *models: Path, **settings: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    said: list[dict[str, Any]] = []
    chosen = LiveSettings(**{"as_json": True, **settings})
    predict_live(str(source), [str(model) for model in models], chosen, lambda line: said.append(json.loads(line)))
    return said[:-1], said[-1]["summary"]


def test_each_frame_gets_a_line_and_the_copy_has_them(of_people: Path, tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", num_frames=30)
    answers, summary = said_of(path, of_people, out=tmp_path / "copy.mp4")
    assert 1 <= len(answers) == summary["answers"] == summary["frames"] - summary["dropped"]
    assert all(one["model"] == "open_pose" and isinstance(one["people"], list) for one in answers)
    with av.open(str(tmp_path / "copy.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert len(times) == len(answers)
    np.testing.assert_allclose(times, [one["time"] for one in answers], atol=2e-3)


def test_people_in_text_are_a_line_per_change(of_people: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    path = write_video(tmp_path / "clip.mp4", num_frames=12)
    predict_live(str(path), [str(of_people)], LiveSettings(out=tmp_path / "copy.mp4"), lines.append)
    assert "joints in each frame" in lines[0] and "no threshold of scores" in lines[1]
    assert "Latency from the capture" in lines[-2]
    assert lines[-1] == f"annotated video: {tmp_path / 'copy.mp4'}"


def test_ctrl_c_leaves_a_complete_copy(of_people: Path, tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", num_frames=900)

    told: list[str] = []

    def say(line: str) -> None:
        told.append(line)
        if len(told) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with signals.interrupting():
        predict_live(str(path), [str(of_people)], LiveSettings(as_json=True, out=tmp_path / "copy.mp4"), say)
    with av.open(str(tmp_path / "copy.mp4")) as container:
        assert 1 <= sum(1 for _ in container.decode(video=0)) < 900
    assert sorted(one.name for one in tmp_path.iterdir()) == ["clip.mp4", "copy.mp4", "people", "people.ckpt"]


def test_a_recording_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> None:
        with recording_to(tmp_path / "copy.mp4") as recording:
            recording.write(0.0, np.zeros((48, 64, 3), np.uint8))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    with pytest.raises(HumotionError, match="No frame was looked at"), recording_to(tmp_path / "copy.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_source_may_change_its_size_and_repeat_a_time(tmp_path: Path) -> None:
    with recording_to(tmp_path / "copy.mkv") as recording:
        for time, size in ((5.0, (49, 65)), (5.5, (120, 160)), (5.5, (48, 64)), (6.25, (48, 64))):
            recording.write(time, np.full((*size, 3), 200, np.uint8))
    with av.open(str(tmp_path / "copy.mkv")) as container:
        frames = [(frame.time, frame.height, frame.width) for frame in container.decode(video=0)]
    assert frames == [(pytest.approx(time, abs=2e-3), 50, 66) for time in (0.0, 0.5, 1.25)]


def test_captions_are_at_the_lower_edge_of_a_copy_of_the_frame() -> None:
    frame = np.full((90, 160, 3), 255, np.uint8)
    drawn = with_captions(frame, ["walk 80%", "ddnet: none"])
    assert (frame == 255).all() and (drawn[:40] == 255).all() and (drawn[-20:, :10] < 255).any()
    assert with_captions(frame, []) is frame


def test_a_person_is_found_by_blazepose(real_data: Path, of_joints: Path, tmp_path: Path) -> None:
    weights = real_data / "blazepose"
    if not (weights / "pose_detection.tflite").exists():
        pytest.skip(f"no weights of BlazePose in {weights}")
    clip = real_data / "jhmdb" / "ReCompress_Videos" / f"{GOLF}.avi"
    answers, _ = said_of(clip, of_joints, weights=weights, out=tmp_path / "copy.mp4")
    assert any(one["box"] is not None for one in answers)
    for one in answers:
        assert (one["joints"] is None) == (one["box"] is None) == (one["believed"] is None)


def test_what_has_no_live_joints_says_why(of_people: Path, tmp_path: Path) -> None:
    hourglass = folder_of(tmp_path / "one", "hourglass", "1 of 256, MPII")
    with pytest.raises(HumotionError, match="hourglass looks at one person at a time"):
        predict_live("0", [str(hourglass)], LiveSettings(), print)
    clip = str(write_video(tmp_path / "clip.mp4", num_frames=4))
    for out, said in (("copy.txt", "its ending must be one of"), (clip, "is the video itself")):
        result = CliRunner().invoke(app, ["predict", clip, "--live", "--model", str(of_people), "--out", out])
        assert isinstance(result.exception, HumotionError) and said in str(result.exception)

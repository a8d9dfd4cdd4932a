"""Recordings of landmarks from real videos, and from a camera (a stream that OpenCV opens)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from humotion.annotation.blazepose import tool
from humotion.annotation.blazepose.record import record_camera, record_video
from humotion.cli.main import app
from humotion.datasets.shared.landmark_table import read_recording
from humotion.errors import HumotionError
from tests.annotation.blazepose.tools import settings
from tests.support.clips import GOLF, Clip, real_clip
from tests.support.trees import write_video


def path_of_clip(real_data: Path) -> Path:
    return next((real_data / "jhmdb").rglob(f"{GOLF.rpartition('/')[2]}.avi"))


def test_a_recording_has_the_landmarks_of_each_frame(real_data: Path, weights: Path, tmp_path: Path) -> None:
    chosen = settings(weights, model="lite")
    recorded = record_video("golf", path_of_clip(real_data), tmp_path, chosen)
    assert recorded.path.parent == tmp_path / "golf"
    found = read_recording(recorded.path)
    assert recorded.num_frames == 40 == recorded.num_found == len(found.found)
    clip = real_clip(real_data, GOLF, 40)
    clip.fps = 30.0
    expected = tool.open_tool(settings(weights, model="lite", backwards=False))(clip)
    assert found.found.tolist() == expected["found"][0].tolist()
    np.testing.assert_allclose(found.landmarks, expected["landmarks"][0], atol=1e-5)
    np.testing.assert_allclose(found.visibility, expected["visibility"][0], atol=1e-5)
    with pytest.raises(HumotionError, match="is there already"):
        record_video("golf", path_of_clip(real_data), tmp_path, chosen)


def test_smoothing_begins_anew_after_a_person_was_lost(real_data: Path, weights: Path) -> None:
    frames = real_clip(real_data, GOLF, 5).frames.copy()
    frames[2] = 128
    follow = tool.follow(settings(weights, model="lite"))
    live = [follow(frame, 1 / 25) for frame in frames]
    expected = tool.open_tool(settings(weights, model="lite", backwards=False))(Clip(frames, 25.0))
    assert [one is not None for one in live] == expected["found"][0].tolist() == [True, True, False, True, True]
    for t, arrays in enumerate(live):
        if arrays is not None:
            for name, array in arrays.items():
                np.testing.assert_array_equal(array[0, 0], expected[name][0, t])


def test_a_camera_records_for_a_number_of_seconds(real_data: Path, weights: Path, tmp_path: Path) -> None:
    stream = str(path_of_clip(real_data))
    chosen = settings(weights, model="lite")
    recorded = record_camera("golf", stream, tmp_path, chosen, seconds=0.4, wait=0)
    assert recorded.num_frames == round(0.4 * 30) == recorded.num_found
    assert read_recording(recorded.path).found.all()
    with pytest.raises(HumotionError, match="camera 97 cannot be opened"):
        record_camera("golf", "97", tmp_path, chosen, seconds=1, wait=0)


def test_a_video_without_people_leaves_nothing(weights: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "noise.mp4", 3)
    arguments = ["record-landmarks", "nobody", "--out", str(tmp_path / "out"), "--weights", str(weights)]
    runner = CliRunner()
    result = runner.invoke(app, [*arguments, "--model", "lite", "--video", str(video)])
    assert isinstance(result.exception, HumotionError) and "Nobody was found in 3 frames" in str(result.exception)
    assert not list((tmp_path / "out").rglob("*.*"))
    result = runner.invoke(app, arguments)
    assert isinstance(result.exception, HumotionError) and "either a --camera or" in str(result.exception)


def test_a_bad_video_is_named_and_does_not_keep_the_others_from_being_recorded(
    real_data: Path, weights: Path, tmp_path: Path
) -> None:
    nobody, good, broken = write_video(tmp_path / "noise.mp4", 3), path_of_clip(real_data), tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    out, missing = tmp_path / "out", tmp_path / "missing.mp4"
    arguments = ["record-landmarks", "golf", "--out", str(out), "--weights", str(weights), "--model", "lite"]
    for path in (nobody, broken, missing, good):
        arguments += ["--video", str(path)]
    result = CliRunner().invoke(app, arguments)
    assert f"{good.stem}.txt: somebody in 40 of 40 frames" in result.stdout.replace("\n", "")
    assert [path.name for path in out.rglob("*.txt")] == [f"{good.stem}.txt"]
    first, *others = str(result.exception).splitlines()
    assert first == "3 of 4 videos are not recorded:"
    assert others[0] == f"{nobody}: Nobody was found in 3 frames, so nothing is recorded."
    assert others[1].startswith(f"{broken} cannot be read: it is corrupt (")
    assert others[2].startswith(f"{missing} cannot be read: it is missing (")

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from humotion.errors import HumotionError
from humotion.prediction import video_file
from humotion.prediction.predictor import load_predictor
from humotion.prediction.video_file import DecodedVideo, Limits, read_video
from humotion.tasks.action_recognition.predictor import ActionPredictor
from humotion.tasks.pose_estimation.predictor import PosePredictor
from humotion.video.decode import decode_video
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.trees import write_jpegs, write_video

SIZE, NUM_FRAMES = (320, 240), 120
FRAME_BYTES = 320 * 240 * 3


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """27 MB of pixels."""
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", NUM_FRAMES, size=SIZE)


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a video that is too large to be kept."""
    monkeypatch.setattr(video_file, "KEPT_BYTES", FRAME_BYTES)


@contextmanager
def at_most(num_frames: int) -> Iterator[None]:
    """Does the block never need more memory than so many frames?"""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < num_frames * FRAME_BYTES


def test_what_is_read_again_is_the_same(clip: Path, nothing_kept: None) -> None:
    expected = decode_video(clip).read_all()
    video = read_video(clip)
    assert (video.num_frames, video.width, video.height, video.fps) == (NUM_FRAMES, *SIZE, 30.0)
    assert (video.status, video.error) == ("ok", None)
    for _ in range(2):
        assert all((found == frame).all() for found, frame in zip(video, expected, strict=True))
    chosen = np.array([119, 0, 7, 7])
    assert (video.decode(chosen) == expected[chosen]).all()
    assert video.decode(np.array([], int)).shape == (0, 240, 320, 3)


def test_a_short_video_is_decoded_once(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = read_video(clip)
    monkeypatch.setattr(video_file, "open_video", pytest.fail)
    assert (video.decode(np.array([3]))[0] == list(video)[3]).all()


def test_a_video_that_changes_on_the_way_is_refused(tmp_path: Path, nothing_kept: None) -> None:
    for num_frames, size in ((9, SIZE), (11, SIZE), (10, (64, 48))):
        video = read_video(write_video(tmp_path / "a.mp4", 10, size=SIZE))
        write_video(tmp_path / "a.mp4", num_frames, size=size)
        with pytest.raises(HumotionError, match="has changed"):
            list(video)


def test_a_model_of_actions_keeps_only_the_frames_that_it_reads(clip: Path, tmp_path: Path, nothing_kept: None) -> None:
    predictor = load_predictor(
        write_model_folder(tmp_path / "model", make_task("action_recognition"), "action_recognition")
    )
    assert isinstance(predictor, ActionPredictor)
    with at_most(30):  # 4 with 3 neighbours each, and those being decoded
        answer = predictor.answer(read_video(clip))
    assert answer.values["probabilities"] == pytest.approx(
        predictor.probabilities(DecodedVideo(decode_video(clip).read_all(), 30.0))
    )


def test_a_model_of_poses_and_its_drawing_keep_one_piece_of_the_video(
    clip: Path, tmp_path: Path, nothing_kept: None
) -> None:
    predictor = load_predictor(write_model_folder(tmp_path / "model", make_task("pose_estimation"), "pose_estimation"))
    assert isinstance(predictor, PosePredictor)
    with at_most(30):  # pieces of 16
        video = read_video(clip)
        answer = predictor.answer(video)
        assert answer.draw is not None
        drawn = [answer.draw(number, frame)[::60, ::60].copy() for number, frame in enumerate(video)]
    frames = decode_video(clip).read_all()
    joints, _ = predictor.joints(DecodedVideo(frames, 30.0))
    found = np.array(answer.values["joints"]["frames"])
    assert found.shape == (NUM_FRAMES, 13, 3)
    np.testing.assert_allclose(found[..., :2], joints, atol=1e-3)
    assert len(drawn) == NUM_FRAMES


def test_a_folder_of_frames_has_no_rate(tmp_path: Path) -> None:
    video = read_video(write_jpegs(tmp_path / "frames", 4))
    assert (video.num_frames, video.fps) == (4, None)


def test_the_state_of_a_damaged_video_is_known(clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cut = tmp_path / "cut.avi"
    write_video(cut, 40)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    video = read_video(cut)
    assert 0 < video.num_frames < 40
    assert video.status == "truncated"
    assert video.error is not None
    folder = write_model_folder(tmp_path / "model", make_task("action_recognition"), "action_recognition")
    row = load_predictor(folder).row(str(cut))
    assert set(row) == {"video", "label", "probabilities"}
    assert f"cut.avi is truncated: {video.error}" in caplog.text, "a served model has no other place to say it"


def test_a_tool_may_go_back_and_every_frame_is_its_own(
    clip: Path, nothing_kept: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_file, "LAST_BYTES", 10 * FRAME_BYTES)
    expected = decode_video(clip).read_all()
    video = read_video(clip)
    read = []
    monkeypatch.setattr(video, "_again", lambda start, again=video._again: read.append(start) or again(start))
    for start in (100, 60, 53, 46, 110, 2, 0):
        indices = np.arange(start, start + 7)
        assert (video.decode(indices) == expected[indices]).all()
    assert read == [95, 55, 48, 41, 0], "half of ten frames before the wanted one, unless it is kept or comes later"


def test_a_file_that_is_replaced_by_an_equal_one_is_noticed(tmp_path: Path, nothing_kept: None) -> None:
    path = write_video(tmp_path / "a.mp4", 10, size=SIZE)
    video = read_video(path)
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(HumotionError, match="has changed"):
        list(video)


def test_who_stops_early_leaves_no_decoder(clip: Path, nothing_kept: None) -> None:
    """A decoder that waits for the garbage collector has an open file; in the middle of an hour, also 12 MB."""

    def num_open() -> int:
        return sum(os.path.realpath(file) == str(clip) for file in Path("/proc/self/fd").iterdir())

    video = read_video(clip)
    gc.collect()
    gc.disable()
    try:
        for number in (100, 50, 0, 100, 20):
            video.decode(np.array([number]))
        del video
        assert num_open() == 0
        with pytest.raises(HumotionError, match="the limit"):
            read_video(clip, Limits(frames=10, pixels=SIZE[0] * SIZE[1]))
        assert num_open() == 0
    finally:
        gc.enable()

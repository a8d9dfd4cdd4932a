from __future__ import annotations

import shutil
import subprocess
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from humotion.video.decode import decode_video
from tests.datasets.trees import picture, write_video

FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="compares with the ffmpeg command, which is not here")


def ffmpeg(*arguments: str | Path) -> bytes:
    assert FFMPEG is not None
    command = [FFMPEG, "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def reference(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Every frame as the ffmpeg command decodes it, (N, H, W, 3)."""
    raw = ffmpeg("-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, *shape)


def assert_equals_ffmpeg(path: Path, method: str) -> int:
    video = decode_video(path)
    frames = video.read_all()
    expected = reference(path, frames.shape[1:])
    assert (video.status, video.error, video.method) == ("ok", None, method)
    assert frames.shape == expected.shape
    assert np.abs(frames.astype(np.int16) - expected).max() <= 1
    return len(frames)


CASES = {
    "mpeg4.avi": ({"codec": "mpeg4"}, "torchcodec"),
    "mpeg4_b_frames.avi": ({"codec": "mpeg4", "b_frames": 2}, "pyav"),
    "h264.mp4": ({"codec": "libx264", "b_frames": 2}, "torchcodec"),
    "h264_b_frames.avi": ({"codec": "libx264", "b_frames": 2}, "pyav"),
    "vfr.mp4": ({"codec": "libx264", "times": [0, 1, 5, 6, 7, 20, 21, 40, 41, 42, 43, 90]}, "torchcodec"),
    "odd.avi": ({"codec": "mpeg4", "size": (65, 49)}, "torchcodec"),
    "odd_b_frames.avi": ({"codec": "mpeg4", "size": (65, 49), "b_frames": 2}, "pyav"),
    "mpeg2.mpg": ({"codec": "mpeg2video", "b_frames": 2}, "pyav"),
    "h264.mkv": ({"codec": "libx264", "b_frames": 2}, "torchcodec"),
}


@needs_ffmpeg
@pytest.mark.parametrize("name", CASES)
def test_every_frame_equals_the_ffmpeg_command(name: str, tmp_path: Path) -> None:
    options, method = CASES[name]
    assert_equals_ffmpeg(write_video(tmp_path / name, 12, **options), method)


@pytest.mark.parametrize("name", ["a.avi", "b.mp4"])
def test_frames_come_in_order_and_none_is_lost(name: str, tmp_path: Path) -> None:
    video = decode_video(write_video(tmp_path / name, 23, b_frames=2))
    frames = video.read_all().astype(float)
    assert len(frames) == 23
    assert video.fps == 30
    expected = np.stack([picture(number) for number in range(23)]).astype(float)
    distance = np.abs(frames[:, None] - expected[None]).mean(axis=(2, 3, 4))  # (decoded, true)
    assert distance.argmin(axis=1).tolist() == list(range(23))


@needs_ffmpeg
@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_phone_video_is_turned_upright(angle: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flat, turned = write_video(tmp_path / "flat.mp4", 6, codec="libx264"), tmp_path / "turned.mp4"
    ffmpeg("-i", flat, "-metadata:s:v", f"rotate={angle}", "-c", "copy", turned)
    if decode_video(turned).read_all().tobytes() == decode_video(flat).read_all().tobytes():
        pytest.skip("this ffmpeg command cannot write a rotation")
    assert_equals_ffmpeg(turned, "torchcodec")
    assert decode_video(turned).read_all().shape == ((6, 48, 64, 3) if angle == 180 else (6, 64, 48, 3))
    monkeypatch.setattr("humotion.video.decode._TIMED_CONTAINERS", frozenset())
    assert_equals_ffmpeg(turned, "pyav")


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_truncated_avi_keeps_its_first_frames(b_frames: int, tmp_path: Path) -> None:
    whole = decode_video(write_video(tmp_path / "a.avi", 40, b_frames=b_frames)).read_all()
    video = decode_video(cut(tmp_path / "a.avi", 0.6))
    frames = video.read_all()
    assert video.status == "truncated"
    assert "ends before" in (video.error or "")
    assert 5 < len(frames) < 40
    np.testing.assert_array_equal(frames[:-3], whole[: len(frames) - 3])


@needs_ffmpeg
def test_pyav_goes_on_where_torchcodec_gives_up(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 60, codec="libx264")
    ffmpeg("-i", path, "-c", "copy", "-movflags", "+faststart", tmp_path / "fast.mp4")
    whole = decode_video(tmp_path / "fast.mp4").read_all()
    video = decode_video(cut(tmp_path / "fast.mp4", 0.7))
    frames = video.read_all()
    assert (video.status, video.method) == ("truncated", "torchcodec+pyav")
    assert len(frames) > 5
    np.testing.assert_array_equal(frames, whole[: len(frames)])


def test_bad_files_have_a_status_and_a_reason(tmp_path: Path) -> None:
    (tmp_path / "zero.avi").touch()
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(4000))
    (tmp_path / "text.avi").write_text("this is no video\n" * 50)
    write_video(tmp_path / "header.avi", 0)
    expected = {"zero.avi": "empty", "noise.mp4": "corrupt", "text.avi": "corrupt", "header.avi": "empty"}
    for name, status in {**expected, "gone.avi": "missing"}.items():
        video = decode_video(tmp_path / name)
        assert video.read_all().shape == (0, 0, 0, 3)
        assert (name, video.status) == (name, status)
        assert video.error


def test_frames_are_read_one_after_another(tmp_path: Path) -> None:
    video = decode_video(write_video(tmp_path / "a.avi", 40))
    assert len(list(islice(video, 3))) == 3
    assert video.num_frames == 3


@needs_ffmpeg
def test_real_videos_equal_the_ffmpeg_command(real_data: Path) -> None:
    untrimmed = sorted((real_data / "hmdb51" / "untrimmed").glob("*.avi"))
    assert [assert_equals_ffmpeg(path, "pyav") for path in untrimmed] == [172, 89]
    for path in sorted((real_data / "jhmdb" / "ReCompress_Videos").rglob("*.avi"))[::60]:
        assert_equals_ffmpeg(path, "torchcodec")


def test_without_torchcodec_pyav_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.mp4", 9)
    expected = decode_video(path).read_all()
    monkeypatch.setattr("humotion.video.decode._torchcodec", lambda: None)
    video = decode_video(path)
    np.testing.assert_array_equal(video.read_all(), expected)
    assert video.method == "pyav"

"""Odd and hostile files: `humotion predict` answers each with a prediction or a sentence, and a copy that plays."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from humotion.errors import HumotionError
from humotion.prediction.predict_videos import predict_videos
from humotion.prediction.video_file import read_video
from tests.prediction.conftest import SURE, described
from tests.support.footage import ffmpeg, needs_ffmpeg, rotation, with_matrix
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.trees import write_video

pytestmark = needs_ffmpeg

# name of the file: what FFmpeg makes it from; number of frames
_FFV1 = ["-frames:v", "3", "-c:v", "ffv1", "-pix_fmt", "bgr0"]
READABLE = {
    "one_frame.mp4": ("testsrc=size=64x48:rate=30", ["-frames:v", "1"], 1),
    "two_frames.mp4": ("testsrc=size=64x48:rate=30", ["-frames:v", "2"], 2),
    "one_pixel.avi": (
        "testsrc=size=64x48:rate=30,format=bgr0,crop=1:1",
        ["-frames:v", "3", "-c:v", "ffv1", "-pix_fmt", "bgr0"],
        3,
    ),
    "one_row.avi": ("testsrc=size=300x1:rate=30", _FFV1, 3),
    "ten_bit.mkv": ("testsrc=size=64x48:rate=30", ["-frames:v", "4", "-pix_fmt", "yuv420p10le"], 4),
    "4k.mp4": ("testsrc=size=3840x2160:rate=30", ["-frames:v", "2"], 2),
    "grey.mkv": ("testsrc=size=64x48:rate=30", ["-frames:v", "3", "-pix_fmt", "gray", "-c:v", "ffv1"], 3),
    "a day per frame.mkv": ("testsrc=size=64x48:rate=30,setpts=N*86400/TB", ["-frames:v", "4", "-fps_mode", "vfr"], 4),
    "wrong ending.txt.png": ("testsrc=size=64x48:rate=30", ["-frames:v", "3", "-f", "mp4"], 3),
    "-rf 'ü;$(x)\n.mp4": ("testsrc=size=64x48:rate=30", ["-frames:v", "3"], 3),
}


@pytest.fixture
def models(of_frames: Path, tmp_path: Path) -> list[str]:
    pose = write_model_folder(tmp_path / "pose", make_task("pose_estimation"), "pose_estimation")
    return [str(described(of_frames, abstention=SURE)), str(pose)]


@pytest.mark.parametrize("name", READABLE)
def test_an_odd_video_is_predicted_and_copied(
    name: str, models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, options, num_frames = READABLE[name]
    path = tmp_path / "odd" / name
    path.parent.mkdir()
    ffmpeg("-f", "lavfi", "-i", source, *options, f"file:{path}")
    predict_videos([str(path)], models, tmp_path / "out", as_json=True)
    (facts,) = json.loads(capsys.readouterr().out)["videos"]
    action, pose = facts["predictions"]
    assert facts["num_frames"] == num_frames and facts["status"] == "ok"
    assert "label" in action and len(pose["joints"]["frames"]) == num_frames
    assert read_video(Path(facts["out"])).num_frames == num_frames


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sound.mp4", ["-f", "lavfi", "-i", "sine=duration=1"]),
        ("sound.avi", ["-f", "lavfi", "-i", "sine=duration=1"]),
        ("no_frames.mkv", ["-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "0"]),
    ],
)
def test_what_has_no_picture_is_a_sentence(name: str, arguments: list[str], models: list[str], tmp_path: Path) -> None:
    ffmpeg(*arguments, tmp_path / name)
    with pytest.raises(HumotionError, match=rf"{name} cannot be read"):
        predict_videos([str(tmp_path / name)], models, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_turned_video_is_predicted_upright(
    models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    upright = write_video(tmp_path / "upright.mp4", num_frames=3)
    turned = with_matrix(tmp_path / "turned.mp4", upright, rotation(90))
    predict_videos([str(turned)], models, tmp_path / "out", as_json=True)
    (facts,) = json.loads(capsys.readouterr().out)["videos"]
    assert (facts["width"], facts["height"]) == (48, 64)
    assert next(iter(read_video(Path(facts["out"])))).shape == (64, 48, 3)


def hours(path: Path, num_hours: int, fps: str) -> Path:
    """A short clip again and again, by a copy of its packets."""
    short = path.with_name("short.mp4")
    ffmpeg("-f", "lavfi", "-i", f"testsrc=size=64x48:rate={fps}:duration=20", "-c:v", "mpeg4", short)
    ffmpeg("-stream_loop", f"{num_hours * 180 - 1}", "-i", short, "-c", "copy", path)
    return path


def watched(path: Path, model: str) -> tuple[int, float, str]:
    """Predict in a process of its own; number of frames, peak memory in MB, and what was shown on the way."""
    program = (
        "import sys; from humotion.prediction.predict_videos import predict_videos;"
        "predict_videos([sys.argv[1]], [sys.argv[2]], None, as_json=True);"
        "status = open('/proc/self/status').read();"  # ru_maxrss would start at the value of the parent
        "print(int(status.split('VmHWM:')[1].split()[0]) / 1024, file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, str(path), model]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (facts,) = json.loads(done.stdout)["videos"]
    assert facts["predictions"][0]["timeline"]["segments"] is not None
    return facts["num_frames"], float(done.stderr.split()[-1]), done.stderr


def test_two_hours_of_a_low_rate(models: list[str], tmp_path: Path) -> None:
    num_frames, memory, shown = watched(hours(tmp_path / "long.mp4", 2, "1/5"), models[0])
    assert num_frames == 1440 and memory < 1500
    assert "timeline" in shown


@pytest.mark.thorough
def test_two_hours_need_no_more_memory_than_one_minute(models: list[str], tmp_path: Path) -> None:
    (tmp_path / "short").mkdir()
    one_minute = tmp_path / "short" / "minute.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=60", "-c:v", "mpeg4", one_minute)
    _, usual, _ = watched(one_minute, models[0])
    num_frames, memory, shown = watched(hours(tmp_path / "long.mp4", 2, "25"), models[0])
    assert num_frames == 180_000 and memory < usual + 200, "1.7 GB of pixels"
    assert "reading" in shown and "timeline" in shown


@pytest.mark.parametrize("wait", ["for a word", "for the copy"])
def test_who_stops_a_long_video_finds_nothing_half_done(wait: str, models: list[str], tmp_path: Path) -> None:
    """The first one is stopped in the reading of two hours, the second one while the copy is written."""
    long, out = tmp_path / "long.mp4", tmp_path / "out"
    if wait == "for a word":
        hours(long, 2, "25")
    else:
        ffmpeg("-f", "lavfi", "-i", "testsrc=size=640x480:rate=25:duration=60", "-c:v", "mpeg4", long)
    command = [sys.executable, "-m", "humotion", "predict", str(long), "--model", models[0], "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        said = b""
        while wait == "for a word" and b"reading" not in said:
            said += (piece := process.stderr.read1(100))
            assert piece, said.decode()
        while wait == "for the copy" and not (out.exists() and any(out.iterdir())):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=60)
    assert process.returncode not in (0, -signal.SIGINT) and b"Traceback" not in rest
    assert not out.exists() or list(out.iterdir()) == []


def test_an_empty_file_a_folder_without_videos_and_nothing(models: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder").mkdir()
    for source, said in (
        ("empty.mp4", "cannot be read"),
        ("folder", "holds no video"),
        ("absent.mp4", "cannot be read"),
    ):
        with pytest.raises(HumotionError, match=said):
            predict_videos([str(tmp_path / source)], models, None)

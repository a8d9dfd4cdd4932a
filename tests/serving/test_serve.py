from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import urlsplit

import pytest
import requests

from humotion.prediction.predict_videos import predict_videos
from humotion.prediction.predictor import Video
from humotion.tasks.action_recognition.predictor import ActionPredictor
from tests.serving.conftest import Client
from tests.support.footage import ffmpeg, needs_ffmpeg
from tests.support.trees import write_jpegs, write_video

Start = Callable[..., Client]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4", num_frames=6)


def test_an_upload_is_answered_as_the_command_answers(
    served: Start, clip: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = served().upload(clip)
    predict_videos([str(clip)], [str(model)], None, as_json=True)
    (expected,) = json.loads(capsys.readouterr().out)["videos"]
    assert status == 200
    assert found == {
        **{key: value for key, value in expected.items() if key not in ("out", "notes")},
        "path": "clip.mp4",
    }


def test_what_it_says_of_itself(served: Start, clip: Path) -> None:
    client = served()
    assert client.get("/health") == (200, {"status": "ok", "waiting": 0})
    status, (found,) = client.get("/models")
    assert status == 200 and found["task"] == "action_recognition" and found["classes"] == ["jump", "walk"]
    client.upload(clip)
    client.get("/nowhere")
    _, text = client.get("/metrics")
    assert 'humotion_requests_total{endpoint="/predict",status="200"} 1.0' in text
    assert 'humotion_requests_total{endpoint="other",status="404"} 1.0' in text
    assert "humotion_frames_total 6.0" in text and f"humotion_received_bytes_total {clip.stat().st_size:.1f}" in text
    assert client.get("/openapi.json")[1]["paths"].keys() == {
        *("/health", "/models", "/metrics", "/predict", "/predict/address", "/predict/path")
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The body is empty"),
        (b"\x00\x01\x02no video", "clip.mp4 cannot be read"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "text and not a video"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "text and not a video"),
        (b"\xef\xbb\xbf#EXTM3U\n", "text and not a video"),
        (b"\x00<MPD><BaseURL>/etc/passwd</BaseURL></MPD>", "text and not a video"),
    ],
)
def test_what_is_no_video_is_a_sentence(served: Start, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    status, found = served().upload(tmp_path / "clip.mp4")
    assert status in (400, 422) and said in found["error"]
    assert gettempdir() not in found["error"], "a client learns nothing of this machine's folders"


def test_limits(served: Start, clip: Path) -> None:
    status, found = served(bytes=100).upload(clip)
    assert status == 413 and "larger than 100 bytes" in found["error"]
    status, found = served(frames=5).upload(clip)
    assert status == 422 and "more than 5 frames" in found["error"]
    status, found = served(pixels=64 * 48 - 1).upload(clip)
    assert status == 413 and "64x48 pixels" in found["error"]


def test_the_size_is_counted_where_the_client_does_not_say_it(served: Start) -> None:
    client = served(bytes=1000)
    status, found = client.post("/predict", data=(b"x" * 300 for _ in range(10)))
    assert status == 413 and "larger than 1000 bytes" in found["error"]


def test_a_slow_upload_ends(served: Start) -> None:
    def slowly() -> object:
        for _ in range(50):
            yield b"x"
            time.sleep(0.1)

    client = served(seconds=0.5)
    try:
        status, _ = client.post("/predict", data=slowly())
    except requests.ConnectionError:  # the server has closed while the client still sends
        return
    assert status == 408


def test_a_client_that_hangs_up_leaves_nothing_behind(served: Start, clip: Path) -> None:
    before = set(Path(gettempdir()).glob("humotion-*"))
    client = served()
    place = urlsplit(client.url)
    with socket.create_connection((place.hostname or "", place.port or 0)) as line:
        line.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
        deadline = time.monotonic() + 10
        while set(Path(gettempdir()).glob("humotion-*")) == before and time.monotonic() < deadline:
            time.sleep(0.01)
    assert client.upload(clip)[0] == 200
    deadline = time.monotonic() + 10
    while set(Path(gettempdir()).glob("humotion-*")) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not set(Path(gettempdir()).glob("humotion-*")) - before


def test_too_many_wait(served: Start, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()

    def slow(self: ActionPredictor, video: Video) -> dict[str, float]:
        go.wait(30)
        return {"jump": 0.5, "walk": 0.5}

    monkeypatch.setattr(ActionPredictor, "probabilities", slow)
    client = served(waiting=1, batch=1)
    with ThreadPoolExecutor(4) as clients:
        answers = [clients.submit(client.upload, clip) for _ in range(2)]
        deadline = time.monotonic() + 20
        while client.get("/health")[1]["waiting"] < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        status, found = client.upload(clip)
        assert status == 503 and "Too many videos wait" in found["error"]
        go.set()
        assert [answer.result()[0] for answer in answers] == [200, 200]


def test_a_video_that_is_sent_slowly_holds_a_place(served: Start, clip: Path) -> None:
    client = served(waiting=0, batch=1)
    place = urlsplit(client.url)
    with socket.create_connection((place.hostname or "", place.port or 0)) as line:
        line.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx")
        deadline = time.monotonic() + 10
        while client.get("/health")[1]["waiting"] < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert client.upload(clip)[0] == 503
    deadline = time.monotonic() + 10
    while client.get("/health")[1]["waiting"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.upload(clip)[0] == 200


def test_paths_only_below_the_root(served: Start, clip: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    write_video(root / "a" / "clip.mp4", num_frames=3)
    write_jpegs(root / "frames", 3)
    (root / "out.mp4").symlink_to(clip)
    client = served(root=root)
    assert client.post("/predict/path", json={"path": "a/clip.mp4"})[1]["num_frames"] == 3
    assert client.post("/predict/path", json={"path": "frames"})[1]["path"] == "frames"
    for name in ("../clip.mp4", "out.mp4", str(clip), "absent.mp4", "a\0b", "x" * 3000, "a/../../clip.mp4"):
        status, found = client.post("/predict/path", json={"path": name})
        assert (status, found) == (404, {"error": "There is no such video below the root of this server."})
    assert served().post("/predict/path", json={"path": "a/clip.mp4"})[0] == 403


def test_requests_of_another_form(served: Start) -> None:
    client = served()
    assert client.post("/predict/path", json={"file": "x"}) == (422, {"error": "body.path: Field required."})
    assert client.post("/predict/path", data=b"{")[0] == 422
    assert client.get("/predict") == (405, {"error": "Method Not Allowed."})


def test_a_fault_is_a_sentence_and_the_server_goes_on(
    served: Start, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(self: ActionPredictor, video: Video) -> dict[str, float]:
        raise RuntimeError("secret")

    monkeypatch.setattr(ActionPredictor, "probabilities", fault)
    client = served()
    status, found = client.upload(clip)
    assert status == 500 and "secret" not in found["error"]
    monkeypatch.undo()
    assert client.upload(clip)[0] == 200


def test_values_that_json_does_not_have(served: Start, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionPredictor, "probabilities", lambda self, video: {"jump": float("nan"), "walk": 0.5})
    status, found = served().upload(clip)
    assert status == 200 and found["predictions"][0]["probabilities"] == {"jump": None, "walk": 0.5}


@needs_ffmpeg
def test_a_header_that_lies_about_its_pixels_is_refused_in_time(served: Start, tmp_path: Path) -> None:
    huge = tmp_path / "huge.png.avi"
    ffmpeg("-f", "lavfi", "-i", "color=black:size=8000x8000:rate=1:duration=1", "-c:v", "png", huge)
    status, found = served().upload(huge)
    assert status == 413 and "8000x8000 pixels" in found["error"]


def test_the_command(model: Path, clip: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "humotion", "serve", "--model", str(model), "--port", "0"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        found = re.search(r"at http://127\.0\.0\.1:(\d+) ", first)
        assert found, first
        line = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
        line.request("POST", "/predict?name=clip.mp4", clip.read_bytes())
        assert json.loads(line.getresponse().read())["num_frames"] == 6
        line.close()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in said

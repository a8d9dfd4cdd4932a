"""Sources of live frames: files at their own speed, streams on the loopback, and what is none."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humotion.errors import HumotionError
from humotion.prediction.live.source import Frame, Newest, reading
from tests.support.footage import FFMPEG, ffmpeg, needs_ffmpeg
from tests.support.loopback import LoopbackServer, OwnedServer
from tests.support.trees import write_video


def taken(newest: Newest) -> list[Frame]:
    """All frames that somebody gets who is quick."""
    frames = []
    while True:
        try:
            frame = newest.take(60.0)
        except EOFError:
            return frames
        assert frame is not None, "the source is silent"
        frames.append(frame)


def test_only_the_newest_frame_waits() -> None:
    newest = Newest()
    for number in range(4):
        newest.put(Frame(np.zeros((1, 1, 3), np.uint8), float(number), 0.0))
    assert (newest.num_frames, newest.num_dropped) == (4, 3)
    frame = newest.take(0.0)
    assert frame is not None and frame.time == 3.0
    assert newest.take(0.0) is None
    newest.put(frame)
    newest.end()
    assert newest.take(0.0) is not None, "the last frame is still looked at"
    with pytest.raises(EOFError):
        newest.take(0.0)


def test_a_file_plays_at_its_own_speed(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", num_frames=15)  # 30 frames per second
    start = time.monotonic()
    with reading(str(path)) as newest:
        frames = taken(newest)
    assert time.monotonic() - start > 14 / 30
    assert newest.num_frames == 15 == len(frames) + newest.num_dropped
    times = [frame.time for frame in frames]
    assert times == sorted(times) and times[-1] == pytest.approx(14 / 30, abs=0.01)
    for frame in frames:
        assert frame.captured - start > frame.time - 0.02
        assert frame.pixels.shape == (48, 64, 3)


def test_who_is_slow_gets_new_frames_and_not_old_ones(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", num_frames=60)
    ages = []
    with reading(str(path)) as newest, suppress(EOFError):
        while (frame := newest.take(5.0)) is not None:
            ages.append(time.monotonic() - frame.captured)
            time.sleep(4 / 30)
    assert newest.num_frames == 60 == len(ages) + newest.num_dropped and len(ages) < 25
    assert max(ages) < 1.0, "in a queue, the last one would be six seconds old"


class _Stream(BaseHTTPRequestHandler):
    """Sends what ffmpeg makes of a file in real time, as a camera on a network does."""

    server: OwnedServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert FFMPEG is not None
        path = self.server.owner.path
        command = [FFMPEG, "-v", "error", "-re", "-i", str(path), "-c", "copy", "-f", "mpegts", "-"]
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")  # FFmpeg takes any other end for a broken connection
        self.end_headers()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as stream:
            assert stream.stdout is not None
            try:
                while block := stream.stdout.read1(65536):
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
                self.wfile.write(b"0\r\n\r\n")
            except OSError:  # the client has enough
                stream.kill()

    def log_message(self, *_: Any) -> None:
        """Silence."""


class StreamServer(LoopbackServer):
    handler = _Stream

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


@needs_ffmpeg
def test_a_stream_on_the_network(tmp_path: Path) -> None:
    path = tmp_path / "clip.ts"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=15:duration=4", "-c:v", "libx264", "-g", "5", path)
    with StreamServer(path) as server, reading(f"{server.url}/live.ts") as newest:
        frames = taken(newest)
    assert newest.num_frames > 40 and frames[0].pixels.shape == (48, 64, 3)
    assert len({frame.pixels.tobytes() for frame in frames}) == len(frames)


@pytest.mark.parametrize("source", ["absent.mp4", "ftp://host/clip", "-1"])
def test_what_is_no_source(source: str) -> None:
    with pytest.raises(HumotionError, match=r"is no source of live frames.*number of a camera"), reading(source):
        pass


def test_what_cannot_be_read_is_told_to_who_waits(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    for source, said in (
        (str(tmp_path / "text.mp4"), r"text\.mp4 cannot be read"),
        ("http://127.0.0.1:9/live", "127.0.0.1:9/live cannot be read"),
        ("97", "camera 97 cannot be opened"),
    ):
        with reading(source) as newest, pytest.raises(HumotionError, match=said):
            newest.take(20.0)

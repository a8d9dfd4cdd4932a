"""Hostile clients and odd files: a clear answer, and then as many threads, open files and temporary files as before."""

from __future__ import annotations

import json
import select
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import urlsplit

import psutil
import pytest

from humotion.prediction.predictor import load_predictor
from humotion.serving.app import make_app
from humotion.serving.limits import ServeLimits
from tests.prediction.test_hostile import READABLE
from tests.serving.conftest import Client, running
from tests.support.footage import ffmpeg, needs_ffmpeg, rotation, with_matrix
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.trees import write_video

Start = Callable[..., Client]
TEN_GIGABYTES = 10_000_000_000
PIECE = b"\0" * (1 << 20)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def resources() -> tuple[int, int, int]:
    """Open files, threads but those of asyncio's pool, which has a limit, and temporary files."""
    threads = [one for one in threading.enumerate() if not one.name.startswith("asyncio_")]
    return len(list(Path("/proc/self/fd").iterdir())), len(threads), len(list(Path(gettempdir()).iterdir()))


@contextmanager
def nothing_left(client: Client, warm: Path) -> Iterator[None]:
    """After the block, the server answers, and there is no more of anything than before."""
    assert client.upload(warm)[0] == 200
    before = resources()
    yield
    assert client.upload(warm)[0] == 200
    deadline = time.monotonic() + 20
    while any(now > then for now, then in zip(resources(), before, strict=True)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all(now <= then for now, then in zip(resources(), before, strict=True)), (before, resources())


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "warm.mp4", num_frames=6)


def connected(client: Client) -> socket.socket:
    place = urlsplit(client.url)
    return socket.create_connection((place.hostname or "", place.port or 0), 60)


def send_until_refused(line: socket.socket, head: str, is_chunked: bool) -> tuple[int, bytes]:
    """Send ten gigabytes until there is an answer; the bytes that were taken, and the answer."""
    line.sendall(head.encode())
    piece = b"%x\r\n" % len(PIECE) + PIECE + b"\r\n" if is_chunked else PIECE
    sent, answer = 0, b""
    line.setblocking(False)
    rest = memoryview(piece)
    while sent < TEN_GIGABYTES:
        readable, writable, _ = select.select([line], [line], [], 60)
        assert readable or writable, "neither takes nor answers"
        if readable:
            try:
                if not (found := line.recv(1 << 16)):
                    return sent, answer  # closed
                answer += found
            except ConnectionResetError:
                return sent, answer
            continue
        try:
            taken = line.send(rest)
        except (BrokenPipeError, ConnectionResetError):
            continue  # what it said can still be read
        sent, rest = sent + taken, rest[taken:] or memoryview(piece)
    return sent, answer


@pytest.mark.parametrize("place", ["/predict", "/predict/address", "/predict/path", "/nowhere"])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["with its length", "without"])
def test_ten_gigabytes_are_refused_early(served: Start, clip: Path, place: str, is_chunked: bool) -> None:
    client = served(bytes=5_000_000, batch=1)
    size = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {TEN_GIGABYTES}"
    head = f"POST {place} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{size}\r\n\r\n"
    with nothing_left(client, clip):
        memory = psutil.Process().memory_info().rss
        with connected(client) as line:
            sent, answer = send_until_refused(line, head, is_chunked)
        assert psutil.Process().memory_info().rss - memory < 50_000_000
    head_of_answer, _, body = answer.partition(b"\r\n\r\n")
    assert b" 413 " in head_of_answer and b"connection: close" in head_of_answer
    assert "limit" in json.loads(body)["error"]
    assert sent < 50_000_000, "the connection ends, and is not drained"


def test_too_many_and_too_slow_also_end_the_connection(served: Start, clip: Path) -> None:
    client = served(waiting=0, batch=1, seconds=1.0)
    with nothing_left(client, clip), connected(client) as slow, connected(client) as second:
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx")
        deadline = time.monotonic() + 20
        while client.get("/health")[1]["waiting"] < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        second.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx")
        for line, status in ((second, b" 503 "), (slow, b" 408 ")):
            answer = b""
            while piece := line.recv(1 << 16):
                answer += piece
            assert status in answer and b"connection: close" in answer
        with connected(client) as words:
            words.sendall(b"POST /predict/path HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            assert b" 408 " in words.recv(1 << 16)


def test_a_client_that_hangs_up_in_the_middle_of_an_answer(tmp_path: Path, clip: Path) -> None:
    folder = write_model_folder(tmp_path / "pose", make_task("pose_estimation"), "pose_estimation")
    long = write_video(tmp_path / "long.mp4", num_frames=300).read_bytes()
    app = make_app([load_predictor(folder)], ServeLimits(batch=1))
    with running(app) as url, nothing_left(client := Client(url), clip):
        for _ in range(3):
            with socket.socket() as line:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that most of it waits at the server
                place = urlsplit(client.url)
                line.connect((place.hostname, place.port))
                line.sendall(
                    f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(long)}\r\n\r\n".encode() + long
                )
                assert line.recv(100).startswith(b"HTTP/1.1 200")
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset


def two_hours(path: Path) -> Path:
    """A picture per ten seconds."""
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=1/10:duration=7200", "-c:v", "mpeg4", path)
    return path


def turned(path: Path) -> Path:
    return with_matrix(path, write_video(path.with_name("upright.mp4"), num_frames=3), rotation(90))


def no_pictures(path: Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", path)
    return path


def no_frames(path: Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "0", path)
    return path


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "make", "status", "said"),
    [
        ("two_hours.mp4", two_hours, 413, "lasts 7200 s; the limit is 1800 s"),
        ("turned.mp4", turned, 200, "48x64"),
        ("sound.mp4", no_pictures, 422, "sound.mp4 cannot be read"),
        ("no_frames.mkv", no_frames, 422, "no_frames.mkv cannot be read"),
    ],
)
def test_an_odd_file(
    served: Start, clip: Path, tmp_path: Path, name: str, make: Callable[[Path], Path], status: int, said: str
) -> None:
    path, client = make(tmp_path / name), served(batch=1)
    with nothing_left(client, clip):
        found_status, found = client.upload(path)
    assert found_status == status
    assert said in (found["error"] if status != 200 else f"{found['width']}x{found['height']}")


@needs_ffmpeg
def test_readable_odd_files(served: Start, clip: Path, tmp_path: Path) -> None:
    client = served(batch=1)
    (tmp_path / "odd").mkdir()
    with nothing_left(client, clip):
        for number, (name, (source, options, num_frames)) in enumerate(READABLE.items()):
            path = tmp_path / "odd" / f"{number}{Path(name).suffix}"
            ffmpeg("-f", "lavfi", "-i", source, *options, f"file:{path}")
            status, found = client.upload(path, name)
            if name.startswith("a day"):
                assert status == 413 and "the limit is 1800 s" in found["error"]
            else:
                assert status == 200 and found["num_frames"] == num_frames, name


def test_a_link_out_of_the_root_and_this_machine(served: Start, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "out.mp4").symlink_to(clip)
    client = served(root=tmp_path / "root", batch=1)
    with nothing_left(client, clip):
        assert client.post("/predict/path", json={"path": "out.mp4"})[0] == 404
        assert client.post("/predict/address", json={"url": f"{client.url}/health"})[0] == 403
        assert client.post("/predict/address", json={"url": "http://localhost/clip.mp4"})[0] == 403

"""Addresses: only public ones, also behind names, redirects, and other ways to write this machine's."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from humotion.serving.download import download
from humotion.serving.limits import Refused, ServeLimits
from tests.serving.conftest import Client
from tests.support.loopback import LoopbackServer
from tests.support.trees import write_video

CONTENT = b"0123456789" * 100


class Handler(BaseHTTPRequestHandler):
    """Answers /file, /slow, /lost, and /to?URL with a redirect."""

    def do_GET(self) -> None:
        path, _, target = self.path.partition("?")
        self.server.owner.asked.append((path, self.headers["Host"]))  # type: ignore[attr-defined]
        if path == "/to":
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()
            return
        self.send_response(404 if path == "/lost" else 200)
        self.end_headers()
        for piece in range(0, len(CONTENT), 10):
            try:
                self.wfile.write(CONTENT[piece : piece + 10])
            except OSError:
                return
            if path == "/slow":
                time.sleep(0.1)

    def log_message(self, *_: Any) -> None:
        pass


class Files(LoopbackServer):
    """Counts what is asked for."""

    handler = Handler

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []


PRIVATE = ServeLimits(private=True)


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1/x", "http://localhost/x", "http://[::1]/x", "http://0.0.0.0/x", "http://127.1/x"),
        *("http://2130706433/x", "http://0x7f.1/x", "http://10.0.0.1/x", "http://192.168.1.1/x", "http://172.16.0.1/x"),
        *("http://169.254.169.254/latest/meta-data", "http://[fd00::1]/x", "http://[fe80::1]/x", "http://224.0.0.1/x"),
        *(
            "http://[::ffff:127.0.0.1]/x",
            "http://[64:ff9b::7f00:1]/x",
            "http://[2002:7f00:1::]/x",
            "http://100.64.0.1/",
        ),
    ],
)
def test_addresses_that_are_not_public_are_not_asked(url: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"not public|no host"):
        download(url, tmp_path / "x", ServeLimits())
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/x", "http:///x", "x", "", "http://a:b/", "//x"]
)
def test_other_schemes_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="starts with http"):
        download(url, tmp_path / "x", PRIVATE)


def test_a_user_in_an_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="user's name"):
        download("http://example.org@127.0.0.1/", tmp_path / "x", PRIVATE)


def test_a_name_for_which_one_address_is_private_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Refused, match="not public"):
        download("http://example.org/", tmp_path / "x", ServeLimits())


def test_a_name_is_looked_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = socket.getaddrinfo, []

    def find(host: str, port: int, *rest: Any, **named: Any) -> Any:
        if host == "videos.example":
            asked.append(host)
            host = "127.0.0.1"
        return real(host, port, *rest, **named)

    with Files() as files:
        monkeypatch.setattr(socket, "getaddrinfo", find)
        download(files.url.replace("127.0.0.1", "videos.example") + "/file", tmp_path / "x", PRIVATE)
        assert asked == ["videos.example"]
        assert files.asked == [("/file", f"videos.example:{files.url.rpartition(':')[2]}")]
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_redirect_to_this_machine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import humotion.serving.download as module

    with Files() as files:
        # the server itself counts as public, as one in the internet would be
        monkeypatch.setattr(module, "_is_public", lambda address: address == "127.0.0.1")
        with pytest.raises(Refused, match="not public"):
            download(f"{files.url}/to?http://127.0.0.2/file", tmp_path / "x", ServeLimits())
        download(f"{files.url}/to?/file", tmp_path / "x", ServeLimits())
        assert (tmp_path / "x").read_bytes() == CONTENT
        with pytest.raises(Refused, match="starts with http"):
            download(f"{files.url}/to?file:///etc/passwd", tmp_path / "x", ServeLimits())


def test_limits_of_a_download(tmp_path: Path) -> None:
    with Files() as files:
        with pytest.raises(Refused, match="larger than 999 bytes"):
            download(f"{files.url}/file", tmp_path / "x", PRIVATE._replace(bytes=999))
        with pytest.raises(Refused, match=r"more than 0\.5 s"):
            download(f"{files.url}/slow", tmp_path / "x", PRIVATE._replace(seconds=0.5))
        with pytest.raises(Refused, match="status 404"):
            download(f"{files.url}/lost", tmp_path / "x", PRIVATE)
        with pytest.raises(Refused, match="more than 3 redirects"):
            download(f"{files.url}/to?/to?/to?/to?/to?/file", tmp_path / "x", PRIVATE)
    with pytest.raises(Refused, match="does not answer"):
        download(f"{files.url}/file", tmp_path / "x", PRIVATE)


def test_a_video_at_an_address_is_predicted(
    served: Callable[..., Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.CONTENT", write_video(tmp_path / "clip.mp4", num_frames=4).read_bytes())
    with Files() as files:
        status, found = served(private=True).post("/predict/address", json={"url": f"{files.url}/file?a.mp4"})
        assert (status, found["num_frames"]) == (200, 4)
        status, found = served().post("/predict/address", json={"url": f"{files.url}/file"})
        assert status == 403 and "not public" in found["error"]

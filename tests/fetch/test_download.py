"""Every way in which a server lets one down, against a real server."""

from __future__ import annotations

import gzip
import hashlib
import random
from pathlib import Path

import pytest

from humotion.errors import HumotionError
from humotion.fetch.download import DownloadError, Part, download, measure
from tests.support.file_server import FileServer, Served

CONTENT = random.Random(0).randbytes(3_000_000)
OTHER = random.Random(1).randbytes(2_500_000)


def get(server: FileServer, path: Path, attempts: int = 5, wait: float = 5.0) -> None:
    download(f"{server.url}/{path.name}", path, timeout=(5.0, wait), attempts=attempts, pause=0.01)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_arrives_whole_and_leaves_no_part(server: FileServer, tmp_path: Path) -> None:
    server.files["a.zip"] = Served(CONTENT)
    get(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert names(tmp_path) == ["a.zip"]


def test_broken_off_twice_it_asks_for_the_rest_alone(server: FileServer, tmp_path: Path) -> None:
    served = server.files["a.zip"] = Served(CONTENT, breaks=[1_000_000, 700_000])
    get(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert [request.range for request in server.requests] == [None, "bytes=1000000-", "bytes=1700000-"]
    assert sum(request.sent for request in server.requests) == len(CONTENT)
    assert not served.breaks


def test_a_later_call_goes_on(server: FileServer, tmp_path: Path) -> None:
    server.files["a.zip"] = Served(CONTENT, breaks=[1_000_000])
    with pytest.raises(DownloadError, match="broke off"):
        get(server, tmp_path / "a.zip", attempts=1)
    assert names(tmp_path) == ["a.zip.part", "a.zip.part.json"]
    get(server, tmp_path / "a.zip")
    assert server.requests[1].range == "bytes=1000000-"
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_server_without_ranges_is_begun_anew(server: FileServer, tmp_path: Path) -> None:
    server.files["a.zip"] = Served(CONTENT, ranges=False, breaks=[1_000_000])
    get(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert server.requests[1].sent == len(CONTENT)


def test_without_a_validator_nothing_is_gone_on_with(server: FileServer, tmp_path: Path) -> None:
    server.files["a.zip"] = Served(CONTENT, etag=None, breaks=[1_000_000])
    get(server, tmp_path / "a.zip")
    assert [request.range for request in server.requests] == [None, None]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_weak_etag_is_no_validator(server: FileServer, tmp_path: Path) -> None:
    server.files["a.zip"] = Served(CONTENT, etag='W/"v1"', breaks=[1_000_000])
    get(server, tmp_path / "a.zip")
    assert server.requests[1].range is None
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_file_that_changes_between_attempts_is_never_mixed(server: FileServer, tmp_path: Path) -> None:
    server.files["a.zip"] = Served(CONTENT, breaks=[1_000_000])
    with pytest.raises(DownloadError):
        get(server, tmp_path / "a.zip", attempts=1)
    server.files["a.zip"] = Served(OTHER, etag='"v2"')
    get(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == OTHER


@pytest.mark.parametrize("size", [3_000_000, 2_500_000], ids=["same size", "other size"])
def test_a_server_that_ignores_if_range_is_caught(server: FileServer, tmp_path: Path, size: int) -> None:
    """It sends the rest of another version; its ETag, or the size in Content-Range, gives it away."""
    server.files["a.zip"] = Served(CONTENT, breaks=[1_000_000])
    with pytest.raises(DownloadError):
        get(server, tmp_path / "a.zip", attempts=1)
    changed = (OTHER + CONTENT)[:size]
    server.files["a.zip"] = Served(changed, etag='"v2"', heeds_if_range=False)
    get(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == changed


def test_less_than_declared_is_an_error_and_no_file(server: FileServer, tmp_path: Path) -> None:
    server.files["a.zip"] = Served(CONTENT, declared=len(CONTENT) + 10)
    with pytest.raises(DownloadError, match="Tried 3 times"):
        get(server, tmp_path / "a.zip", attempts=3)
    assert not (tmp_path / "a.zip").exists()


def test_a_stalling_server_is_left_and_asked_again(server: FileServer, tmp_path: Path) -> None:
    server.files["a.zip"] = Served(CONTENT, stalls=[1_000_000])
    get(server, tmp_path / "a.zip", wait=0.3)
    start = int(str(server.requests[1].range).strip("bytes=-"))
    assert 900_000 < start <= 1_000_000
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_server_that_stalls_for_good_is_named(server: FileServer, tmp_path: Path) -> None:
    server.files["a.zip"] = Served(CONTENT, stalls=[0, 0])
    with pytest.raises(DownloadError, match=r"a\.zip: the server stopped answering\. Tried 2 times"):
        get(server, tmp_path / "a.zip", attempts=2, wait=0.2)


def test_no_server_at_all(tmp_path: Path, server: FileServer) -> None:
    with pytest.raises(DownloadError, match="cannot be reached"):
        download("http://127.0.0.1:9/a.zip", tmp_path / "a.zip", attempts=2, pause=0.01)


def test_passing_faults_are_tried_again_and_404_is_not(server: FileServer, tmp_path: Path) -> None:
    server.files["a.zip"] = Served(CONTENT, statuses=[503, 500])
    get(server, tmp_path / "a.zip")
    assert len(server.requests) == 3
    with pytest.raises(DownloadError, match=r"b\.zip: the server answers 404"):
        get(server, tmp_path / "b.zip")
    assert len(server.requests) == 4


def test_redirects_are_followed_and_loops_end(server: FileServer, tmp_path: Path) -> None:
    server.files["real.zip"] = Served(CONTENT)
    server.files["a.zip"] = Served(b"", location="/real.zip")
    server.files["loop.zip"] = Served(b"", location="/loop.zip")
    get(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    with pytest.raises(DownloadError, match="redirect"):
        get(server, tmp_path / "loop.zip", attempts=1)


def test_a_web_page_is_not_taken_for_the_file(server: FileServer, tmp_path: Path) -> None:
    server.files["a.zip"] = Served(b"<html>We have moved</html>", headers={"Content-Type": "text/html; charset=utf-8"})
    with pytest.raises(DownloadError, match="web page"):
        get(server, tmp_path / "a.zip")
    assert names(tmp_path) == []


def test_content_encoding_does_not_change_the_bytes(server: FileServer, tmp_path: Path) -> None:
    """Apache marks .tar.gz files so; a client that decodes would write the tar and miss the size."""
    packed = gzip.compress(CONTENT)
    server.files["a.tar.gz"] = Served(packed, headers={"Content-Encoding": "gzip"})
    get(server, tmp_path / "a.tar.gz")
    assert hashlib.sha256((tmp_path / "a.tar.gz").read_bytes()).digest() == hashlib.sha256(packed).digest()


def test_a_file_larger_than_the_disk_is_not_begun(server: FileServer, tmp_path: Path) -> None:
    server.files["a.zip"] = Served(CONTENT, declared=10**18)
    with pytest.raises(HumotionError, match="free"):
        get(server, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists() and Part(tmp_path / "a.zip").length == 0


def test_endless_slow_progress_is_kept_but_endless_relapse_ends(server: FileServer, tmp_path: Path) -> None:
    """Each attempt that gets further than all before counts as progress; without ranges none does for ever."""
    server.files["a.zip"] = Served(CONTENT, breaks=[300_000] * 9)
    get(server, tmp_path / "a.zip", attempts=2)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    server.files["b.zip"] = Served(CONTENT, ranges=False, breaks=[600_000, 500_000] * 50)
    with pytest.raises(DownloadError, match="Tried 4 times"):
        get(server, tmp_path / "b.zip", attempts=4)


def test_measure_says_size_and_version(server: FileServer) -> None:
    server.files["a.zip"] = Served(CONTENT)
    offer = measure(f"{server.url}/a.zip")
    assert (offer.size, offer.validator) == (3_000_000, '"v1"')
    with pytest.raises(DownloadError, match="404"):
        measure(f"{server.url}/b.zip")
    server.files["busy.zip"] = Served(CONTENT, statuses=[503])
    assert measure(f"{server.url}/busy.zip").size is None

"""Whole fetches from a real server: layouts, resuming after kill -9, checksums, and ways on when it fails."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from humotion.datasets.shared.open import open_dataset
from humotion.errors import HumotionError
from humotion.fetch import rar
from humotion.fetch.archives import SOURCES
from humotion.fetch.dataset import fetch_dataset
from tests.support.archives import files_below, pack_rar, pack_rar5, pack_tar, pack_zip
from tests.support.file_server import FileServer, Served
from tests.support.trees import hmdb51_tree, jhmdb_tree, penn_tree

SPLITS = "testTrainMulti_7030_splits"
needs_rar = pytest.mark.skipif(
    not any(shutil.which(tool) for tool in rar._TOOLS if not tool.startswith("7z")),
    reason="none of unrar, unar and bsdtar is installed",
)


def below(files: dict[str, bytes], folder: str) -> dict[str, bytes]:
    """The files in one folder of a tree, named from within it."""
    return {name.removeprefix(f"{folder}/"): data for name, data in files.items() if name.startswith(f"{folder}/")}


def prefixed(files: dict[str, bytes], folder: str) -> dict[str, bytes]:
    return {f"{folder}/{name}": data for name, data in files.items()}


def hmdb51_files(tmp_path: Path) -> dict[str, bytes]:
    return files_below(hmdb51_tree(tmp_path / "official"))


def serve_hmdb51(
    server: FileServer,
    files: dict[str, bytes],
    suffix: str = ".zip",
    pack: Callable[[dict[str, bytes]], bytes] | None = None,
    instead: dict[str, bytes] | None = None,
) -> list[str]:
    """One archive a class in an outer one, and the splits, as the authors pack them; gives --sha256 options.

    ``instead`` has other bytes for the archives of some classes.
    """
    pack = pack or {".zip": pack_zip, ".rar": pack_rar}[suffix]
    labels = {name.split("/")[0] for name in files} - {SPLITS}
    classes = {f"{label}{suffix}": pack(prefixed(below(files, label), label)) for label in sorted(labels)}
    classes |= instead or {}
    packed = {"hmdb51_org": pack(classes), "test_train_splits": pack(prefixed(below(files, SPLITS), SPLITS))}
    for name, content in packed.items():
        server.files[f"{name}{suffix}"] = Served(content, etag=f'"{hashlib.md5(content).hexdigest()}"')
    return [f"{name}{suffix}={hashlib.sha256(content).hexdigest()}" for name, content in packed.items()]


def penn_files(tmp_path: Path) -> dict[str, bytes]:
    return files_below(penn_tree(tmp_path / "official"))


def serve_penn(server: FileServer, files: dict[str, bytes], **behaviour: object) -> bytes:
    content = pack_tar(prefixed(files, "Penn_Action"))
    server.files["Penn_Action.tar.gz"] = Served(content, **behaviour)  # type: ignore[arg-type]
    return content


def command(server: FileServer, name: str, into: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "humotion", "fetch", name, "--into", str(into), "--mirror", server.url, *options]


@needs_rar
@pytest.mark.parametrize("pack", [pack_rar, pack_rar5])
def test_hmdb51_is_rar_within_rar(
    pack: Callable[[dict[str, bytes]], bytes], server: FileServer, tmp_path: Path
) -> None:
    files = hmdb51_files(tmp_path)
    sums = serve_hmdb51(server, files, ".rar", pack)
    said = fetch_dataset("hmdb51", tmp_path / "hmdb51", server.url, sha256=sums)
    assert files_below(tmp_path / "hmdb51") == files
    # Six clips: one is on disk but in no split file, one in the split files but not on disk.
    assert "6 videos: 1 missing, 5 ok" in said
    assert "Removed, as they are unpacked: hmdb51_org.rar, test_train_splits.rar. --keep-archives keeps them." in said
    assert sorted(path.name for path in (tmp_path / "hmdb51.archives").iterdir()) == [
        ".lock",
        "checksums.json",
        "unpacked.json",
    ]


NO_FILES = pack_rar({})
DAMAGED = bytearray(pack_rar({"run/a.avi": b"a" * 500, "run/b.avi": b"b" * 500}))
DAMAGED[DAMAGED.index(b"run\\b.avi")] ^= 0xFF


@needs_rar
@pytest.mark.parametrize(
    ("inner", "told"),
    [
        (b"", r"run\.rar \(0 bytes\), which is empty or damaged"),
        (b"<!doctype html>", r"run\.rar \(15 bytes\), which is empty or damaged"),
        (NO_FILES, r"run\.rar contains no file"),
        (bytes(DAMAGED), r"run\.rar cannot be unpacked"),
        (bytes(DAMAGED[:300]), r"run\.rar cannot be unpacked"),
    ],
    ids=["empty", "a web page", "without files", "damaged header", "cut off"],
)
def test_a_class_whose_inner_archive_is_bad_is_not_left_out(
    inner: bytes, told: str, server: FileServer, tmp_path: Path
) -> None:
    files = hmdb51_files(tmp_path)
    sums = serve_hmdb51(server, files, ".rar", instead={"run.rar": inner})
    with pytest.raises(HumotionError, match=told):
        fetch_dataset("hmdb51", tmp_path / "hmdb51", server.url, sha256=sums)
    assert not (tmp_path / "hmdb51").exists()
    (tmp_path / "hmdb51.archives" / "hmdb51_org.rar").unlink()
    fetch_dataset("hmdb51", tmp_path / "hmdb51", server.url, sha256=serve_hmdb51(server, files, ".rar"))
    assert files_below(tmp_path / "hmdb51") == files


def rar_options(sums: list[str]) -> list[str]:
    return [part for option in sums for part in ("--sha256", option)]


@needs_rar
def test_killed_while_a_rar_tool_unpacks_it_goes_on_and_no_tool_stays_behind(
    server: FileServer, tmp_path: Path
) -> None:
    files = hmdb51_files(tmp_path)
    many = {f"run/{number:05d}.txt": f"{number}".encode() for number in range(1_500)}
    sums = serve_hmdb51(server, dict(sorted({**files, **many}.items())), ".rar")
    into = tmp_path / "hmdb51"
    work = tmp_path / "hmdb51.archives" / "unpacking" / "inner" / "run"
    process = subprocess.Popen(command(server, "hmdb51", into, *rar_options(sums)), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(work.rglob("*.txt"))) < 20 and time.monotonic() < deadline:
        time.sleep(0.005)
    tools = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert tools
    assert not psutil.wait_procs(tools, timeout=10)[1], "the tool that unpacks lives on"
    assert 20 <= len(list(work.rglob("*.txt"))) < 1_500 and not into.exists()
    subprocess.run(command(server, "hmdb51", into, *rar_options(sums)), check=True, capture_output=True)
    assert files_below(into) == dict(sorted({**files, **many}.items()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child with its parent")
def test_a_tool_that_would_work_for_long_dies_with_the_command(server: FileServer, tmp_path: Path) -> None:
    sums = serve_hmdb51(server, hmdb51_files(tmp_path), ".rar")
    (tmp_path / "bin").mkdir()
    slow = tmp_path / "bin" / "unrar"
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    slow.chmod(0o755)
    environment = {**os.environ, "PATH": f"{slow.parent}:{os.environ['PATH']}"}
    process = subprocess.Popen(
        command(server, "hmdb51", tmp_path / "hmdb51", *rar_options(sums)), env=environment, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    tool = psutil.Process(int((tmp_path / "pid").read_text()))
    process.kill()
    process.wait()
    assert not psutil.wait_procs([tool], timeout=10)[1]


def test_hmdb51_from_a_mirror_that_has_zip(server: FileServer, tmp_path: Path) -> None:
    files = hmdb51_files(tmp_path)
    serve_hmdb51(server, files, ".zip")
    fetch_dataset("hmdb51", tmp_path / "hmdb51", server.url + "/", keep_archives=True)
    assert files_below(tmp_path / "hmdb51") == files
    assert (tmp_path / "hmdb51.archives" / "hmdb51_org.zip").exists()


@pytest.mark.parametrize("has_folder", [False, True], ids=["as public scripts unpack it", "with a top folder"])
def test_jhmdb_reads_as_its_layout(server: FileServer, tmp_path: Path, has_folder: bool) -> None:
    files = files_below(jhmdb_tree(tmp_path / "official"))
    # The official names of the sub-JHMDB split files have an underscore that the others have not.
    subs = {n.replace("_split", "_split_"): data for n, data in below(files, "sub_splits").items()}
    for stem, folder in (
        ("JHMDB_video", "ReCompress_Videos"),
        *((f, f) for f in ("joint_positions", "puppet_mask", "splits")),
    ):
        macos = {"__MACOSX/._x": b"", f"{folder}/.DS_Store": b""}
        server.files[f"{stem}.zip"] = Served(pack_zip({**prefixed(below(files, folder), folder), **macos}))
    server.files["sub_splits.zip"] = Served(pack_zip(prefixed(subs, "sub_splits") if has_folder else subs))
    said = fetch_dataset("jhmdb", tmp_path / "jhmdb", server.url)
    expected = {n: data for n, data in files.items() if not n.startswith("sub_splits/")} | prefixed(subs, "sub_splits")
    assert files_below(tmp_path / "jhmdb") == dict(sorted(expected.items()))
    table = open_dataset("jhmdb", tmp_path / "jhmdb").list_videos()
    assert list(table["sub_split_1"].dropna()) == ["test"] and len(table) == 3
    assert f"humotion recipe jhmdb --root {tmp_path / 'jhmdb'}" in said
    assert "humotion recipe --list" in said


def test_a_second_call_asks_nothing_of_the_server(server: FileServer, tmp_path: Path) -> None:
    serve_penn(server, penn_files(tmp_path))
    fetch_dataset("penn_action", tmp_path / "penn", server.url)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    num_requests = len(server.requests)
    said = fetch_dataset("penn_action", tmp_path / "penn", server.url)
    assert "already exists: 3 ok" in said and len(server.requests) == num_requests
    changed = {path.name for path, at in before.items() if path.is_file() and path.stat().st_mtime_ns != at}
    assert changed <= {".lock"}


def test_killed_in_the_download_it_goes_on(server: FileServer, tmp_path: Path) -> None:
    files = {**penn_files(tmp_path), "tools/noise": random.Random(0).randbytes(400_000)}
    content = serve_penn(server, files, rate=150_000.0)
    into = tmp_path / "penn"
    part = tmp_path / "penn.archives" / "Penn_Action.tar.gz.part"
    process = subprocess.Popen(command(server, "penn_action", into), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 100_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    kept = part.stat().st_size
    assert 100_000 < kept < len(content) and not into.exists()
    server.files["Penn_Action.tar.gz"].rate = None
    subprocess.run(command(server, "penn_action", into), check=True, capture_output=True)
    assert server.requests[-1].range == f"bytes={kept}-" and server.requests[-1].sent == len(content) - kept
    assert files_below(into) == dict(sorted(files.items()))


def test_killed_while_unpacking_it_goes_on(server: FileServer, tmp_path: Path) -> None:
    files = {**penn_files(tmp_path), **{f"tools/{number:05d}": b"x" for number in range(6_000)}}
    serve_penn(server, files)
    into = tmp_path / "penn"
    process = subprocess.Popen(command(server, "penn_action", into), stderr=subprocess.DEVNULL)
    tools = tmp_path / "penn.archives" / "unpacking" / "whole" / "Penn_Action" / "tools"
    deadline = time.monotonic() + 30
    while not (tools.exists() and len(list(tools.iterdir())) > 100) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert len(list(tools.iterdir())) < 6_000 and not into.exists()
    num_requests = len(server.requests)
    subprocess.run(command(server, "penn_action", into), check=True, capture_output=True)
    assert len(server.requests) == num_requests
    assert files_below(into) == dict(sorted(files.items()))


def test_the_first_copy_is_trusted_and_later_ones_must_equal_it(server: FileServer, tmp_path: Path) -> None:
    files = penn_files(tmp_path)
    content = serve_penn(server, files)
    into = tmp_path / "penn"
    fetch_dataset("penn_action", into, server.url)
    recorded = json.loads((tmp_path / "penn.archives" / "checksums.json").read_text())["Penn_Action.tar.gz"]
    assert recorded["sha256"] == hashlib.sha256(content).hexdigest() and recorded["size"] == len(content)
    shutil.rmtree(into)
    fetch_dataset("penn_action", into, server.url)
    assert files_below(into) == files
    shutil.rmtree(into)
    other = serve_penn(server, {**files, "README": b"changed"}, etag='"v2"')
    with pytest.raises(HumotionError, match="recorded at the first download") as error:
        fetch_dataset("penn_action", into, server.url)
    assert not into.exists()
    option = str(error.value).split("--sha256 ")[1]
    assert option == f"Penn_Action.tar.gz={hashlib.sha256(other).hexdigest()}"
    fetch_dataset("penn_action", into, server.url, sha256=[option])
    assert (into / "README").read_bytes() == b"changed"


def test_a_wrong_checksum_stops_before_unpacking(server: FileServer, tmp_path: Path) -> None:
    serve_penn(server, penn_files(tmp_path))
    with pytest.raises(HumotionError, match="is not the expected file"):
        fetch_dataset("penn_action", tmp_path / "penn", server.url, sha256=["Penn_Action.tar.gz=" + "0" * 64])
    assert not (tmp_path / "penn").exists() and not (tmp_path / "penn.archives" / "tree").exists()
    for option in ("Penn_Action.tar.gz=12", "other.zip=" + "0" * 64, "Penn_Action.tar.gz"):
        with pytest.raises(HumotionError, match="--sha256"):
            fetch_dataset("penn_action", tmp_path / "penn", server.url, sha256=[option])


def test_a_rar_that_is_not_the_published_one_is_refused(server: FileServer, tmp_path: Path) -> None:
    serve_hmdb51(server, hmdb51_files(tmp_path), ".rar")
    with pytest.raises(HumotionError, match="MD5 published by google-deepmind/dmvr is 517d6f1f"):
        fetch_dataset("hmdb51", tmp_path / "hmdb51", server.url)


def test_a_truncated_archive_is_neither_recorded_nor_made_a_dataset(server: FileServer, tmp_path: Path) -> None:
    """A server that tells less than there is cannot be caught by size, but the archive gives it away."""
    content = pack_tar(prefixed(penn_files(tmp_path), "Penn_Action"))
    server.files["Penn_Action.tar.gz"] = Served(content, declared=len(content) // 2)
    with pytest.raises(HumotionError, match="delete it and run the same command again"):
        fetch_dataset("penn_action", tmp_path / "penn", server.url)
    assert not (tmp_path / "penn").exists()
    assert not (tmp_path / "penn.archives" / "checksums.json").exists()
    (tmp_path / "penn.archives" / "Penn_Action.tar.gz").unlink()
    server.files["Penn_Action.tar.gz"] = Served(content)
    assert "3 ok" in fetch_dataset("penn_action", tmp_path / "penn", server.url)


def test_a_server_that_is_gone_leaves_the_manual_way(server: FileServer, tmp_path: Path) -> None:
    files = penn_files(tmp_path)
    into = tmp_path / "penn"
    done = subprocess.run(command(server, "penn_action", into), capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    for text in ("404", "By hand", "dreamdragon.github.io", str(tmp_path / "penn.archives"), "--mirror"):
        assert text in done.stderr
    (tmp_path / "penn.archives" / "Penn_Action.zip").write_bytes(pack_zip(files))
    num_requests = len(server.requests)
    assert "3 ok" in fetch_dataset("penn_action", into)
    assert files_below(into) == files and len(server.requests) == num_requests


def test_all_servers_are_asked_before_the_first_download(server: FileServer, tmp_path: Path) -> None:
    server.files["JHMDB_video.zip"] = Served(random.Random(0).randbytes(5_000_000))
    with pytest.raises(HumotionError, match=r"joint_positions\.zip: the server answers 404"):
        fetch_dataset("jhmdb", tmp_path / "jhmdb", server.url)
    assert not list((tmp_path / "jhmdb.archives").glob("*.part"))


def test_without_a_rar_tool_the_download_is_kept(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = serve_hmdb51(server, hmdb51_files(tmp_path), ".rar")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HumotionError, match="No installed tool unpacks RAR"):
        fetch_dataset("hmdb51", tmp_path / "hmdb51", server.url, sha256=sums)
    assert (tmp_path / "hmdb51.archives" / "hmdb51_org.rar").exists()


def test_too_little_disk_is_said_before_the_download(server: FileServer, tmp_path: Path) -> None:
    serve_penn(server, penn_files(tmp_path), declared=10**17)
    with pytest.raises(HumotionError, match="are free"):
        fetch_dataset("penn_action", tmp_path / "penn", server.url)
    assert not list((tmp_path / "penn.archives").glob("*.part"))


def test_a_folder_of_somebody_else_is_left_alone(server: FileServer, tmp_path: Path) -> None:
    serve_penn(server, penn_files(tmp_path))
    (tmp_path / "penn").mkdir()
    (tmp_path / "penn" / "mine").write_text("mine")
    with pytest.raises(HumotionError, match="not made by humotion fetch"):
        fetch_dataset("penn_action", tmp_path / "penn", server.url)
    assert files_below(tmp_path / "penn") == {"mine": b"mine"} and not server.requests


def test_an_archive_of_something_else_does_not_become_the_dataset(server: FileServer, tmp_path: Path) -> None:
    server.files["Penn_Action.tar.gz"] = Served(pack_tar({"holiday/1.jpg": b"x"}))
    with pytest.raises(HumotionError):
        fetch_dataset("penn_action", tmp_path / "penn", server.url)
    assert not (tmp_path / "penn").exists()


def test_two_at_once_do_not_mix(server: FileServer, tmp_path: Path) -> None:
    serve_penn(server, penn_files(tmp_path))
    (tmp_path / "penn.archives").mkdir()
    with FileLock(tmp_path / "penn.archives" / ".lock"):
        done = subprocess.run(command(server, "penn_action", tmp_path / "penn"), capture_output=True, text=True)
    assert done.returncode == 1 and "Another humotion fetch is working" in done.stderr


def test_an_unknown_dataset_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="hmdb51, penn_action, jhmdb"):
        fetch_dataset("kinetics", tmp_path / "x")


def test_the_table_holds_together() -> None:
    for name, source in SOURCES.items():
        assert source.layout == name
        stems = [archive.stem for archive in source.archives]
        assert len(set(stems)) == len(stems)
        assert all(
            archive.url.startswith("https://") and archive.url.endswith(archive.name) for archive in source.archives
        )

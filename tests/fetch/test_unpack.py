"""Archives that want out of their folder, or more than the disk, and the formats that datasets come in."""

from __future__ import annotations

import base64
import os
import re
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from humotion.errors import HumotionError
from humotion.fetch import rar
from humotion.fetch.unpack import UnpackError, is_archive, move_content, unpack
from tests.support.archives import files_below, pack_rar, pack_rar5, pack_tar, pack_zip

SOLID_FILES = dict.fromkeys(("stest1.txt", "stest2.txt"), "".join(f"{i:03d}\n" for i in range(512)).encode())
FILES = {"walk/(Rad)_[_NEW_]!!!_walk_f_cm_np1_fr_med_0.avi": b"a" * 70_000, "walk/b c.avi": b"b", "empty.txt": b""}
RAR_TOOLS = [tool for tool in rar._TOOLS if shutil.which(tool) and tool not in ("7z", "7zz")]
needs_rar = pytest.mark.skipif(not RAR_TOOLS, reason="none of unrar, unar and bsdtar is installed")
RARS = [pytest.param(pack, marks=needs_rar) for pack in (pack_rar, pack_rar5)]

# From the tests of the library rarfile (ISC): compressed and solid; a link to "..", and a file through it.
SOLID = (
    "UmFyIRoHADvQcwgADQAAAAAAAAArNHSAkCwAXAAAAAAIAAADoua3xbBmzD4dMwoApIEAAHN0ZXN0MS50eHQAwBEMzP6MnrD+MYGr"
    "rLG7QHeoCmTWSzeDwQe8AeCFku77th0ACCAACIjpeAzSDAdhOkF4S7Nun1IK2sonQLrnC2SKYnH7uACRnlAv2FX/+sZY6+vE14h+"
    "VJaHH03s2RZ0kJAsAA4AAAAACAAAA6Lmt8WwZsw+HTMKAKSBAABzdGVzdDIudHh0AMCxIACIB+vyCmn6/JTe0MQ9ewBABwA="
)
EVIL_LINK = (
    "UmFyIRoHAQAzkrXlCgEFBgAFAQGAgAAu1g9EJQIDEgAEAO3DAgAAAACAAAECdXAKAxM+UQJqEzImFwYFAQECLi5/IjYIKgIDC5cA"
    "BJcApIMCR30ywIAAAQx1cC9wd25lZC50eHQKAxM+UQJqrNEsF1pJUFNMSVAtVklBLVNZTUxJTkstT0sKHXdWUQMFBAA="
)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("pack", [pack_zip, pack_tar, *RARS])
def test_every_format_gives_the_same_files(
    pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path, target: Path
) -> None:
    archive = write(tmp_path / "a.bin", pack(FILES))  # the format is told by content, not by name
    assert is_archive(archive)
    unpack(archive, target)
    assert files_below(target) == dict(sorted(FILES.items()))


@pytest.mark.parametrize("pack", [pack_rar, pack_rar5])
@pytest.mark.parametrize("tool", rar._TOOLS)
def test_every_rar_tool_unpacks_names_with_brackets(
    tool: str, pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tool not in RAR_TOOLS:
        pytest.skip(f"{tool} is not installed, or comes without RAR")
    monkeypatch.setattr(rar, "_TOOLS", {tool: rar._TOOLS[tool]})
    unpack(write(tmp_path / "a.rar", pack(FILES)), target)
    assert files_below(target) == dict(sorted(FILES.items()))


@pytest.mark.skipif(not {"unrar", "unar"} & set(RAR_TOOLS), reason="neither unrar nor unar is installed")
def test_a_solid_rar(tmp_path: Path, target: Path) -> None:
    unpack(write(tmp_path / "a.rar", base64.b64decode(SOLID)), target)
    assert files_below(target) == SOLID_FILES


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/humotion-out.txt", "a/../../out.txt", "..\\out.txt"])
@pytest.mark.parametrize("pack", [pack_zip, pack_tar, pack_rar, pack_rar5])
def test_no_member_leaves_the_folder(
    pack: Callable[[dict[str, bytes]], bytes], name: str, tmp_path: Path, target: Path
) -> None:
    archive = write(tmp_path / "evil.bin", pack({name: b"x"}))
    with pytest.raises(UnpackError, match="outside the folder"):
        unpack(archive, target)
    assert files_below(tmp_path).keys() == {"evil.bin"}
    assert not Path("/tmp/humotion-out.txt").exists()


def test_links_are_refused(tmp_path: Path, target: Path) -> None:
    tar = write(tmp_path / "a.tar", pack_tar({"link/x": b"x"}, links=[("link", "..")], mode="w"))
    with pytest.raises(UnpackError, match="link 'link'"):
        unpack(tar, target)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        member = zipfile.ZipInfo("link")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc")
    with pytest.raises(UnpackError, match="link 'link'"):
        unpack(tmp_path / "a.zip", target)
    with pytest.raises(UnpackError, match="link 'up'"):
        unpack(write(tmp_path / "a.rar", base64.b64decode(EVIL_LINK)), target)
    assert not (tmp_path / "x").exists() and not any(target.iterdir())


@pytest.mark.parametrize(("kind", "told"), [(tarfile.LNKTYPE, "the link 'odd'"), (tarfile.FIFOTYPE, "neither")])
def test_hard_links_and_devices_in_a_tar_are_refused(kind: bytes, told: str, tmp_path: Path, target: Path) -> None:
    member = tarfile.TarInfo("odd")
    member.type, member.linkname = kind, "/etc/hostname"
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(member)
    with pytest.raises(UnpackError, match=told):
        unpack(tmp_path / "a.tar", target)
    assert not any(target.iterdir())


def test_what_is_larger_than_the_disk_is_not_begun(tmp_path: Path, target: Path) -> None:
    with pytest.raises(HumotionError, match="free"):
        unpack(write(tmp_path / "a.rar", pack_rar({"a": b"x"}, claimed_size=2**60)), target)
    zipped = pack_zip({"a": b"x" * 100})
    local, central, end = re.split(b"(?=PK\x01\x02|PK\x05\x06)", zipped)
    entry = central[:24] + (2**32 - 2).to_bytes(4, "little") + central[28:]  # claims 4 GB, 60,000 times
    many = 60_000
    end = end[:8] + many.to_bytes(2, "little") * 2 + (len(entry) * many).to_bytes(4, "little") + end[16:]
    with pytest.raises(HumotionError, match="free"):
        unpack(write(tmp_path / "a.zip", local + entry * many + end), target)
    header = bytearray(pack_tar({"a": b""}, mode="w"))
    header[124:136] = b"\x80\0\0\0" + (2**60).to_bytes(8, "big")  # the size, base 256
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header[:512]):06o}\0 ".encode()
    with pytest.raises(HumotionError, match="free"):
        unpack(write(tmp_path / "a.tar", bytes(header)), target)
    assert not any(target.iterdir())


def plain_tar(files: dict[str, bytes]) -> bytes:
    return pack_tar(files, mode="w")


THREE = {name: name.upper().encode() * 600 for name in ("first", "second", "third")}


@pytest.mark.parametrize("pack", [pack_rar, pack_rar5, plain_tar])
def test_a_damaged_header_is_not_the_end_of_the_archive(
    pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path, target: Path
) -> None:
    """rarfile and tarfile end the list of files there, without an error."""
    content = bytearray(pack(THREE))
    content[content.index(b"second")] ^= 0xFF  # in the name, which the checksum of the header covers
    with pytest.raises(UnpackError, match=r"a\.bin cannot be unpacked"):
        unpack(write(tmp_path / "a.bin", bytes(content)), target)


@pytest.mark.parametrize("pack", [*RARS[:1], plain_tar])
def test_an_archive_without_its_end_is_unpacked_and_said_to_be_perhaps_cut(
    pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = pack(THREE)
    end = whole.index(THREE["second"]) + len(THREE["second"])
    cut = whole[: -(-end // 512) * 512 if pack is plain_tar else end]  # tar fills blocks of 512 bytes
    unpack(write(tmp_path / "a.bin", cut), target)
    assert files_below(target) == {name: THREE[name] for name in ("first", "second")}
    assert "a.bin: has no end mark. If it is cut off, files at its end are lost." in capsys.readouterr().out
    shutil.rmtree(target)
    target.mkdir()
    unpack(write(tmp_path / "a.bin", whole), target)
    assert "has no end mark" not in capsys.readouterr().out


def test_a_rar5_without_its_end_is_refused(tmp_path: Path, target: Path) -> None:
    whole = pack_rar5(THREE)
    with pytest.raises(UnpackError, match="Unexpected EOF"):
        unpack(write(tmp_path / "a.rar", whole[: whole.index(THREE["second"]) + len(THREE["second"])]), target)
    assert not any(target.iterdir())


@pytest.mark.parametrize("pack", [*RARS, plain_tar])
def test_an_archive_without_files_is_an_error(
    pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path, target: Path
) -> None:
    with pytest.raises(UnpackError, match="contains no file"):
        unpack(write(tmp_path / "a.bin", pack({})), target)


@needs_rar
@pytest.mark.parametrize("kind", ["zip", "tar", "rar"])
def test_of_two_files_of_one_name_the_last_is_kept_with_a_word(
    kind: str, tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = ({"a/x": b"old"}, {"a/x": b"new", "b": b"b"})
    if kind == "zip":
        content = pack_zip({"a/y": b"old", **two}).replace(b"a/y", b"a/x")
    elif kind == "tar":
        content = plain_tar(one)[:1024] + plain_tar(two)
    else:
        content = pack_rar(one)[:-7] + pack_rar(two)[20:]  # without the end mark of one and the start of the other
    write(tmp_path / "a.bin", content)
    unpack(tmp_path / "a.bin", target)
    assert files_below(target) == {"a/x": b"new", "b": b"b"}
    assert "the last of several files of one name is kept (1 names, first a/x)" in capsys.readouterr().out


@pytest.mark.parametrize("pack", [pack_zip, pack_tar, pack_rar, pack_rar5])
def test_a_damaged_archive_is_said_to_be(
    pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path, target: Path
) -> None:
    content = bytearray(pack({"a.avi": os.urandom(100_000)}))
    archive = write(tmp_path / "a.bin", bytes(content[:60_000]))
    with pytest.raises(HumotionError, match=r"a\.bin"):
        unpack(archive, target)


def test_what_is_no_archive_is_said_to_be(tmp_path: Path, target: Path) -> None:
    with pytest.raises(UnpackError, match="not a ZIP, RAR or tar"):
        unpack(write(tmp_path / "a.rar", b"<!doctype html>" * 100), target)


@needs_rar
def test_a_rar_whose_content_is_not_what_its_header_tells(tmp_path: Path, target: Path) -> None:
    with pytest.raises(UnpackError, match=r"cannot be unpacked: .+"):
        unpack(write(tmp_path / "a.rar", pack_rar(FILES, wrong_crc=True)), target)
    assert not any(target.iterdir())


def test_without_a_tool_it_says_what_to_install(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HumotionError, match="apt-get install unar"):
        unpack(write(tmp_path / "a.rar", pack_rar(FILES)), target)


@needs_rar
def test_where_one_tool_fails_the_next_is_tried(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Debian's `unrar`, which may be unrar-free, and its 7zz, which has no RAR."""
    tools = tmp_path / "tools"
    tools.mkdir()
    write(tools / "unrar", b'#!/bin/sh\necho junk > "$5/junk"\necho cannot >&2\nexit 3\n').chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    unpack(write(tmp_path / "a.rar", pack_rar(FILES)), target)
    assert files_below(target) == dict(sorted(FILES.items()))


@pytest.mark.parametrize("prefix", ["", "Penn_Action/"])
def test_a_wrapping_folder_is_left_out_where_there_is_one(prefix: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("frames/0001/000001.jpg", "labels/0001.mat"):
        (source / prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (source / prefix / name).write_text("x")
    (source / "__MACOSX").mkdir()
    (tmp_path / "tree" / "labels").mkdir(parents=True)
    (tmp_path / "tree" / "labels" / "stale").write_text("of an attempt that was killed")
    move_content(source, tmp_path / "tree", "Penn_Action")
    assert set(files_below(tmp_path / "tree")) == {"frames/0001/000001.jpg", "labels/0001.mat"}

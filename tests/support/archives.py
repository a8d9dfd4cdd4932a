"""Tiny archives in the official layouts. RAR 2.9 and 5: stored members only, written as the formats are documented."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

RAR_DIRECTORY = 0x00E0


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def pack_zip(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def pack_tar(files: dict[str, bytes], links: Iterable[tuple[str, str]] = (), mode: str = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, target in links:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def pack_rar(files: dict[str, bytes], claimed_size: int | None = None, wrong_crc: bool = False) -> bytes:
    """A RAR 2.9 archive; ``claimed_size`` is what the headers tell of every member's unpacked size."""
    blocks = [b"Rar!\x1a\x07\x00", _block(0x73, 0, b"\0" * 6)]
    for name, content in files.items():
        size = len(content) if claimed_size is None else claimed_size
        crc = zlib.crc32(content) ^ int(wrong_crc)
        encoded = name.replace("/", "\\").encode("ascii")  # its separator
        fields = struct.pack(
            "<IIBIIBBHI", len(content), size & 0xFFFFFFFF, 3, crc, 0x5A8E6000, 20, 0x30, len(encoded), 0o100644
        )
        large = struct.pack("<II", 0, size >> 32) if size >> 32 else b""
        blocks.append(_block(0x74, 0x8000 | (0x0100 if large else 0), fields + large + encoded) + content)
    return b"".join([*blocks, _block(0x7B, 0x4000, b"")])


def _block(kind: int, flags: int, fields: bytes) -> bytes:
    header = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(header) & 0xFFFF) + header


def pack_rar5(files: dict[str, bytes]) -> bytes:
    """A RAR 5 archive."""
    blocks = [b"Rar!\x1a\x07\x01\x00", _block5(1, b"\0")]
    for name, content in files.items():
        encoded = name.encode()
        fields = [_vint(4), _vint(len(content)), _vint(0o100644), struct.pack("<I", zlib.crc32(content))]  # 4: has CRC
        fields += [_vint(0), _vint(1), _vint(len(encoded)), encoded]  # stored, made on Unix
        blocks.append(_block5(2, b"".join(fields), content))
    return b"".join([*blocks, _block5(5, b"\0")])


def _block5(kind: int, fields: bytes, content: bytes | None = None) -> bytes:
    flags = _vint(0) if content is None else _vint(2) + _vint(len(content))
    header = _vint(kind) + flags + fields
    sized = _vint(len(header)) + header
    return struct.pack("<I", zlib.crc32(sized)) + sized + (content or b"")


def _vint(value: int) -> bytes:
    """Seven bits per byte, the lowest first; the top bit says that more follow."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _vint(rest) if rest else bytes([low])

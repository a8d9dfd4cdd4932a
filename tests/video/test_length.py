from __future__ import annotations

from pathlib import Path

import pytest

from humotion.video.length import is_cut_short
from tests.support.trees import write_video


@pytest.mark.parametrize("suffix", ["avi", "mp4", "mov", "mkv"])
def test_whole_and_cut_files(suffix: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / f"a.{suffix}", codec="mpeg4")
    data = path.read_bytes()
    assert not is_cut_short(path)
    for missing in (2, len(data) // 2):
        path.write_bytes(data[:-missing])
        assert is_cut_short(path)
    path.write_bytes(data + b"more")
    assert not is_cut_short(path)


@pytest.mark.parametrize(
    ("data", "is_cut"),
    [
        (b"", False),
        (b"RIFF", True),
        (b"RIFF\x05\0\0\0", True),
        (b"\0\0\0\x08ftyp\0\0\0\0mdat" + bytes(9), False),  # 0: up to the end of the file
        (b"\0\0\0\x08ftyp\0\0\0\x01mdat" + (99).to_bytes(8, "big"), True),  # 1: a size of 64 bits follows
        (b"\0\0\0\x08ftyp\0\0\0\x01mdat" + (16).to_bytes(8, "big"), False),
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff", False),  # a live recording: size unknown
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x40\x02..", False),
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x40\x03..", True),
        (b"\x1a\x45\xdf\xa3\x00", False),
        (b"GIF89a..", False),
    ],
)
def test_headers(data: bytes, is_cut: bool, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    assert is_cut_short(tmp_path / "a") is is_cut

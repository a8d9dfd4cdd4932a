from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg

from humotion.video.images import decode_frames_folder, list_frames, read_image
from tests.support.trees import picture, write_jpegs


def test_jpegs_keep_their_bytes(tmp_path: Path) -> None:
    decoded = decode_frames_folder(write_jpegs(tmp_path, 4))
    pictures = list(decoded.pictures())
    assert (decoded.status, decoded.num_frames) == ("ok", 4)
    for number, found in enumerate(pictures):
        assert found.jpeg == (tmp_path / f"{number + 1:06d}.jpg").read_bytes()
        assert np.abs(found.pixels.astype(int) - picture(number)).mean() < 5


def test_png_is_lossless_rgb(tmp_path: Path) -> None:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number + 1:05d}.png"), picture(number)[..., ::-1])
    decoded = decode_frames_folder(tmp_path)
    np.testing.assert_array_equal(decoded.read_all(), [picture(number) for number in range(3)])


def test_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    for name in ("10.jpg", "9.jpg", "8.JPG", "thumbs.db"):
        (tmp_path / name).touch()
    assert [path.name for path in list_frames(tmp_path)] == ["8.JPG", "9.jpg", "10.jpg"]


@pytest.mark.parametrize("damage", ["cut", "zero", "noise", "gone", "size"])
def test_reading_ends_at_the_first_damaged_frame(damage: str, tmp_path: Path) -> None:
    path = write_jpegs(tmp_path, 5) / "000004.jpg"
    data = path.read_bytes()
    changed = {"cut": data[: len(data) // 2], "zero": b"", "noise": b"\xff\xd8" + bytes(range(256))}
    if damage == "gone":
        path.unlink()
    elif damage == "size":
        path.write_bytes((write_jpegs(tmp_path / "other", 1, size=(32, 24)) / "000001.jpg").read_bytes())
    else:
        path.write_bytes(changed[damage])
    decoded = decode_frames_folder(tmp_path)
    assert len(list(decoded)) == 3
    assert decoded.status == "truncated"
    assert "00000" in (decoded.error or "")


def test_nothing_readable(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "000001.jpg").write_bytes(b"none")
    for name, status in {"empty": "empty", "broken": "corrupt", "gone": "missing"}.items():
        decoded = decode_frames_folder(tmp_path / name)
        assert list(decoded) == []
        assert (decoded.status, bool(decoded.error)) == (status, True)


def test_a_grey_jpeg_reads_as_rgb() -> None:
    _, data = cv2.imencode(".jpg", picture(0)[..., 0])
    assert read_image(data.tobytes()).shape == (48, 64, 3)


def test_a_header_that_claims_too_much_is_damage() -> None:
    data = bytearray(simplejpeg.encode_jpeg(picture(0)))
    start = data.index(b"\xff\xc0") + 5  # height and width of the frame header
    data[start : start + 4] = b"\x80\x00\x80\x00"
    with pytest.raises(ValueError, match="32768 x 32768"):
        read_image(bytes(data))

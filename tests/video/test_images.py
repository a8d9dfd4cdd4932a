from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image

from humotion.video.images import decode_frames_folder, image_size, list_frames, read_image
from humotion.video.probe import probe
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


def saved(pixels: np.ndarray, form: str, orientation: int = 1, mode: str = "RGB", **options: object) -> bytes:
    exif, data = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(pixels).convert(mode).save(data, form, exif=exif, **options)
    return data.getvalue()


FORMS = [("JPEG", {"quality": 100, "subsampling": 0}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})]
# What was upright, as it is stored with each EXIF orientation (TIFF 6.0: which side row 0 and column 0 are).
STORED = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: p.transpose(1, 0, 2)[::-1],
    7: lambda p: p.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda p: p.transpose(1, 0, 2)[:, ::-1],
}


@pytest.mark.parametrize(("form", "options"), FORMS, ids=[form for form, _ in FORMS])
@pytest.mark.parametrize("orientation", STORED)
def test_frames_are_upright_in_every_format(form: str, options: dict[str, object], orientation: int) -> None:
    upright = picture(0)
    upright[:12, :12] = 250
    stored = np.ascontiguousarray(STORED[orientation](upright))
    data = saved(stored, form, orientation, **options)
    found = read_image(data)
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).max() <= 6
    assert image_size(data) == (64, 48)


def test_a_turned_jpeg_does_not_keep_its_bytes(tmp_path: Path) -> None:
    """A frame store reads them without their EXIF data."""
    for number in (1, 2):
        (tmp_path / f"{number}.jpg").write_bytes(saved(picture(number), "JPEG", 6))
    pictures = list(decode_frames_folder(tmp_path).pictures())
    assert [found.jpeg for found in pictures] == [None, None]
    assert pictures[0].pixels.shape == (64, 48, 3)
    assert (probe(tmp_path).width, probe(tmp_path).height) == (48, 64)


@pytest.mark.parametrize(
    ("form", "suffix", "mode"),
    [
        *(("BMP", ".bmp", mode) for mode in ("RGB", "L", "P", "RGBA")),
        *(("WEBP", ".webp", mode) for mode in ("RGB", "RGBA")),
        *(("TIFF", ".tif", mode) for mode in ("RGB", "L", "P", "RGBA", "LA", "CMYK", "1")),
        ("TIFF", ".tiff", "RGB"),
        ("PPM", ".ppm", "RGB"),
    ],
)
def test_other_kinds_of_image(form: str, suffix: str, mode: str, tmp_path: Path) -> None:
    for number in (1, 2):
        image = Image.fromarray(picture(number)).convert(mode)
        if mode in ("RGBA", "LA"):
            image.putalpha(100)  # dropped, not multiplied
        image.save(tmp_path / f"{number}{suffix}", form, **({"lossless": True} if form == "WEBP" else {}))
    decoded = decode_frames_folder(tmp_path)
    expected = [np.asarray(Image.fromarray(picture(number)).convert(mode).convert("RGB")) for number in (1, 2)]
    np.testing.assert_array_equal(decoded.read_all(), expected)
    assert (decoded.status, probe(tmp_path).status) == ("ok", "ok")


@pytest.mark.parametrize("form", ["TIFF", "WEBP", "PNG", "GIF"])
def test_an_image_with_several_pictures_is_no_frame(form: str) -> None:
    data = io.BytesIO()
    Image.fromarray(picture(0)).save(data, form, save_all=True, append_images=[Image.fromarray(picture(1))])
    with pytest.raises(ValueError, match=r"several pictures|a film of its own"):
        read_image(data.getvalue())


def test_an_image_of_fractions_is_refused() -> None:
    data = io.BytesIO()
    Image.fromarray(picture(0)[..., 0].astype(np.float32) / 255).save(data, "TIFF")
    with pytest.raises(ValueError, match="8 or 16 bits"):
        read_image(data.getvalue())


@pytest.mark.parametrize("name", ["._000001.jpg", "._img_1.jpg", ".hidden.png", "Thumbs.db", "notes.txt"])
def test_what_systems_leave_behind_is_no_frame(name: str, tmp_path: Path) -> None:
    (write_jpegs(tmp_path, 3) / name).write_bytes(b"\0\5\x16\7")
    decoded = decode_frames_folder(tmp_path)
    assert (len(decoded.read_all()), decoded.status) == (3, "ok")


def test_several_series_are_an_error_in_probe_and_decoding(tmp_path: Path) -> None:
    for number, path in enumerate(sorted(write_jpegs(tmp_path, 4).iterdir())):
        path.rename(tmp_path / f"{('img', 'flow_x')[number % 2]}_{number}.jpg")
    decoded = decode_frames_folder(tmp_path)
    assert len(decoded.read_all()) == 0
    for found in (decoded, probe(tmp_path)):
        assert found.status == "corrupt"
        assert "flow_x_* (2), img_* (2)" in (found.error or "")


def test_a_broken_link_is_a_frame_that_cannot_be_read(tmp_path: Path) -> None:
    path = write_jpegs(tmp_path, 4) / "000003.jpg"
    path.unlink()
    path.symlink_to(tmp_path / "gone")
    decoded = decode_frames_folder(tmp_path)
    assert len(list(decoded)) == 2
    assert (decoded.status, decoded.error) == ("truncated", "000003.jpg: No such file or directory")


def test_images_that_are_not_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "1.heic").touch()
    assert "1 .heic; images are .bmp" in (probe(tmp_path).error or "")


def test_labels_that_count_from_1_do_not_shift(tmp_path: Path) -> None:
    (write_jpegs(tmp_path, 4) / "000001.jpg").unlink()
    decoded = decode_frames_folder(tmp_path, first=1)
    assert (list(decoded), decoded.status, decoded.error) == (
        [],
        "corrupt",
        "frame 1 is missing: the first is 000002.jpg",
    )
    assert probe(tmp_path, 1).status == "corrupt"
    assert probe(tmp_path).status == "ok"

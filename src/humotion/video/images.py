"""Read frames from a folder with one image file per frame (JPEG or PNG)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from humotion.video.container import MAX_PIXELS
from humotion.video.decode import Decoded, Picture

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
_JPEG_START = b"\xff\xd8"


def list_frames(folder: Path) -> list[Path]:
    """The image files of a frame folder, sorted by name (numbers are compared as numbers)."""
    files = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
    return sorted(files, key=lambda path: (_number(path) is None, _number(path) or 0, path.name))


def decode_frames_folder(folder: Path) -> Decoded:
    """Open a folder of numbered frames as a `Decoded`, method "images".

    JPEG files keep their bytes, so that a frame store can copy them instead of encoding them again.
    Frames are aligned with labels by their number. So reading ends (status "truncated") at the
    first frame that is damaged, missing or of another size. The frames before it are kept.
    """
    decoded = Decoded("images")
    decoded.start(_pictures(folder, decoded))
    return decoded


def read_image(data: bytes) -> npt.NDArray[np.uint8]:
    """Decode a JPEG or PNG file's bytes to RGB (H, W, 3) uint8; raises ValueError if damaged."""
    if data.startswith(_JPEG_START):
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        if height * width > MAX_PIXELS:
            raise ValueError(f"its header says that it has {width} x {height} pixels")
        return simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if data else None
    if pixels is None:
        raise ValueError("not a readable image")
    return pixels.astype(np.uint8, copy=False)


def _pictures(folder: Path, decoded: Decoded) -> Iterator[Picture]:
    if not folder.is_dir():
        decoded.fail("the folder does not exist", "missing")
        return
    paths = list_frames(folder)
    if not paths:
        decoded.fail("there are no images in the folder", "empty")
    shape: tuple[int, ...] | None = None
    expected = _number(paths[0]) if paths else None
    for path in paths:
        if _number(path) != expected:
            decoded.fail(f"the frame before {path.name} is missing")
            return
        try:
            data = path.read_bytes()
            pixels = read_image(data)
        except (ValueError, OSError, cv2.error) as error:
            decoded.fail(f"{path.name}: {error}")
            return
        if shape not in (None, pixels.shape):
            decoded.fail(f"{path.name}: its size differs from that of the frames before it")
            return
        shape = pixels.shape
        yield Picture(pixels, data if data.startswith(_JPEG_START) else None)
        expected = None if expected is None else expected + 1


def _number(path: Path) -> int | None:
    return int(path.stem) if path.stem.isdecimal() else None

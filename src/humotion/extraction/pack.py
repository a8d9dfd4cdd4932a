"""Turn decoded frames into the JPEG bytes of the frame store, and shrink frames that are too large."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from humotion.video.decode import Decoded, Picture


@dataclass(frozen=True)
class EncodedFrames:
    """The JPEG bytes of all frames, their size in pixels, and the ratio of stored to original size (x, y).

    ``method`` is how the pixels were read, or "copy" if the original JPEG bytes of all frames were kept.
    It is None without frames.
    """

    jpegs: list[bytes]
    width: int
    height: int
    scale: tuple[float, float]
    method: str | None


def encode_frames(decoded: Decoded, short_side: int, quality: int) -> EncodedFrames:
    """Read ``decoded`` to its end and encode each frame (4:2:0), with one frame in memory at a time.

    Frames whose short side exceeds ``short_side`` pixels are shrunk to it by area averaging; no
    frame is enlarged. A JPEG frame that needs no shrinking is kept byte for byte.
    """
    jpegs: list[bytes] = []
    original = stored = (0, 0)
    num_copied = 0
    for picture in decoded.pictures():
        if not jpegs:
            original = (picture.pixels.shape[1], picture.pixels.shape[0])
            stored = stored_size(*original, short_side)
        copied = picture.jpeg if stored == original else None
        jpegs.append(copied or _encode(picture, stored, quality))
        num_copied += copied is not None
    if not jpegs:
        return EncodedFrames([], 0, 0, (1.0, 1.0), None)
    scale = (stored[0] / original[0], stored[1] / original[1])
    method = "copy" if num_copied == len(jpegs) else decoded.method
    return EncodedFrames(jpegs, *stored, scale, method)


def stored_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Width and height of a frame in the store."""
    factor = short_side / min(width, height)
    return (width, height) if factor >= 1 else (round(width * factor), round(height * factor))


def scale_points(points: npt.NDArray[np.float32], scale: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Move (..., 2k) x, y pairs to a resized image: pixel centres are at integers, and edges stay on edges."""
    factors = np.resize(np.asarray(scale, np.float32), points.shape[-1])
    return ((points + 0.5) * factors - 0.5).astype(np.float32)


def _encode(picture: Picture, size: tuple[int, int], quality: int) -> bytes:
    pixels = picture.pixels
    if (pixels.shape[1], pixels.shape[0]) != size:
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    contiguous = np.ascontiguousarray(pixels)
    return simplejpeg.encode_jpeg(contiguous, quality=quality, colorspace="RGB", colorsubsampling="420")

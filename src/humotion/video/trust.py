"""For which videos torchcodec gives the pixels of the ffmpeg command."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from humotion.video.outline import Outline

MOST_DIFFERENCE = 6.0
"""Mean difference, in levels of 255, up to which two readings of the first frame count as the same picture."""

TRUSTED = {
    "av1": "yuv420p yuv420p10le",
    "cinepak": "rgb24",
    "ffv1": (
        "bgr0 bgra gbrap10le gbrap12le gbrap16le gbrp10le gbrp12le gbrp14le gbrp16le gbrp9le gray "
        "gray10le gray12le gray16le gray9le ya8 yuv410p yuv411p yuv420p yuv420p10le yuv420p12le "
        "yuv420p14le yuv420p16le yuv420p9le yuv422p yuv422p10le yuv422p12le yuv422p14le yuv422p16le "
        "yuv422p9le yuv440p yuv440p10le yuv440p12le yuv444p yuv444p10le yuv444p12le yuv444p14le "
        "yuv444p16le yuv444p9le yuva420p yuva420p10le yuva420p16le yuva420p9le yuva422p yuva422p10le "
        "yuva422p16le yuva422p9le yuva444p yuva444p10le yuva444p16le yuva444p9le"
    ),
    "ffvhuff": (
        "bgr0 bgra gbrap gbrp gbrp10le gbrp12le gbrp14le gbrp16le gbrp9le gray gray16le yuv410p yuv411p "
        "yuv420p yuv420p10le yuv420p12le yuv420p14le yuv420p16le yuv420p9le yuv422p yuv422p10le "
        "yuv422p12le yuv422p14le yuv422p16le yuv422p9le yuv440p yuv444p yuv444p10le yuv444p12le "
        "yuv444p14le yuv444p16le yuv444p9le yuva420p yuva420p10le yuva420p16le yuva420p9le yuva422p "
        "yuva422p10le yuva422p16le yuva422p9le yuva444p yuva444p10le yuva444p16le yuva444p9le"
    ),
    "flv1": "yuv420p",
    "h263": "yuv420p",
    "h264": "gbrp yuv420p yuv420p10le yuv422p yuv422p10le yuv444p yuv444p10le yuvj420p yuvj422p yuvj444p",
    "hevc": (
        "gbrp gbrp10le gbrp12le gray gray10le gray12le yuv420p yuv420p10le yuv420p12le yuv422p "
        "yuv422p10le yuv422p12le yuv444p yuv444p10le yuv444p12le yuvj420p"
    ),
    "huffyuv": "bgr0 bgra yuv422p",
    "mjpeg": "yuv420p yuv422p yuv444p yuvj420p yuvj422p yuvj444p",
    "mpeg2video": "yuv420p yuv422p",
    "mpeg4": "yuv420p",
    "msmpeg4v2": "yuv420p",
    "msmpeg4v3": "yuv420p",
    "png": "gray gray16be monob rgb24 rgb48be rgba rgba64be ya16be ya8",
    "prores": "yuv422p10le yuv444p12le yuva444p12le",
    "qtrle": "argb rgb24 rgb555le",
    "rawvideo": "gray monob rgb24 uyvy422 yuv420p yuv422p yuyv422",
    "svq1": "yuv410p",
    "utvideo": "gbrap gbrp yuv420p yuv422p yuv444p",
    "vp8": "yuv420p",
    "vp9": (
        "gbrp gbrp10le gbrp12le yuv420p yuv420p10le yuv420p12le yuv422p yuv422p10le yuv422p12le yuv440p "
        "yuv440p10le yuv440p12le yuv444p yuv444p10le yuv444p12le"
    ),
    "wmv1": "yuv420p",
    "wmv2": "yuv420p",
}
"""By codec, the pixel formats that torchcodec 0.13 reads exactly, measured by `python -m benchmarks.trusted_kinds` with
FFmpeg 5.1: each kind was written into MP4, MOV, MKV and AVI by every common encoder, and each frame compared with the
ffmpeg command's. Not in it, because they differed: palettes (black or wrong pictures), and full-range YUV of formats
that have no name of their own for it (`/full`; up to 20 levels in HEVC 4:2:2 and 4:4:4). PyAV reads all other kinds.
"""


def is_trusted(outline: Outline) -> bool:
    """Whether torchcodec was measured to read this codec with this pixel format exactly."""
    return outline.pixel_format in TRUSTED.get(outline.codec, "").split()


def looks_alike(pixels: npt.NDArray[np.uint8], outline: Outline) -> bool:
    """Whether torchcodec's first frame, RGB (H, W, 3) uint8 and turned upright, is PyAV's first frame.

    This takes a tenth of a millisecond and catches wrong pictures. Small differences of colour are for `TRUSTED`.
    """
    if outline.first is None:
        return False
    expected = np.rot90(outline.first, -(outline.turn or 0) // 90)
    if expected.shape != pixels.shape:
        return False
    rows, columns = (max(1, side // 64) for side in pixels.shape[:2])
    ours, theirs = (picture[::rows, ::columns].astype(np.int16) for picture in (pixels, expected))
    return float(np.abs(ours - theirs).mean()) <= MOST_DIFFERENCE

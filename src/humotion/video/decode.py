"""Decode a video once, from its first frame to its last, whatever state the file is in.

torchcodec is the fast reader. It finds frames by their times, so it reads only files whose times can be
trusted (see `humotion.video.outline`), of kinds that it reads exactly (see `humotion.video.trust`).
PyAV reads all other files, and continues if torchcodec fails. Both give the pixels of the ffmpeg
command, turned upright.

How the parts work together: `decode_video` returns a `Decoded` and reads nothing yet. Its frames come from a chain of
generators, which the caller's loop pulls::

    Decoded.pictures   counts each frame in num_frames
      _read            opens the file; at the end, reports a file that was cut short
        _frames        tries the readers in turn
          torchcodec_frames, on the GPU or the CPU
          pyav_frames

The generators write what they learn into the same `Decoded` while they are pulled: which reader is used (``read_by``),
and the first error (``fail``). A reader starts after the ``num_frames`` frames that have been handed out. So if one
reader fails in the middle, the next one continues there: no frame comes twice, and none is lost.

Damage that FFmpeg skips or conceals is found too. The packets are examined first (`humotion.video.damage`), and the
logs of both readers are listened to (`humotion.video.ffmpeg_log`). At any doubt PyAV reads the file, and decides where
the damage starts. Frames behind it are not given: their index may be wrong, and labels belong to frames by index.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from humotion.video.container import DamagedVideo
from humotion.video.decoded import Decoded, Picture
from humotion.video.outline import Outline, read_outline
from humotion.video.pyav_reader import pyav_frames
from humotion.video.torchcodec_reader import READ_ERRORS, Device, HeardDamage, has_cuda, torchcodec, torchcodec_frames
from humotion.video.trust import is_trusted

__all__ = ["Decoded", "Device", "Picture", "decode_video", "has_cuda"]


def decode_video(path: Path, device: Device = "cpu") -> Decoded:
    """Open a video file for one sequential reading; never raises for a bad file (see `Decoded`).

    With ``device`` "cuda" the GPU decodes what it can, and the CPU decodes the rest: ``method`` shows
    which. A GPU converts colours in its own way, so its pixels may differ from the CPU's.

    >>> video = decode_video(Path("clip.mp4"))  # doctest: +SKIP
    >>> frames = video.read_all()  # doctest: +SKIP
    >>> video.status, video.method  # doctest: +SKIP
    """
    decoded = Decoded("pyav")
    decoded.start(_read(Path(path), decoded, device))
    return decoded


def _read(path: Path, decoded: Decoded, device: Device) -> Iterator[Picture]:
    """Yield all frames of a file, and record errors of the complete file."""
    try:
        outline = read_outline(path)
    except DamagedVideo as error:
        decoded.fail(str(error), error.status)
        return
    decoded.fps = outline.fps
    if outline.num_streams > 1:
        decoded.remarks.append(f"{outline.num_streams} videos are in it: stream {outline.stream_index} is read")
    if (shape := outline.pixel_shape) is not None:
        decoded.remarks.append(f"its pixels are {shape} as wide as high: frames are as stored, and look squeezed")
    yield from map(Picture, _frames(path, outline, decoded, device))
    if outline.ends_early:
        decoded.fail("the file ends before its last frame")
    elif not decoded.num_frames:
        decoded.fail("there are no frames in it", "empty")


def _frames(path: Path, outline: Outline, decoded: Decoded, device: Device) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the frames from the fastest reader that can be trusted; if one fails, the next continues."""
    has_times = outline.times is not None and outline.turn is not None
    can_be_fast = has_times and outline.damage is None and is_trusted(outline)
    # It is untested whether the GPU reader turns frames, so the CPU decodes videos that must be turned.
    on_gpu = device == "cuda" and outline.turn == 0 and has_cuda()
    devices: list[Device] = ["cuda", "cpu"] if on_gpu else ["cpu"]
    heard: HeardDamage | None = None
    for place in devices if can_be_fast and torchcodec() else []:
        try:
            yield from torchcodec_frames(path, outline, decoded, place)
            return
        except READ_ERRORS as error:
            heard = error if isinstance(error, HeardDamage) else None
    yield from _until_heard(pyav_frames(path, outline, decoded), decoded, heard if outline.starts_clean else None)


def _until_heard(
    frames: Iterator[npt.NDArray[np.uint8]], decoded: Decoded, heard: HeardDamage | None
) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield PyAV's frames up to the damage that torchcodec's version of FFmpeg reported and PyAV's did not."""
    for frame in frames:
        if heard is not None and decoded.num_frames >= heard.start:
            decoded.fail(f"damage from frame {decoded.num_frames} on: {heard}", partial="damaged")
            return
        yield frame

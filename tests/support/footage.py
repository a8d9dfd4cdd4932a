"""Tiny videos of every kind, made by the ffmpeg command, and that command as the judge of decoding."""

from __future__ import annotations

import math
import shutil
import struct
import subprocess
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from itertools import chain
from pathlib import Path

import av
import numpy as np
import pytest

from humotion.video.decode import decode_video

X264, VP9 = "-pix_fmt yuv420p", "-pix_fmt yuv420p -deadline realtime -cpu-used 8"
FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="compares with the ffmpeg command, which is not here")


def ffmpeg(*arguments: str | Path) -> bytes:
    assert FFMPEG is not None
    command = [FFMPEG, "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


@cache
def _encoders() -> str:
    assert FFMPEG is not None
    return subprocess.run([FFMPEG, "-hide_banner", "-encoders"], capture_output=True, text=True).stdout


def film(path: Path, encoder: str, options: str = "", size: str = "96x64", num_frames: int = 20) -> Path:
    """Encode ffmpeg's test pattern, in which every frame differs; skips where the encoder is absent."""
    if f" {encoder} " not in _encoders():
        pytest.skip(f"this ffmpeg has no encoder {encoder}")
    source = f"testsrc=size={size}:rate=30:duration=3"
    ffmpeg("-f", "lavfi", "-i", source, "-frames:v", str(num_frames), "-c:v", encoder, *options.split(), path)
    return path


def join(path: Path, *parts: Path) -> Path:
    """The packets of several files of one codec, one after another."""
    listing = path.with_suffix(".txt")
    listing.write_text("".join(f"file '{part}'\n" for part in parts))
    ffmpeg("-f", "concat", "-safe", "0", "-i", listing, "-c", "copy", path)
    return path


def reference(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Every frame as the ffmpeg command decodes it, (N, H, W, 3)."""
    raw = ffmpeg("-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, *shape)


def assert_equals_ffmpeg(path: Path, method: str) -> int:
    """Same number of frames, same size, no pixel more than one level away; returns the number."""
    video = decode_video(path)
    frames = video.read_all()
    expected = reference(path, frames.shape[1:])
    assert (video.status, video.error, video.method) == ("ok", None, method)
    assert frames.shape == expected.shape
    assert np.abs(frames.astype(np.int16) - expected).max() <= 1
    return len(frames)


def rotation(degrees: float) -> tuple[float, float, float, float]:
    """The display matrix of a clockwise turn: a, b, c, d."""
    angle = math.radians(degrees)
    return math.cos(angle), math.sin(angle), -math.sin(angle), math.cos(angle)


def with_matrix(path: Path, source: Path, matrix: tuple[float, float, float, float]) -> Path:
    """A copy of an MP4 file with another display matrix in its track header (ISO/IEC 14496-12, 8.3.2)."""
    data = source.read_bytes()
    start = data.index(b"tkhd") + 4 + 4 + 5 * 4 + 8 + 8
    a, b, c, d = (round(value * 65536) for value in matrix)
    path.write_bytes(data[:start] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[start + 36 :])
    return path


def with_uncoded_frames(path: Path, source: Path, after: Mapping[int, int]) -> Path:
    """Add "not coded" VOPs, as capture programs write for a picture that did not change.

    ``source`` is MPEG-4 at 30 frames/s without B-frames; behind its packet k come ``after[k]`` such VOPs
    (ISO/IEC 14496-2, 6.2.5: coding type P, modulo_time_base 0, marker, 5 bits of time, marker, vop_coded 0).
    """
    uncoded = b"\0\0\1\xb6" + int("01" + "0" + "1" + "00001" + "1" + "0" + "01111", 2).to_bytes(2, "big")
    with av.open(str(source)) as reader, av.open(str(path), "w") as writer:
        stream = writer.add_stream_from_template(reader.streams.video[0])
        packets = [packet for packet in reader.demux(video=0) if packet.size]
        data = ([bytes(packet)] + [uncoded] * after.get(k, 0) for k, packet in enumerate(packets))
        for number, content in enumerate(chain.from_iterable(data)):
            packet = av.Packet(content)
            packet.stream, packet.time_base, packet.duration = stream, Fraction(1, 30), 1
            packet.pts = packet.dts = number
            packet.is_keyframe = number == 0
            writer.mux(packet)
    return path

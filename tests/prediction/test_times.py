"""Times of frames where the file gives several of them the same one, as recordings of a webcam do."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from humotion.prediction.times import frame_times
from tests.support.trees import write_video


def at_times(path: Path, milliseconds: list[int]) -> Path:
    """A Matroska file whose frames have these times."""
    source = write_video(path.with_name("source.mp4"), num_frames=len(milliseconds))
    with av.open(str(source)) as reader, av.open(str(path), "w") as writer:
        stream = writer.add_stream_from_template(reader.streams.video[0])
        packets = [packet for packet in reader.demux(video=0) if packet.size]
        for packet, time in zip(packets, milliseconds, strict=True):
            packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 1000), time, time
            writer.mux(packet)
    return path


def test_equal_times_are_spread(tmp_path: Path) -> None:
    path = at_times(tmp_path / "clip.mkv", [0, 40, 80, 80, 160, 200, 240, 280, 320, 320])
    expected = [0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.24, 0.28, 0.32, 0.34]
    assert frame_times(path, 10) == pytest.approx(expected)


def test_times_most_of_which_are_equal_are_not_known(tmp_path: Path) -> None:
    assert frame_times(at_times(tmp_path / "clip.mkv", [0, 40, 40, 40, 40, 80]), 6) is None

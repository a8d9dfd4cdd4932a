"""When the frames of a video file are shown, so that a copy plays at the speed of the original."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from humotion.video.container import FILE_ERRORS, DamagedVideo, open_container, video_stream

_LEAST_DISTINCT = 0.8
"""The share of frames that need a time of their own. A browser gives some frames of a webcam the time of another."""


def frame_times(path: Path, num_frames: int) -> list[float] | None:
    """The seconds at which the ``num_frames`` frames that can be read are shown, in order; None if unknown.

    They are the times of the packets. If there are not as many packets as frames, they are those of the decoded
    pictures. If reading ended at a damage, the times of the frames before it are the first ones.
    """
    packets = _times(path, decode=False)
    if len(packets) == num_frames:
        return packets
    pictures = _times(path, decode=True)
    longer = next((times for times in (pictures, packets) if len(times) >= num_frames), None)
    return None if longer is None else longer[:num_frames]


def _times(path: Path, decode: bool) -> list[float]:
    """The increasing times of all packets or pictures that can be read; none if they are not known."""
    ticks: list[int | None] = []
    base: Fraction | None = None
    try:
        with open_container(path) as container:
            stream = video_stream(container)
            base = stream.time_base
            for packet in container.demux(stream):
                if decode:
                    ticks += [frame.pts for frame in packet.decode()]
                elif packet.size and not packet.is_discard:
                    ticks.append(packet.pts)
    except (*FILE_ERRORS, DamagedVideo):
        pass  # the times up to here are right; the reader of the frames has reported the damage
    known = sorted(tick for tick in ticks if tick is not None)
    if base is None or len(known) < len(ticks) or len(set(known)) < _LEAST_DISTINCT * len(ticks):
        return []
    return [float(time * base) for time in _increasing(known)]


def _increasing(ticks: list[int]) -> list[Fraction]:
    """Times of which those that are equal are spread until the next one; the last ones, by the step before them."""
    counts = Counter(ticks)
    distinct = list(counts)
    steps = [later - earlier for earlier, later in pairwise(distinct)]
    return [
        time + Fraction(step * number, counts[time])
        for time, step in zip(distinct, [*steps, (steps or [1])[-1]], strict=True)
        for number in range(counts[time])
    ]

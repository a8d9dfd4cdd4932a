"""What a clip must show: recording, moment, performer, camera and quality; and the format of every clip."""

from __future__ import annotations

from dataclasses import dataclass

FPS = 30
#: Width and height in pixels.
SIZE = (192, 144)


@dataclass(frozen=True)
class ClipSpec:
    """What to render. Clips with the same ``source`` share performer, clothes, place and light.

    ``start`` is in seconds of the recording, ``speed`` is how fast it plays. ``size_in_frame`` is the height
    of the standing performer divided by the image's height. ``azimuth`` is as in `Shot`. With ``pads`` the
    performer wears bright balls at elbows, wrists, knees and ankles, each in its own colour.
    """

    motion: str
    source: tuple[int, ...]
    seed: tuple[int, ...]
    start: float
    num_frames: int
    speed: float
    mirror: bool
    azimuth: float
    mode: str
    shake: float
    size_in_frame: float
    quality: str
    pads: bool = False

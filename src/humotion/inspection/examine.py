"""Read one video as extraction does, and report everything about it; its frames can be kept or compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from humotion.files import atomic_folder
from humotion.inspection.reference import Comparison, compared
from humotion.video.decode import decode_video
from humotion.video.images import decode_frames_folder
from humotion.video.probe import Probe, probe


@dataclass(frozen=True)
class Report:
    """What the pipeline reads from one video.

    ``facts`` is what its header says, ``num_frames`` the number of decoded frames, and ``method`` the reader.
    ``frames`` is the folder for the written frames, ``comparison`` their comparison with the ffmpeg command's.
    """

    path: Path
    facts: Probe
    num_frames: int
    method: str | None
    status: str
    error: str | None
    frames: Path | None = None
    comparison: Comparison | None = None

    @property
    def is_good(self) -> bool:
        """Whether all of it can be read and, if it was compared, equals what the ffmpeg command reads."""
        return self.status == "ok" and (self.comparison is None or self.comparison.is_equal)

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values; a ``comparison`` includes its verdict."""
        facts, comparison = self.facts, self.comparison
        verdict = None if comparison is None else {**asdict(comparison), "is_equal": comparison.is_equal}
        return {
            "path": str(self.path),
            "container": facts.container,
            "codec": facts.codec,
            "width": facts.width,
            "height": facts.height,
            "fps": facts.fps,
            "has_b_frames": facts.has_b_frames,
            "num_frames_header": facts.num_frames,
            "num_frames": self.num_frames,
            "method": self.method,
            "status": self.status,
            "error": self.error,
            "frames": None if self.frames is None else str(self.frames),
            "comparison": verdict,
        }


def examine(path: Path, frames: Path | None = None, verify: bool = False) -> Report:
    """Decode a video, or a folder of frames, from the first frame to the last.

    ``frames`` is the folder for its frames (``000000.png`` and so on) at native size: exactly those that
    extraction keeps. It must not exist. It appears only when it is complete, and only if there are frames.
    ``verify`` compares each frame with the ffmpeg command's; a folder of frames cannot be compared.
    """
    facts = probe(path)
    decoded = decode_frames_folder(path) if path.is_dir() else decode_video(path)
    comparison = Comparison() if verify and not path.is_dir() else None
    pixels = compared(iter(decoded), path, comparison) if comparison else iter(decoded)
    _write(pixels, frames)
    if not decoded.num_frames:
        return Report(path, facts, 0, None, decoded.status, decoded.said)
    return Report(path, facts, decoded.num_frames, decoded.method, decoded.status, decoded.said, frames, comparison)


def _write(pixels: Iterator[npt.NDArray[np.uint8]], folder: Path | None) -> None:
    """Read all frames, and keep them if there is a folder for them."""
    first = next(pixels, None)
    if folder is None or first is None:
        for _ in pixels:
            pass
        return
    with atomic_folder(folder) as temporary:
        for index, frame in enumerate(chain([first], pixels)):
            is_done, data = cv2.imencode(".png", frame[..., ::-1])  # OpenCV's order is BGR
            assert is_done
            (temporary / f"{index:06d}.png").write_bytes(data.tobytes())

"""A few real clips of people, decoded, for tests of tools that look for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from humotion.video.decode import decode_video

GOLF = "golf/Anna_Rawson_Driver_Practice_golf_f_nm_np1_ri_bad_0"
CATCH = "catch/Ballfangen_catch_u_cm_np1_fr_goo_0"


@dataclass
class Clip:
    """Frames (T, H, W, 3) in memory, as a tool sees a video."""

    frames: npt.NDArray[np.uint8]
    fps: float | None = 25.0
    boxes: npt.NDArray[np.float32] | None = None
    most_at_once: int = 0

    @property
    def width(self) -> int:
        return self.frames.shape[2]

    @property
    def height(self) -> int:
        return self.frames.shape[1]

    @property
    def num_frames(self) -> int:
        return len(self.frames)

    def decode(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        self.most_at_once = max(self.most_at_once, len(indices))
        return self.frames[indices]


def real_clip(real_data: Path, name: str, num_frames: int) -> Clip:
    """The first frames of a clip of JHMDB."""
    path = real_data / "jhmdb" / "ReCompress_Videos" / f"{name}.avi"
    frames = [
        picture.pixels for picture, _ in zip(decode_video(path, "cpu").pictures(), range(num_frames), strict=False)
    ]
    return Clip(np.stack(frames))

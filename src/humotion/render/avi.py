"""Write clips in the format of HMDB51: MPEG-4 Part 2 in AVI, with or without B-frames, using the program ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from humotion.errors import HumotionError


def write_avi(path: Path, frames: NDArray[np.uint8], fps: int, quantiser: int, b_frames: bool) -> None:
    """Encode RGB ``frames`` (T, H, W, 3); the bytes depend only on the arguments and the ffmpeg build.

    Raises:
        HumotionError: ffmpeg is not installed or cannot encode.
    """
    if shutil.which("ffmpeg") is None:
        raise HumotionError("Writing the sample's videos needs the program ffmpeg, which is not on PATH.")
    height, width = frames.shape[1:3]
    codec = ["-vtag", "DX50", "-bf", "2"] if b_frames else ["-vtag", "XVID", "-bf", "0"]
    command = [
        "ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
        "-r", str(fps), "-i", "-", "-pix_fmt", "yuv420p", "-sws_flags", "bicubic+accurate_rnd+bitexact",
        "-c:v", "mpeg4", *codec, "-q:v", str(quantiser), "-g", "60", "-threads", "1",
        "-flags", "+bitexact", "-fflags", "+bitexact", str(path),
    ]  # fmt: skip
    done = subprocess.run(command, input=np.ascontiguousarray(frames).tobytes(), capture_output=True, check=False)
    if done.returncode:
        raise HumotionError(f"ffmpeg could not write {path}: {done.stderr.decode(errors='replace').strip()}")

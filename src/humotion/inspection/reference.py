"""The ffmpeg command as the reference for decoding: its frames of a video, one after another."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from humotion.errors import HumotionError
from humotion.video.container import DamagedVideo, ffmpeg_name, open_container

TOLERANCE = 1
"""Levels (of 255) by which a pixel may differ, because two versions of FFmpeg round differently."""


def find_ffmpeg() -> str:
    """The path of the ffmpeg command; raises HumotionError if there is none."""
    found = shutil.which("ffmpeg")
    if found is None:
        raise HumotionError("--verify compares with the ffmpeg command, which is not on the PATH. Install FFmpeg.")
    return found


def reference_frames(path: Path, comparison: Comparison | None = None) -> Generator[npt.NDArray[np.uint8]]:
    """Every frame that ``ffmpeg -fps_mode passthrough`` gives, RGB (H, W, 3) uint8, upright.

    The ffmpeg command chooses the stream itself, so that a wrong choice here would be noticed.
    Raises DamagedVideo if the file cannot be opened as video. PPM is raw RGB with the size in front,
    so a frame of another size is noticed and not read as other pixels. What ffmpeg says, and how it
    ended, is kept in ``comparison``.
    """
    open_container(path).close()
    ending = comparison or Comparison()
    source = ["-i", f"file:{ffmpeg_name(path)}", "-fps_mode", "passthrough"]
    command = [find_ffmpeg(), "-v", "error", "-nostdin", *source, "-f", "image2pipe", "-c:v", "ppm"]
    with (
        tempfile.TemporaryFile() as log,  # a pipe that nobody empties would stop ffmpeg
        subprocess.Popen([*command, "-pix_fmt", "rgb24", "-"], stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None
        try:
            is_whole = False
            with suppress(EOFError):
                while (frame := _read_ppm(process.stdout)) is not None:
                    yield frame
                is_whole = True
            process.stdout.read()  # ffmpeg ends only when its pipe is empty
            if process.wait() or not is_whole:
                ending.error = f"ffmpeg ended with exit code {process.returncode}, so not all frames are compared"
            log.seek(0)
            lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
            ending.log = f"{lines[0]}{f' (and {len(lines) - 1} more lines)' if lines[1:] else ''}" if lines else None
        finally:
            process.kill()


def _read_ppm(stream: IO[bytes]) -> npt.NDArray[np.uint8] | None:
    """The next frame; None at the end, and EOFError at anything that is no whole frame."""
    if not (start := stream.readline()):
        return None
    sizes = stream.readline().split() if start == b"P6\n" else []
    if len(sizes) != 2:
        raise EOFError
    width, height = map(int, sizes)
    stream.readline()  # the largest level: 255
    data = stream.read(width * height * 3)
    if len(data) != width * height * 3:
        raise EOFError
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)


def compared(
    pixels: Iterator[npt.NDArray[np.uint8]], path: Path, comparison: Comparison
) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the frames of a video, and compare each with the ffmpeg command's, up to the last frame of both."""
    try:
        open_container(path).close()
    except DamagedVideo as error:
        comparison.error = str(error)
        yield from pixels
        return
    with closing(reference_frames(path, comparison)) as reference:
        for index, (ours, theirs) in enumerate(zip_longest(pixels, reference)):
            comparison.compare(index, ours, theirs)
            if ours is not None:
                yield ours


@dataclass
class Comparison:
    """The result of comparing frames one by one with the ffmpeg command's.

    ``max_difference`` is the largest difference of a level in all frames that both have. It is None before
    the first frame, or if the frame sizes differ. ``first_difference`` is the index of the first frame that differs
    by more than `TOLERANCE` or that only one of them has. ``error`` says why the command did not read all frames,
    ``log`` what it says of the file although it may have read all.
    """

    num_frames: int = 0
    max_difference: int | None = None
    first_difference: int | None = None
    error: str | None = None
    log: str | None = None

    def compare(self, index: int, ours: npt.NDArray[np.uint8] | None, theirs: npt.NDArray[np.uint8] | None) -> None:
        """Compare the frames at ``index``; None means that there is no such frame."""
        self.num_frames += theirs is not None
        is_same = False
        if ours is not None and theirs is not None and ours.shape == theirs.shape:
            difference = int((np.maximum(ours, theirs) - np.minimum(ours, theirs)).max())
            self.max_difference = max(difference, self.max_difference or 0)
            is_same = difference <= TOLERANCE
        if not is_same and self.first_difference is None:
            self.first_difference = index

    @property
    def is_equal(self) -> bool:
        """Whether both have the same frames."""
        return self.num_frames > 0 and self.first_difference is None and self.error is None

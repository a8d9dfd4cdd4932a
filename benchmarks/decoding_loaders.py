"""Loaders without a frame store: they open the video and decode the wanted frames every time.

Each replaces a `FrameStore`, so sampling, augmentation and batching are exactly the same code.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]


def decord_is_installed() -> bool:
    """Whether decord is installed: it does not have wheels for every platform and Python version."""
    return find_spec("decord") is not None


@dataclass(frozen=True)
class DecodingVideos:
    """Videos that are decoded again at every access; ``paths`` and ``num_frames`` are by video id."""

    paths: dict[str, Path]
    num_frames: dict[str, int]
    reader: Any

    def __getitem__(self, video_id: str) -> Any:
        """One video, which is not opened yet."""
        return self.reader(self.paths[video_id], self.num_frames[video_id])


@dataclass(frozen=True)
class PyAVVideo:
    """Decodes up to the last wanted frame and converts only the wanted frames, at native size."""

    path: Path
    num_frames: int

    def decode(self, indices: npt.NDArray[np.int64]) -> Frames:
        """RGB frames (len(indices), H, W, 3); ``indices`` ascend, as in `WholeFrames`."""
        wanted, found = set(indices.tolist()), []
        with av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1  # the loader workers already use all cores
            for number, frame in enumerate(container.decode(stream)):
                if number in wanted:
                    found.append(frame.to_ndarray(format="rgb24"))
                if number == indices[-1]:
                    break
        return np.stack(found)


@dataclass(frozen=True)
class DecordVideo:
    """Calls `VideoReader.get_batch`, at native size."""

    path: Path
    num_frames: int

    def decode(self, indices: npt.NDArray[np.int64]) -> Frames:
        """RGB frames (len(indices), H, W, 3)."""
        from decord import VideoReader

        return np.asarray(VideoReader(str(self.path), num_threads=1).get_batch(indices).asnumpy())

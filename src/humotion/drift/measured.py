"""The measures of `explore` for a new video, taken from frames as the training's frame store would hold them.

Sharpness depends on the size of a frame, and a little on its JPEG quality. So the frames are shrunk and encoded by the
code of the extract stage before they are measured: a training clip, given as a file, has exactly the values that its
row in the report has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import simplejpeg

from humotion.exploration.measures import measure_frames, representative_frames
from humotion.extraction.pack import encode_frames, stored_size
from humotion.params.dataset import FrameParams
from humotion.prediction.video_file import Frames, VideoFile, open_video
from humotion.video.decoded import Decoded, Picture

USUAL = FrameParams()
"""How frames are held if nothing is known of a training."""


class Held(NamedTuple):
    """How frames are held: shrunk to a short side in pixels, never enlarged, and the quality of their JPEG."""

    short_side: int = USUAL.short_side
    quality: int = USUAL.jpeg_quality


def measure(video: VideoFile, held: Held) -> dict[str, float]:
    """Return the measures of a video: those of its file, and those of three of its frames.

    The three frames are read again, one at a time. Without a rate in the file, ``fps`` is NaN. ``held_side`` is the
    short side of the measured frames.
    """
    frames = representative_frames(cast(Any, _AsStored(video, held)))
    return {
        "short_side": float(min(video.width, video.height)),
        "aspect": video.width / video.height,
        "fps": float("nan") if video.fps is None else float(video.fps),
        "num_frames": float(video.num_frames),
        **measure_frames(frames),
        "held_side": float(min(stored_size(video.width, video.height, held.short_side))),
    }


def with_shape(statistics: pd.DataFrame) -> pd.DataFrame:
    """Return the table of `explore` with ``short_side`` and ``aspect``, as `measure` has them."""
    width, height = (pd.to_numeric(statistics[name]).astype(float) for name in ("width", "height"))
    return statistics.assign(
        short_side=np.minimum(width, height), aspect=width / height, fps=pd.to_numeric(statistics["fps"]).astype(float)
    )


class _AsStored:
    """A video as `representative_frames` reads it from a frame store."""

    def __init__(self, video: VideoFile, held: Held) -> None:
        self.num_frames = video.num_frames
        self._video, self._held = video, held

    def decode(self, indices: npt.NDArray[np.integer[Any]]) -> Frames:
        """Frames (len(indices), H, W, 3) as they would be read from the store."""
        decoded = Decoded("images")
        decoded.start(_pictures(self._video, indices))
        encoded = encode_frames(decoded, self._held.short_side, self._held.quality)
        return np.stack([simplejpeg.decode_jpeg(jpeg, colorspace="RGB") for jpeg in encoded.jpegs])


def _pictures(video: VideoFile, indices: npt.NDArray[np.integer[Any]]) -> Iterator[Picture]:
    """The frames at increasing ``indices``; of a folder, with the bytes of its JPEG files, which a store keeps."""
    wanted = indices.tolist()
    if not video.path.is_dir():
        for index in wanted:
            yield Picture(video.decode(np.array([index]))[0])
        return
    for number, picture in enumerate(open_video(video.path).pictures()):
        yield from (picture for index in wanted if index == number)
        if number == wanted[-1]:
            return

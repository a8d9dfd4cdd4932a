"""How far the work on a long video is, as bars on standard error; of a short one, nobody needs to know."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from humotion.prediction.video_file import Frames, Limits, VideoFile, read_video
from humotion.video.probe import probe

frames_bar: Callable[..., tqdm[Any]] = partial(tqdm, unit="frame", leave=False, delay=2.0)
"""A bar of frames, which is shown after two seconds."""


def read_with_bar(path: Path, limits: Limits | None = None, see: Callable[[Frames], None] | None = None) -> VideoFile:
    """See `read_video`; the number of frames in the header is a hint, so the bar may end early or late."""
    with frames_bar(total=probe(path).num_frames, desc="reading") as progress:

        def seen(frame: Frames) -> None:
            progress.update()
            if see is not None:
                see(frame)

        return read_video(path, limits, seen)

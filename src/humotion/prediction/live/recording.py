"""Write what is watched, with what is said of it, as a video: every frame that was looked at, when it was shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.container import OutputContainer

from humotion.errors import HumotionError
from humotion.figures.overlay import even_picture
from humotion.files import atomic_path
from humotion.prediction.drawn_copy import FORMATS, TICKS, Format, encodable, picture_stream
from humotion.prediction.text_box import text_box
from humotion.prediction.video_file import USUAL_FPS, Frames
from humotion.video.container import error_text

_LEAST, _SHARE = 11, 20  # height of a caption in pixels, and how often it fits into the height of a frame


class Recording:
    """The video; all frames have the size of the first one. A frame at the time of the last one is left out."""

    def __init__(self, container: OutputContainer, form: Format) -> None:
        self._container, self._form = container, form
        self._stream: Any = None
        self._first: float | None = None
        self._last = -1

    def write(self, time: float, frame: Frames) -> None:
        """Encode a frame (H, W, 3) that is shown at ``time``, in seconds of the source."""
        picture = even_picture(frame)
        if self._stream is None:
            height, width = picture.shape[:2]
            self._stream = picture_stream(self._container, self._form, (width, height), Fraction(USUAL_FPS), TICKS)
        size = self._stream.width, self._stream.height
        if picture.shape[1::-1] != size:
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        self._first = time if self._first is None else self._first
        ticks = round((time - self._first) * TICKS)
        if ticks <= self._last:
            return
        self._last = ticks
        self._container.mux(self._stream.encode(encodable(picture, ticks, TICKS)))

    def end(self) -> None:
        """Write what is still in the encoder.

        Raises:
            HumotionError: no frame was written.
        """
        if self._stream is None:
            raise HumotionError("No frame was looked at, so there is nothing to write.")
        self._container.mux(self._stream.encode())


@contextmanager
def recording_to(out: Path) -> Iterator[Recording]:
    """Write a recording; it is there, complete, when the block ends, also by Ctrl-C.

    Raises:
        HumotionError: ``out`` cannot be written.
    """
    form = FORMATS[out.suffix.lower()]
    try:
        with atomic_path(out) as temporary, av.open(str(temporary), "w", format=form.container) as container:
            recording = Recording(container, form)
            yield recording
            recording.end()
    except (av.error.FFmpegError, OSError) as error:  # what comes from a source is a HumotionError already
        raise HumotionError(f"{out} cannot be written: {error_text(error)}") from error


def with_captions(frame: Frames, captions: list[str]) -> Frames:
    """Return a frame (H, W, 3) with a line of text per model at its lower edge."""
    if not captions:
        return frame
    drawn = frame.copy()
    bottom = len(drawn)
    for caption in reversed(captions):
        label = text_box(caption, drawn.shape[1], max(_LEAST, len(drawn) // _SHARE))[:bottom]
        drawn[bottom - len(label) : bottom, : label.shape[1]] = label
        bottom -= len(label)
    return drawn

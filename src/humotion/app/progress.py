"""How far the work on a clip is, for a bar that only ever grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from humotion.prediction.video_file import Frames, Limits, VideoFile

Report = Callable[[float, str], None]
"""Is told the share of the work that is done (0 to 1), and what is done now."""
_SECONDS_BETWEEN = 0.2


class Steps:
    """Steps of equal weight.

    Nobody knows how often a model reads the frames of a clip. So the first reading takes a step to its half, the second
    one to three quarters, and so on.

    Args:
        num_steps: number of all steps.
        report: is told.
    """

    def __init__(self, num_steps: int, report: Report) -> None:
        self.num_frames = 1
        self._num_steps, self._report = num_steps, report
        self._number, self._text, self._seen, self._told = -1, "", 0, 0.0

    def start(self, text: str) -> None:
        """Start the next step."""
        self._number, self._text, self._seen, self._told = self._number + 1, text, 0, time.monotonic()
        self._report(min(1.0, self._number / self._num_steps), text)

    def frame(self) -> None:
        """Count a frame that was read."""
        self._seen += 1
        if time.monotonic() - self._told < _SECONDS_BETWEEN:
            return
        self._told = time.monotonic()
        within = 1 - 0.5 ** (self._seen / self.num_frames)
        self._report(min(1.0, (self._number + within) / self._num_steps), self._text)


class WatchedVideo(VideoFile):
    """A video of which each frame that is read is counted."""

    def __init__(
        self, path: Path, limits: Limits | None, see: Callable[[Frames], None] | None = None, *, steps: Steps
    ) -> None:
        super().__init__(path, limits, see)
        steps.num_frames = self.num_frames
        self._steps = steps

    def __iter__(self) -> Iterator[Frames]:
        """See `Video`."""
        for frame in super().__iter__():
            self._steps.frame()
            yield frame

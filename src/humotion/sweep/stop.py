"""The wish to stop: noted when the signal comes, granted where nothing is left half-done.

An exception out of a signal handler may come in the middle of a database transaction, whose lock it
would leave behind.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


class Stop:
    """Whether a worker should stop.

    Args:
        starter: the process that started it; when that has died, no further trial begins.

    Attributes:
        asked: a signal asked for it: the trial at hand stops after its batch.
    """

    def __init__(self, starter: int | None = None) -> None:
        self.starter = starter
        self.asked = False

    def listen(self, *signals: signal.Signals) -> None:
        """Note these signals instead of what they do otherwise."""
        for number in signals:
            signal.signal(number, self._note)

    @property
    def no_more_trials(self) -> bool:
        """Whether to begin no further trial."""
        return self.asked or (self.starter is not None and os.getppid() != self.starter)

    def check(self) -> None:
        """Raise KeyboardInterrupt here, if it was asked for."""
        if self.asked:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

"""When a worker of a sweep starts no further trial."""

from __future__ import annotations

import os

from humotion.training.stop import Stop


class WorkerStop(Stop):
    """Whether a worker should stop.

    Args:
        starter: the process that started it; after that process has died, no further trial starts.
    """

    def __init__(self, starter: int | None = None) -> None:
        super().__init__()
        self.starter = starter

    @property
    def no_more_trials(self) -> bool:
        """Whether to start no further trial."""
        return self.asked or (self.starter is not None and os.getppid() != self.starter)

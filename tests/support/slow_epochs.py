"""Make trainings last long enough to be interrupted, however slow or fast the machine is."""

from __future__ import annotations

import time
from typing import Any

from humotion.training.callbacks import SeedEveryEpoch

_first_batch = SeedEveryEpoch.on_train_batch_start


def slow_epochs(seconds: float = 0.3) -> None:
    """From now on, each epoch of this process's trainings waits before its first batch."""

    def waits(self: SeedEveryEpoch, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            time.sleep(seconds)
        _first_batch(self, trainer, pl_module, batch, batch_idx)

    SeedEveryEpoch.on_train_batch_start = waits  # type: ignore[method-assign]


def usual_epochs() -> None:
    """Undo `slow_epochs`."""
    SeedEveryEpoch.on_train_batch_start = _first_batch  # type: ignore[method-assign]

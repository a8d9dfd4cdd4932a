"""The logger by which Lightning writes to the open run; a separate module, because most stages do not need torch."""

from __future__ import annotations

from pytorch_lightning.loggers import Logger, MLFlowLogger

from humotion.tracking.store import mlflow


class OpenRunLogger(MLFlowLogger):
    """A logger for a run that stays open after the training loop: the code that opened the run ends it."""

    def finalize(self, status: str = "success") -> None:
        """Leave the run open: a run that is marked as finished gets no more system metrics."""


def lightning_logger() -> Logger:
    """Lightning's logger for the open run: it writes epoch metrics to the store of the run."""
    run = mlflow.active_run()
    assert run is not None
    return OpenRunLogger(tracking_uri=mlflow.get_tracking_uri(), run_id=run.info.run_id)

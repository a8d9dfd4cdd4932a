"""The logger through which Lightning writes to the open run; apart, because it needs torch and most stages do not."""

from __future__ import annotations

from pytorch_lightning.loggers import Logger, MLFlowLogger

from humotion.tracking.store import mlflow


class OpenRunLogger(MLFlowLogger):
    """A logger for a run that goes on after the training loop: whoever opened the run ends it."""

    def finalize(self, status: str = "success") -> None:
        """Leave the run open: marked as finished here, it would lose its system metrics from now on."""


def lightning_logger() -> Logger:
    """Lightning's logger for the open run: epoch metrics, where the run is written."""
    run = mlflow.active_run()
    assert run is not None
    return OpenRunLogger(tracking_uri=mlflow.get_tracking_uri(), run_id=run.info.run_id)

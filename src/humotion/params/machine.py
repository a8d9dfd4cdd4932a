"""The section ``machine`` of params.yaml: what this machine can do."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import Field, field_validator

from humotion.params.section import Section


class MachineParams(Section):
    """What this machine can do. No stage tracks it, because it changes no result."""

    workers: int | Literal["auto"] = "auto"
    accelerator: str = "auto"
    devices: int | Literal["auto"] = "auto"
    tracking_uri: str | None = Field(None, description="MLFLOW_TRACKING_URI wins; null: mlflow.db in the checkout")
    cluster: str | None = Field(
        None, pattern="://", description="a Dask scheduler (tcp://host:8786) whose workers extract, instead of ours"
    )
    sweep_workers: int = Field(1, ge=1, description="processes that train trials of a sweep side by side")
    sweep_storage: str | None = Field(None, description="OPTUNA_STORAGE wins; null: optuna.db in the checkout")

    @field_validator("workers")
    @classmethod
    def _not_negative(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 0:
            raise ValueError("workers must be 0 or more, or auto")
        return value

    @property
    def num_workers(self) -> int:
        """Worker processes for extraction and loading: what is set, or one a usable core."""
        return len(os.sched_getaffinity(0)) if self.workers == "auto" else int(self.workers)

"""The section ``machine`` of params.yaml: settings of this machine."""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import Field, field_validator

from humotion.params.section import Section


class MachineParams(Section):
    """Settings of this machine. No stage depends on them, because they change no result."""

    workers: int | Literal["auto"] = "auto"
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"] = "auto"
    devices: int | Literal["auto"] = "auto"
    tracking_uri: str | None = Field(
        None, description="MLFLOW_TRACKING_URI has priority; null: mlflow.db in the checkout"
    )
    cluster: str | None = Field(
        None, pattern="://", description="a Dask scheduler (tcp://host:8786); its workers extract instead of ours"
    )
    sweep_workers: int = Field(1, ge=1, description="processes that train trials of a sweep at the same time")
    sweep_storage: str | None = Field(None, description="OPTUNA_STORAGE has priority; null: optuna.db in the checkout")

    @field_validator("workers")
    @classmethod
    def _not_negative(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 0:
            raise ValueError("workers must be 0 or more, or auto")
        return value

    @field_validator("devices", mode="before")
    @classmethod
    def _a_number_of_devices(cls, value: Any) -> Any:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if value != "auto" and not (is_number and value >= 1):
            raise ValueError(
                f"devices is {value!r}; it can be auto (all) or a number from 1. The variable CUDA_VISIBLE_DEVICES "
                "chooses which GPUs are used"
            )
        return value

    @property
    def num_workers(self) -> int:
        """Worker processes for extraction and loading: the number set, or one per usable core."""
        return len(os.sched_getaffinity(0)) if self.workers == "auto" else int(self.workers)

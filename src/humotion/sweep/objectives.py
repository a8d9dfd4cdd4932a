"""The objectives of a finished trial: metrics of its chosen epoch, and costs of the model."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterable

import torch

from humotion.clips.datamodule import ClipDataModule
from humotion.errors import HumotionError
from humotion.params.sweep import ObjectiveParams
from humotion.training.fit import FitResult
from humotion.training.task import Task

WARM_UP, REPEATS = 3, 15


class UnknownMetricError(HumotionError):
    """The sweep asks for a metric that the task does not log: every trial would fail."""


def objective_values(
    objectives: Iterable[ObjectiveParams], result: FitResult, task: Task, data: ClipDataModule
) -> list[float]:
    """The value of every objective, in their order.

    Raises:
        ValueError: a value is not finite, because the training diverged.
    """
    values = {objective.metric: _value(objective.metric, result, task, data) for objective in objectives}
    if wrong := [metric for metric, value in values.items() if not math.isfinite(value)]:
        raise ValueError(f"{wrong[0]} is {values[wrong[0]]}")
    return list(values.values())


def metric_value(metric: str, metrics: dict[str, float]) -> float:
    """One metric of an epoch.

    Raises:
        UnknownMetricError: there is no metric of that name.
    """
    if metric not in metrics:
        known = ", ".join(name for name in metrics if name.startswith("val/"))
        raise UnknownMetricError(f"The training logs no {metric!r}. An objective can be {known}, or a cost.")
    return float(metrics[metric])


def latency_ms(task: Task, data: ClipDataModule) -> float:
    """Median milliseconds of one validation clip through the model, on the machine of the trial, without loading."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    batch = {name: tensor[:1].to(device) for name, tensor in next(iter(data.val_dataloader())).items()}
    task = task.to(device).eval()
    times = []
    with torch.inference_mode():
        for _ in range(WARM_UP + REPEATS):
            started = time.perf_counter()
            task.predict_step(batch)  # its results are on the CPU, so the device has finished
            times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times[WARM_UP:])


def _value(metric: str, result: FitResult, task: Task, data: ClipDataModule) -> float:
    if metric == "cost/latency_ms":
        return latency_ms(task, data)
    if metric == "cost/parameters":
        return float(sum(parameter.numel() for parameter in task.model.parameters()))
    return metric_value(metric, result.best)

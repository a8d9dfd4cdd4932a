"""The same model on variants of the same test clips: in several views, and with the frames in another order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from humotion.clips.datamodule import ClipDataModule
from humotion.clips.variants import Variant, views
from humotion.params.machine import MachineParams
from humotion.params.tasks.action_recognition import ActionExperiment, ViewParams
from humotion.tasks.action_recognition.training.outcomes import action_probabilities
from humotion.training.task import Task

Floats = npt.NDArray[np.float64]


def variant_probabilities(task: Task, data: ClipDataModule, machine: MachineParams) -> dict[str, Floats]:
    """Probabilities (N, classes) of the test clips by variant, in the order of their table.

    ``2x3`` is the mean over two temporal and three spatial views; ``reversed`` and ``shuffled`` are the frames in
    that order. The settings choose the variants; the natural order in one view is never included.
    """
    assert isinstance(data.experiment, ActionExperiment)
    settings = data.experiment.evaluate
    wanted = {}
    if settings.views != ViewParams():
        wanted[settings.views.name] = views(settings.views.temporal, settings.views.spatial)
    for order in settings.frame_orders:
        wanted[order] = [Variant(order=order, seed=data.experiment.seed)]
    return {name: _mean_probabilities(task, data, machine, variants) for name, variants in wanted.items()}


def _mean_probabilities(task: Task, data: ClipDataModule, machine: MachineParams, variants: list[Variant]) -> Floats:
    found = [action_probabilities(task, data, "test", machine, variant)[1] for variant in variants]
    return np.asarray(np.mean(found, axis=0))

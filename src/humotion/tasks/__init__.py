"""LightningModules, one file a task, and the one place where task names are resolved."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from humotion.errors import HumotionError

if TYPE_CHECKING:
    from humotion.tasks.base import Task

TASKS = {
    "action_recognition": "humotion.tasks.action_recognition:ActionRecognition",
    "pose_estimation": "humotion.tasks.pose_estimation:PoseEstimation",
}


def task_class(name: str) -> type[Task]:
    """The LightningModule class of a task.

    Raises:
        HumotionError: the name is unknown; the message lists the known ones.
    """
    if name not in TASKS:
        raise HumotionError(f"There is no task named {name!r}. Known tasks: {', '.join(TASKS)}.")
    module, attribute = TASKS[name].split(":")
    cls: type[Task] = getattr(import_module(module), attribute)
    return cls

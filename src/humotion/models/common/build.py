"""Models by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from humotion.errors import HumotionError

if TYPE_CHECKING:
    from torch import nn

Task = Literal["pose_estimation", "action_recognition"]


@dataclass(frozen=True)
class ModelEntry:
    """Where a model's class lives (``module:Class``), the task it is for, and its official configurations.

    Attributes:
        official: arguments of the class beside its defaults, by the configuration's name.
    """

    target: str
    task: Task
    official: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"official": {}})


MODELS: dict[str, ModelEntry] = {
    "lstm_pm": ModelEntry("humotion.models.pose_machine.lstm_pm:LSTMPoseMachine", "pose_estimation"),
    "rpm": ModelEntry("humotion.models.pose_machine.rpm:RPM", "pose_estimation"),
    "cpm": ModelEntry("humotion.models.pose_machine.cpm:CPM", "pose_estimation"),
    "ls_vit": ModelEntry(
        "humotion.models.vit.ls_vit:LSViT",
        "action_recognition",
        {
            "default, ViT-B/16": {},
            "default, 4 motion frames, ViT-B/16": {"motion_frames": 4},
            "reference, ViT-B/16": {"setting": "reference"},
        },
    ),
    "vit": ModelEntry("humotion.models.vit.vit:FrameAveragedViT", "action_recognition", {"ViT-B/16": {}}),
}


def model_entry(name: str) -> ModelEntry:
    """The entry of a model by its name.

    Raises:
        HumotionError: the name is unknown; the message lists the known ones.
    """
    if name not in MODELS:
        known = ", ".join(sorted(MODELS))
        raise HumotionError(f"There is no model named '{name}'. Choose one of {known} as model.name.")
    return MODELS[name]


def build_model(name: str, **sizes: Any) -> nn.Module:
    """Build a freshly initialised model from its name and the keyword arguments of its class.

    Raises:
        HumotionError: the name is unknown.
    """
    module_name, class_name = model_entry(name).target.split(":")
    return getattr(import_module(module_name), class_name)(**sizes)

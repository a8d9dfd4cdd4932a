"""Plain torch modules, one file each, and the one place where their names are resolved.

Importing this package imports no torch: a model's file is loaded when it is built. A new model is one file
here and one line in ``MODELS``; `humotion models` shows it, counted, in its official configurations.
"""

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
    "lstm_pm": ModelEntry("humotion.models.lstm_pm:LSTMPoseMachine", "pose_estimation"),
    "rpm": ModelEntry("humotion.models.rpm:RPM", "pose_estimation"),
    "cpm": ModelEntry("humotion.models.cpm:CPM", "pose_estimation"),
    "ls_vit": ModelEntry(
        "humotion.models.ls_vit:LSViT",
        "action_recognition",
        {
            "default, ViT-B/16": {},
            "default, 4 motion frames, ViT-B/16": {"motion_frames": 4},
            "reference, ViT-B/16": {"setting": "reference"},
        },
    ),
    "vit": ModelEntry("humotion.models.vit:FrameAveragedViT", "action_recognition", {"ViT-B/16": {}}),
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

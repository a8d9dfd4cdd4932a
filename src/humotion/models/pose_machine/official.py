"""The pose machines by name, the configuration of their authors, and how to count one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

FROM_DATA = ("num_joints", "skeleton", "joint_names", "input_size")
MODELS = {
    "lstm_pm": ModelEntry("LSTMPoseMachine", FROM_DATA),
    "rpm": ModelEntry("RPM", FROM_DATA),
    "cpm": ModelEntry("CPM", FROM_DATA),
}


def count(model: Any) -> Run:
    """Count the first frame of a stream, including the initial state, and a later frame."""
    import torch

    from humotion.models.common.counting import Run, gmacs

    frame = torch.empty(1, 3, model.input_size, model.input_size)
    first, (_, state) = gmacs(model.init, frame)
    later, (maps, _) = gmacs(model.step, frame, state)
    parts = {"first frame": first, "later frame": later}
    return Run({"frame": tuple(frame.shape)}, {"maps": tuple(maps.shape)}, parts)

"""The weights of an earlier pose machine."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from humotion.errors import HumotionError
from humotion.models.common.weights import misfits, read_weights


def load_pose_weights(model: nn.Module, path: Path) -> None:
    """Begin a pose machine's training from the weights of another one, all of them, in place.

    The maps are an input of the next step, whose width they decide, so a model of other joints does not fit.
    Models with ``joints: official`` have the same maps on every dataset.

    Args:
        model: the pose machine to fill.
        path: ``model.safetensors`` of a model folder.

    Raises:
        HumotionError: the file is absent, or is of another model; the message names what does not fit.
    """
    weights, expected = read_weights(path), model.state_dict()
    if problems := misfits(weights, expected):
        raise HumotionError(
            f"The weights {path} are of another model: {'; '.join(problems)}. Its name, width, joints (and stages) "
            "must be this model's; where only the datasets' joints differ, train both with joints: official."
        )
    model.load_state_dict(weights)

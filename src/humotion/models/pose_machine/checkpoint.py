"""Load the weights of another pose machine."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from humotion.errors import HumotionError
from humotion.models.common.weights import misfits, read_weights


def load_pose_weights(model: nn.Module, path: Path) -> None:
    """Load all weights of another pose machine in place, so that training starts from them.

    The maps are an input of the next step, and their number decides its width. So a model for other joints does not
    fit. Models with ``joints: official`` have the same maps on every dataset.

    Args:
        model: the pose machine to fill.
        path: ``model.safetensors`` of a model folder.

    Raises:
        HumotionError: the file is absent, or it is of another model; the message lists what does not fit.
    """
    weights, expected = read_weights(path), model.state_dict()
    if problems := misfits(weights, expected):
        raise HumotionError(
            f"The weights {path} are of another model: {'; '.join(problems)}. Both models must have the same name, "
            "width, joints (and stages). If only the datasets' joints differ, train both with joints: official."
        )
    model.load_state_dict(weights)

"""The 14 joints of the published pose machines, and how the joints of a dataset relate to them.

The published models for Penn Action and JHMDB start from one that was trained on LSP and MPII, so both have its
joints. Penn Action's labels lack the neck, so it is computed from head and shoulders. JHMDB's belly has no map, so it
is computed from shoulders and hips. Weights and order are those of lawy623/LSTM_Pose_Machines (training/src,
testing/src). They are linear, with separate weights for x and y, so each direction is one product.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from humotion.errors import HumotionError

OFFICIAL_JOINTS = (
    *("head", "neck", "r_shoulder", "r_elbow", "r_wrist", "l_shoulder", "l_elbow", "l_wrist"),
    *("r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle"),
)
"""The joints in the order of the maps."""

Mix = dict[str, tuple[float, float]]  # the weight of a joint, in x and in y

_ENCODE: dict[str, dict[str, Mix]] = {
    "penn_action": {"neck": {"head": (0.5, 0.2), "r_shoulder": (0.25, 0.4), "l_shoulder": (0.25, 0.4)}},
    "jhmdb": {"head": {"face": (1, 1)}},
}
_DECODE: dict[str, dict[str, Mix]] = {
    "penn_action": {},
    "jhmdb": {
        "face": {"head": (1, 1)},
        "belly": {
            **{"r_shoulder": (0.25, 0.175), "l_shoulder": (0.25, 0.175)},
            **{"r_hip": (0.25, 0.325), "l_hip": (0.25, 0.325)},
        },
    },
}

TRANSLATED = tuple(_ENCODE)
"""The names of the joint sets with a translation."""


class OfficialJoints(nn.Module):
    """Translates between the joints of a dataset's skeleton and the official joints.

    Args:
        skeleton: the skeleton's name.
        joint_names: the skeleton's joints, in their order.

    Raises:
        HumotionError: there is no translation for that skeleton.
    """

    def __init__(self, skeleton: str | None, joint_names: Sequence[str]) -> None:
        super().__init__()
        if skeleton is None or skeleton not in _ENCODE:
            raise HumotionError(
                f"model.joints is official, but there is no translation between the joints of {skeleton!r} and the "
                f"official ones, only for {', '.join(_ENCODE)}. Use joints: skeleton."
            )
        joints = tuple(joint_names)
        self.register_buffer("to_official", _weights(OFFICIAL_JOINTS, joints, _ENCODE[skeleton]), persistent=False)
        self.register_buffer("from_official", _weights(joints, OFFICIAL_JOINTS, _DECODE[skeleton]), persistent=False)

    def encode(self, joints: Tensor, visibility: Tensor) -> tuple[Tensor, Tensor]:
        """Official joints (..., 14, 2) and flags (..., 14), from a skeleton's labels (..., J, 2) and flags (..., J).

        A joint that is computed from others has the lowest of their flags. Absent joints may be NaN.
        """
        weights = self.get_buffer("to_official")
        known = joints.where(visibility[..., None] > 0, 0.0)
        return _mix(weights, known), _least(weights, visibility)

    def decode(self, joints: Tensor, score: Tensor) -> tuple[Tensor, Tensor]:
        """The skeleton's joints (..., J, 2) and scores (..., J), from official ones (..., 14, 2) and (..., 14).

        A joint that is computed from others has the lowest of their scores.
        """
        weights = self.get_buffer("from_official")
        return _mix(weights, joints), _least(weights, score)


def _weights(targets: tuple[str, ...], sources: tuple[str, ...], mixes: dict[str, Mix]) -> Tensor:
    """Weights (2, targets, sources) for x and y; a target without a mix is the source of the same name."""
    weights = torch.zeros(2, len(targets), len(sources))
    for row, target in enumerate(targets):
        for source, weight in mixes.get(target, {target: (1.0, 1.0)}).items():
            weights[:, row, sources.index(source)] = torch.tensor(weight, dtype=torch.float32)
    return weights


def _mix(weights: Tensor, joints: Tensor) -> Tensor:
    # No matrix product: with mixed precision, it would round pixels to 8 bits.
    return (weights * joints.float().transpose(-1, -2)[..., None, :]).sum(-1).transpose(-1, -2)


def _least(weights: Tensor, values: Tensor) -> Tensor:
    """The smallest value among the sources of each target."""
    is_source = (weights != 0).any(0)  # (targets, sources)
    values = values[..., None, :].expand(*values.shape[:-1], *is_source.shape)
    largest = torch.iinfo(values.dtype).max if not values.is_floating_point() else torch.inf
    return values.where(is_source, largest).amin(-1)

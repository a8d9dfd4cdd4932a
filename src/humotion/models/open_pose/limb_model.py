"""What the models of this family share: maps of joints and limbs, their targets, their losses, and people from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from humotion.models.common.people_maps import BottomUp, Fields, Found, Labels, Maps
from humotion.models.open_pose import decoding as reading
from humotion.models.open_pose.limbs import COCO, Body, body_of
from humotion.models.open_pose.targets import Overlap, heatmaps, limb_fields, with_neck

HEAT, LIMBS = "heat", "limbs"


class LimbModel(BottomUp):
    """A network whose maps are heatmaps with a background, and fields of limbs. A subclass sets these.

    Attributes:
        body: joints and limbs.
        sigma: pixels, of the Gaussian around a joint.
        limb_width: cells on both sides of a limb that belong to it.
        paf_overlap: what the field is where limbs of several people cross.
        limb_weight: multiplies the loss of the fields.
        foreground: how much more a cell counts where its target is 1 (of a field: where it has the length 1).
    """

    body: Body
    sigma: float
    limb_width: float
    paf_overlap: Overlap
    limb_weight: float
    foreground: float = 0.0

    def targets(self, labels: Labels, height: int, width: int) -> Maps:
        """See `BottomUp.targets`: the maps themselves."""
        complete = with_neck(labels, self.body)
        return {
            HEAT: heatmaps(complete, height, width, self.stride, self.sigma),
            LIMBS: limb_fields(complete, self.body, height, width, self.stride, self.limb_width, self.paf_overlap),
        }

    def stack_losses(self, maps: Maps, targets: Maps, weight: Tensor) -> Maps:
        """See `BottomUp.stack_losses`: of a cell that teaches, the sum of the squared errors of its maps.

        The published loss adds the cells too. A mean over cells does not change with the size of pictures.
        """
        cells = weight.sum().clamp(min=1)
        heat, limbs = (
            ((maps[name] - targets[name]) ** 2 * weight * (1 + self.foreground * height)).sum() / cells
            for name, height in ((HEAT, self._heights(targets[HEAT])), (LIMBS, _lengths(targets[LIMBS])))
        )
        return {HEAT: heat, LIMBS: self.limb_weight * limbs}

    @staticmethod
    def _heights(heat: Tensor) -> Tensor:
        """How high the targets are; the background, which is 1 nearly everywhere, is no foreground."""
        return torch.cat([heat[:, :-1], torch.zeros_like(heat[:, -1:])], dim=1)

    def fields(self, maps: Maps) -> Maps:
        """See `BottomUp.fields`: all but the background."""
        return {HEAT: maps[HEAT][:, :-1], LIMBS: maps[LIMBS]}

    def decode(self, fields: Fields, decoding: Any) -> Found:
        """See `BottomUp.decode`."""
        return reading.decode(fields[HEAT], fields[LIMBS], self.body, self.stride, decoding)

    def meaning(self) -> dict[str, Any]:
        """What an exported graph says: of each output, what it is; the joints of its maps, and the limbs."""
        neck = ", the middle of the shoulders last" if self.body.shoulders else ""
        return {
            "outputs": {
                HEAT: f"a map per joint of map_joints{neck}, about 1 at that joint of each person",
                LIMBS: "x of each limb of limbs, then y of each: on a limb, about the unit vector from its first joint "
                "to its second",
            },
            "map_joints": list(self.body.joints),
            "limbs": [list(pair) for pair in self.body.limbs],
        }


def _lengths(limbs: Tensor) -> Tensor:
    """How long the vectors of fields (B, 2 L, h, w) are, for each of their components: all x, and then all y."""
    return limbs.unflatten(1, (2, -1)).norm(dim=1).repeat(1, 2, 1, 1)


def channels_of(body: Body) -> dict[str, int]:
    """Return the maps that a network must have."""
    return {HEAT: len(body.joints) + 1, LIMBS: 2 * len(body.limbs)}


def checked_body(num_joints: int, joint_names: Sequence[str]) -> Body:
    """Return the body with these joints; COCO's if there are no names.

    Raises:
        ValueError: the number of names is another one.
    """
    body = body_of(joint_names or COCO)
    if body.num_given != num_joints:
        raise ValueError(f"there are {num_joints} joints, but {body.num_given} names of joints")
    return body

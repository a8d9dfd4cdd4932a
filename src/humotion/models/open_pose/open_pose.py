"""OpenPose: people from heatmaps of joints and from fields along limbs.

The fields say which joints belong together, so people are found from the bottom up, and many cost little more than
one. Source: see `humotion.models.open_pose.vgg`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn

from humotion.models.common.people_maps import BottomUp, Fields, Found, Labels, Maps
from humotion.models.common.stacked_hourglass import StackedHourglass
from humotion.models.open_pose import decoding as reading
from humotion.models.open_pose.limbs import COCO, body_of
from humotion.models.open_pose.targets import Overlap, heatmaps, limb_fields, with_neck
from humotion.models.open_pose.vgg import FieldsNetwork

Features = Literal["hourglass", "vgg19"]
HEAT, LIMBS = "heat", "limbs"


class OpenPose(BottomUp):
    """OpenPose on a stacked hourglass, or on its published network.

    Args:
        num_joints: of the data.
        joint_names: of the data; COCO's if there are none.
        features: the network.
        width: channels of an hourglass, 256 as published; or of the features of ``vgg19``, 128 as published.
        stacks: hourglasses.
        depth: of an hourglass.
        stages: of ``vgg19``; 6 as published.
        sigma: pixels, of the Gaussian around a joint.
        limb_width: cells on both sides of a limb that belong to it.
        paf_overlap: what the field is where limbs of several people cross.
        limb_weight: multiplies the loss of the fields.

    Raises:
        ValueError: the number of names is another one.
    """

    def __init__(
        self,
        num_joints: int = len(COCO),
        joint_names: Sequence[str] = (),
        features: Features = "hourglass",
        width: int = 64,
        stacks: int = 1,
        depth: int = 3,
        stages: int = 6,
        sigma: float = 7.0,
        limb_width: float = 1.0,
        paf_overlap: Overlap = "average",
        limb_weight: float = 1.0,
    ) -> None:
        body = body_of(joint_names or COCO)
        if body.num_given != num_joints:
            raise ValueError(f"there are {num_joints} joints, but {body.num_given} names of joints")
        channels = {HEAT: len(body.joints) + 1, LIMBS: 2 * len(body.limbs)}
        network: nn.Module
        if features == "hourglass":
            network = StackedHourglass(sum(channels.values()), width, stacks, depth)
        else:
            network = FieldsNetwork(channels[HEAT], channels[LIMBS], width, stages)
        super().__init__(network, channels)
        self.body, self.sigma, self.limb_width = body, sigma, limb_width
        self.paf_overlap, self.limb_weight = paf_overlap, limb_weight

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
        heat, limbs = (((maps[name] - targets[name]) ** 2 * weight).sum() / cells for name in (HEAT, LIMBS))
        return {HEAT: heat, LIMBS: self.limb_weight * limbs}

    def fields(self, maps: Maps) -> Maps:
        """See `BottomUp.fields`: all but the background."""
        return {HEAT: maps[HEAT][:, :-1], LIMBS: maps[LIMBS]}

    def decode(self, fields: Fields, decoding: Any) -> Found:
        """See `BottomUp.decode`."""
        return reading.decode(fields[HEAT], fields[LIMBS], self.body, self.stride, decoding)

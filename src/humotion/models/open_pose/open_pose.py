"""OpenPose: people from heatmaps of joints and from fields along limbs.

The fields say which joints belong together, so people are found from the bottom up, and many cost little more than
one. Source: see `humotion.models.open_pose.vgg`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import nn

from humotion.models.common.stacked_hourglass import StackedHourglass
from humotion.models.open_pose.limb_model import HEAT, LIMBS, LimbModel, channels_of, checked_body
from humotion.models.open_pose.limbs import COCO
from humotion.models.open_pose.targets import Overlap
from humotion.models.open_pose.vgg import FieldsNetwork

Features = Literal["hourglass", "vgg19"]


class OpenPose(LimbModel):
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
        foreground: how much more a cell counts where its target is 1.

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
        foreground: float = 0.0,
    ) -> None:
        body = checked_body(num_joints, joint_names)
        channels = channels_of(body)
        network: nn.Module
        if features == "hourglass":
            network = StackedHourglass(sum(channels.values()), width, stacks, depth)
        else:
            network = FieldsNetwork(channels[HEAT], channels[LIMBS], width, stages)
        super().__init__(network, channels)
        self.body, self.sigma, self.limb_width = body, sigma, limb_width
        self.paf_overlap, self.limb_weight, self.foreground = paf_overlap, limb_weight, foreground

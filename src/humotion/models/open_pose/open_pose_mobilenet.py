"""OpenPose on a small network, for which public weights exist (`humotion convert openpose-mobilenet`)."""

from __future__ import annotations

from collections.abc import Sequence

from humotion.models.open_pose.limb_model import HEAT, LIMBS, LimbModel, channels_of, checked_body
from humotion.models.open_pose.limbs import COCO
from humotion.models.open_pose.mobilenet import MobileFields
from humotion.models.open_pose.targets import Overlap


class OpenPoseMobileNet(LimbModel):
    """OpenPose on a MobileNetV2; see `humotion.models.open_pose.mobilenet`, and `OpenPose` for the arguments."""

    def __init__(
        self,
        num_joints: int = len(COCO),
        joint_names: Sequence[str] = (),
        sigma: float = 7.0,
        limb_width: float = 1.0,
        paf_overlap: Overlap = "average",
        limb_weight: float = 1.0,
    ) -> None:
        body = checked_body(num_joints, joint_names)
        channels = channels_of(body)
        super().__init__(MobileFields(channels[HEAT], channels[LIMBS]), channels)
        self.body, self.sigma, self.limb_width = body, sigma, limb_width
        self.paf_overlap, self.limb_weight = paf_overlap, limb_weight

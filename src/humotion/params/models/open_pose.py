"""The sections ``model`` and ``evaluate.decoding`` of an experiment with OpenPose."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from humotion.params.models.stacked import PeopleModelParams, StackedParams
from humotion.params.section import Section


class OpenPoseDecoding(Section):
    """How people are read from heatmaps and from the fields of limbs."""

    min_joint: float = Field(0.1, gt=0, description="height that a peak of a heatmap needs to be a joint")
    most: int = Field(100, ge=1, description="peaks per joint at most, the highest ones")
    min_sample: float = Field(
        0.05, ge=0, lt=1, description="product of a limb's direction and the field that a point of the limb needs"
    )
    min_share: float = Field(0.8, ge=0, lt=1, description="more than this share of a limb's points must have it")
    merge: bool = Field(True, description="two parts of a person that share no joint become one")
    merge_share: float = Field(0.5, ge=0, lt=1, description="min_share of a limb between two such parts")
    reach: float = Field(
        1.0,
        ge=0,
        description="with merge, such parts also become one if only one joint is missing between them, and the gap is "
        "at most this share of the larger part's size; 0: never",
    )
    min_joints: int = Field(3, ge=1, description="joints that a person needs, the neck among them")
    min_person: float = Field(0.2, ge=0, description="sum of joint and limb scores per joint that a person needs")


class MobileNetDecoding(OpenPoseDecoding):
    """The same for a small network, whose maps are lower."""

    min_joint: float = Field(0.05, gt=0, description="height that a peak of a heatmap needs to be a joint")


class LimbModelParams(PeopleModelParams):
    """What heatmaps of joints and fields along limbs have as targets."""

    decodes: ClassVar[type[Section]] = OpenPoseDecoding

    family: Literal["open_pose"]
    sigma: float = Field(7.0, gt=0, description="pixels of what the model sees, of the Gaussian around a joint")
    limb_width: float = Field(1.0, gt=0, description="cells on both sides of a limb that belong to it")
    paf_overlap: Literal["average", "overwrite"] = Field(
        "average", description="where limbs of several people cross: their mean, or the last person alone"
    )
    limb_weight: float = Field(1.0, gt=0, description="multiplies the loss of the fields")


class OpenPoseParams(LimbModelParams, StackedParams):
    """OpenPose on a stacked hourglass, or on its published network."""

    name: Literal["open_pose"]
    features: Literal["hourglass", "vgg19"] = Field(
        "hourglass", description="vgg19: the published network, without weights from ImageNet, which cannot be had"
    )
    width: int = Field(
        64, ge=8, multiple_of=8, description="channels; of hourglasses 256 is published, of vgg19 128; others follow it"
    )
    stages: int = Field(6, ge=1, description="of vgg19, in place of stacks and depth")
    foreground: float = Field(
        0.0, ge=0, description="how much more a cell counts in the loss where its target is 1; 0 is published"
    )


class OpenPoseMobileNetParams(LimbModelParams):
    """OpenPose on the small network for which public weights exist (`humotion convert openpose-mobilenet`)."""

    decodes: ClassVar[type[Section]] = MobileNetDecoding

    name: Literal["open_pose_mobilenet"]
    foreground: float = Field(
        0.0,
        ge=0,
        description="how much more a cell counts where its target is 1; 0 is published. 10 learns much faster",
    )

"""The section ``layers.<name>`` with features of a frozen network, read at the joints of another layer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from humotion.params.layer import LayerParams

Channels = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0)]
NORMALISED = {"mean": (128 / 255,) * 3, "std": (256 / 255,) * 3}
"""What the pose machines are trained with: (x - 128) / 256."""


class JointFeaturesParams(LayerParams):
    """Features at the joints of each person, and of each frame."""

    tool: Literal["joint_features"]
    backbone: Literal["vit", "efficientnet", "pose_machine"]  # type: ignore[assignment]
    weights: Path | None = Field(
        None,
        description="a checkpoint with timm's names; of a pose machine, model.safetensors of its model folder; null: "
        "the one of `humotion fetch`, if the backbone has one",
    )
    depth: int | None = Field(None, ge=0, description="blocks after which the map is read; null: after the last layer")
    side: int = Field(224, ge=32, description="pixels of the square picture that the network sees")
    fit: Literal["stretch", "letterbox"] = Field(
        "stretch", description="how a frame becomes a square; letterbox: without distortion, with bars"
    )
    crop: Literal["person"] | None = Field(
        None, description="person: joints are read from a picture of the person; the frame's own features stay"
    )
    every: int = Field(1, ge=1, description="only every n-th frame and the last are read; others count as unknown")
    joints: Literal["body", "all"] = Field("body", description="body: 13 of the joint set, the same of every set")
    points: Literal["joints", "grid", "other_clip", "global"] = Field(
        "joints",
        description="where the map is read. Controls: a fixed grid of as many points; the joints of another video; the "
        "mean of the map at every joint",
    )
    mean: Channels = Field(
        (0.485, 0.456, 0.406),
        description="with std, the default is ImageNet's; of a pose machine, what it is trained with",
    )
    std: tuple[Positive, Positive, Positive] = (0.229, 0.224, 0.225)

    @model_validator(mode="before")
    @classmethod
    def _a_pose_machine_has_its_own_normalisation(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("backbone") == "pose_machine":
            return {**NORMALISED, **given}
        return given

    @model_validator(mode="after")
    def _some_backbones_have_no_published_weights(self) -> JointFeaturesParams:
        needed = {
            "vit": "a file of a ViT with timm's names",
            "pose_machine": "model.safetensors in the folder of a trained or converted pose machine",
        }
        if self.weights is None and self.backbone in needed:
            raise ValueError(f"backbone: {self.backbone} needs weights: {needed[self.backbone]}")
        return self

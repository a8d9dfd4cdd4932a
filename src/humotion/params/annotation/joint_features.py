"""The section ``layers.<name>`` with features of a frozen network, read at the joints of another layer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from humotion.params.layer import LayerParams

Channels = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0)]


class JointFeaturesParams(LayerParams):
    """Features at the joints of each person, and of each frame."""

    tool: Literal["joint_features"]
    backbone: Literal["vit", "efficientnet"]  # type: ignore[assignment]
    weights: Path | None = Field(
        None, description="a checkpoint with timm's names; null: the one of `humotion fetch`, if the backbone has one"
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
    mean: Channels = (0.485, 0.456, 0.406)
    std: tuple[Positive, Positive, Positive] = (0.229, 0.224, 0.225)

    @model_validator(mode="after")
    def _a_vit_has_a_checkpoint(self) -> JointFeaturesParams:
        if self.backbone == "vit" and self.weights is None:
            raise ValueError("backbone: vit needs weights: a file of a ViT with timm's names")
        return self

"""The section ``model`` of an experiment with EfficientNet-Lite0 on whole frames."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from humotion.params.experiment import ModelParams


class EfficientNetParams(ModelParams):
    """EfficientNet-Lite0, whose features are averaged over the frames."""

    family: Literal["efficientnet"]
    name: Literal["efficientnet_lite0"]
    dropout: float = Field(0.2, ge=0, lt=1, description="before the classifier")
    weights: Path | str | None = Field(None, description="the published checkpoint to start from (`humotion fetch`)")

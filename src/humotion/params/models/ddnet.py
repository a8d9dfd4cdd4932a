"""The section ``model`` of an experiment with DD-Net."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from humotion.params.experiment import ModelParams


class DDNetParams(ModelParams):
    """DD-Net; the published sizes have 64, 32 or 16 filters."""

    reads: ClassVar[str] = "landmarks"

    family: Literal["ddnet"]
    name: Literal["ddnet"]
    filters: int = Field(32, ge=1, description="of the first convolutions; later ones have up to eight times as many")
    frames: int = Field(32, ge=16, multiple_of=16, description="a clip's frames are stretched to this number")
    channel_dropout: float = Field(0.1, ge=0, lt=1, description="channels dropped after each convolution")
    dropout: float = Field(0.5, ge=0, lt=1, description="after each dense layer")
    weights: None = None

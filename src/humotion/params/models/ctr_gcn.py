"""The section ``model`` of an experiment with CTR-GCN."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from humotion.params.experiment import ModelParams


class CTRGCNParams(ModelParams):
    """CTR-GCN; the published width is 64."""

    reads: ClassVar[str] = "landmarks"

    family: Literal["ctr_gcn"]
    name: Literal["ctr_gcn"]
    width: int = Field(
        64, ge=4, multiple_of=4, description="channels of the first units; others have up to 4 times as many"
    )
    frames: int = Field(64, ge=4, multiple_of=4, description="a clip's frames are stretched to this number")
    dropout: float = Field(0.0, ge=0, lt=1, description="before the classifier")
    weights: None = None

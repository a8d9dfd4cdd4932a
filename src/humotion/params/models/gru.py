"""The section ``model`` of an experiment with a bidirectional GRU over landmarks."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from humotion.params.experiment import ModelParams


class BiGRUParams(ModelParams):
    """A bidirectional GRU over positions and velocities."""

    reads: ClassVar[str] = "landmarks"

    family: Literal["gru"]
    name: Literal["bigru"]
    width: int = Field(96, ge=1, description="cells of each direction")
    depth: int = Field(2, ge=1, description="layers")
    dropout: float = Field(0.3, ge=0, lt=1, description="between layers and before the classifier")
    weights: None = None

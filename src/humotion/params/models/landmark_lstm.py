"""The section ``model`` of an experiment with an LSTM over landmarks."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from humotion.params.experiment import ModelParams


class LandmarkLSTMParams(ModelParams):
    """The LSTM of the MediaPipe tutorials; the defaults are four layers of 50 cells."""

    reads: ClassVar[str] = "landmarks"

    family: Literal["landmark_lstm"]
    name: Literal["landmark_lstm"]
    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (50, 50, 50, 50), min_length=1, description="cells of each LSTM layer; the other tutorial has 64, 128, 64"
    )
    activation: Literal["tanh", "relu"] = "tanh"
    dropout: float = Field(0.2, ge=0, lt=1, description="after each LSTM layer")
    dense: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (), description="units of dense layers before the classifier; the other tutorial has 64, 32"
    )
    weights: None = None

"""The section ``layers.<name>`` with BlazePose: the 33 landmarks of MediaPipe's pose model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from humotion.params.layer import LayerParams
from humotion.params.section import Section


class SmoothingParams(Section):
    """The one-euro filter of landmarks, and the running mean of their visibility; defaults as in MediaPipe."""

    min_cutoff: float = Field(0.05, gt=0, description="cutoff in Hz of a landmark at rest: lower is smoother")
    beta: float = Field(80.0, ge=0, description="how much speed, in object sizes per second, raises the cutoff")
    derivative_cutoff: float = Field(1.0, gt=0, description="cutoff in Hz of the speed itself")
    visibility: float = Field(0.1, gt=0, le=1, description="weight of the new value in the running mean")


class BlazePoseParams(LayerParams):
    """Landmarks of one person per frame."""

    tool: Literal["blazepose"]
    model: Literal["lite", "full", "heavy"] = Field("full", description="larger is better and slower")
    weights: Path | None = Field(None, description="folder of the three files; null: weights/blazepose of the checkout")
    regions: Literal["detector", "labels"] = Field(
        "detector", description="where to look: the detector finds people; or the labelled boxes, where there are some"
    )
    runtime: Literal["litert", "opencv"] = Field(
        "litert", description="opencv needs no other package, but it runs no detector: only with regions: labels"
    )
    min_detection: float = Field(0.5, gt=0, lt=1, description="score from which on a detected person counts")
    min_presence: float = Field(0.5, gt=0, lt=1, description="score below which a tracked person is lost")
    doubtful: bool = Field(
        True, description="where the detector finds nobody, look for small people in parts of the frame and faint ones"
    )
    backwards: bool = Field(True, description="a person is followed backwards, too, from where it was first found")
    refine: bool = Field(True, description="landmarks are moved to the weighted mean of their heatmap's 7 x 7 window")
    smoothing: SmoothingParams | None = Field(SmoothingParams(), description="null: every frame as it was found")

    @model_validator(mode="after")
    def _opencv_has_boxes(self) -> BlazePoseParams:
        if self.runtime == "opencv" and self.regions != "labels":
            raise ValueError("runtime: opencv runs no detector. Set regions: labels, or runtime: litert")
        return self

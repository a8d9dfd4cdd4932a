"""The section ``layers.<name>`` in which people of another layer are followed through the video."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from humotion.params.layer import LayerParams


class PersonTracksParams(LayerParams):
    """One person per track. ``of`` is a layer that has several people per frame, such as one of ``posenet``."""

    tool: Literal["person_tracks"]
    most: int = Field(10, ge=1, le=100, description="people at most: those that are seen in most frames")
    surely: float = Field(0.2, ge=0, le=1, description="mean visibility from which on somebody may start a track")
    alike: float = Field(0.2, gt=0, lt=1, description="object keypoint similarity (OKS) that continues a track")
    hits: int = Field(3, ge=1, description="frames in which somebody must be found to count")
    lost: int = Field(15, ge=0, description="frames after which nobody waits for a lost person")

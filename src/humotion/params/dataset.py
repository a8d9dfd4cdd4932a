"""The sections ``datasets.<name>`` of params.yaml."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from humotion import choices
from humotion.params.section import Section


class FrameParams(Section):
    """How decoded frames are kept."""

    short_side: int = Field(240, ge=16, description="frames are shrunk to this short side, never enlarged")
    jpeg_quality: int = Field(90, ge=1, le=100)
    shards: int = Field(16, ge=1, le=4096, description="files in the frame store; a video's shard never changes")


class DecodeParams(Section):
    """How videos are decoded."""

    device: Literal["cpu", "cuda"] = Field(
        "cpu", description="cuda: the GPU decodes what it can, the CPU decodes the rest"
    )


class DatasetParams(Section):
    """Raw footage: its folder and its official layout."""

    layout: str
    root: Path
    decode: DecodeParams = DecodeParams()
    frames: FrameParams = FrameParams()
    on_damage: Literal["keep", "drop", "fail"] = Field(
        "keep",
        description="of a truncated or damaged video, keep the frames before the damage, or drop it; "
        "fail: one bad file ends extract",
    )

    @field_validator("layout")
    @classmethod
    def _is_a_file(cls, value: str) -> str:
        if value not in choices.names("datasets"):
            raise ValueError(choices.unknown("datasets", value))
        return value

    @field_validator("root")
    @classmethod
    def _is_written_out(cls, value: Path) -> Path:
        if str(value).startswith(("~", "$")):
            full = os.path.expandvars(value.expanduser()) if str(value).startswith("~/") else os.path.expandvars(value)
            raise ValueError(f"root is {value}, but DVC reads it too and expands no ~ and no variables. Write {full}")
        return value

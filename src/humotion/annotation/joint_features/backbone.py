"""A frozen network whose maps are read: the interface of ``models/<family>/frozen.py``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from torch import Tensor

from humotion import choices


class Frozen(Protocol):
    """An opened network.

    Attributes:
        channels: C of its map.
        stride: pixels of the picture per cell of the map.
    """

    channels: int
    stride: int

    def __call__(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """The map (B, C, h, w) and a vector (B, C) of uint8 RGB pictures (B, 3, S, S)."""
        ...


class Backbone(Protocol):
    """A file ``models/<family>/frozen.py``."""

    def weights(self, path: Path | None) -> Path:
        """The checkpoint that is used; raise a HumotionError if it is missing, or not named where it must be."""
        ...

    def open_frozen(
        self, path: Path, side: int, depth: int | None, mean: Sequence[float], std: Sequence[float]
    ) -> Frozen:
        """The network of a checkpoint, for pictures of ``side`` pixels; raise a HumotionError if they do not fit."""
        ...


def load_backbone(family: str) -> Backbone:
    """The frozen network of a family of models."""
    return cast(Backbone, choices.load("models", family, "frozen"))

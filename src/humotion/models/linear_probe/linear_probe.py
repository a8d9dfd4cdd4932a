"""A linear classifier of the mean features of a clip.

With ``trainer.head_start: true`` it starts as a logistic regression, whose strength is chosen on validation clips.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn


class LinearProbe(nn.Module):
    """One label for a clip of features.

    Args:
        num_classes: number of classes.
        num_joints: joints of a frame, J.
        channels: features of a frame, and of a joint, C.
        sees: "frame": the mean over time of the frames' features; "joints": the mean over time of each joint's, one
            after the other; "both".
    """

    reads: ClassVar[tuple[str, ...]] = ("features", "frame", "known")
    num_neighbours = 1

    def __init__(
        self,
        num_classes: int = 12,
        num_joints: int = 13,
        channels: int = 384,
        sees: Literal["frame", "joints", "both"] = "frame",
    ) -> None:
        super().__init__()
        self.sees = sees
        width = channels * {"frame": 1, "joints": num_joints, "both": num_joints + 1}[sees]
        self.head = nn.Linear(width, num_classes)

    def embed(self, features: Tensor, frame: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding (B, width) of clips.

        Args:
            features: (B, T, J, C); a joint that is known in no frame counts as zeros.
            frame: (B, T, C).
            known: (B, T, J) bool.
            is_padding: (B, T) bool, frames that only repeat others.
        """
        real = ~is_padding[..., None]  # (B, T, 1)
        parts = []
        if self.sees != "joints":
            parts.append(frame.where(real, 0.0).sum(1) / real.sum(1).clamp(min=1))
        if self.sees != "frame":
            seen = (known & real)[..., None]  # (B, T, J, 1)
            of_joints = features.where(seen, 0.0).sum(1) / seen.sum(1).clamp(min=1)  # (B, J, C)
            parts.append(of_joints.flatten(1))
        return torch.cat(parts, dim=1)

    def forward(self, features: Tensor, frame: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Logits (B, num_classes); see `embed`."""
        return self.head(self.embed(features, frame, known, is_padding))

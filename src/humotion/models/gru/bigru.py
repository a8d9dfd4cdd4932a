"""A bidirectional GRU over positions and velocities of a person's landmarks."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from humotion.models.common.sequences import motion, resampled, without_gaps


class BiGRU(nn.Module):
    """One label for a clip of landmarks.

    Args:
        num_classes: number of classes.
        num_joints: landmarks of a frame, J.
        dimensions: values of a landmark, D.
        num_frames: frames to which the frames of a clip with a person are stretched.
        width: cells of each direction.
        depth: layers.
        dropout: between the layers and before the classifier.
    """

    reads: ClassVar[tuple[str, ...]] = ("landmarks", "known")
    num_neighbours = 1

    def __init__(
        self,
        num_classes: int = 12,
        num_joints: int = 13,
        dimensions: int = 2,
        num_frames: int = 32,
        width: int = 96,
        depth: int = 2,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.num_frames = num_frames
        between = dropout if depth > 1 else 0.0
        values = 2 * num_joints * dimensions
        self.gru = nn.GRU(values, width, depth, batch_first=True, bidirectional=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * width, num_classes)

    def embed(self, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding (B, 2 * width) of clips: landmarks (B, T, J, D), known (B, T, J), is_padding (B, T).

        It is the mean over time of the states of both directions.
        """
        places, seen = resampled(*without_gaps(landmarks, known, is_padding), self.num_frames)
        moved = nn.functional.pad(motion(places, seen).flatten(2), (0, 0, 1, 0))  # nothing moves before the first
        states, _ = self.gru(torch.cat([places.flatten(2), moved], dim=2))
        return self.dropout(states.mean(1))

    def forward(self, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Logits (B, num_classes); see `embed`."""
        return self.head(self.embed(landmarks, known, is_padding))

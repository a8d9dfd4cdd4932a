"""The LSTM of the MediaPipe tutorials: a stack of LSTM layers over the values of each frame, and a classifier.

The form with four layers of 50 cells has 97,404 parameters for 4 classes and 33 landmarks of 4 values (x, y, z,
visibility). The other one that is often copied has layers of 64, 128 and 64 cells with ReLU, and dense layers of 64
and 32 units: 205,028 parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from humotion.models.common.sequences import without_gaps
from humotion.models.landmark_lstm.layer import Activation, LSTMLayer


class LandmarkLSTM(nn.Module):
    """One label for a clip of landmarks.

    Args:
        num_classes: number of classes.
        num_joints: landmarks of a frame, J.
        dimensions: values of a landmark, D.
        widths: cells of each LSTM layer.
        activation: of cells and states.
        dropout: after each LSTM layer, the last one too.
        dense: units of dense layers with ReLU between the LSTM and the classifier.
    """

    reads: ClassVar[tuple[str, ...]] = ("landmarks", "known")
    num_neighbours = 1

    def __init__(
        self,
        num_classes: int = 4,
        num_joints: int = 33,
        dimensions: int = 4,
        widths: Sequence[int] = (50, 50, 50, 50),
        activation: Activation = "tanh",
        dropout: float = 0.2,
        dense: Sequence[int] = (),
    ) -> None:
        super().__init__()
        sizes = (num_joints * dimensions, *widths)
        self.layers = nn.ModuleList(LSTMLayer(inputs, width, activation) for inputs, width in pairwise(sizes))
        self.dropout = nn.Dropout(dropout)
        units = (sizes[-1], *dense)
        self.dense = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in pairwise(units))
        self.head = nn.Linear(units[-1], num_classes)
        for layer in (*self.dense, self.head):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def embed(self, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding (B, C) of clips: landmarks (B, T, J, D), known (B, T, J), is_padding (B, T).

        It is the state after the last frame in which somebody is seen.
        """
        sequence, _, lengths = without_gaps(landmarks, known, is_padding)
        states = sequence.flatten(2)
        for layer in self.layers:
            states = self.dropout(layer(states))
        found = states[torch.arange(len(states), device=states.device), lengths - 1]
        for layer in self.dense:
            found = layer(found).relu()
        return found

    def forward(self, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Logits (B, num_classes); see `embed`."""
        return self.head(self.embed(landmarks, known, is_padding))

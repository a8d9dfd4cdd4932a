"""CTR-GCN: "Channel-wise Topology Refinement Graph Convolution" (Chen et al., ICCV 2021), as HP-Net uses it.

With 96 values per joint, 17 joints and two persons, the network without its classifier has 1,458,768 parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from humotion.models.common.sequences import resampled, without_gaps
from humotion.models.ctr_gcn.graph import adjacency
from humotion.models.ctr_gcn.layers import Unit, initialise

STRIDES = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)
WIDTHS = (1, 1, 1, 1, 2, 2, 2, 4, 4, 4)  # times ``width``


class CTRGCN(nn.Module):
    """One label for a clip of landmarks.

    Args:
        num_classes: number of classes.
        num_joints: landmarks of a frame, V.
        dimensions: values of a landmark, C.
        edges: the bones as pairs of joint indices; empty: only learned connections.
        width: channels of the first four units, a multiple of 4; the others have two and four times as many.
        frames: to which the frames of a clip with a person are stretched.
        persons: persons of a clip, M.
        dropout: before the classifier.
    """

    reads: ClassVar[tuple[str, ...]] = ("landmarks", "known")
    num_neighbours = 1

    def __init__(
        self,
        num_classes: int = 60,
        num_joints: int = 17,
        dimensions: int = 3,
        edges: Sequence[Sequence[int]] = (),
        width: int = 64,
        frames: int = 64,
        persons: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.num_joints, self.dimensions, self.persons, self.frames = num_joints, dimensions, persons, frames
        graphs = torch.tensor(adjacency(num_joints, edges))
        self.norm = nn.BatchNorm1d(persons * num_joints * dimensions)
        units, inputs = [], dimensions
        for number, (factor, stride) in enumerate(zip(WIDTHS, STRIDES, strict=True)):
            units.append(Unit(inputs, factor * width, graphs, stride, has_shortcut=number > 0))
            inputs = factor * width
        self.units = nn.Sequential(*units)
        initialise(self)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(inputs, num_classes)
        nn.init.normal_(self.head.weight, std=(2.0 / num_classes) ** 0.5)
        nn.init.zeros_(self.head.bias)

    def embed(self, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding (B, 4 * width) of clips: landmarks (B, T, V, C), known (B, T, V), is_padding (B, T).

        For several persons, landmarks are (B, M, T, V, C) and known (B, M, T, V).
        """
        if landmarks.ndim == 4:
            landmarks, known = landmarks[:, None], known[:, None]
        batch, persons = landmarks.shape[:2]
        is_padding = is_padding.repeat_interleave(persons, dim=0)
        each = without_gaps(landmarks.flatten(0, 1), known.flatten(0, 1), is_padding)
        places, _ = resampled(*each, self.frames)  # (B * M, T, V, C)
        sequence = places.unflatten(0, (batch, persons)).permute(0, 1, 3, 4, 2)  # (B, M, V, C, T)
        sequence = self.norm(sequence.flatten(1, 3)).unflatten(1, sequence.shape[1:4])
        features = self.units(sequence.permute(0, 1, 3, 4, 2).flatten(0, 1))  # (B * M, 4 * width, T / 4, V)
        return self.dropout(features.mean((2, 3)).unflatten(0, (batch, persons)).mean(1))

    def forward(self, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Logits (B, num_classes); see `embed`."""
        return self.head(self.embed(landmarks, known, is_padding))

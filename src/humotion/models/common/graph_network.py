"""The network of CTR-GCN (Chen et al., ICCV 2021) between its values of joints and its classifier.

Ten units of graph convolution and convolution over time. Two of them halve the number of frames:

    (B, M, T, V, C) --> batch norm of every value --> 4 x w --> 3 x 2w, T / 2 --> 3 x 4w, T / 4 --> mean (B, 4w)

With 96 values per joint, 17 joints, two persons and w = 64, it has 1,458,768 parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from humotion.models.common.graph_layers import Unit, initialise
from humotion.models.common.joint_graph import adjacency

STRIDES = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)
WIDTHS = (1, 1, 1, 1, 2, 2, 2, 4, 4, 4)  # times ``width``


class GraphNetwork(nn.Module):
    """Embeddings of sequences of values at the joints of persons.

    Args:
        num_joints: joints of a frame, V.
        dimensions: values of a joint, C.
        edges: the bones as pairs of joint indices; empty: only learned connections.
        width: w, channels of the first four units, a multiple of 4.
        persons: persons of a clip, M.

    Attributes:
        num_features: 4 w, the length of an embedding.
    """

    def __init__(
        self, num_joints: int, dimensions: int, edges: Sequence[Sequence[int]], width: int, persons: int = 1
    ) -> None:
        super().__init__()
        self.num_joints, self.dimensions, self.persons = num_joints, dimensions, persons
        graphs = torch.tensor(adjacency(num_joints, edges))
        self.norm = nn.BatchNorm1d(persons * num_joints * dimensions)
        units, inputs = [], dimensions
        for number, (factor, stride) in enumerate(zip(WIDTHS, STRIDES, strict=True)):
            units.append(Unit(inputs, factor * width, graphs, stride, has_shortcut=number > 0))
            inputs = factor * width
        self.units = nn.Sequential(*units)
        initialise(self)
        self.num_features = inputs

    def encode(self, values: Tensor) -> Tensor:
        """Map values (B, M, T, V, C) without gaps to embeddings (B, 4 w)."""
        sequence = values.permute(0, 1, 3, 4, 2)  # (B, M, V, C, T)
        sequence = self.norm(sequence.flatten(1, 3)).unflatten(1, sequence.shape[1:4])
        features = self.units(sequence.permute(0, 1, 3, 4, 2).flatten(0, 1))  # (B * M, 4 w, T / 4, V)
        return features.mean((2, 3)).unflatten(0, values.shape[:2]).mean(1)

"""CTR-GCN: "Channel-wise Topology Refinement Graph Convolution" (Chen et al., ICCV 2021), as HP-Net uses it.

With 96 values per joint, 17 joints and two persons, the network without its classifier has 1,458,768 parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from humotion.models.common.graph_network import GraphNetwork
from humotion.models.common.sequences import resampled_persons


class CTRGCN(GraphNetwork):
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
        super().__init__(num_joints, dimensions, edges, width, persons)
        self.frames = frames
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.num_features, num_classes)
        nn.init.normal_(self.head.weight, std=(2.0 / num_classes) ** 0.5)
        nn.init.zeros_(self.head.bias)

    def embed(self, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding (B, 4 * width) of clips: landmarks (B, T, V, C), known (B, T, V), is_padding (B, T).

        For several persons, landmarks are (B, M, T, V, C) and known (B, M, T, V).
        """
        places, _ = resampled_persons(landmarks, known, is_padding, self.frames)
        return self.dropout(self.encode(places))

    def forward(self, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Logits (B, num_classes); see `embed`."""
        return self.head(self.embed(landmarks, known, is_padding))

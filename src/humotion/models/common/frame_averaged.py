"""An image network on each frame of a clip, the mean over the real frames, and a linear classifier."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn


class FrameAveraged(nn.Module):
    """The plain baseline for clips; a subclass says which image network it is.

    Args:
        backbone: from normalised images (B, ..., 3, H, W) to embeddings (B, ..., C). It has a method ``normalise``.
        dim: C.
        num_classes: number of classes.
        dropout: before the classifier, in training.
    """

    reads: ClassVar[tuple[str, ...]] = ("frames",)
    num_neighbours = 1
    backbone: Any

    def __init__(self, backbone: nn.Module, dim: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(dim, num_classes)

    def normalise(self, frames: Tensor) -> Tensor:
        """Normalise uint8 RGB frames (..., 3, H, W) for the model."""
        return self.backbone.normalise(frames)

    def embed_frames(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding of each frame: (B, T, K, 3, H, W) to (B, T, C); only the centre frame of the K is used."""
        del is_padding  # each frame is embedded independently
        return self.backbone(frames[:, :, frames.shape[2] // 2])

    def embed(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding (B, C) of each clip before the classifier: the mean over frames that are not padding."""
        real = (~is_padding)[..., None]
        embeddings = self.embed_frames(frames, is_padding).where(real, 0.0)
        return embeddings.sum(1) / real.sum(1).clamp(min=1)

    def forward(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Logits (B, num_classes) for normalised frames (B, T, K, 3, H, W) and is_padding (B, T) bool."""
        return self.head(self.dropout(self.embed(frames, is_padding)))

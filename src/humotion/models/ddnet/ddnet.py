"""DD-Net: "Make Skeleton-based Action Recognition Model Smaller, Faster and Better" (Yang et al., 2019).

Three views of the same 32 frames, each through its own convolutions over time, and then together:

    JCD     distances of all pairs of joints            --> conv, pool --+
    slow    motion from frame to frame                  --> conv, pool --+--> conv --> label
    fast    motion from every second frame to the next  --> conv --------+

Keras' published count includes the running mean and variance of batch norm, PyTorch's number of parameters does not:
489,429 with 32 filters, for JHMDB's 15 joints in two dimensions and 21 classes.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from humotion.models.common.sequences import motion, resampled, without_gaps

SLOPE = 0.2


class ConvBlock(nn.Sequential):
    """A convolution over time with batch norm and leaky ReLU; sequences (B, C, T)."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(
            nn.Conv1d(inputs, outputs, size, padding=size // 2, bias=False),
            nn.BatchNorm1d(outputs, eps=1e-3),
            nn.LeakyReLU(SLOPE),
        )


class DenseBlock(nn.Sequential):
    """A dense layer with batch norm, leaky ReLU and dropout."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        norm = nn.BatchNorm1d(outputs, eps=1e-3)
        super().__init__(nn.Linear(inputs, outputs, bias=False), norm, nn.LeakyReLU(SLOPE), nn.Dropout(dropout))


class DDNet(nn.Module):
    """One label for a clip of landmarks. The defaults are the published network of middle size on JHMDB.

    Args:
        num_classes: number of classes.
        num_joints: landmarks of a frame, J.
        dimensions: values of a landmark, D; distances use the first three at most.
        filters: f, which decides all widths.
        frames: F, to which the frames of a clip with a person are stretched; a multiple of 16.
        channel_dropout: probability that a channel is dropped after a convolution.
        dropout: after each dense layer.
    """

    reads: ClassVar[tuple[str, ...]] = ("landmarks", "known")
    num_neighbours = 1
    pairs: Tensor

    def __init__(
        self,
        num_classes: int = 21,
        num_joints: int = 15,
        dimensions: int = 2,
        filters: int = 32,
        frames: int = 32,
        channel_dropout: float = 0.1,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.frames = frames
        pairs = torch.triu_indices(num_joints, num_joints, offset=1)  # (2, J (J - 1) / 2)
        self.register_buffer("pairs", pairs, persistent=False)
        moved = num_joints * dimensions
        self.distances = self._stream(pairs.shape[1], filters, channel_dropout, pooled=True)
        self.slow = self._stream(moved, filters, channel_dropout, pooled=True)
        self.fast = self._stream(moved, filters, channel_dropout, pooled=False)
        joined: list[nn.Module] = []
        inputs = 3 * filters
        for width in (2 * filters, 4 * filters, 8 * filters):
            joined += [ConvBlock(inputs, width, 3), ConvBlock(width, width, 3)]
            joined += [nn.MaxPool1d(2)] if width < 8 * filters else []
            joined += [nn.Dropout1d(channel_dropout)]
            inputs = width
        self.joined = nn.Sequential(*joined)
        self.dense = nn.Sequential(DenseBlock(inputs, 128, dropout), DenseBlock(128, 128, dropout))
        self.head = nn.Linear(128, num_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)  # Keras' default

    @staticmethod
    def _stream(inputs: int, filters: int, dropout: float, pooled: bool) -> nn.Sequential:
        layers: list[nn.Module] = []
        for outputs, size in ((2 * filters, 1), (filters, 3), (filters, 1)):
            layers += [ConvBlock(inputs, outputs, size), nn.Dropout1d(dropout)]
            inputs = outputs
        return nn.Sequential(*layers[:-1], *([nn.MaxPool1d(2)] if pooled else []), layers[-1])

    def views(self, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return JCD (B, J (J - 1) / 2, F), slow motion (B, J * D, F) and fast motion (B, J * D, F / 2)."""
        places, seen = resampled(*without_gaps(landmarks, known, is_padding), self.frames)
        slow = motion(places, seen).flatten(2)
        fast = motion(places[:, ::2], seen[:, ::2]).flatten(2)
        of_length = (self.frames, self.frames // 2)
        slow, fast = (
            F.interpolate(moved.transpose(1, 2), length, mode="linear", align_corners=False)
            for moved, length in zip((slow, fast), of_length, strict=True)
        )
        return self.collection_distances(places, seen).transpose(1, 2), slow, fast

    def collection_distances(self, places: Tensor, seen: Tensor) -> Tensor:
        """Distances (B, F, pairs) relative to their mean in the clip; zero (the mean) where a joint is unknown."""
        one, other = self.pairs
        apart = places[:, :, one, :3] - places[:, :, other, :3]
        both = seen[:, :, one] & seen[:, :, other]
        length = (apart.square().sum(-1) + 1e-12).sqrt() * both  # the root of 0 has no gradient
        mean = length.sum((1, 2), keepdim=True) / both.sum((1, 2), keepdim=True).clamp(min=1)
        return (length - mean) / mean.clamp(min=1e-6) * both

    def embed(self, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding (B, 128) of clips: landmarks (B, T, J, D), known (B, T, J), is_padding (B, T)."""
        distances, slow, fast = self.views(landmarks, known, is_padding)
        streams = torch.cat([self.distances(distances), self.slow(slow), self.fast(fast)], dim=1)  # (B, 3 f, F / 2)
        return self.dense(self.joined(streams).amax(2))

    def forward(self, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Logits (B, num_classes); see `embed`."""
        return self.head(self.embed(landmarks, known, is_padding))

"""Short-term motion information (SMIF): differences of neighbouring frames, added to a frame's pixels.

``SMIF`` is this project's version, after TDN's short-term module (Wang et al., CVPR 2021). ``ReferenceSMIF`` is the
version of the AI VIETNAM AIO-2025 course. Both compute the differences once (``motion``), and ``MotionEmbed`` reads
the same differences.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SMIF(nn.Module):
    """Signed differences between neighbours, converted to three channels and added to the frame.

    As in TDN, frames are pooled by 2 before they are subtracted. This halves the noise and keeps the cost small
    compared with that of the patches. Differences below ``threshold`` (a fraction of the full range of a pixel) fade
    out softly. The convolutions have no bias, so a static clip has no motion. The added values are bounded by 1 in
    normalised units.

    Args:
        num_neighbours: K, odd and at least 3: raw frames around each sampled one, which is at K // 2.
        std: (3, 1, 1) of the normalisation; it converts differences back to fractions of the full range.
        raw_neighbours: if false, take differences to the sampled frames before and after instead, for any K.
        identity_start: the last convolution starts at zero, so that the first step sees the frame itself.
        hidden: channels between the convolutions.
    """

    threshold = 0.025  # 6.4 of 255, the size of the course's threshold
    softness = 0.01

    def __init__(
        self,
        num_neighbours: int,
        std: Tensor,
        raw_neighbours: bool = True,
        identity_start: bool = True,
        hidden: int = 8,
    ) -> None:
        super().__init__()
        self.raw_neighbours = raw_neighbours
        num_differences = num_neighbours - 1 if raw_neighbours else 2
        self.register_buffer("steepness", std / self.softness, persistent=False)
        self.mix = nn.Conv2d(3 * num_differences, hidden, 3, padding=1, bias=False)
        self.fuse = nn.Conv2d(hidden, 3, 1, bias=False)
        nn.init.kaiming_normal_(self.mix.weight, nonlinearity="relu")
        if identity_start:
            nn.init.zeros_(self.fuse.weight)

    def motion(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Faded differences (B, T, D, 3, H/2, W/2) of frames (B, T, K, 3, H, W), in normalised units.

        D is K - 1, or 2 (from the previous sampled frame, and to the next). The value is 0 where nothing moves.
        """
        if not self.raw_neighbours:
            frames = frames[:, :, frames.shape[2] // 2, None]
        halved = halve(frames)
        difference = halved.diff(dim=2) if self.raw_neighbours else sampled_differences(halved[:, :, 0], is_padding)
        shown = difference.abs().mul_(self.get_buffer("steepness")).sub_(self.threshold / self.softness).sigmoid_()
        return difference * shown

    def forward(self, images: Tensor, motion: Tensor) -> Tensor:
        """Sampled frames (B, T, 3, H, W) with their ``motion`` added."""
        added = self.fuse(F.gelu(self.mix(motion.flatten(2, 3).flatten(0, 1)))).tanh()
        added = F.interpolate(added, size=images.shape[-2:], mode="nearest")
        return images + added.unflatten(0, images.shape[:2])


class ReferenceSMIF(nn.Module):
    """The course's SMIF: thresholded absolute differences, mixed with the frame by a 1 x 1 convolution.

    Args:
        mean, std: (3, 1, 1) of the normalisation.
        raw_neighbours: take differences to the raw frames around each sampled one. Otherwise, as in the course, take
            those to the sampled frames 1 and 2 before and after; a padded or missing one counts as the frame itself.
        identity_start: the factor of the added part starts at 0, and frames are clamped to the range of pixels.
            The course clamps to [-1, 1], which is the same for its mean = std = 0.5, but clips frames for others.
    """

    reach = 2
    threshold = 0.05

    def __init__(self, mean: Tensor, std: Tensor, raw_neighbours: bool = False, identity_start: bool = False) -> None:
        super().__init__()
        self.raw_neighbours = raw_neighbours
        self.fuse = nn.Conv2d(6, 3, 1)
        self.alpha = nn.Parameter(torch.tensor(0.0 if identity_start else 0.5))
        lowest, highest = ((0 - mean) / std, (1 - mean) / std) if identity_start else (-torch.ones(1), torch.ones(1))
        self.register_buffer("lowest", lowest, persistent=False)
        self.register_buffer("highest", highest, persistent=False)

    def motion(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Thresholded mean of differences, (B, T, 1, 3, H, W) of frames (B, T, K, 3, H, W)."""
        centre = frames.shape[2] // 2
        if self.raw_neighbours:
            # Only the sum over both sides of each offset counts, so the order of the neighbours does not matter.
            total = (frames - frames[:, :, centre, None]).abs().sum(2) / max(centre, 1)
        else:
            total = self._between_samples(frames[:, :, centre], is_padding) / self.reach
        return total.where(total > self.threshold, 0.0)[:, :, None]

    def _between_samples(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        real = ~is_padding[:, :, None, None, None]
        total = torch.zeros_like(frames)
        for offset in range(1, min(self.reach, frames.shape[1] - 1) + 1):
            difference = (frames[:, offset:] - frames[:, :-offset]).abs()
            difference = difference.where(real[:, offset:] & real[:, :-offset], 0.0)
            total[:, :-offset] += difference
            total[:, offset:] += difference
        return total

    def forward(self, images: Tensor, motion: Tensor) -> Tensor:
        """Sampled frames (B, T, 3, H, W) with their ``motion`` added."""
        both = torch.cat([images, motion[:, :, 0]], dim=2)  # (B, T, 6, H, W)
        fused = self.fuse(both.flatten(0, 1)).unflatten(0, images.shape[:2])
        return (images + self.alpha.tanh() * fused).clamp(self.get_buffer("lowest"), self.get_buffer("highest"))


class MotionEmbed(nn.Module):
    """How much moves in each patch, as an embedding to add to its token.

    A patch embedding is made for texture and averages out a region of motion. So the size of the differences has its
    own path to the tokens, as in TDN's short-term module: pooled to cells, bounded by e / (e + scale), and embedded
    linearly. The embedding has no bias, so a static clip adds nothing.

    Args:
        grid: patches along a side.
        dim: token width C.
        std: (3, 1, 1) of the normalisation.
        identity_start: the embedding starts at zero.
    """

    cells = 4  # along a side of a patch
    scale = 0.02  # mean difference in a cell, as a fraction of the full range, that has half the maximum value

    def __init__(self, grid: int, dim: int, std: Tensor, identity_start: bool = True) -> None:
        super().__init__()
        self.grid = grid
        self.register_buffer("std", std.clone(), persistent=False)
        self.embed = nn.Linear(self.cells**2, dim, bias=False)
        if identity_start:
            nn.init.zeros_(self.embed.weight)

    def forward(self, motion: Tensor) -> Tensor:
        """Embeddings (B, T, N, C) of the patches under the motion (B, T, D, 3, h, w) of a SMIF."""
        energy = (motion.abs() * self.get_buffer("std")).mean((2, 3)).flatten(0, 1)[:, None]  # (B*T, 1, h, w)
        energy = F.adaptive_avg_pool2d(energy, self.grid * self.cells)[:, 0]
        energy = energy / (energy + self.scale)
        patches = energy.unflatten(2, (self.grid, -1)).unflatten(1, (self.grid, -1))  # (B*T, g, c, g, c)
        features = patches.transpose(2, 3).flatten(1, 2).flatten(2)  # (B*T, g*g, c*c)
        return self.embed(features).unflatten(0, motion.shape[:2])


def halve(frames: Tensor) -> Tensor:
    """Means (..., H//2, W//2) over 2 x 2 pixels of (..., H, W), three times as fast as avg_pool2d on a CPU."""
    height, width = (side // 2 * 2 for side in frames.shape[-2:])
    rows = frames[..., 0:height:2, :width] + frames[..., 1:height:2, :width]
    return (rows[..., 0::2] + rows[..., 1::2]).mul_(0.25)


def sampled_differences(frames: Tensor, is_padding: Tensor) -> Tensor:
    """Differences (B, T, 2, ...) of (B, T, ...), from the previous and to the next frame; 0 without a real one."""
    both_real = ~(is_padding[:, 1:] | is_padding[:, :-1])
    step = frames.diff(dim=1).where(both_real[(...,) + (None,) * (frames.ndim - 2)], 0.0)
    edge = step.new_zeros(frames.shape[0], 1, *frames.shape[2:])
    return torch.stack([torch.cat([edge, step], 1), torch.cat([step, edge], 1)], dim=2)

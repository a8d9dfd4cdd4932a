"""LS-ViT (Chen et al., Frontiers in Neurorobotics 18, 2024): a ViT that is shown motion, near and far.

SMIF puts short-term motion into the pixels of each frame, LMI puts long-term motion into the tokens after
each block. The paper's equations and code are not public, so there are two settings. ``reference`` is the
public re-implementation of the AI VIETNAM AIO-2025 course. ``default`` follows the abstract and its parent
TDN (Wang et al., CVPR 2021) where the course departs from them: differences of raw neighbouring frames,
bounded gates, motion across all segments, signed differences so that time has a direction, and a first step
that equals the plain ViT.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from humotion.errors import HumotionError
from humotion.models.vit import FrameAveragedViT

Setting = Literal["reference", "default"]


class LSViT(FrameAveragedViT):
    """LS-ViT: SMIF before the patches, LMI after each block, frame embeddings averaged over real frames.

    Args:
        num_classes: number of classes.
        setting: "default", or "reference" for the course's version (trained with dropout = drop_path = 0.1).
        num_frames: sampled frames T that ``default`` has temporal positions for; shorter clips are fine.
        num_neighbours: K, odd: raw frames around each sampled one for ``default``; ``reference`` takes 1.
        reduction: of the token width inside LMI.
        head_dropout: dropout before the classifier.
        backbone: the sizes of ``ViT``, by name.

    Raises:
        HumotionError: num_neighbours is even or below 3 in ``default``.
    """

    def __init__(
        self,
        num_classes: int = 51,
        setting: Setting = "default",
        num_frames: int = 16,
        num_neighbours: int = 3,
        reduction: int = 4,
        head_dropout: float = 0.0,
        **backbone: Any,
    ) -> None:
        super().__init__(num_classes, head_dropout, **backbone)
        dim, depth = self.backbone.dim, len(self.backbone.blocks)
        self.num_frames = num_frames
        self.smif: ReferenceSMIF | SMIF
        self.temporal_embed: nn.Parameter | None = None
        if setting == "reference":
            self.num_neighbours = 1
            self.smif = ReferenceSMIF()
            self.lmi = nn.ModuleList(ReferenceLMI(dim, reduction) for _ in range(depth))
        else:
            self.num_neighbours = num_neighbours
            self.smif = SMIF(num_neighbours, self.backbone.get_buffer("std"))
            self.motion_embed = MotionEmbed(self.backbone.image_size // self.backbone.patch_embed.patch_size, dim)
            self.lmi = nn.ModuleList(LMI(dim, num_frames, reduction) for _ in range(depth))
            self.temporal_embed = nn.Parameter(torch.zeros(num_frames, 1, dim))

    def embed_frames(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding of each frame: (B, T, K, 3, H, W) to (B, T, C); padded frames reach no other frame."""
        num_frames = is_padding.shape[1]
        tokens = self.backbone.embed_patches(self.smif(frames, is_padding))  # (B, T, N, C)
        if isinstance(self.smif, SMIF):
            tokens = self.motion_embed(tokens, self.smif.motion(frames), self.backbone.get_buffer("std"))
        if self.temporal_embed is not None:
            if num_frames > self.num_frames:
                raise HumotionError(
                    f"ls_vit: the clip has {num_frames} frames, the model was made for {self.num_frames}. "
                    "Set the model's num_frames to the clips' length."
                )
            tokens = tokens + self.temporal_embed[:num_frames]
        for block, lmi in zip(self.backbone.blocks, self.lmi, strict=True):
            tokens = lmi(block(tokens), is_padding)
        return self.backbone.pool(tokens)


class SMIF(nn.Module):
    """Short-term motion information: signed differences of raw neighbours, made into three channels.

    Differences fade out softly below ``threshold`` (a fraction of the full range of a pixel). As in TDN they
    are pooled by 2 first, which keeps the cost small beside the patches. The convolutions have no bias, so a
    static clip has no motion, and the last one starts at zero: the first step sees the frame itself. What is
    added is bounded by 1 in normalised units.

    Args:
        num_neighbours: K, odd and at least 3; the sampled frame is at K // 2.
        std: (3, 1, 1) of the normalisation, which takes differences back to fractions of the full range.
        hidden: channels between the convolutions.
    """

    threshold = 0.025  # 6.4 of 255: the size of the course's threshold
    softness = 0.01

    def __init__(self, num_neighbours: int, std: Tensor, hidden: int = 16) -> None:
        super().__init__()
        if num_neighbours < 3 or num_neighbours % 2 == 0:
            raise HumotionError(
                f"ls_vit: num_neighbours is {num_neighbours}. The default setting needs an odd number of at least 3."
            )
        self.register_buffer("std", std.clone(), persistent=False)
        self.mix = nn.Conv2d(3 * (num_neighbours - 1), hidden, 3, padding=1, bias=False)
        self.fuse = nn.Conv2d(hidden, 3, 1, bias=False)
        nn.init.kaiming_normal_(self.mix.weight, nonlinearity="relu")
        nn.init.zeros_(self.fuse.weight)

    def motion(self, frames: Tensor) -> Tensor:
        """Faded differences (B, T, K-1, 3, H, W) of frames (B, T, K, 3, H, W): 0 where nothing moves."""
        difference = frames.diff(dim=2)
        size = (difference * self.get_buffer("std")).abs()
        return difference * ((size - self.threshold) / self.softness).sigmoid()

    def forward(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """The sampled frames with their motion, (B, T, 3, H, W), of frames (B, T, K, 3, H, W)."""
        del is_padding  # a frame's neighbours are raw frames of its own
        motion = self.motion(frames).flatten(2, 3).flatten(0, 1)  # (B*T, 3(K-1), H, W)
        added = self.fuse(F.gelu(self.mix(F.avg_pool2d(motion, 2)))).tanh()
        added = F.interpolate(added, size=frames.shape[-2:], mode="bilinear", align_corners=False)
        return frames[:, :, frames.shape[2] // 2] + added.unflatten(0, frames.shape[:2])


class MotionEmbed(nn.Module):
    """How much moves in each patch, added to its token.

    A patch embedding made for texture averages a blob of motion away, so the size of the differences reaches
    the tokens on a way of its own, as in TDN's short-term module: pooled to cells, bounded by e / (e + scale),
    and embedded linearly. The embedding has no bias and starts at zero: a static clip adds nothing, and nor
    does the first step.
    """

    cells = 4  # along a side of a patch
    scale = 0.02  # mean difference in a cell, as a fraction of the full range, that counts as half of the most

    def __init__(self, grid: int, dim: int) -> None:
        super().__init__()
        self.grid = grid
        self.embed = nn.Linear(self.cells**2, dim, bias=False)
        nn.init.zeros_(self.embed.weight)

    def forward(self, tokens: Tensor, motion: Tensor, std: Tensor) -> Tensor:
        """Tokens (B, T, N, C), patches last, with the motion (B, T, K-1, 3, H, W) of each."""
        energy = (motion * std).abs().mean((2, 3)).flatten(0, 1)[:, None]  # (B*T, 1, H, W)
        energy = F.adaptive_avg_pool2d(energy, self.grid * self.cells)[:, 0]
        energy = energy / (energy + self.scale)
        patches = energy.unflatten(2, (self.grid, -1)).unflatten(1, (self.grid, -1))  # (B*T, g, c, g, c)
        features = patches.transpose(2, 3).flatten(1, 2).flatten(2)  # (B*T, g*g, c*c)
        added = self.embed(features).unflatten(0, tokens.shape[:2])
        return tokens + F.pad(added, (0, 0, tokens.shape[2] - added.shape[2], 0))


class LMI(nn.Module):
    """Long-term motion information: what every token sees change between its segment and all others.

    At each place, m_t = sum over segments s of w[s - t] (z_s - z_t), with z the normed, reduced tokens and one
    learned kernel w per channel over all offsets. The differences are signed and w is free on both sides, so
    a clip and its reversal differ. The excitation is x + x * tanh(expand(gelu(mix(m)))), with ``expand``
    starting at zero.

    Args:
        dim: token width C.
        num_frames: T, which sets the kernel's reach to T - 1 segments on either side.
        reduction: C over the reduced width.
    """

    def __init__(self, dim: int, num_frames: int, reduction: int) -> None:
        super().__init__()
        reduced = dim // reduction
        self.num_frames = num_frames
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.reduce = nn.Linear(dim, reduced)
        self.kernel = nn.Parameter(torch.empty(2 * num_frames - 1, reduced))
        self.mix = nn.Linear(reduced, reduced)
        self.expand = nn.Linear(reduced, dim)
        nn.init.normal_(self.kernel, std=num_frames**-0.5)
        # Motion of about unit size, unlike a ViT's 0.02: what stands behind a zero must be worth its gradient.
        nn.init.xavier_uniform_(self.reduce.weight)
        nn.init.xavier_uniform_(self.mix.weight)
        nn.init.zeros_(self.expand.weight)
        nn.init.zeros_(self.expand.bias)

    def motion(self, tokens: Tensor, is_padding: Tensor) -> Tensor:
        """Weighted differences (B, T, N, C/r) of tokens (B, T, N, C): 0 in a static clip."""
        reduced = self.reduce(self.norm(tokens))
        time = torch.arange(tokens.shape[1], device=tokens.device)
        weights = self.kernel[time[None] - time[:, None] + self.num_frames - 1]  # (T, S, C/r), offset s - t
        real = (~is_padding).to(tokens.dtype)
        others = torch.einsum("tsc,bsnc->btnc", weights, reduced.where(~is_padding[..., None, None], 0.0))
        total = torch.einsum("tsc,bs->btc", weights, real)
        return others - reduced * total[:, :, None]

    def forward(self, tokens: Tensor, is_padding: Tensor) -> Tensor:
        """Excited tokens, (B, T, N, C) to the same."""
        gate = self.expand(F.gelu(self.mix(self.motion(tokens, is_padding)))).tanh()
        return tokens + tokens * gate


class ReferenceSMIF(nn.Module):
    """The course's SMIF, on sampled frames: absolute differences to 1 and 2 frames before and after.

    A neighbour out of range, or padded, counts as the frame itself. The clamp to [-1, 1] fits mean = std =
    0.5 only.
    """

    reach = 2
    threshold = 0.05

    def __init__(self) -> None:
        super().__init__()
        self.fuse = nn.Conv2d(6, 3, 1)
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def motion(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Thresholded mean of differences, (B, T, 3, H, W) to the same."""
        real = ~is_padding[:, :, None, None, None]
        total = torch.zeros_like(frames)
        for offset in range(1, min(self.reach, frames.shape[1] - 1) + 1):
            difference = (frames[:, offset:] - frames[:, :-offset]).abs()
            difference = difference.where(real[:, offset:] & real[:, :-offset], 0.0)
            total[:, :-offset] += difference
            total[:, offset:] += difference
        motion = total / self.reach
        return motion.where(motion > self.threshold, 0.0)

    def forward(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """The sampled frames with their motion, (B, T, 3, H, W), of frames (B, T, K, 3, H, W)."""
        frames = frames[:, :, frames.shape[2] // 2]
        both = torch.cat([frames, self.motion(frames, is_padding)], dim=2)  # (B, T, 6, H, W)
        fused = self.fuse(both.flatten(0, 1)).unflatten(0, frames.shape[:2])
        return (frames + self.alpha.tanh() * fused).clamp(-1, 1)


class ReferenceLMI(nn.Module):
    """The course's LMI: absolute differences to adjacent segments, averaged over tokens, gate channels."""

    def __init__(self, dim: int, reduction: int) -> None:
        super().__init__()
        reduced = dim // reduction
        self.reduce = nn.Linear(dim, reduced)
        self.mix = nn.Sequential(
            nn.LayerNorm(reduced), nn.Linear(reduced, reduced), nn.GELU(), nn.Linear(reduced, reduced)
        )
        self.expand = nn.Linear(reduced, dim)
        self.delta = nn.Parameter(torch.tensor(0.1))

    def forward(self, tokens: Tensor, is_padding: Tensor) -> Tensor:
        """Excited tokens, (B, T, N, C) to the same."""
        both_real = ~(is_padding[:, 1:] | is_padding[:, :-1])
        difference = self.reduce(tokens).diff(dim=1).abs().where(both_real[..., None, None], 0.0)
        change = F.pad(difference, (0, 0, 0, 0, 0, 1)) + F.pad(difference, (0, 0, 0, 0, 1, 0))
        gate = self.expand(self.mix(change.mean(2)).sigmoid())  # (B, T, C)
        return tokens + self.delta.tanh() * tokens * gate[:, :, None]

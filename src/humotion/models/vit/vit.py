"""Vision transformer (Dosovitskiy et al. 2021), and the classifier that averages it over a clip's frames.

Parameters have timm's names, so that timm's checkpoints load unchanged (``checkpoint.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from humotion.errors import HumotionError
from humotion.models.common.frame_averaged import FrameAveraged
from humotion.models.vit.checkpoint import load_timm_checkpoint
from humotion.models.vit.layer_decay import learning_rate_share
from humotion.models.vit.transformer import Block


class PatchEmbed(nn.Module):
    """Convert non-overlapping patches to tokens.

    The weights are those of a convolution, as timm stores them. The forward pass applies them as a linear layer on
    the cut patches, which computes the same sum. On a CPU, the convolution's backward pass to the pixels would need
    four times as long.
    """

    def __init__(self, patch_size: int, dim: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.proj = nn.Conv2d(3, dim, patch_size, stride=patch_size)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (M, 3, H, W) to tokens (M, N, C)."""
        size = self.patch_size
        cut = images.unflatten(3, (-1, size)).unflatten(2, (-1, size))  # (M, 3, h, P, w, P)
        patches = cut.permute(0, 2, 4, 1, 3, 5).flatten(1, 2).flatten(2)  # (M, h*w, 3*P*P)
        return F.linear(patches, self.proj.weight.flatten(1), self.proj.bias)


class ViT(nn.Module):
    """A plain ViT without a head. The defaults are ViT-B/16 at 224 pixels.

    Args:
        image_size: side of the square image in pixels, a multiple of patch_size.
        patch_size: side of a patch in pixels.
        dim, depth, heads: width, number of blocks, attention heads (dim is a multiple of heads).
        mlp_ratio: hidden width of the MLPs over dim.
        drop_path: rate of the last block; it rises linearly from 0 at the first block.
        layer_scale: initial value of a learned factor per channel on each branch; None for no such factor.
        class_token: whether a class token is the image's embedding; without one, it is the patch tokens' mean.
        dropout: rate in the attention and after each linear layer of the blocks.
        mean, std: RGB statistics for ``normalise``, of frames in [0, 1].
        num_registers: tokens after the class token that hold nothing of the image (Darcet et al. 2024).
        prefix_positions: whether the class token and the registers also have positions, or only the patches
            (timm's ``no_embed_class``).
        qkv_bias: whether query, key and value have a bias.
        fc_norm: the embedding is the mean of the patch tokens, normalised after the mean. There is no norm before
            the mean, and the class token is not used (timm's ``fc_norm``).

    Attributes:
        num_prefix: tokens before the patch tokens: class token and registers.
        checkpointing: in training, keep only the tokens between blocks for the backward pass, and compute the
            rest again. This needs less memory and about a third more work, and changes no result.

    Raises:
        HumotionError: sizes that are not multiples of each other.
    """

    num_neighbours = 1
    checkpointing: bool = False

    def __init__(
        self,
        image_size: int = 224,
        patch_size: int = 16,
        dim: int = 768,
        depth: int = 12,
        heads: int = 12,
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
        layer_scale: float | None = None,
        class_token: bool = True,
        dropout: float = 0.0,
        mean: Sequence[float] = (0.5, 0.5, 0.5),
        std: Sequence[float] = (0.5, 0.5, 0.5),
        num_registers: int = 0,
        prefix_positions: bool = True,
        qkv_bias: bool = True,
        fc_norm: bool = False,
    ) -> None:
        super().__init__()
        must_divide("image_size", image_size, "patch_size", patch_size)
        must_divide("dim", dim, "heads", heads)
        self.image_size, self.dim = image_size, dim
        self.num_prefix, self.prefix_positions = class_token + num_registers, prefix_positions
        num_positions = (image_size // patch_size) ** 2 + self.num_prefix * prefix_positions
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim)) if class_token else None
        self.reg_token = nn.Parameter(torch.zeros(1, num_registers, dim)) if num_registers else None
        self.pos_embed = nn.Parameter(torch.empty(1, num_positions, dim))
        self.patch_embed = PatchEmbed(patch_size, dim)
        rates = [drop_path * i / max(depth - 1, 1) for i in range(depth)]
        blocks = (Block(dim, heads, mlp_ratio, rate, layer_scale, dropout, qkv_bias) for rate in rates)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.Identity() if fc_norm else nn.LayerNorm(dim, eps=1e-6)
        self.fc_norm = nn.LayerNorm(dim, eps=1e-6) if fc_norm else None
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw Xavier weights for linear layers and patches, as the authors do, and truncated normal 0.02 positions.

        A fixed 0.02 for the layers is common at ViT-B's width, but gives a narrow model's blocks almost no effect.
        """
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        for token in (self.cls_token, self.reg_token):
            if token is not None:
                nn.init.normal_(token, std=1e-6)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        nn.init.xavier_uniform_(self.patch_embed.proj.weight.view(self.dim, -1))
        nn.init.zeros_(self.patch_embed.proj.bias)  # type: ignore[arg-type]

    def normalise(self, frames: Tensor) -> Tensor:
        """Normalise uint8 RGB frames (..., 3, H, W) for the model: (x / 255 - mean) / std."""
        mean, std = self.get_buffer("mean"), self.get_buffer("std")
        # In place: on a CPU every new tensor of this size costs more than the arithmetic.
        return frames.to(torch.float32, copy=True).mul_(1 / (255 * std)).sub_(mean / std)

    def embed_patches(self, images: Tensor) -> Tensor:
        """Map images (..., 3, H, W) to tokens with positions (..., N, C), class token and registers first."""
        tokens = self.patch_embed(images.flatten(0, -4))
        if not self.prefix_positions:
            tokens = tokens + self.pos_embed
        prefix = [token.expand(len(tokens), -1, -1) for token in (self.cls_token, self.reg_token) if token is not None]
        tokens = torch.cat([*prefix, tokens], dim=1) if prefix else tokens
        if self.prefix_positions:
            tokens = tokens + self.pos_embed
        return tokens.unflatten(0, images.shape[:-3])

    def apply_block(self, block: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """Run a block, or a function in its place, with activation checkpointing if ``checkpointing`` is set."""
        if self.checkpointing and self.training and torch.is_grad_enabled():
            result: Tensor = checkpoint(block, *inputs, use_reentrant=False)
            return result
        return block(*inputs)

    def pool(self, tokens: Tensor) -> Tensor:
        """Embedding (..., C) of each image, from its tokens (..., N, C)."""
        if self.fc_norm is not None:
            return self.fc_norm(tokens[..., self.num_prefix :, :].mean(-2))
        tokens = self.norm(tokens)
        return tokens[..., self.num_prefix :, :].mean(-2) if self.cls_token is None else tokens[..., 0, :]

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings (B, ..., C) of images (B, ..., 3, H, W)."""
        tokens = self.embed_patches(images)
        for block in self.blocks:
            tokens = self.apply_block(block, tokens)
        return self.pool(tokens)


class FrameAveragedViT(FrameAveraged):
    """The baseline: a ViT on each frame, the mean embedding of the real frames, and a linear classifier.

    Args:
        num_classes: number of classes.
        head_dropout: dropout before the classifier.
        backbone: the sizes of ``ViT``, by name.
    """

    backbone: ViT

    def __init__(self, num_classes: int = 51, head_dropout: float = 0.0, **backbone: Any) -> None:
        network = ViT(**backbone)
        super().__init__(network, network.dim, num_classes, head_dropout)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def load_pretrained(self, weights: Path | str) -> None:
        """Start from a timm checkpoint of the plain ViT (see `load_timm_checkpoint`)."""
        load_timm_checkpoint(self.backbone, weights)

    def learning_rate_share(self, name: str, decay: float, head_factor: float) -> float:
        """Return the factor on the learning rate of a parameter by its name (see `learning_rate_share`)."""
        return learning_rate_share(name, len(self.backbone.blocks), decay, head_factor)


def must_divide(name: str, value: int, divisor_name: str, divisor: int) -> None:
    """Raise a HumotionError unless the value is a multiple of the divisor."""
    if value % divisor:
        raise HumotionError(
            f"The ViT's {name} is {value}, which is not a multiple of its {divisor_name} {divisor}. Change one of them."
        )

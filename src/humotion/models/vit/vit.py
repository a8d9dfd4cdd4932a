"""Vision transformer (Dosovitskiy et al. 2021), and the classifier that averages it over a clip's frames.

Parameters have timm's names, so that timm's checkpoints load as they are (``vit_weights.py``).
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
from humotion.models.vit.checkpoint import load_timm_checkpoint
from humotion.models.vit.layer_decay import learning_rate_share
from humotion.models.vit.transformer import Block


class PatchEmbed(nn.Module):
    """Non-overlapping patches to tokens.

    The weights are a convolution's, as timm stores them. They are applied as a linear layer on the cut
    patches, which is the same sum: on a CPU the convolution's backward pass to the pixels takes four times as
    long.
    """

    def __init__(self, patch_size: int, dim: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.proj = nn.Conv2d(3, dim, patch_size, stride=patch_size)

    def forward(self, images: Tensor) -> Tensor:
        """(M, 3, H, W) to (M, N, C)."""
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
        drop_path: rate of the last block; it rises linearly from 0 at the first.
        layer_scale: initial value of a learned factor per channel on each branch, None for no such factor.
        class_token: with one, it is the image's embedding; without, the mean of the patch tokens is.
        dropout: in the attention and after each linear layer of the blocks.
        mean, std: RGB statistics for ``normalise``, of frames in [0, 1].
        num_registers: tokens behind the class token that carry nothing of the image (Darcet et al. 2024).
        prefix_positions: whether the class token and the registers have positions too, or the patches alone
            (timm's ``no_embed_class``).
        qkv_bias: whether query, key and value have a bias.
        fc_norm: the embedding is the mean of the patch tokens, and normed after the mean; there is no norm
            before it, and the class token is not asked (timm's ``fc_norm``).

    Attributes:
        num_prefix: tokens before those of the patches: class token and registers.
        checkpointing: in training, keep only the tokens between blocks for the backward pass and compute the
            rest again: less memory, about a third more work. Changes no result.

    Raises:
        HumotionError: sizes that do not divide.
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
        """Xavier for linear layers and patches, as in the authors' code, and truncated normal 0.02 for positions.

        A fixed 0.02 for the layers, common at ViT-B's width, leaves a narrow model's blocks nearly without effect.
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
        """uint8 RGB frames (..., 3, H, W) as the model wants them: (x / 255 - mean) / std."""
        mean, std = self.get_buffer("mean"), self.get_buffer("std")
        # In place: on a CPU every fresh tensor of this size costs more than the arithmetic.
        return frames.to(torch.float32, copy=True).mul_(1 / (255 * std)).sub_(mean / std)

    def embed_patches(self, images: Tensor) -> Tensor:
        """Tokens with positions: (..., 3, H, W) to (..., N, C), class token and registers first."""
        tokens = self.patch_embed(images.flatten(0, -4))
        if not self.prefix_positions:
            tokens = tokens + self.pos_embed
        prefix = [token.expand(len(tokens), -1, -1) for token in (self.cls_token, self.reg_token) if token is not None]
        tokens = torch.cat([*prefix, tokens], dim=1) if prefix else tokens
        if self.prefix_positions:
            tokens = tokens + self.pos_embed
        return tokens.unflatten(0, images.shape[:-3])

    def apply_block(self, block: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """Run a block, or anything in its place, under activation checkpointing if ``checkpointing`` asks for it."""
        if self.checkpointing and self.training and torch.is_grad_enabled():
            result: Tensor = checkpoint(block, *inputs, use_reentrant=False)
            return result
        return block(*inputs)

    def pool(self, tokens: Tensor) -> Tensor:
        """The embedding of each image: (..., N, C) to (..., C)."""
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


class FrameAveragedViT(nn.Module):
    """The baseline: a ViT on each frame, embeddings averaged over real frames, a linear classifier.

    Args:
        num_classes: number of classes.
        head_dropout: dropout before the classifier.
        backbone: the sizes of ``ViT``, by name.
    """

    num_neighbours = 1

    def __init__(self, num_classes: int = 51, head_dropout: float = 0.0, **backbone: Any) -> None:
        super().__init__()
        self.backbone = ViT(**backbone)
        self.head_drop = nn.Dropout(head_dropout)
        self.head = nn.Linear(self.backbone.dim, num_classes)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def normalise(self, frames: Tensor) -> Tensor:
        """uint8 RGB frames (..., 3, H, W) as the model wants them."""
        return self.backbone.normalise(frames)

    def load_pretrained(self, weights: Path | str) -> None:
        """Start from a timm checkpoint of the plain ViT (see `load_timm_checkpoint`)."""
        load_timm_checkpoint(self.backbone, weights)

    def learning_rate_share(self, name: str, decay: float, head_factor: float) -> float:
        """The factor on the learning rate of a parameter by its name (see `learning_rate_share`)."""
        return learning_rate_share(name, len(self.backbone.blocks), decay, head_factor)

    def embed_frames(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding of each frame: (B, T, K, 3, H, W) to (B, T, C); only the centre of the K is used."""
        del is_padding  # no frame looks at another
        return self.backbone(frames[:, :, frames.shape[2] // 2])

    def embed(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding of each clip before the classifier, (B, C): the mean over frames that are no padding."""
        real = (~is_padding)[..., None]
        embeddings = self.embed_frames(frames, is_padding).where(real, 0.0)
        return embeddings.sum(1) / real.sum(1).clamp(min=1)

    def forward(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Logits (B, num_classes) of normalised frames (B, T, K, 3, H, W) and is_padding (B, T) bool."""
        return self.head(self.head_drop(self.embed(frames, is_padding)))


def must_divide(name: str, value: int, divisor_name: str, divisor: int) -> None:
    """Raise a HumotionError unless the value is a multiple of the divisor."""
    if value % divisor:
        raise HumotionError(
            f"The ViT's {name} is {value}, no multiple of its {divisor_name} {divisor}. Change one of them."
        )

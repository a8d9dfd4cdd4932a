"""Transformer blocks with timm's parameter names.

Tokens may have any number of leading axes. Drop path draws once per entry of the first axis. So all frames of a clip
are dropped together, and chance creates no difference between frames.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head self-attention over the second-to-last axis."""

    def __init__(self, dim: int, heads: int, dropout: float, qkv_bias: bool = True) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)
        self.proj_drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (..., N, C) to (..., N, C)."""
        x = tokens.flatten(0, -3)  # the fused kernels take one batch axis
        x = self.qkv(x).unflatten(-1, (3, self.heads, -1))
        query, key, value = x.permute(2, 0, 3, 1, 4)  # (M, H, N, C/H) each
        dropout = self.dropout if self.training else 0.0
        x = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        return self.proj_drop(self.proj(x.transpose(1, 2).reshape(tokens.shape)))


class MLP(nn.Module):
    """The two-layer perceptron of a block."""

    def __init__(self, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.drop(self.fc2(self.drop(F.gelu(self.fc1(tokens)))))


class LayerScale(nn.Module):
    """A learned factor per channel."""

    def __init__(self, dim: int, value: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), value))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma


class DropPath(nn.Module):
    """Stochastic depth: drops the complete branch for an entry of the first axis (a clip)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """Drop entries, and scale up the kept ones so that the mean stays the same."""
        if not self.training or self.rate == 0:
            return branch
        kept = branch.new_empty((branch.shape[0],) + (1,) * (branch.ndim - 1)).bernoulli_(1 - self.rate)
        return branch * kept / (1 - self.rate)


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(
        self,
        dim: int,
        heads: int,
        mlp_ratio: float,
        drop_path: float,
        layer_scale: float | None,
        dropout: float,
        qkv_bias: bool = True,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, heads, dropout, qkv_bias)
        self.ls1 = nn.Identity() if layer_scale is None else LayerScale(dim, layer_scale)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = MLP(dim, int(dim * mlp_ratio), dropout)
        self.ls2 = nn.Identity() if layer_scale is None else LayerScale(dim, layer_scale)
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, ..., N, C) to the same shape."""
        tokens = tokens + self.drop_path(self.ls1(self.attn(self.norm1(tokens))))
        return tokens + self.drop_path(self.ls2(self.mlp(self.norm2(tokens))))

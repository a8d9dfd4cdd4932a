"""Attention rollout (Abnar and Zuidema, ACL 2020): which patches a ViT's embedding of an image draws on.

A block stands as the mean of the identity, its residual connection, and of its attention averaged over the heads;
the product over the blocks carries every token back to what it came from. What acts on each place for itself (MLPs,
LMI's gates) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from humotion.models.vit.transformer import Attention


def attention_weights(attention: Attention, tokens: Tensor) -> Tensor:
    """The weights that an attention layer gives tokens (..., N, C), averaged over its heads: (M, N, N).

    Leading axes are flattened to M; row i is what token i takes from all tokens, and sums to 1. The weights are
    computed again, because scaled_dot_product_attention keeps them to itself.
    """
    x = attention.qkv(tokens.flatten(0, -3)).float().unflatten(-1, (3, attention.heads, -1))
    query, key, _ = x.permute(2, 0, 3, 1, 4)  # (M, H, N, C/H) each
    scale = query.shape[-1] ** -0.5
    return torch.softmax(scale * query @ key.transpose(-2, -1), dim=-1).mean(1)


def rollout(weights: Iterable[Tensor]) -> Tensor:
    """Share (M, N, N) of each input token (columns) in each output token (rows), of the weights of every block.

    Args:
        weights: (M, N, N) of each block, the first block first; rows that sum to 1, as those of the result do.
    """
    blocks = iter(weights)
    first = next(blocks)
    identity = torch.eye(first.shape[-1], dtype=first.dtype, device=first.device)
    rolled = (first + identity) / 2
    for block in blocks:
        rolled = (block + identity) / 2 @ rolled
    return rolled


def patch_shares(rolled: Tensor, num_prefix: int, of_class_token: bool) -> Tensor:
    """Share (M, patches) of each patch in the image's embedding, of a rollout (M, N, N); rows sum to 1.

    The embedding is that ``of_class_token``, or else the mean of the patches. Class token and registers, the first
    ``num_prefix`` tokens, are no places of the image: what the embedding holds of them is left out.
    """
    embedding = rolled[:, 0] if of_class_token else rolled[:, num_prefix:].mean(1)
    shares = embedding[:, num_prefix:]
    return shares / shares.sum(-1, keepdim=True)

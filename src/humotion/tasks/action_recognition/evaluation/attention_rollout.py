"""Attention rollout (Abnar and Zuidema, ACL 2020): the patches that a ViT's embedding of an image depends on.

Each block is represented by the mean of the identity (its residual connection) and of its attention, averaged over the
heads. The product over the blocks traces every token back to the input tokens. Operations on each token alone (MLPs,
LMI's gates) are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from humotion.models.vit.transformer import Attention


def attention_weights(attention: Attention, tokens: Tensor) -> Tensor:
    """The weights (M, N, N) of an attention layer for tokens (..., N, C), averaged over its heads.

    Leading axes are flattened to M. Row i has the weights of all tokens for token i, and sums to 1. The weights are
    computed again, because scaled_dot_product_attention does not return them.
    """
    x = attention.qkv(tokens.flatten(0, -3)).float().unflatten(-1, (3, attention.heads, -1))
    query, key, _ = x.permute(2, 0, 3, 1, 4)  # (M, H, N, C/H) each
    scale = query.shape[-1] ** -0.5
    return torch.softmax(scale * query @ key.transpose(-2, -1), dim=-1).mean(1)


def rollout(weights: Iterable[Tensor]) -> Tensor:
    """Share (M, N, N) of each input token (columns) in each output token (rows), from the weights of every block.

    Args:
        weights: (M, N, N) of each block, the first block first. Rows sum to 1, and so do the rows of the result.
    """
    blocks = iter(weights)
    first = next(blocks)
    identity = torch.eye(first.shape[-1], dtype=first.dtype, device=first.device)
    rolled = (first + identity) / 2
    for block in blocks:
        rolled = (block + identity) / 2 @ rolled
    return rolled


def patch_shares(rolled: Tensor, num_prefix: int, of_class_token: bool) -> Tensor:
    """Share (M, patches) of each patch in the image's embedding, from a rollout (M, N, N); rows sum to 1.

    The embedding is the class token if ``of_class_token``, otherwise the mean of the patches. The class token and the
    registers are the first ``num_prefix`` tokens. They are not places in the image, so their shares are left out.
    """
    embedding = rolled[:, 0] if of_class_token else rolled[:, num_prefix:].mean(1)
    shares = embedding[:, num_prefix:]
    return shares / shares.sum(-1, keepdim=True)

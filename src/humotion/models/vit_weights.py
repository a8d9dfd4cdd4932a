"""Load timm's ViT checkpoints from a local file, with nothing missing and nothing left over in silence."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from humotion.errors import HumotionError
from humotion.models.vit import ViT
from humotion.models.weights import misfits, read_weights

HEAD_PREFIX = "head."


def load_timm_checkpoint(model: ViT, path: Path) -> None:
    """Load a timm ViT's weights in place, without its classifier, positions resampled to the model's grid.

    A model that is built on a ViT passes its backbone, so that its own parameters are not asked for.

    Args:
        model: the ViT to fill.
        path: a local ``.safetensors`` file, or a ``.pth`` with a state dict (read without pickled code).

    Raises:
        HumotionError: the file is absent, or a key besides the classifier's is missing, unexpected or of
        another
            shape; the message names them.
    """
    weights = {key: value for key, value in read_weights(path).items() if not key.startswith(HEAD_PREFIX)}
    expected = model.state_dict()
    if "pos_embed" in weights:
        num_prefix = 0 if model.cls_token is None else 1
        weights["pos_embed"] = resample_positions(weights["pos_embed"], model.pos_embed.shape[1], num_prefix)
    if problems := misfits(weights, expected):
        raise HumotionError(
            f"The checkpoint {path} does not fit the model: {'; '.join(problems)}. "
            "Choose the checkpoint's patch_size, dim, depth, heads, layer_scale and class_token."
        )
    model.load_state_dict(weights)


def resample_positions(positions: Tensor, num_tokens: int, num_prefix: int) -> Tensor:
    """Bicubic resampling of square-grid positions (1, N, C) to (1, num_tokens, C); the prefix stays."""
    prefix, grid = positions[:, :num_prefix], positions[:, num_prefix:]
    old, new = math.isqrt(grid.shape[1]), math.isqrt(num_tokens - num_prefix)
    if old * old != grid.shape[1] or old == new:
        return positions
    grid = grid.unflatten(1, (old, old)).permute(0, 3, 1, 2).float()  # (1, C, h, w)
    grid = F.interpolate(grid, size=(new, new), mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([prefix, grid.flatten(2).transpose(1, 2).to(prefix.dtype)], dim=1)

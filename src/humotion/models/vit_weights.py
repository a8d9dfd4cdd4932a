"""Load timm's ViT checkpoints from a local file, with nothing missing and nothing left over in silence."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from humotion.errors import HumotionError
from humotion.models.vit import ViT

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
    problems = [f"missing {key}" for key in expected.keys() - weights.keys()]
    problems += [f"unexpected {key}" for key in weights.keys() - expected.keys()]
    problems += [
        f"{key} is {tuple(weights[key].shape)}, the model has {tuple(expected[key].shape)}"
        for key in weights.keys() & expected.keys()
        if weights[key].shape != expected[key].shape
    ]
    if problems:
        raise HumotionError(
            f"The checkpoint {path} does not fit the model: {'; '.join(sorted(problems))}. "
            "Choose the checkpoint's patch_size, dim, depth, heads, layer_scale and class_token."
        )
    model.load_state_dict(weights)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict of a ``.safetensors`` file, or of a ``.pth`` file (bare, in "model" or "state_dict")."""
    if not path.is_file():
        raise HumotionError(f"There is no checkpoint {path}. Give a local .safetensors or .pth file.")
    if path.suffix == ".safetensors":
        return load_file(path)
    content = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("model", "state_dict"):
        if isinstance(content.get(key), dict):
            content = content[key]
    return content


def resample_positions(positions: Tensor, num_tokens: int, num_prefix: int) -> Tensor:
    """Bicubic resampling of square-grid positions (1, N, C) to (1, num_tokens, C); the prefix stays."""
    prefix, grid = positions[:, :num_prefix], positions[:, num_prefix:]
    old, new = math.isqrt(grid.shape[1]), math.isqrt(num_tokens - num_prefix)
    if old * old != grid.shape[1] or old == new:
        return positions
    grid = grid.unflatten(1, (old, old)).permute(0, 3, 1, 2).float()  # (1, C, h, w)
    grid = F.interpolate(grid, size=(new, new), mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([prefix, grid.flatten(2).transpose(1, 2).to(prefix.dtype)], dim=1)

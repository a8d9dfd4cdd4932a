"""Load timm's ViT checkpoints, with an error if a parameter is missing or unexpected."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from humotion.errors import HumotionError
from humotion.models.common.hub import checkpoint_file
from humotion.models.common.weights import misfits, read_weights

if TYPE_CHECKING:
    from humotion.models.vit.vit import ViT

HEAD_PREFIX = "head."
# Parts of parameter names that identify other kinds of ViT.
FOREIGN = {
    "norm_pre.": "a CLIP-like ViT, which normalises its tokens before the first block",
    "attn_pool.": "a ViT that pools its tokens by attention (SigLIP)",
    ".q_norm.": "a ViT that normalises its queries and keys",
    "dist_token": "a distilled DeiT with a second class token",
}


def load_timm_checkpoint(model: ViT, weights: str | Path) -> None:
    """Load a timm ViT's weights in place, without its classifier, and resample positions to the model's grid.

    A printed line says what was loaded, left out and resampled.
    A model that contains a ViT passes only its backbone, because the checkpoint lacks the model's other parameters.

    Args:
        model: the ViT to fill.
        weights: a local ``.safetensors`` file, a ``.pth`` with a state dict (read without pickled code), or
            ``hf-hub:org/name[@revision]``.

    Raises:
        HumotionError: the file is absent, it is of another kind of ViT, or a key outside the classifier is missing,
            unexpected or of another shape; the message lists these keys.
    """
    content = read_weights(checkpoint_file(weights))
    found = {key: value for key, value in content.items() if not key.startswith(HEAD_PREFIX)}
    must_be_plain(found, weights)
    told = [f"{len(found)} tensors loaded"]
    if unused := len(content) - len(found):
        told.append(f"its classifier is left out ({unused} tensors {HEAD_PREFIX}*)")
    if "pos_embed" in found:
        num_prefix = model.num_prefix if model.prefix_positions else 0
        before = found["pos_embed"].shape[1]
        found["pos_embed"] = resample_positions(found["pos_embed"], model.pos_embed.shape[1], num_prefix)
        if (after := found["pos_embed"].shape[1]) != before:
            told.append(f"its positions are resampled from {before - num_prefix} to {after - num_prefix} patches")
    if problems := misfits(found, model.state_dict()):
        raise HumotionError(
            f"The checkpoint {weights} does not fit the model: {'; '.join(problems)}. Set the model to the "
            "checkpoint's patch_size, dim, depth, heads, mlp_ratio, class_token, num_registers, prefix_positions, "
            "layer_scale, qkv_bias and fc_norm."
        )
    model.load_state_dict(found)
    print(f"{weights}: {'; '.join(told)}")


def must_be_plain(keys: Iterable[str], weights: str | Path) -> None:
    """Raise a HumotionError if a key belongs to a kind of ViT other than ``ViT``."""
    for key in keys:
        for part, kind in FOREIGN.items():
            if part in key:
                raise HumotionError(
                    f"The checkpoint {weights} is of {kind}: it has {key}. Choose a checkpoint of a plain ViT, such "
                    "as timm's vit_base_patch16_224 or vit_small_patch14_dinov2."
                )


def resample_positions(positions: Tensor, num_positions: int, num_prefix: int) -> Tensor:
    """Resample square-grid positions (1, N, C) to (1, num_positions, C) bicubically, as timm does.

    Positions that do not form a square grid are returned unchanged.

    Args:
        positions: those of the prefix, if it has any, and then those of the patches, row by row.
        num_positions: N after the resampling.
        num_prefix: positions at the front that belong to no patch; they do not change.
    """
    prefix, grid = positions[:, :num_prefix], positions[:, num_prefix:]
    old, new = math.isqrt(grid.shape[1]), math.isqrt(num_positions - num_prefix)
    if old * old != grid.shape[1] or old == new:
        return positions
    grid = grid.unflatten(1, (old, old)).permute(0, 3, 1, 2).float()  # (1, C, h, w)
    grid = F.interpolate(grid, size=(new, new), mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([prefix, grid.flatten(2).transpose(1, 2).to(prefix.dtype)], dim=1)

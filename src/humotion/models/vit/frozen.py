"""A ViT as a frozen network whose maps are read (see `annotation.joint_features.backbone`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from humotion.errors import HumotionError
from humotion.models.common.hub import existing_checkpoint
from humotion.models.common.weights import read_weights
from humotion.models.vit.checkpoint import load_timm_checkpoint
from humotion.models.vit.vit import ViT

WIDTH_OF_HEAD = 64  # of the ViTs of every published size, from tiny to huge; no tensor of a checkpoint shows it


def weights(path: Path | None) -> Path:
    """The checkpoint.

    Raises:
        HumotionError: no file is named, or it does not exist.
    """
    if path is None:
        raise HumotionError("backbone: vit needs `weights` of the layer: a file of a ViT with timm's names.")
    return existing_checkpoint(path)


class FrozenViT(nn.Module):
    """The patch tokens after ``depth`` blocks, or after all (None), and the embedding of the picture.

    Tokens after an inner block pass the last norm too, as DINOv2's do.

    Attributes:
        channels: C of the map.
        stride: pixels of the picture per cell of the map.
    """

    def __init__(self, network: ViT, depth: int | None) -> None:
        super().__init__()
        if depth is not None and not 0 <= depth <= len(network.blocks):
            raise HumotionError(f"depth is {depth}, but the ViT has {len(network.blocks)} blocks.")
        self.network, self.depth = network.eval(), depth
        self.channels, self.stride = network.dim, network.patch_embed.patch_size

    @torch.inference_mode()
    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, C, h, w), and class token or mean of the patches (B, C), of uint8 RGB frames (B, 3, S, S)."""
        network = self.network
        tokens = network.embed_patches(network.normalise(frames))
        for block in network.blocks[: self.depth]:
            tokens = block(tokens)
        side = frames.shape[-1] // self.stride
        patches = network.norm(tokens)[:, network.num_prefix :]
        return patches.transpose(1, 2).unflatten(2, (side, side)), network.pool(tokens)


def open_frozen(path: Path, side: int, depth: int | None, mean: Sequence[float], std: Sequence[float]) -> FrozenViT:
    """The ViT of a checkpoint with timm's names, for pictures of ``side`` pixels, normalised by ``mean`` and ``std``.

    Raises:
        HumotionError: the file is not of a plain ViT, or the side is no multiple of its patches.
    """
    network = ViT(image_size=side, mean=mean, std=std, **architecture(read_weights(path)))
    load_timm_checkpoint(network, path)
    return FrozenViT(network.requires_grad_(False), depth)


def architecture(found: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of `ViT` that fit the tensors of a checkpoint with timm's names.

    Raises:
        HumotionError: it is not of a ViT.
    """
    needed = ("patch_embed.proj.weight", "pos_embed", "blocks.0.mlp.fc1.weight")
    if absent := [key for key in needed if key not in found]:
        raise HumotionError(f"The checkpoint is not of a ViT with timm's names: it has no {', '.join(absent)}.")
    dim, patch_size = found[needed[0]].shape[0], found[needed[0]].shape[-1]
    prefix = ("cls_token" in found) + (found["reg_token"].shape[1] if "reg_token" in found else 0)
    num_positions = found["pos_embed"].shape[1]
    has_no_prefix = round(num_positions**0.5) ** 2 == num_positions  # patches form a square
    return {
        "patch_size": patch_size,
        "dim": dim,
        "depth": len({key.split(".")[1] for key in found if key.startswith("blocks.")}),
        "heads": max(dim // WIDTH_OF_HEAD, 1),
        "mlp_ratio": found[needed[2]].shape[0] / dim,
        "layer_scale": 1.0 if "blocks.0.ls1.gamma" in found else None,
        "class_token": "cls_token" in found,
        "num_registers": prefix - ("cls_token" in found),
        "prefix_positions": prefix == 0 or not has_no_prefix,
        "qkv_bias": "blocks.0.attn.qkv.bias" in found,
        "fc_norm": "fc_norm.weight" in found,
    }

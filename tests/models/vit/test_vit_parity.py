"""The ViT against those of `transformers`, on random weights: ViT, DINOv2, and DINOv2 with registers.

All tokens after the last norm are compared, class token, registers and patches. At another image size the
positions are resampled. timm, whose checkpoints are read here, does it with antialiasing, and so does
`transformers` for DINOv2 with registers; for ViT and plain DINOv2 `transformers` goes without, which gives other
positions. There the test asks for equality with `transformers`' own positions, so that all the rest is compared.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from humotion.models.vit.checkpoint import load_timm_checkpoint
from humotion.models.vit.vit import ViT

transformers = pytest.importorskip("transformers", reason="transformers is not installed (extra dev)")

SIZES: dict[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "image_size": 32,
    "patch_size": 8,
    "layer_norm_eps": 1e-6,
}
OURS: dict[str, Any] = {"patch_size": 8, "dim": 24, "depth": 3, "heads": 3}
NAMES = (  # a pattern of a parameter's name in transformers, and timm's name
    (r"embeddings\.cls_token", "cls_token"),
    (r"embeddings\.register_tokens", "reg_token"),
    (r"embeddings\.position_embeddings", "pos_embed"),
    (r"embeddings\.patch_embeddings\.projection", "patch_embed.proj"),
    (r"(?:encoder\.)?layers?\.(\d+)\.", r"blocks.\1."),
    (r"attention\.([qkv])_proj\.", r"attn.\1."),
    (r"attention\.o_proj\.", "attn.proj."),
    (r"layernorm_before\.", "norm1."),
    (r"layernorm_after\.", "norm2."),
    (r"layer_scale(\d)\.lambda1", r"ls\1.gamma"),
    (r"^layernorm\.", "norm."),
)


def randomised(model: nn.Module) -> nn.Module:
    """Every parameter far from its start, so that none can be forgotten unnoticed."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1.0 if "norm" in name and name.endswith("weight") else 0.0, 0.3, generator=generator)
    return model.eval()


def in_timm_format(model: nn.Module) -> dict[str, Tensor]:
    """The state dict with timm's names: query, key and value are one matrix."""
    renamed = {}
    for key, value in model.state_dict().items():
        for pattern, name in NAMES:
            key = re.sub(pattern, name, key)
        renamed[key] = value
    renamed.pop("embeddings.mask_token", None)
    for key in [key for key in renamed if ".attn.q." in key]:
        parts = [renamed.pop(key.replace(".q.", f".{part}.")) for part in "qkv"]
        renamed[key.replace(".q.", ".qkv.")] = torch.cat(parts)
    return renamed


def patches_alone(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """As timm stores DINOv2 with registers: the class token has its position in it, the registers have none."""
    positions = weights["pos_embed"]
    return {**weights, "cls_token": weights["cls_token"] + positions[:, :1], "pos_embed": positions[:, 1:]}


def all_positions(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same with a position, of zeros, for every register."""
    positions, registers = weights["pos_embed"], weights["reg_token"]
    return {**weights, "pos_embed": torch.cat([positions[:, :1], torch.zeros_like(registers), positions[:, 1:]], 1)}


def loaded(weights: dict[str, Tensor], folder: Path, **arguments: Any) -> ViT:
    """Our model with these weights, through a file."""
    save_file({key: value.contiguous() for key, value in weights.items()}, folder / "vit.safetensors")
    model = ViT(**{**OURS, **arguments}).eval()
    load_timm_checkpoint(model, folder / "vit.safetensors")
    return model


def tokens(model: ViT, images: Tensor) -> Tensor:
    """All tokens after the last norm."""
    found = model.embed_patches(images)
    for block in model.blocks:
        found = block(found)
    return model.norm(found)


def hf_vit() -> nn.Module:
    return randomised(transformers.ViTModel(transformers.ViTConfig(**SIZES, intermediate_size=96), False))


def hf_dinov2() -> nn.Module:
    return randomised(transformers.Dinov2Model(transformers.Dinov2Config(**SIZES)))


def hf_dinov2_with_registers() -> nn.Module:
    config = transformers.Dinov2WithRegistersConfig(**SIZES, num_register_tokens=4)
    return randomised(transformers.Dinov2WithRegistersModel(config))


def assert_same_tokens(ours: ViT, theirs: nn.Module, image_size: int, **options: Any) -> None:
    images = torch.randn(2, 3, image_size, image_size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found, expected = tokens(ours, images), theirs(images, **options).last_hidden_state
        assert expected.std() > 0.1
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
        torch.testing.assert_close(ours(images), expected[:, 0], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "arguments"), [(hf_vit, {}), (hf_dinov2, {"layer_scale": 1.0})], ids=["vit", "dinov2"]
)
def test_tokens_are_those_of_transformers(make: Any, arguments: dict[str, Any], tmp_path: Path) -> None:
    theirs = make()
    assert_same_tokens(loaded(in_timm_format(theirs), tmp_path, image_size=32, **arguments), theirs, 32)


@pytest.mark.parametrize("image_size", [32, 48, 24])
@pytest.mark.parametrize("prefix_positions", [False, True])
def test_registers_are_those_of_transformers(prefix_positions: bool, image_size: int, tmp_path: Path) -> None:
    theirs = hf_dinov2_with_registers()
    weights = in_timm_format(theirs)
    weights = all_positions(weights) if prefix_positions else patches_alone(weights)
    arguments = {"layer_scale": 1.0, "num_registers": 4, "prefix_positions": prefix_positions}
    assert_same_tokens(loaded(weights, tmp_path, image_size=image_size, **arguments), theirs, image_size)


@pytest.mark.parametrize(
    ("make", "arguments", "options"),
    [(hf_vit, {}, {"interpolate_pos_encoding": True}), (hf_dinov2, {"layer_scale": 1.0}, {})],
    ids=["vit", "dinov2"],
)
def test_at_another_size_only_the_resampling_differs(
    make: Any, arguments: dict[str, Any], options: dict[str, Any], tmp_path: Path
) -> None:
    theirs = make()
    ours = loaded(in_timm_format(theirs), tmp_path, image_size=48, **arguments)
    with torch.no_grad():
        positions = theirs.embeddings.interpolate_pos_encoding(torch.zeros(1, 37, 24), 48, 48)
        difference = (ours.pos_embed - positions).abs()
        assert difference[:, 0].max() == 0  # the class token's
        assert 0.01 < difference.max() < 0.5  # antialiased, with its other kernel, or not
        ours.pos_embed.copy_(positions)
    assert_same_tokens(ours, theirs, 48, **options)

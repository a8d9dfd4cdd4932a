"""A ViT whose maps are read: its sizes come from the checkpoint, and the map is that of its patches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from humotion.errors import HumotionError
from humotion.models.vit.frozen import architecture, open_frozen, weights
from humotion.models.vit.vit import ViT

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
VARIANTS: list[dict[str, Any]] = [
    {},
    {"layer_scale": 1e-2, "num_registers": 4},
    {"class_token": False},
    {"class_token": False, "fc_norm": True, "qkv_bias": False},
    {"num_registers": 4, "prefix_positions": False},
    {"prefix_positions": False, "mlp_ratio": 2.0},
]


def tiny(**changes: Any) -> ViT:
    torch.manual_seed(0)
    return ViT(**{"image_size": 32, "patch_size": 8, "dim": 128, "depth": 2, "heads": 2, **changes}).eval()


@pytest.mark.parametrize("changes", VARIANTS)
def test_the_sizes_are_read_from_the_checkpoint(tmp_path: Path, changes: dict[str, Any]) -> None:
    model = tiny(mean=IMAGENET[0], std=IMAGENET[1], **changes)
    save_file(model.state_dict(), tmp_path / "vit.safetensors")
    frozen = open_frozen(tmp_path / "vit.safetensors", 32, None, *IMAGENET)
    frames = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    found, vector = frozen(frames)
    assert (frozen.channels, frozen.stride, found.shape) == (128, 8, (2, 128, 4, 4))
    with torch.no_grad():
        torch.testing.assert_close(vector, model(model.normalise(frames)))


def test_the_map_has_the_patches_where_they_are(tmp_path: Path) -> None:
    """Without blocks and positions, a patch depends on its own pixels alone."""
    model = tiny()
    with torch.no_grad():
        model.pos_embed.zero_()
    save_file(model.state_dict(), tmp_path / "vit.safetensors")
    frozen = open_frozen(tmp_path / "vit.safetensors", 32, 0, *IMAGENET)
    frames = torch.full((2, 3, 32, 32), 128, dtype=torch.uint8)
    frames[1, :, 8:16, 24:32] = torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8)  # row 1, column 3
    plain, changed = frozen(frames)[0]
    differs = (plain - changed).abs().amax(0) > 1e-4
    assert differs.nonzero().tolist() == [[1, 3]]


def test_inner_blocks_pass_the_last_norm(tmp_path: Path) -> None:
    model = tiny()
    save_file(model.state_dict(), tmp_path / "vit.safetensors")
    frames = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    maps = [open_frozen(tmp_path / "vit.safetensors", 32, depth, *IMAGENET)(frames)[0] for depth in (1, 2, None)]
    assert not torch.allclose(maps[0], maps[1], atol=1e-2)
    torch.testing.assert_close(maps[1], maps[2])
    torch.testing.assert_close(maps[0].mean(1), torch.zeros(1, 4, 4), atol=1e-5, rtol=0)
    with pytest.raises(HumotionError, match="depth is 3, but the ViT has 2 blocks"):
        open_frozen(tmp_path / "vit.safetensors", 32, 3, *IMAGENET)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="needs `weights` of the layer"):
        weights(None)
    with pytest.raises(HumotionError, match=r"There is no checkpoint .*absent\.pth"):
        weights(tmp_path / "absent.pth")
    with pytest.raises(HumotionError, match=r"not of a ViT with timm's names: it has no patch_embed\.proj\.weight"):
        architecture({"pos_embed": torch.zeros(1)})
    save_file(tiny().state_dict(), tmp_path / "vit.safetensors")
    with pytest.raises(HumotionError, match="image_size is 100, which is not a multiple"):
        open_frozen(tmp_path / "vit.safetensors", 100, None, *IMAGENET)


def test_the_pretrained_vit_is_a_vit_s_14(real_data: Path) -> None:
    path = real_data / "weights" / "vit_small_patch14_dinov2_saliency.fp16.safetensors"
    if not path.exists():
        pytest.skip(f"no {path}")
    frozen = open_frozen(path, 112, None, *IMAGENET)
    assert (frozen.channels, frozen.stride, len(frozen.network.blocks)) == (384, 14, 12)
    found, vector = frozen(torch.zeros(1, 3, 112, 112, dtype=torch.uint8))
    assert found.shape == (1, 384, 8, 8) and torch.isfinite(found).all() and torch.isfinite(vector).all()

"""The plain ViT, its baseline classifier, and loading timm's checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from humotion.errors import HumotionError
from humotion.models.vit.checkpoint import load_timm_checkpoint, resample_positions
from humotion.models.vit.transformer import DropPath
from humotion.models.vit.vit import FrameAveragedViT, ViT

TINY: dict[str, Any] = {"image_size": 32, "patch_size": 8, "dim": 24, "depth": 2, "heads": 3}


def no_padding(clips: int, num_frames: int) -> Tensor:
    """(clips, num_frames), all real."""
    return torch.zeros(clips, num_frames, dtype=torch.bool)


def by_hand(model: ViT, image: Tensor) -> Tensor:
    """A depth-1 ViT on one image (3, H, W), written out from its parameters."""
    p = dict(model.named_parameters())
    x = F.conv2d(image[None], p["patch_embed.proj.weight"], p["patch_embed.proj.bias"], stride=8)[0]
    x = torch.cat([p["cls_token"][0], x.flatten(1).T]) + p["pos_embed"][0]  # (N, C)
    y = F.layer_norm(x, (24,), p["blocks.0.norm1.weight"], p["blocks.0.norm1.bias"], 1e-6)
    qkv = y @ p["blocks.0.attn.qkv.weight"].T + p["blocks.0.attn.qkv.bias"]
    heads = []
    for head in range(3):
        q, k, v = (qkv[:, part * 24 + head * 8 : part * 24 + (head + 1) * 8] for part in range(3))
        heads.append(torch.softmax(q @ k.T / 8**0.5, -1) @ v)
    x = x + torch.cat(heads, 1) @ p["blocks.0.attn.proj.weight"].T + p["blocks.0.attn.proj.bias"]
    y = F.layer_norm(x, (24,), p["blocks.0.norm2.weight"], p["blocks.0.norm2.bias"], 1e-6)
    y = F.gelu(y @ p["blocks.0.mlp.fc1.weight"].T + p["blocks.0.mlp.fc1.bias"])
    x = x + y @ p["blocks.0.mlp.fc2.weight"].T + p["blocks.0.mlp.fc2.bias"]
    return F.layer_norm(x, (24,), p["norm.weight"], p["norm.bias"], 1e-6)[0]


def test_forward_is_what_its_parameters_say() -> None:
    torch.manual_seed(0)
    model = ViT(**{**TINY, "depth": 1})
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    image = torch.randn(3, 32, 32)
    torch.testing.assert_close(model(image[None])[0], by_hand(model, image), rtol=1e-4, atol=1e-4)


def test_vit_b_has_the_published_size() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in ViT().parameters()) == 85_798_656


def test_leading_axes_do_not_matter() -> None:
    model = ViT(**TINY, class_token=False, layer_scale=0.1)
    images = torch.randn(2, 3, 3, 32, 32)
    torch.testing.assert_close(model(images).flatten(0, 1), model(images.flatten(0, 1)))


def test_drop_path_drops_whole_clips_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropped = DropPath(0.5).train()(torch.ones(4000, 3, 2))
    assert all(len(clip.unique()) == 1 for clip in dropped)
    assert dropped.mean() == pytest.approx(1, abs=0.1)
    assert (DropPath(0.5).eval()(torch.ones(4, 3)) == 1).all()


def test_sizes_that_do_not_divide_are_refused() -> None:
    with pytest.raises(HumotionError, match="image_size is 30"):
        ViT(**{**TINY, "image_size": 30})
    with pytest.raises(HumotionError, match="heads 5"):
        ViT(**{**TINY, "heads": 5})


def test_clip_embedding_is_the_mean_over_real_centre_frames() -> None:
    model = FrameAveragedViT(num_classes=4, **TINY).eval()
    frames = torch.randn(2, 3, 3, 3, 32, 32)
    padding = torch.tensor([[False, False, True], [False, False, False]])
    images = frames[:, :, 1]
    expected = torch.stack([model.backbone(images[0, :2]).mean(0), model.backbone(images[1]).mean(0)])
    torch.testing.assert_close(model.embed(frames, padding), expected)
    torch.testing.assert_close(model(frames, padding), model.head(expected))


def test_normalise_uses_the_given_statistics() -> None:
    white = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    assert ViT(**TINY).normalise(white).unique().tolist() == [1]
    imagenet = ViT(**TINY, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)).normalise(white)
    torch.testing.assert_close(imagenet[0, :, 0, 0], torch.tensor([2.2489, 2.4286, 2.6400]), rtol=0, atol=1e-4)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_checkpoint_round_trips_without_its_classifier(
    tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = ViT(**TINY), ViT(**TINY)
    weights = {**source.state_dict(), "head.weight": torch.zeros(1000, 24), "head.bias": torch.zeros(1000)}
    path = tmp_path / f"vit{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save({"model": weights}, path)
    load_timm_checkpoint(target, path)
    number = len(source.state_dict())
    told = f"{path}: {number} tensors loaded; its classifier is left out (2 tensors head.*)"
    assert capsys.readouterr().out.strip() == told
    larger = {**TINY, "image_size": 64}
    load_timm_checkpoint(ViT(**larger), path)
    before, after = ((size["image_size"] // size["patch_size"]) ** 2 for size in (TINY, larger))
    resampled = f"; its positions are resampled from {before} to {after} patches"
    assert capsys.readouterr().out.strip() == told + resampled
    image = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(target(image), source(image))


def test_keys_that_do_not_fit_are_named(tmp_path: Path) -> None:
    weights = ViT(**TINY).state_dict()
    del weights["norm.bias"]
    weights["cls_token_of_teacher"] = torch.zeros(1)
    weights["blocks.0.attn.qkv.weight"] = torch.zeros(3, 3)
    save_file(weights, tmp_path / "vit.safetensors")
    with pytest.raises(HumotionError) as caught:
        load_timm_checkpoint(ViT(**TINY), tmp_path / "vit.safetensors")
    for part in ("missing norm.bias", "unexpected cls_token_of_teacher", "blocks.0.attn.qkv.weight is (3, 3)"):
        assert part in str(caught.value)
    with pytest.raises(HumotionError, match="no checkpoint"):
        load_timm_checkpoint(ViT(**TINY), tmp_path / "absent.safetensors")


def test_positions_are_resampled_and_the_class_token_kept() -> None:
    ramp = torch.arange(8.0)[None, :].expand(8, 8).reshape(1, 64, 1)
    positions = torch.cat([torch.full((1, 1, 1), 99.0), ramp], 1)
    small = resample_positions(positions, 17, 1)
    assert small.shape == (1, 17, 1)
    assert small[0, 0] == 99
    grid = small[0, 1:].view(4, 4)
    torch.testing.assert_close(grid, grid[:1].expand(4, 4))  # still constant along columns
    torch.testing.assert_close(grid[0, 1:3], torch.tensor([2.5, 4.5]), atol=0.1, rtol=0)
    assert resample_positions(positions, 65, 1) is positions


def test_a_real_checkpoint_loads_at_another_image_size(real_data: Path) -> None:
    model = ViT(image_size=112, patch_size=14, dim=384, depth=12, heads=6, layer_scale=1e-5).eval()
    load_timm_checkpoint(model, real_data / "weights" / "vit_small_patch14_dinov2_saliency.fp16.safetensors")
    with torch.inference_mode():
        embeddings = model(torch.randn(2, 3, 112, 112))
    assert torch.isfinite(embeddings).all()
    assert model.blocks[5].ls1.gamma.std() > 1e-3


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ({"num_registers": 4}, {}, ["unexpected reg_token", "pos_embed is (1, 21, 24), the model has (1, 17, 24)"]),
        ({}, {"num_registers": 4}, ["missing reg_token"]),
        ({"prefix_positions": False}, {}, ["pos_embed is (1, 16, 24), the model has (1, 17, 24)"]),
        ({}, {"prefix_positions": False}, ["pos_embed is (1, 17, 24), the model has (1, 16, 24)"]),
        ({"qkv_bias": False}, {}, ["missing blocks.0.attn.qkv.bias"]),
        ({"fc_norm": True}, {}, ["unexpected fc_norm.weight", "missing norm.weight"]),
        ({"layer_scale": 1.0}, {}, ["unexpected blocks.1.ls2.gamma"]),
        ({"class_token": False}, {}, ["missing cls_token"]),
        ({"mlp_ratio": 3.0}, {}, ["blocks.0.mlp.fc1.weight is (72, 24), the model has (96, 24)"]),
    ],
)
def test_what_a_checkpoint_has_is_asked_for_and_not_guessed(
    source: dict[str, Any], target: dict[str, Any], told: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "vit.safetensors"
    save_file(ViT(**TINY, **source).state_dict(), path)
    with pytest.raises(HumotionError) as caught:
        load_timm_checkpoint(ViT(**TINY, **target), path)
    for part in (*told, *source):
        assert part in str(caught.value)
    load_timm_checkpoint(ViT(**TINY, **source), path)


@pytest.mark.parametrize(
    ("key", "kind"),
    [("norm_pre.weight", "CLIP"), ("attn_pool.q.weight", "SigLIP"), ("blocks.0.attn.q_norm.weight", "queries")],
)
def test_another_kind_of_vit_is_refused_by_name(key: str, kind: str, tmp_path: Path) -> None:
    save_file({**ViT(**TINY).state_dict(), key: torch.ones(24)}, tmp_path / "vit.safetensors")
    with pytest.raises(HumotionError, match=rf"{kind}.* it has {key}"):
        load_timm_checkpoint(ViT(**TINY), tmp_path / "vit.safetensors")


def test_positions_belong_to_the_tokens_they_are_for() -> None:
    images = torch.randn(2, 3, 32, 32)
    with_all = ViT(**TINY, num_registers=2)
    tokens = with_all.embed_patches(images)
    assert with_all.num_prefix == 3 and tokens.shape == (2, 19, 24)
    torch.testing.assert_close(tokens[0, 1:3], with_all.reg_token[0] + with_all.pos_embed[0, 1:3])
    alone = ViT(**TINY, num_registers=2, prefix_positions=False)
    tokens = alone.embed_patches(images)
    torch.testing.assert_close(tokens[1, :1], alone.cls_token[0])
    torch.testing.assert_close(tokens[1, 1:3], alone.reg_token[0])
    torch.testing.assert_close(tokens[:, 3:], alone.patch_embed(images) + alone.pos_embed)


def test_embedding_without_class_token_is_the_mean_of_patches_alone() -> None:
    tokens = 3 + 2 * torch.randn(2, 18, 24)
    mean_of_normed = ViT(**TINY, class_token=False, num_registers=2).pool(tokens)
    torch.testing.assert_close(mean_of_normed, F.layer_norm(tokens, (24,), eps=1e-6)[:, 2:].mean(1))
    normed_mean = ViT(**TINY, num_registers=1, fc_norm=True).pool(tokens)
    torch.testing.assert_close(normed_mean, F.layer_norm(tokens[:, 2:].mean(1), (24,), eps=1e-6))
    assert not torch.allclose(mean_of_normed, normed_mean, atol=1e-2)


@pytest.mark.parametrize("rates", [{}, {"drop_path": 0.5, "dropout": 0.2}])
def test_checkpointing_changes_no_gradient(rates: dict[str, float]) -> None:
    torch.manual_seed(0)
    model = ViT(**{**TINY, "depth": 4}, **rates).train()
    images = torch.randn(6, 3, 32, 32)
    kept = []
    for model.checkpointing in (False, True):
        torch.manual_seed(1)
        model.zero_grad()
        output = model(images)
        output.square().sum().backward()
        kept.append([output.detach(), *(parameter.grad.clone() for parameter in model.parameters())])
    torch.testing.assert_close(kept[0], kept[1], rtol=0, atol=0)
    if rates:
        torch.manual_seed(2)
        assert not torch.equal(model(images), kept[0][0])  # something was drawn


def test_checkpointing_keeps_fewer_tensors_and_only_in_training() -> None:
    model = ViT(**{**TINY, "depth": 4})
    images = torch.randn(6, 3, 32, 32)

    def saved() -> int:
        kept: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
            model(images)
        return sum(kept)

    without = saved()
    model.checkpointing = True
    assert saved() < without / 3
    assert saved() < without / 3  # asking again finds the same
    model.eval()
    assert saved() == without
    assert "checkpointing" not in model.state_dict()


def test_attention_is_one_fused_call_a_block() -> None:
    exported = torch.export.export(ViT(**TINY).eval(), (torch.randn(1, 3, 32, 32),))
    calls = [str(node.target) for node in exported.graph.nodes]
    assert calls.count("aten.scaled_dot_product_attention.default") == TINY["depth"]
    assert "aten.softmax.int" not in calls

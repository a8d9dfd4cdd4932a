"""What is seen of a clip, beside what the model does, which stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from humotion.models.pose_machine.lstm_pm import LSTMPoseMachine
from humotion.models.vit.ls_vit import LSViT, Setting
from humotion.models.vit.vit import FrameAveragedViT
from humotion.tasks.action_recognition.evaluation.clip_maps import clip_maps, has_clip_maps

TINY: dict[str, Any] = {"image_size": 32, "patch_size": 8, "dim": 24, "depth": 2, "heads": 3}
SETTINGS: list[Setting] = ["reference", "default"]


def build(setting: Setting, *, stirred: bool = True, **sizes: Any) -> LSViT:
    torch.manual_seed(0)
    model = LSViT(5, setting, num_frames=6, **{**TINY, **sizes}).eval()
    if stirred:
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.3)
    return model


def real(clips: int, num_frames: int) -> Tensor:
    return torch.zeros(clips, num_frames, dtype=torch.bool)


def square(num_frames: int, top: int, neighbours: int = 3) -> Tensor:
    """A grey clip (1, T, K, 3, 32, 32) in [-1, 1], on which a white square moves right by a pixel a raw frame."""
    frames = torch.zeros(1, num_frames, neighbours, 3, 32, 32)
    for number in range(num_frames):
        for raw in range(neighbours):
            left = 4 + 3 * number + raw
            frames[0, number, raw, :, top : top + 6, left : left + 6] = 1
    return frames


@pytest.mark.parametrize("class_token", [True, False])
@pytest.mark.parametrize("setting", SETTINGS)
def test_looking_changes_nothing_and_leaves_no_hooks(setting: Setting, class_token: bool) -> None:
    model = build(setting, class_token=class_token)
    frames, padding = torch.randn(2, 4, 3, 3, 32, 32), real(2, 4)
    padding[1, 3] = True
    with torch.no_grad():
        before = model(frames, padding)
        seen = clip_maps(model, frames, padding)
        assert torch.equal(model(frames, padding), before)
    assert not any(module._forward_hooks for module in model.modules())
    assert seen.attention.shape == (2, 4, 4, 4)
    torch.testing.assert_close(seen.attention.sum((2, 3)), torch.ones(2, 4))
    side = {"reference": 32, "default": 16}[setting]  # the default takes differences of frames pooled by 2
    assert seen.motion is not None and seen.motion.shape == (2, 4, side, side)
    assert seen.gates is not None and seen.gates.shape == (2, 4, 4, 4)


def test_hooks_go_when_the_model_fails() -> None:
    model = build("default")
    with pytest.raises(RuntimeError):
        clip_maps(model, torch.randn(1, 4, 3, 3, 24, 24), real(1, 4))
    assert not any(module._forward_hooks for module in model.modules())


def test_a_plain_vit_has_attention_alone_and_a_pose_machine_nothing() -> None:
    plain = FrameAveragedViT(5, **TINY).eval()
    seen = clip_maps(plain, torch.randn(1, 2, 1, 3, 32, 32), real(1, 2))
    assert has_clip_maps(plain)
    assert seen.motion is None and seen.gates is None
    assert seen.attention.shape == (1, 2, 4, 4)
    assert not has_clip_maps(LSTMPoseMachine(num_joints=3, input_size=32, width=0.05))


def test_maps_are_of_the_frames_themselves_where_motion_frames_are_looked_at_too() -> None:
    frames, padding = torch.randn(2, 4, 3, 3, 32, 32), real(2, 4)
    with torch.no_grad():
        alone, together = (clip_maps(build("default", motion_frames=more), frames, padding) for more in (0, 2))
    assert together.attention.shape == alone.attention.shape
    assert torch.equal(together.motion, alone.motion)  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", SETTINGS)
def test_gates_are_what_the_tokens_are_multiplied_with(setting: Setting) -> None:
    model = build(setting)
    frames, padding = torch.randn(1, 4, 3, 3, 32, 32), real(1, 4)
    sizes: list[Tensor] = []
    handles = [
        module.register_forward_hook(
            lambda _, inputs, output: sizes.append((output / inputs[0] - 1).abs().mean(-1)[..., 1:])
        )
        for module in model.lmi
    ]
    with torch.no_grad():
        model(frames, padding)
        for handle in handles:
            handle.remove()
        seen = clip_maps(model, frames, padding).gates
    assert seen is not None
    torch.testing.assert_close(seen.flatten(2), torch.stack(sizes).mean(0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_static_clip_has_no_motion(setting: Setting) -> None:
    still = torch.randn(1, 1, 1, 3, 32, 32).expand(1, 4, 3, 3, 32, 32)
    seen = clip_maps(build(setting), still, real(1, 4))
    assert seen.motion is not None and not seen.motion.any()


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_moving_square_lights_what_it_crosses(setting: Setting) -> None:
    seen = clip_maps(build(setting), square(5, top=18), real(1, 5))
    assert seen.motion is not None
    motion = nn.functional.interpolate(seen.motion[0, :, None], size=(32, 32), mode="nearest")[:, 0]
    crossed = torch.zeros(32, 32, dtype=torch.bool)
    crossed[18:24, 4:26] = True
    assert not motion[:, ~crossed].any()
    assert (motion[:, 18:24].amax((1, 2)) > 0.05).all(), "in every frame"


def test_motion_is_a_fraction_of_the_full_range() -> None:
    seen = clip_maps(build("default"), square(5, top=18), real(1, 5))
    assert seen.motion is not None
    # From grey to white is half of the range. Columns 4 and 5, pooled, are covered, half covered, and free again.
    assert seen.motion[0, 0, 10, 2].item() == pytest.approx(0.25, rel=1e-3)

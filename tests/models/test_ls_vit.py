"""LS-ViT: the course's size and defects, the default's step 0, motion, padding and the direction of time."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from humotion.errors import HumotionError
from humotion.models.ls_vit import LMI, SMIF, LSViT, ReferenceSMIF, Setting
from humotion.models.vit import FrameAveragedViT

TINY: dict[str, Any] = {"image_size": 16, "patch_size": 8, "dim": 24, "depth": 2, "heads": 3}
SETTINGS: list[Setting] = ["reference", "default"]


def build(setting: Setting, *, stirred: bool = True, **sizes: Any) -> LSViT:
    """A tiny LS-ViT; stirred, none of its factors is zero, so that motion reaches the logits."""
    torch.manual_seed(0)
    model = LSViT(5, setting, num_frames=8, **{**TINY, **sizes}).eval()
    if stirred:
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model


def real(clips: int, num_frames: int) -> Tensor:
    """(clips, num_frames), no padding."""
    return torch.zeros(clips, num_frames, dtype=torch.bool)


def test_reference_has_the_course_s_size() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in LSViT(51, "reference").parameters()) == 90_282_325


def test_default_equals_the_plain_vit_at_step_zero() -> None:
    model = build("default", stirred=False)
    plain = FrameAveragedViT(5, **TINY).eval()
    plain.load_state_dict({key: model.state_dict()[key] for key in plain.state_dict()})
    frames, padding = torch.randn(2, 6, 3, 3, 16, 16), real(2, 6)
    torch.testing.assert_close(model(frames, padding), plain(frames, padding))


def test_default_learns_motion_from_the_first_step_and_all_of_it_from_the_second() -> None:
    model = build("default", stirred=False).train()
    frames, padding = torch.randn(2, 6, 3, 3, 16, 16), real(2, 6)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    model(frames, padding).square().sum().backward()
    assert model.smif.fuse.weight.grad.any()  # type: ignore[union-attr]
    assert all(lmi.expand.weight.grad.any() for lmi in model.lmi)  # type: ignore[union-attr]
    optimiser.step()
    optimiser.zero_grad()
    model(frames, padding).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad[:6].any()] == []


@pytest.mark.parametrize("setting", SETTINGS)
def test_padded_frames_change_nothing(setting: Setting) -> None:
    model = build(setting)
    frames = torch.randn(2, 6, 3, 3, 16, 16)
    padding = torch.tensor([[False] * 4 + [True] * 2] * 2)
    other = frames.clone()
    other[:, 4:] = 7 * torch.randn(2, 2, 3, 3, 16, 16)
    logits = model(frames, padding)
    torch.testing.assert_close(model(other, padding), logits)
    torch.testing.assert_close(model(frames[:, :4], real(2, 4)), logits)
    assert (model(frames, real(2, 6)) - logits).abs().max() > 1e-3


@pytest.mark.parametrize("setting", SETTINGS)
def test_one_frame_is_enough(setting: Setting) -> None:
    assert build(setting)(torch.randn(2, 1, 3, 3, 16, 16), real(2, 1)).isfinite().all()


def test_a_static_clip_has_no_motion() -> None:
    still = torch.randn(1, 1, 1, 3, 16, 16).expand(2, 5, 3, 3, 16, 16)
    smif = build("default").smif
    assert isinstance(smif, SMIF)
    assert not smif.motion(still).any()
    torch.testing.assert_close(smif(still, real(2, 5)), still[:, :, 1])
    assert not ReferenceSMIF().motion(still[:, :, 1], real(2, 5)).any()
    tokens = torch.randn(2, 1, 4, 24).expand(2, 5, 4, 24)
    assert LMI(24, 5, 4).motion(tokens, real(2, 5)).abs().max() < 1e-5


def test_default_motion_is_signed_and_fades_below_the_threshold() -> None:
    smif = SMIF(3, torch.full((3, 1, 1), 0.5))
    frames = torch.zeros(1, 1, 3, 3, 4, 4)
    frames[:, :, 1], frames[:, :, 2] = 0.5, 0.499
    before, after = smif.motion(frames)[0, 0, :, 0, 0, 0].tolist()
    assert before == pytest.approx(0.5, rel=1e-4)
    assert after == pytest.approx(-0.001 * torch.tensor(-2.45).sigmoid().item(), rel=1e-3)


def test_reference_motion_by_hand() -> None:
    frames = torch.tensor([0.0, 0.04, 0.4]).view(1, 3, 1, 1, 1).expand(1, 3, 3, 2, 2)
    motion = ReferenceSMIF().motion(frames, real(1, 3))[0, :, 0, 0, 0]
    # |x1-x0| + |x2-x0|, |x1-x0| + |x2-x1|, |x2-x1| + |x2-x0|, each over 2
    torch.testing.assert_close(motion, torch.tensor([0.22, 0.20, 0.38]))
    slow = ReferenceSMIF().motion(frames / 10, real(1, 3))
    assert not slow.any()  # all at or below 0.05


def test_lmi_is_a_sum_over_all_segments() -> None:
    torch.manual_seed(0)
    lmi, tokens = LMI(8, 4, 4), torch.randn(1, 4, 3, 8)
    padding = torch.tensor([[False, False, False, True]])
    z = lmi.reduce(lmi.norm(tokens))[0]
    expected = torch.zeros(4, 3, 2)
    for t in range(4):
        for s in range(3):  # the last segment is padding
            expected[t] += lmi.kernel[s - t + 3] * (z[s] - z[t])
    torch.testing.assert_close(lmi.motion(tokens, padding)[0], expected)


def test_time_has_a_direction_in_default_only() -> None:
    frames, padding = torch.rand(1, 6, 1, 3, 16, 16), real(1, 6)
    reference = build("reference")
    torch.testing.assert_close(reference(frames.flip(1), padding), reference(frames, padding))
    model, clips = build("default"), torch.randn(1, 6, 3, 3, 16, 16)
    torch.nn.init.zeros_(model.temporal_embed)  # type: ignore[arg-type]
    torch.nn.init.zeros_(model.smif.fuse.weight)  # type: ignore[union-attr, arg-type]
    assert (model(clips.flip(1), padding) - model(clips, padding)).abs().max() > 1e-3


def test_unfit_sizes_are_refused() -> None:
    with pytest.raises(HumotionError, match="odd number"):
        build("default", num_neighbours=2)
    with pytest.raises(HumotionError, match="num_frames"):
        build("default")(torch.randn(1, 9, 3, 3, 16, 16), real(1, 9))

"""LS-ViT: sizes, step 0, every option by itself, padding, and the direction of time."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from humotion.errors import HumotionError
from humotion.models.vit.lmi import LMI, ReferenceLMI
from humotion.models.vit.ls_vit import LSViT
from humotion.models.vit.motion_frames import evenly_spaced, motion_images
from humotion.models.vit.motion_options import PRESETS, Setting, resolve
from humotion.models.vit.smif import SMIF, halve
from humotion.models.vit.vit import FrameAveragedViT
from humotion.params.models.vit import LSViTParams

TINY: dict[str, Any] = {"image_size": 24, "patch_size": 8, "dim": 24, "depth": 3, "heads": 3}
IMAGENET: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
SETTINGS: list[Setting] = ["reference", "default"]
NOTHING: dict[str, Any] = {"smif": "none", "lmi": "none", "temporal_position": False}
CHANGES: list[dict[str, Any]] = [
    {},
    {"smif": "none"},
    {"smif": "reference"},
    {"smif": "default"},
    {"lmi": "none"},
    {"lmi": "reference"},
    {"lmi": "default"},
    {"identity_start": True},
    {"identity_start": False},
    {"raw_neighbours": True},
    {"raw_neighbours": False},
    {"bounded_gates": True},
    {"bounded_gates": False},
    {"lmi_reach": 1},
    {"lmi_reach": 2},
    {"lmi_reach": "all"},
    {"lmi_every": 1},
    {"lmi_every": 3},
    {"temporal_position": True},
    {"temporal_position": False},
    {"motion_embed": True},
    {"motion_embed": False},
    {"motion_frames": 2},
    {"motion_frames": 2, "raw_neighbours": False},
    {"class_token": False},
    {"num_registers": 2},
    {"num_neighbours": 5},
]
each_change = pytest.mark.parametrize("change", CHANGES, ids=str)
each_setting = pytest.mark.parametrize("setting", SETTINGS)


def build(setting: Setting, *, stirred: bool = True, **sizes: Any) -> LSViT:
    """A tiny LS-ViT; stirred, none of its factors is zero, so that motion reaches the logits."""
    torch.manual_seed(0)
    model = LSViT(5, setting, num_frames=8, **{**TINY, **sizes}).eval()
    if stirred:
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model


def clips(num_clips: int, num_frames: int, num_neighbours: int = 3) -> Tensor:
    """Frames (B, T, K, 3, H, W) with values as pixels have them at mean = std = 0.5."""
    return torch.rand(num_clips, num_frames, num_neighbours, 3, 24, 24) * 2 - 1


def real(num_clips: int, num_frames: int) -> Tensor:
    """(num_clips, num_frames), no padding."""
    return torch.zeros(num_clips, num_frames, dtype=torch.bool)


def num_parameters(**sizes: Any) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in LSViT(51, **sizes).parameters())


def test_sizes_at_vit_b_16() -> None:
    plain = 85_798_656 + 39_219  # ViT-B/16 and the classifier
    assert num_parameters(setting="reference") == 90_282_325
    assert num_parameters(**NOTHING) == plain
    lmi = 6 * (768 * 48 + 4 * 48 * 48 + 48 * 768)  # behind every second block
    assert num_parameters(lmi="default", smif="none", temporal_position=False) == plain + lmi
    smif, motion_embed, positions = 6 * 8 * 9 + 8 * 3, 16 * 768, 16 * 768
    assert num_parameters() == plain + lmi + smif + motion_embed + positions == 86_360_571


@each_setting
def test_with_everything_off_it_is_the_plain_vit(setting: Setting) -> None:
    model, plain = build(setting, **NOTHING), FrameAveragedViT(5, **TINY).eval()
    plain.load_state_dict(model.state_dict())  # no key more, none less
    frames = clips(2, 4, 1)
    assert model.num_neighbours == 1
    assert torch.equal(model(frames, real(2, 4)), plain(frames, real(2, 4)))


@pytest.mark.parametrize("statistics", [{}, IMAGENET], ids=["half", "imagenet"])
@each_setting
@each_change
def test_it_starts_as_the_plain_vit_where_it_is_to(
    setting: Setting, change: dict[str, Any], statistics: dict[str, Any]
) -> None:
    model = build(setting, stirred=False, **change, **statistics)
    sizes = {name: value for name, value in change.items() if name in ("class_token", "num_registers")}
    plain = FrameAveragedViT(5, **TINY, **sizes, **statistics).eval()
    weights = {key: model.state_dict()[key] for key in plain.state_dict()}
    plain.load_state_dict({**weights, "head.weight": weights["head.weight"][:, : TINY["dim"]]})
    pixels = torch.randint(256, (2, 6, model.num_neighbours, 3, 24, 24), dtype=torch.uint8)
    frames, padding = model.normalise(pixels), real(2, 6)
    difference = (model(frames, padding) - plain(frames, padding)).abs().max()
    assert (difference < 1e-5) == model.options.identity_start


def test_the_presets_differ_in_identity_start() -> None:
    assert (PRESETS["default"].identity_start, PRESETS["reference"].identity_start) == (True, False)


@each_setting
@each_change
def test_every_option_goes_forward_and_backward(setting: Setting, change: dict[str, Any]) -> None:
    model = build(setting, **change).train()
    frames = clips(2, 5, model.num_neighbours)
    model(frames, real(2, 5)).square().sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert without == []
    assert model(frames[:, :1], real(2, 1)).isfinite().all()


@each_setting
@each_change
def test_padded_frames_change_nothing(setting: Setting, change: dict[str, Any]) -> None:
    model = build(setting, **change)
    frames = clips(2, 6, model.num_neighbours)
    padding = torch.tensor([[False] * 4 + [True] * 2] * 2)
    other = frames.clone()
    other[:, 4:] = 3 * clips(2, 2, model.num_neighbours)
    logits = model(frames, padding)
    torch.testing.assert_close(model(other, padding), logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model(frames[:, :4], real(2, 4)), logits, rtol=1e-4, atol=1e-5)
    assert (model(frames, real(2, 6)) - logits).abs().max() > 1e-3


def test_default_learns_motion_from_the_first_step_and_all_of_it_from_the_second() -> None:
    model = build("default", stirred=False).train()
    frames, padding = clips(2, 6), real(2, 6)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    model(frames, padding).square().sum().backward()
    assert model.smif.fuse.weight.grad.any()  # type: ignore[union-attr]
    assert model.motion_embed.embed.weight.grad.any()  # type: ignore[union-attr]
    assert all(lmi.expand.weight.grad.any() for lmi in model.lmi)  # type: ignore[union-attr]
    optimiser.step()
    optimiser.zero_grad()
    model(frames, padding).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad[:6].any()] == []


@each_setting
def test_checkpointing_changes_no_gradient(setting: Setting) -> None:
    model, frames = build(setting, drop_path=0.5).train(), clips(2, 4)
    gradients = []
    for model.backbone.checkpointing in (False, True):
        model.zero_grad()
        torch.manual_seed(3)
        model(frames, real(2, 4)).square().sum().backward()
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(list(model.parameters()))
    torch.testing.assert_close(gradients[1], gradients[0])


@pytest.mark.parametrize("variant", ["reference", "default"])
@pytest.mark.parametrize("raw", [True, False])
def test_a_static_clip_has_no_motion(variant: Any, raw: bool) -> None:
    still = torch.randn(1, 1, 1, 3, 24, 24).expand(2, 5, 3, 3, 24, 24)
    model = build("default", smif=variant, lmi=variant, raw_neighbours=raw)
    assert model.smif is not None and model.motion_embed is not None
    motion = model.smif.motion(still, real(2, 5))
    assert not motion.any()
    assert not model.motion_embed(motion).any()
    tokens = torch.randn(2, 1, 10, 24).expand(2, 5, 10, 24)
    for dtype in (torch.float32, torch.bfloat16):
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            lmi: Any = model.lmi[0]
            assert not lmi.motion(tokens, real(2, 5)).any()
            assert variant == "reference" or torch.equal(lmi(tokens, real(2, 5)), tokens)


def test_default_is_the_frame_itself_where_nothing_moves() -> None:
    still = clips(1, 1, 1).expand(2, 5, 3, 3, 24, 24)
    smif = build("default").smif
    assert smif is not None
    assert torch.equal(smif(still[:, :, 1], smif.motion(still, real(2, 5))), still[:, :, 1])


def test_default_motion_is_signed_and_fades_below_the_threshold() -> None:
    smif = SMIF(3, torch.full((3, 1, 1), 0.5))
    frames = torch.zeros(1, 1, 3, 3, 5, 5)
    frames[:, :, 1], frames[:, :, 2] = 0.5, 0.499
    motion = smif.motion(frames, real(1, 1))
    assert motion.shape == (1, 1, 2, 3, 2, 2)  # halved
    before, after = motion[0, 0, :, 0, 1, 1].tolist()
    assert before == pytest.approx(0.5, rel=1e-4)
    assert after == pytest.approx(-0.001 * torch.tensor(-2.45).sigmoid().item(), rel=1e-3)


def test_frames_are_halved_by_means_over_two_by_two() -> None:
    frames = torch.randn(2, 3, 6, 8)
    torch.testing.assert_close(halve(frames), F.avg_pool2d(frames, 2))
    assert halve(frames[..., :5, :7]).shape == (2, 3, 2, 3)


def test_motion_between_sampled_frames_ends_at_padding() -> None:
    smif = SMIF(3, torch.full((3, 1, 1), 0.5), raw_neighbours=False)
    frames = torch.tensor([0.0, 1.0, 3.0, 7.0]).view(1, 4, 1, 1, 1, 1).expand(1, 4, 1, 3, 4, 4)
    motion = smif.motion(frames, torch.tensor([[False, False, False, True]]))[0, :, :, 0, 0, 0]
    torch.testing.assert_close(motion, torch.tensor([[0.0, 1.0], [1.0, 2.0], [2.0, 0.0], [0.0, 0.0]]))


def test_reference_motion_by_hand() -> None:
    smif: Any = build("reference").smif
    frames = torch.tensor([0.0, 0.04, 0.4]).view(1, 3, 1, 1, 1, 1).expand(1, 3, 1, 3, 2, 2)
    motion = smif.motion(frames, real(1, 3))[0, :, 0, 0, 0, 0]
    # |x1-x0| + |x2-x0|, |x1-x0| + |x2-x1|, |x2-x1| + |x2-x0|, each over 2
    torch.testing.assert_close(motion, torch.tensor([0.22, 0.20, 0.38]))
    assert not smif.motion(frames / 10, real(1, 3)).any()  # all at or below 0.05
    raw: Any = build("reference", raw_neighbours=True).smif
    neighbours = frames.transpose(1, 2)  # the same three as the neighbours of one sampled frame
    assert raw.motion(neighbours, real(1, 1)).flatten()[0] == pytest.approx(0.04 + 0.36)


@each_setting
def test_raw_neighbours_are_read_where_they_are_asked_for_only(setting: Setting) -> None:
    for raw, num_neighbours in ((True, 3), (False, 1)):
        model = build(setting, raw_neighbours=raw)
        assert model.num_neighbours == num_neighbours
        frames = clips(1, 4)
        other = frames.clone()
        other[:, :, 0] = clips(1, 4)[:, :, 0]
        assert torch.equal(model(other, real(1, 4)), model(frames, real(1, 4))) != raw


def expected_motion(lmi: LMI, tokens: Tensor, is_padding: Tensor, reach: int) -> Tensor:
    """The motion of one clip, (T, M, D*R), a segment and a cell at a time; a 3 x 3 grid behind one prefix token."""
    cells = [[0], [1, 2, 4, 5], [3, 6], [7, 8], [9]]
    pooled = torch.stack([tokens[:, cell].mean(1) for cell in cells], dim=1)
    z = F.layer_norm(pooled, pooled.shape[-1:]) @ lmi.reduce.weight.T
    segments = [s for s in range(len(tokens)) if not is_padding[s]]
    motion = []
    for t in range(len(tokens)):
        groups = [[t + 1], [t - 1], range(t + 1, t + reach + 1), range(t - reach, t)]
        chosen = [[s for s in group if s in segments] for group in groups]
        parts = [torch.stack([z[s] - z[t] for s in group]).mean(0) if group else 0 * z[t] for group in chosen]
        motion.append(torch.cat(parts, dim=-1))
    return torch.stack(motion)


@pytest.mark.parametrize(("reach", "farthest"), [("all", 6), (2, 2)])
def test_lmi_by_hand(reach: Any, farthest: int) -> None:
    torch.manual_seed(0)
    lmi, tokens = LMI(24, 3, 1, reach, identity_start=False), torch.randn(1, 6, 10, 24)
    padding = torch.tensor([[False] * 5 + [True]])
    motion = lmi.motion(tokens, padding)
    torch.testing.assert_close(motion[0], expected_motion(lmi, tokens[0], padding[0], farthest))
    by_cell = lmi.expand(F.gelu(lmi.mix(motion))).tanh()[0]
    gate = lmi.gate(tokens, padding)[0]
    for token, cell in enumerate([0, 1, 1, 2, 1, 1, 2, 3, 3, 4]):
        torch.testing.assert_close(gate[:, token], by_cell[:, cell])
    torch.testing.assert_close(lmi(tokens, padding)[0], tokens[0] * (1 + gate))


@pytest.mark.parametrize("variant", [LMI, ReferenceLMI])
@pytest.mark.parametrize(("reach", "seen"), [(1, [2, 3, 4]), (2, [1, 2, 3, 4, 5]), ("all", [0, 1, 2, 3, 4, 5, 6])])
def test_lmi_sees_as_far_as_its_reach(variant: Any, reach: Any, seen: list[int]) -> None:
    torch.manual_seed(0)
    lmi = LMI(32, 3, 0, reach) if variant is LMI else ReferenceLMI(32, reach)
    tokens = torch.randn(1, 7, 9, 32)
    other = tokens.clone()
    other[:, 3] = torch.randn(1, 9, 32)
    change = (lmi.motion(other, real(1, 7)) - lmi.motion(tokens, real(1, 7))).abs().flatten(2).amax(2)[0]
    assert [t for t in range(7) if change[t] > 1e-4] == seen


def test_reference_lmi_is_the_course_s() -> None:
    torch.manual_seed(0)
    lmi, tokens = ReferenceLMI(32), torch.randn(2, 4, 5, 32)
    z = lmi.reduce(tokens)
    after, before = torch.cat([z[:, 1:], z[:, -1:]], 1) - z, z - torch.cat([z[:, :1], z[:, :-1]], 1)
    gate = lmi.expand(lmi.mix((after.abs() + before.abs()).mean(2)).sigmoid())[:, :, None]
    expected = tokens + torch.tensor(0.1).tanh() * tokens * gate
    torch.testing.assert_close(lmi(tokens, real(2, 4)), expected)


@pytest.mark.parametrize("variant", ["reference", "default"])
def test_a_bounded_gate_stays_within_one(variant: Any) -> None:
    tokens = torch.randn(2, 4, 10, 24)
    largest = {}
    for bounded in (True, False):
        lmi: Any = build("default", lmi=variant, bounded_gates=bounded).lmi[0]
        torch.nn.init.constant_(lmi.expand.weight, 9.0)
        largest[bounded] = lmi.gate(tokens, real(2, 4)).abs().max().item()
    assert largest[True] <= 1 < largest[False]


def test_lmi_stands_behind_the_first_of_every_few_blocks() -> None:
    assert build("reference").lmi_blocks == (0, 1, 2)
    assert build("default").lmi_blocks == (0, 2)
    assert build("default", lmi_every=3).lmi_blocks == (0,)
    assert build("default", depth=1).lmi_blocks == (0,)


def test_time_has_a_direction_in_default_only() -> None:
    frames, padding = clips(2, 6), real(2, 6)
    backwards = frames.flip(1, 2)  # the whole video, with the raw neighbours of each frame
    reference = build("reference")
    torch.testing.assert_close(reference(backwards, padding), reference(frames, padding))
    default = build("default")
    assert (default(backwards, padding) - default(frames, padding)).abs().max() > 1e-3


@pytest.mark.parametrize(
    "change",
    [
        {"lmi": "none", "temporal_position": False},
        {"smif": "none", "temporal_position": False},
        {"smif": "none", "lmi": "none"},
        {**NOTHING, "motion_frames": 2},
    ],
    ids=["smif", "lmi", "positions", "motion frames"],
)
def test_each_part_of_default_alone_gives_time_a_direction(change: dict[str, Any]) -> None:
    frames, padding = clips(2, 6), real(2, 6)
    model = build("default", **change)
    assert (model(frames.flip(1, 2), padding) - model(frames, padding)).abs().max() > 1e-3


def test_motion_frames_lie_evenly_among_the_real_ones() -> None:
    padding = torch.arange(8) >= torch.tensor([8, 5, 1])[:, None]
    assert evenly_spaced(padding, 4).tolist() == [[1, 3, 5, 7], [0, 1, 3, 4], [0, 0, 0, 0]]
    assert evenly_spaced(padding[:1], 1).tolist() == [[4]]


def test_a_motion_frame_is_the_difference_of_its_neighbours_around_the_mean_colour() -> None:
    frames = clips(2, 3, 5)
    torch.testing.assert_close(motion_images(frames), 2 * (frames[:, :, 3] - frames[:, :, 1]))
    assert not motion_images(frames[:, :, :1].expand(-1, -1, 3, -1, -1, -1)).any()


def test_motion_frames_go_through_the_plain_vit_and_to_weights_of_their_own() -> None:
    model = build("default", **NOTHING, motion_frames=2)
    frames, padding = clips(1, 4), real(1, 4)
    embedding = model.embed(frames, padding)
    motion = 2 * (frames[:, [1, 3], 2] - frames[:, [1, 3], 0])
    expected = torch.cat([model.backbone(frames[:, :, 1]).mean(1), model.backbone(motion).mean(1)], dim=1)
    torch.testing.assert_close(embedding, expected)
    torch.testing.assert_close(model(frames, padding), model.head(expected))


def test_options_of_an_absent_module_are_off_and_refused() -> None:
    assert not resolve("default", smif="none").motion_embed
    assert not resolve("default", smif="none").raw_neighbours
    for given in ({"smif": "none", "motion_embed": True}, {"lmi": "none", "lmi_reach": "all"}):
        with pytest.raises(HumotionError, match=r"is none, but (motion_embed|lmi_reach) is set"):
            resolve("default", **given)
    assert resolve("default", smif="none", motion_embed=False, raw_neighbours=False).lmi == "default"
    with pytest.raises(HumotionError, match="lmi_every is 0"):
        resolve("default", lmi_every=0)
    with pytest.raises(HumotionError, match="motion_frames is -1; it must be 0 or more"):
        resolve("default", motion_frames=-1)


def test_unfit_sizes_are_refused() -> None:
    with pytest.raises(HumotionError, match="odd number"):
        build("default", num_neighbours=2)
    assert build("default", num_neighbours=2, raw_neighbours=False).num_neighbours == 1
    with pytest.raises(HumotionError, match="num_frames"):
        build("default")(clips(1, 9), real(1, 9))


def test_params_build_what_they_say() -> None:
    old = LSViTParams(family="vit", name="ls_vit", setting="reference")
    assert build(**old.model_dump(exclude={"family", "name", "weights"}) | TINY).options == PRESETS["reference"]
    new = LSViTParams(family="vit", name="ls_vit", lmi_reach="all", smif="none", lmi_every=1, bounded_gates=False)
    options = build(**new.model_dump(exclude={"family", "name", "weights"}) | TINY).options
    assert options == resolve("default", smif="none", lmi_every=1, bounded_gates=False)

"""The pose machines alike: sizes and arithmetic against the published table, streaming, learning."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from humotion.errors import HumotionError
from humotion.models.common.build import build_model
from humotion.models.pose_machine.layers import centre_map
from humotion.poses.heatmaps import sum_of_squares

NAMES = ["lstm_pm", "rpm", "cpm"]

# Convolutions of the published tables as (in, out, kernel, cells along a side of their output at 368 pixels).
TRUNK = [(3, 128, 9, 368), (128, 128, 9, 184), (128, 128, 9, 92)]
C4 = [(128, 32, 5, 46)]
INITIAL = TRUNK + C4 + [(32, 512, 9, 46), (512, 512, 1, 46), (512, 15, 1, 46)]
REFINE = [(48, 128, 11, 46), (128, 128, 11, 46), (128, 128, 11, 46), (128, 128, 1, 46), (128, 15, 1, 46)]
GATES = [(48, 4 * 48, 3, 46)] * 2
TABLES = {
    "rpm": INITIAL + TRUNK + C4 + REFINE,
    "lstm_pm": INITIAL + TRUNK + C4 + REFINE + GATES,
    "cpm": INITIAL + TRUNK + 5 * (C4 + REFINE),
}
EXTRA_BIASES = {"rpm": 0, "lstm_pm": 4 * 48, "cpm": 0}


def tiny(name: str, **options: Any) -> Any:
    """A model on crops of 32 pixels, without dropout."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"num_joints": 3, "input_size": 32, "width": 0.0625, "init": "he", "dropout": 0.0}
    return build_model("pose_machine", name, **(sizes | options)).eval()


def official(name: str) -> Any:
    with torch.device("meta"):
        return build_model("pose_machine", name).eval()


def gmac(model: Any, call: Any) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        call(model)
    return float(counter.get_total_flops() / 2e9)


@pytest.mark.parametrize(("name", "published"), [("lstm_pm", 12_067_870), ("rpm", 11_901_406), ("cpm", 31_219_866)])
def test_official_parameter_counts_are_those_of_the_table(name: str, published: int) -> None:
    by_table = sum(outputs * (inputs * kernel**2 + 1) for inputs, outputs, kernel, _ in TABLES[name])
    assert sum(p.numel() for p in official(name).parameters()) == by_table + EXTRA_BIASES[name] == published


@pytest.mark.parametrize(("name", "num_maps"), [("lstm_pm", 4), ("rpm", 4), ("cpm", 18)])
def test_official_maps_are_46_cells_wide(name: str, num_maps: int) -> None:
    model = official(name)
    maps = model(torch.empty(2, 3, 3, 368, 368, device="meta"))
    assert maps.shape == (2, num_maps, 15, 46, 46)
    assert model.map_size == 46
    streamed, _ = model.init(torch.empty(2, 3, 368, 368, device="meta"))
    assert streamed.shape == (2, 15, 46, 46)


def test_official_arithmetic_is_that_of_the_table() -> None:
    def table(layers: list[tuple[int, int, int, int]]) -> float:
        return sum(inputs * outputs * kernel**2 * cells**2 for inputs, outputs, kernel, cells in layers) / 1e9

    frame = torch.empty(1, 3, 368, 368, device="meta")
    lstm_pm = official("lstm_pm")
    _, state = lstm_pm.init(frame)
    later = gmac(lstm_pm, lambda model: model.step(frame, state))
    cpm = gmac(official("cpm"), lambda model: model.init(frame))
    assert later == pytest.approx(table(TRUNK + C4 + GATES + REFINE))
    assert later == pytest.approx(70.94, abs=0.005)
    assert cpm == pytest.approx(table(TABLES["cpm"]))
    assert cpm == pytest.approx(175.44, abs=0.005)
    rpm = official("rpm")
    _, state = rpm.init(frame)
    assert gmac(rpm, lambda model: model.step(frame, state)) == pytest.approx(table(TRUNK + C4 + REFINE))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [32, 96, 104])
def test_map_size_is_what_the_ceil_mode_pools_give(name: str, size: int) -> None:
    model = tiny(name, input_size=size)
    with torch.no_grad():
        assert model(torch.zeros(1, 1, 3, size, size)).shape[2:] == (4, size // 8, size // 8)
    assert centre_map(size).shape[-1] == model.map_size == size // 8


@pytest.mark.parametrize("name", NAMES)
def test_input_size_must_fit_the_stride(name: str) -> None:
    with pytest.raises(HumotionError, match="100"):
        build_model("pose_machine", name, input_size=100)


def test_a_cpm_has_two_stages_or_more() -> None:
    assert tiny("cpm", stages=2)(torch.zeros(1, 2, 3, 32, 32)).shape[1] == 4
    with pytest.raises(HumotionError, match="stages is 1"):
        tiny("cpm", stages=1)


def test_centre_map_is_the_mean_of_nine_by_nine_pixels() -> None:
    pixels = torch.arange(368.0) - 184
    full = torch.exp(-(pixels[:, None] ** 2 + pixels[None] ** 2) / (2 * 21**2))
    pooled = centre_map(368)[0, 0]
    torch.testing.assert_close(pooled[22, 20], full[176:185, 160:169].mean())
    # The last window reaches over the edge, and only the pixels that exist count.
    torch.testing.assert_close(pooled[45, 45], full[360:, 360:].mean())
    torch.testing.assert_close(pooled[22, 22], pooled[23, 23])  # the crop's centre lies between these two


@pytest.mark.parametrize("name", NAMES)
def test_streaming_and_pieces_equal_the_clip(name: str) -> None:
    model = tiny(name)
    frames = torch.randn(2, 5, 3, 32, 32)
    with torch.no_grad():
        maps = model(frames)
        held_to = model.supervised_frames(5)
        assert len(held_to) == maps.shape[1]
        last = [int((held_to == frame).nonzero()[-1]) for frame in range(5)]
        whole = maps[:, last]  # of each frame the last of its maps
        one, state = model.init(frames[:, 0])
        streamed = [one]
        for frame in frames[:, 1:].unbind(1):
            one, state = model.step(frame, state)
            streamed.append(one)
        torch.testing.assert_close(torch.stack(streamed, 1), whole)
        first, state = model.advance(frames[:, :2], model.start(frames[:, 0]))
        second, _ = model.advance(frames[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)


@pytest.mark.parametrize("name", NAMES)
def test_streams_of_a_batch_do_not_touch_each_other(name: str) -> None:
    model = tiny(name)
    frames = torch.randn(3, 4, 3, 32, 32)
    with torch.no_grad():
        together = model(frames)
        alone = torch.cat([model(stream[None]) for stream in frames])
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_of_any_length_holds_the_same_memory(name: str) -> None:
    def held() -> int:
        gc.collect()
        return sum(item.nbytes for item in gc.get_objects() if type(item) is torch.Tensor)

    model = tiny(name)
    generator = torch.Generator().manual_seed(0)
    amounts = []
    with torch.inference_mode():
        maps, state = model.init(torch.randn(1, 3, 32, 32, generator=generator))
        for number in range(2, 301):
            maps, state = model.step(torch.randn(1, 3, 32, 32, generator=generator), state)
            if number in (30, 300):
                amounts.append(held())
    assert amounts[0] == amounts[1]
    assert torch.isfinite(maps).all()


@pytest.mark.parametrize(("name", "remembers"), [("lstm_pm", True), ("rpm", True), ("cpm", False)])
def test_the_past_matters_to_the_recurrent_ones_and_the_future_to_none(name: str, remembers: bool) -> None:
    model = tiny(name)
    frames = torch.randn(1, 4, 3, 32, 32)
    changed = frames.clone()
    changed[:, 1] += 1
    with torch.no_grad():
        before, after = model(frames), model(changed)
    held_to = model.supervised_frames(4)
    torch.testing.assert_close(before[:, held_to == 0], after[:, held_to == 0])
    assert ((before - after)[:, held_to == 3].abs().max() > 1e-6) == remembers


def test_supervised_frames() -> None:
    assert tiny("lstm_pm").supervised_frames(3).tolist() == [0, 0, 1, 2]
    assert tiny("rpm").supervised_frames(3).tolist() == [0, 0, 1, 2]
    assert tiny("cpm", stages=3).supervised_frames(2).tolist() == [0, 0, 0, 1, 1, 1]


def test_maps_of_a_cpm_come_frame_by_frame() -> None:
    model = tiny("cpm")
    frames = torch.randn(2, 3, 3, 32, 32)
    with torch.no_grad():
        maps = model(frames).unflatten(1, (3, 6))
        torch.testing.assert_close(maps[1, 2, 0], model.convnet1(frames[1, 2:])[0])
        torch.testing.assert_close(maps[:, 1, 5], model.advance(frames[:, 1:2], ())[0][:, 0])


def test_normalise_maps_the_pad_value_to_zero() -> None:
    frames = torch.tensor([0, 128, 255], dtype=torch.uint8)
    assert tiny("cpm").normalise(frames).tolist() == [-0.5, 0, 127 / 256]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("init", ["official", "he"])
def test_every_parameter_learns(name: str, init: str) -> None:
    model = tiny(name, init=init).train()
    target = torch.rand(2, 3, 4, 4, 4)
    loss = sum_of_squares(model(torch.randn(2, 3, 3, 32, 32)), target[:, model.supervised_frames(3)])
    loss.backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_he_start_is_near_empty_maps_of_joints_and_a_full_background(name: str) -> None:
    with torch.no_grad():
        maps = tiny(name)(0.2 * torch.randn(2, 3, 3, 32, 32))
    assert maps[:, :, -1].mean() == pytest.approx(1, abs=0.2)
    assert maps[:, :, :-1].abs().mean() < 0.3

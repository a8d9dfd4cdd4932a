"""LSTM Pose Machine: the official sizes, the recurrence against its equations, streaming."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from humotion.errors import HumotionError
from humotion.models.heatmaps import sum_of_squares
from humotion.models.lstm_pm import ConvLSTMCell, LSTMPoseMachine, State, centre_map


@pytest.fixture
def tiny() -> LSTMPoseMachine:
    """A model on crops of 32 pixels, without dropout."""
    torch.manual_seed(0)
    return LSTMPoseMachine(num_joints=3, input_size=32, width=0.0625, init="he").eval()


def test_official_configuration_has_the_published_layer_table() -> None:
    with torch.device("meta"):
        model = LSTMPoseMachine()
        maps = model(torch.empty(2, 3, 3, 368, 368))
    assert sum(p.numel() for p in model.parameters()) == 12_067_870
    assert model.hidden_size == 48
    assert model.map_size == 46
    assert maps.shape == (2, 4, 15, 46, 46)


@pytest.mark.parametrize("size", [32, 96, 104, 128])
def test_map_size_is_what_the_ceil_mode_pools_give(size: int) -> None:
    model = LSTMPoseMachine(num_joints=3, input_size=size, width=0.0625)
    assert model(torch.zeros(1, 1, 3, size, size)).shape == (1, 2, 4, model.map_size, model.map_size)
    assert centre_map(size).shape[-1] == model.map_size


def test_input_size_must_fit_the_stride() -> None:
    with pytest.raises(HumotionError, match="100"):
        LSTMPoseMachine(input_size=100)


def test_centre_map_is_the_mean_of_nine_by_nine_pixels() -> None:
    pixels = torch.arange(368.0) - 184
    full = torch.exp(-(pixels[:, None] ** 2 + pixels[None] ** 2) / (2 * 21**2))
    pooled = centre_map(368)[0, 0]
    torch.testing.assert_close(pooled[22, 20], full[176:185, 160:169].mean())
    # The last window reaches over the edge, and only the pixels that exist count.
    torch.testing.assert_close(pooled[45, 45], full[360:, 360:].mean())
    torch.testing.assert_close(pooled[22, 22], pooled[23, 23])  # the crop's centre lies between these two


def test_gate_biases_start_at_their_published_values() -> None:
    bias = ConvLSTMCell(5).gate_bias.view(4, 5)
    torch.testing.assert_close(bias, torch.tensor([0.0, 1.4, 1.0, 0.2])[:, None].expand(4, 5))


def test_cell_follows_the_equations() -> None:
    torch.manual_seed(0)
    cell = ConvLSTMCell(2)
    x, h, c = torch.randn(3, 1, 2, 4, 4).unbind(0)
    wx = F.conv2d(x, cell.from_input.weight, cell.from_input.bias, padding=1).chunk(4, 1)
    wh = F.conv2d(h, cell.from_hidden.weight, cell.from_hidden.bias, padding=1).chunk(4, 1)
    (xg, xi, xf, xo), (hg, hi, hf, ho) = wx, wh
    first = torch.sigmoid(xi + 1.4) * torch.tanh(xg)
    torch.testing.assert_close(cell(x, None, None), (torch.sigmoid(xo + 0.2) * torch.tanh(first), first))
    later = torch.sigmoid(xf + hf + 1.0) * c + torch.sigmoid(xi + hi + 1.4) * torch.tanh(xg + hg)
    torch.testing.assert_close(cell(x, h, c), (torch.sigmoid(xo + ho + 0.2) * torch.tanh(later), later))


def test_streaming_and_pieces_equal_one_pass(tiny: LSTMPoseMachine) -> None:
    frames = torch.randn(2, 5, 3, 32, 32)
    whole = tiny(frames)
    heatmaps, state = tiny.init(frames[:, 0])
    streamed = [heatmaps]
    for frame in frames[:, 1:].unbind(1):
        heatmaps, state = tiny.step(frame, state)
        streamed.append(heatmaps)
    torch.testing.assert_close(torch.stack(streamed, 1), whole[:, 1:])

    first, state = tiny.advance(frames[:, :2], State(whole[:, 0], None, None))
    second, _ = tiny.advance(frames[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole[:, 1:])


def test_the_past_matters_and_the_future_does_not(tiny: LSTMPoseMachine) -> None:
    frames = torch.randn(1, 4, 3, 32, 32)
    changed = frames.clone()
    changed[:, 1] += 1
    before, after = tiny(frames), tiny(changed)
    torch.testing.assert_close(before[:, :2], after[:, :2])
    assert (before[:, 4] - after[:, 4]).abs().max() > 1e-6


def test_convnet2_runs_once_over_all_frames_and_convnet1_on_the_first(tiny: LSTMPoseMachine) -> None:
    batches: dict[str, list[int]] = {"convnet1": [], "convnet2": []}
    for name, seen in batches.items():
        tiny.get_submodule(name).register_forward_hook(lambda _m, _i, out, seen=seen: seen.append(len(out)))
    tiny(torch.randn(2, 5, 3, 32, 32))
    assert batches == {"convnet1": [2], "convnet2": [10]}


def test_normalise_maps_the_pad_value_to_zero() -> None:
    frames = torch.tensor([0, 128, 255], dtype=torch.uint8)
    assert LSTMPoseMachine.normalise(frames).tolist() == [-0.5, 0, 127 / 256]


@pytest.mark.parametrize("init", ["official", "he"])
def test_every_parameter_learns(init: str) -> None:
    torch.manual_seed(0)
    model = LSTMPoseMachine(num_joints=3, input_size=32, width=0.0625, init=init)  # type: ignore[arg-type]
    loss = sum_of_squares(model(torch.randn(2, 3, 3, 32, 32)), torch.rand(2, 3, 4, 4, 4)[:, [0, 0, 1, 2]])
    loss.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []

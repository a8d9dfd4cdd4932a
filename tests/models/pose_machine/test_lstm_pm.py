"""LSTM Pose Machine: the recurrence against its equations."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from humotion.models.pose_machine.lstm_pm import ConvLSTMCell, LSTMPoseMachine


@pytest.fixture
def tiny() -> LSTMPoseMachine:
    """A model on crops of 32 pixels, without dropout."""
    torch.manual_seed(0)
    return LSTMPoseMachine(num_joints=3, input_size=32, width=0.0625, init="he").eval()


def test_the_lstm_is_as_wide_as_what_it_sees() -> None:
    with torch.device("meta"):
        assert LSTMPoseMachine().seen_channels == 48


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

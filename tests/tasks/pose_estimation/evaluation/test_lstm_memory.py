"""What the memory did, beside what the machine itself says."""

from __future__ import annotations

from itertools import pairwise

import torch

from humotion.models.pose_machine.lstm_pm import LSTMPoseMachine
from humotion.tasks.pose_estimation.evaluation.lstm_memory import has_memory, memory_of


def test_memory_is_that_of_the_machine_which_stays_as_it_was() -> None:
    torch.manual_seed(0)
    model = LSTMPoseMachine(num_joints=3, input_size=32, width=0.1, dropout=0.0, init="he").eval()
    frames = torch.randn(1, 4, 3, 32, 32)
    with torch.no_grad():
        expected = model(frames)[:, 1:]
        found = list(memory_of(model, frames))
        torch.testing.assert_close(torch.stack([frame.heatmaps for frame in found], dim=1), expected)
    assert has_memory(model) and not has_memory(model.convnet2)
    assert not model.lstm._forward_hooks
    assert not found[0].kept.any()
    for before, frame in pairwise(found):
        torch.testing.assert_close(frame.kept, frame.gates.forget * before.cell)
        torch.testing.assert_close(frame.cell, frame.kept + frame.written)
        torch.testing.assert_close(frame.hidden, frame.gates.output * frame.cell.tanh())

"""LSTM Pose Machine (Luo et al., CVPR 2018, arXiv 1712.06316): a recurrent pose machine for video.

The layer table is that of the authors' Caffe code (lawy623/LSTM_Pose_Machines): no peepholes, and a first step
without forget gate and hidden convolutions. The input is RGB. The authors' weights are for BGR, so a conversion
(`humotion convert lstm-pm`) reverses the input channels of the two first layers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from humotion.models.pose_machine.layers import Init, initialise
from humotion.models.pose_machine.machine import RecurrentPoseMachine, State

GATE_BIASES = (0.0, 1.4, 1.0, 0.2)  # g, i, f, o


class LSTMPoseMachine(RecurrentPoseMachine):
    """A convolutional LSTM before ConvNet3. 12,067,870 parameters in the official configuration.

    Args:
        dropout: rate after the two widest layers of ConvNet1.
        init: see `initialise`; the gate biases of the LSTM keep their published values.
        sizes: the arguments of `PoseMachine`.
    """

    def __init__(self, dropout: float = 0.5, init: Init = "official", **sizes: Any) -> None:
        super().__init__(dropout, **sizes)
        self.lstm = ConvLSTMCell(self.seen_channels)
        initialise(self, init, [self.convnet1, self.convnet3])

    def refine(self, seen: Tensor, state: State) -> State:
        """Return the state after a frame, from the frame's stage input (B, C, h, w) and the state before."""
        hidden, cell = self.lstm(seen, state.hidden, state.cell)
        return State(self.convnet3(hidden), hidden, cell)


class Gates(NamedTuple):
    """The candidate (after tanh) and the gates (after sigmoid) of an LSTM, each (B, C, h, w)."""

    candidate: Tensor
    write: Tensor
    forget: Tensor
    output: Tensor


class ConvLSTMCell(nn.Module):
    """Convolutional LSTM without peepholes; gates g, i, f, o, each with a third, per-channel bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.from_input = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        self.from_hidden = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        self.gate_bias = nn.Parameter(torch.tensor(GATE_BIASES).repeat_interleave(channels))

    def gates(self, x: Tensor, hidden: Tensor | None) -> Gates:
        """Gates of a frame; in the first frame, without hidden convolutions."""
        gates = self.from_input(x) + self.gate_bias[:, None, None]
        if hidden is not None:
            gates = gates + self.from_hidden(hidden)
        candidate, write, forget, output = gates.chunk(4, dim=1)
        return Gates(candidate.tanh(), write.sigmoid(), forget.sigmoid(), output.sigmoid())

    def forward(self, x: Tensor, hidden: Tensor | None, cell: Tensor | None) -> tuple[Tensor, Tensor]:
        """New hidden and cell state, each (B, C, h, w); in the first frame, without the forget gate."""
        gates = self.gates(x, hidden)
        new = gates.write * gates.candidate
        if cell is not None:
            new = new + gates.forget * cell
        return gates.output * new.tanh(), new

"""One LSTM layer as Keras has it: a single bias, its initial weights, and a choice of activation."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Literal["tanh", "relu"]


class LSTMLayer(nn.Module):
    """A layer of ``width`` cells over sequences of ``inputs`` values; gates in the order input, forget, cell, output.

    PyTorch's own layer has a second bias, which adds nothing to the first. Without it, the number of parameters is the
    published one.
    """

    def __init__(self, inputs: int, width: int, activation: Activation = "tanh") -> None:
        super().__init__()
        self.width, self.activation = width, activation
        self.weight_ih = nn.Parameter(torch.empty(4 * width, inputs))
        self.weight_hh = nn.Parameter(torch.empty(4 * width, width))
        self.bias = nn.Parameter(torch.empty(4 * width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw Keras' initial weights: Glorot for inputs, orthogonal for states, a bias of 1 for forget gates."""
        nn.init.xavier_uniform_(self.weight_ih)
        nn.init.orthogonal_(self.weight_hh)
        with torch.no_grad():
            self.bias.zero_()
            self.bias[self.width : 2 * self.width] = 1

    def forward(self, sequence: Tensor) -> Tensor:
        """States (B, T, width) after each step of a sequence (B, T, inputs)."""
        if self.activation == "relu":
            return self._step_by_step(sequence)
        start = sequence.new_zeros(1, len(sequence), self.width)
        weights = [self.weight_ih, self.weight_hh, self.bias, torch.zeros_like(self.bias)]
        states: Tensor = torch.lstm(sequence, (start, start), weights, True, 1, 0.0, self.training, False, True)[0]
        return states

    def _step_by_step(self, sequence: Tensor) -> Tensor:
        """The same with another activation, which no fused kernel has."""
        fed = F.linear(sequence, self.weight_ih, self.bias)  # (B, T, 4 * width)
        state = cell = sequence.new_zeros(len(sequence), self.width)
        states = []
        for step in fed.unbind(1):
            enter, forget, value, leave = (step + F.linear(state, self.weight_hh)).chunk(4, dim=1)
            cell = forget.sigmoid() * cell + enter.sigmoid() * value.relu()
            state = leave.sigmoid() * cell.relu()
            states.append(state)
        return torch.stack(states, dim=1)

"""What the LSTM of a pose machine keeps and writes, frame by frame, without a second copy of the model.

The machine runs as always; a hook looks at its LSTM while it does, and goes when the clip is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from humotion.models.pose_machine.lstm_pm import ConvLSTMCell, Gates


class FrameMemory(NamedTuple):
    """One frame: maps (B, J+1, h, w), and of every channel of the memory (B, H, h, w).

    ``cell`` is ``kept + written``: what the forget gate left of the cell before, and what the write gate let
    in of the candidate. In the first frame nothing is kept.
    """

    heatmaps: Tensor
    gates: Gates
    kept: Tensor
    written: Tensor
    cell: Tensor
    hidden: Tensor


def has_memory(model: nn.Module) -> bool:
    """Does the model remember with a convolutional LSTM?"""
    return hasattr(getattr(model, "lstm", None), "gates")


def memory_of(model: Any, frames: Tensor) -> Iterator[FrameMemory]:
    """The memory of every frame of a clip (B, T, 3, S, S), normalised, from its beginning."""
    lstm: ConvLSTMCell = model.lstm
    seen: list[tuple[Any, Any]] = []
    hook = lstm.register_forward_hook(lambda _, inputs, outputs: seen.append((inputs, outputs)))
    try:
        state = model.begin(frames[:, 0])
        for frame in frames.unbind(1):
            maps, state = model.step(frame, state)
            (x, hidden_before, cell_before), (hidden, cell) = seen.pop()
            gates = lstm.gates(x, hidden_before)
            kept = torch.zeros_like(cell) if cell_before is None else gates.forget * cell_before
            yield FrameMemory(maps, gates, kept, gates.write * gates.candidate, cell, hidden)
    finally:
        hook.remove()

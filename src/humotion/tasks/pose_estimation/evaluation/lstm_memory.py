"""What the LSTM of a pose machine keeps and writes in each frame, without a second copy of the model.

The pose machine runs as usual. During the run, a hook reads its LSTM; it is removed after the clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from humotion.models.pose_machine.lstm_pm import ConvLSTMCell, Gates


class FrameMemory(NamedTuple):
    """Maps (B, J+1, h, w) and memory (B, H, h, w) of one frame.

    ``cell`` is ``kept + written``: the part of the previous cell that the forget gate keeps, and the part of the
    candidate that the write gate lets in. In the first frame, nothing is kept.
    """

    heatmaps: Tensor
    gates: Gates
    kept: Tensor
    written: Tensor
    cell: Tensor
    hidden: Tensor


def has_memory(model: nn.Module) -> bool:
    """Return whether the model has a convolutional LSTM as its memory."""
    return hasattr(getattr(model, "lstm", None), "gates")


def memory_of(model: Any, frames: Tensor) -> Iterator[FrameMemory]:
    """Yield the memory in every frame of a normalised clip (B, T, 3, S, S), from its start."""
    lstm: ConvLSTMCell = model.lstm
    seen: list[tuple[Any, Any]] = []
    hook = lstm.register_forward_hook(lambda _, inputs, outputs: seen.append((inputs, outputs)))
    try:
        state = model.start(frames[:, 0])
        for frame in frames.unbind(1):
            maps, state = model.step(frame, state)
            (x, hidden_before, cell_before), (hidden, cell) = seen.pop()
            gates = lstm.gates(x, hidden_before)
            kept = torch.zeros_like(cell) if cell_before is None else gates.forget * cell_before
            yield FrameMemory(maps, gates, kept, gates.write * gates.candidate, cell, hidden)
    finally:
        hook.remove()

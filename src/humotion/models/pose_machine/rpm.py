"""Recurrent Pose Machine: the LSTM Pose Machine (Luo et al., CVPR 2018) without its LSTM, the authors' own ablation.

A frame's features, the maps of the previous frame and the centre map are the input of ConvNet3. The official widths
fit, because the LSTM's output has as many channels (48) as its input. The only memory is the last maps.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from humotion.models.pose_machine.layers import Init, initialise
from humotion.models.pose_machine.machine import RecurrentPoseMachine, State


class RPM(RecurrentPoseMachine):
    """Maps of a frame from its features and the last maps. 11,901,406 parameters in the official configuration.

    Args:
        dropout: rate after the two widest layers of ConvNet1.
        init: see `initialise`.
        sizes: the arguments of `PoseMachine`.
    """

    def __init__(self, dropout: float = 0.5, init: Init = "official", **sizes: Any) -> None:
        super().__init__(dropout, **sizes)
        initialise(self, init, [self.convnet1, self.convnet3])

    def refine(self, seen: Tensor, state: State) -> State:
        """Return the state after a frame, from the frame's stage input (B, C, h, w)."""
        return State(self.convnet3(seen))

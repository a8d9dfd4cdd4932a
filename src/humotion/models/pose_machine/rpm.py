"""Recurrent Pose Machine: the LSTM Pose Machine (Luo et al., CVPR 2018) without its LSTM, their own ablation.

A frame's features, the maps of the frame before and the centre map go straight into ConvNet3; the official
widths agree, because the LSTM's 48 channels are those of what it sees. All that is remembered are the last maps.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from humotion.models.pose_machine.layers import Init, initialise
from humotion.models.pose_machine.machine import RecurrentPoseMachine, State


class RPM(RecurrentPoseMachine):
    """Maps of a frame from its features and the last maps. 11,901,406 parameters officially.

    Args:
        dropout: after the two widest layers of ConvNet1.
        init: see `initialise`.
        sizes: of `PoseMachine`.
    """

    def __init__(self, dropout: float = 0.5, init: Init = "official", **sizes: Any) -> None:
        super().__init__(dropout, **sizes)
        initialise(self, init, [self.convnet1, self.convnet3])

    def refine(self, seen: Tensor, state: State) -> State:
        """The state after a frame, of what is seen of it (B, C, h, w)."""
        return State(self.convnet3(seen))

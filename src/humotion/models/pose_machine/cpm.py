"""Convolutional Pose Machine (Wei et al., CVPR 2016, arXiv 1602.00134): the baseline that sees frames one by one.

The layer table is that of the authors' prototxts (shihenw/convolutional-pose-machines-release). Stage 1 is ConvNet1.
The later stages share a second image trunk, and each has its own c4 and refinement with unshared weights. All stages
are supervised, and the maps of the last stage are the output.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from humotion.errors import HumotionError
from humotion.models.pose_machine.layers import (
    Init,
    conv_relu,
    initial_layers,
    initialise,
    refinement_layers,
    trunk_layers,
)
from humotion.models.pose_machine.machine import PoseMachine


class CPM(PoseMachine):
    """Maps of each frame alone, refined stage by stage. 31,219,866 parameters with the official 6 stages.

    Args:
        stages: number of stages including the first, at least 2.
        dropout: rate after the two widest layers of stage 1.
        init: see `initialise`.
        sizes: the arguments of `PoseMachine`.

    Raises:
        HumotionError: fewer than 2 stages.
    """

    def __init__(self, stages: int = 6, dropout: float = 0.5, init: Init = "official", **sizes: Any) -> None:
        super().__init__(**sizes)
        if stages < 2:
            raise HumotionError(f"cpm: stages is {stages}. A convolutional pose machine has at least 2.")
        self.stages = stages
        self.convnet1 = initial_layers(self.body, self.features, self.wide, self.num_maps, dropout)
        self.trunk = nn.Sequential(*trunk_layers(self.body))
        later = range(stages - 1)
        self.see_features = nn.ModuleList(nn.Sequential(*conv_relu(self.body, self.features, 5)) for _ in later)
        self.refine = nn.ModuleList(refinement_layers(self.seen_channels, self.body, self.num_maps) for _ in later)
        initialise(self, init, [self.convnet1, *self.refine])

    def forward(self, frames: Tensor) -> Tensor:
        """Maps (B, T * stages, J+1, h, w): for each frame, those of all stages."""
        maps = torch.stack(self.maps_of_stages(frames.flatten(0, 1)), dim=1)  # (B*T, stages, J+1, h, w)
        return maps.unflatten(0, frames.shape[:2]).flatten(1, 2)

    def supervised_frames(self, num_frames: int) -> Tensor:
        """Frame (T * stages,) of each map: the maps of all stages are compared with the target of their frame."""
        return torch.arange(num_frames).repeat_interleave(self.stages)

    def maps_of_stages(self, frames: Tensor) -> list[Tensor]:
        """Maps (B, J+1, h, w) of every stage, for frames (B, 3, S, S)."""
        maps = [self.convnet1(frames)]
        seen = self.trunk(frames)
        for see_features, refine in zip(self.see_features, self.refine, strict=True):
            maps.append(refine(self.see(see_features(seen), maps[-1])))
        return maps

    def start(self, frame: Tensor) -> tuple[()]:
        """Return an empty state, because each frame is independent."""
        return ()

    def advance(self, frames: Tensor, state: tuple[()]) -> tuple[Tensor, tuple[()]]:
        """See `PoseMachine.advance`; the maps of each frame are those of the last stage."""
        return self.maps_of_stages(frames.flatten(0, 1))[-1].unflatten(0, frames.shape[:2]), state

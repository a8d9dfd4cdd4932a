"""The common interface of the pose machines (`lstm_pm`, `rpm`, `cpm`), and what the two recurrent ones share.

The channels of the maps are the joints, then the background. The input is a person-centred clip of normalised RGB
frames. ``forward`` returns all supervised maps, and ``supervised_frames`` returns the frame whose target each map is
compared with. ``start``, ``advance`` and ``step`` process a stream, with a state of constant size.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from humotion.errors import HumotionError
from humotion.models.pose_machine.checkpoint import load_pose_weights
from humotion.models.pose_machine.layers import (
    BODY,
    FEATURES,
    OFFICIAL_INPUT_SIZE,
    WIDE,
    centre_map,
    feature_layers,
    initial_layers,
    refinement_layers,
    scaled,
)
from humotion.models.pose_machine.official_joints import OFFICIAL_JOINTS, OfficialJoints


class PoseMachine(nn.Module, ABC):
    """Heatmaps of every joint in every frame of a person-centred clip.

    Args:
        num_joints: J, number of joints of the dataset's skeleton.
        input_size: side S of the square crop in pixels, a multiple of 8.
        width: factor on the 128 and 512 channels of the official table, rounded to multiples of 8. The 32 feature
            channels of a frame can only increase.
        joints: "skeleton" for one map per joint of the dataset; "official" for the maps of the 14 published joints
            on any dataset. Then labels and predictions are translated (``official_joints.py``).
        skeleton, joint_names: name and joints of the dataset's skeleton, needed for "official".

    Attributes:
        num_maps: number of joint maps, plus 1 for the background.

    Raises:
        HumotionError: the input size is not a multiple of 8.
    """

    stride = 8
    num_neighbours = 1

    def __init__(
        self,
        num_joints: int = 14,
        input_size: int = OFFICIAL_INPUT_SIZE,
        width: float = 1.0,
        joints: Literal["skeleton", "official"] = "skeleton",
        skeleton: str | None = None,
        joint_names: Sequence[str] = (),
    ) -> None:
        super().__init__()
        if input_size % self.stride:
            raise HumotionError(
                f"A pose machine's input_size is {input_size}, which is not a multiple of {self.stride}. "
                f"Choose {input_size // self.stride * self.stride or self.stride} or another multiple."
            )
        self.input_size = input_size
        self.official_joints = OfficialJoints(skeleton, joint_names) if joints == "official" else None
        self.num_maps = 1 + (num_joints if self.official_joints is None else len(OFFICIAL_JOINTS))
        self.body, self.wide = scaled(BODY, width), scaled(WIDE, width)
        # The later stages see only these features of a frame: fewer than the official 32 are too few to learn from.
        self.features = max(FEATURES, scaled(FEATURES, width))
        self.register_buffer("centre_map", centre_map(input_size), persistent=False)

    @property
    def seen_channels(self) -> int:
        """Input channels of a later stage: features, maps and centre map; 48 in the official table."""
        return self.features + self.num_maps + 1

    @property
    def map_size(self) -> int:
        """Cells along a side of a map: 46 at 368 pixels."""
        return self.input_size // self.stride

    @staticmethod
    def normalise(frames: Tensor) -> Tensor:
        """Normalise uint8 RGB frames for the model: (x - 128) / 256, so that the pad value 128 becomes 0."""
        return (frames.float() - 128) / 256

    def load_pretrained(self, weights: Path | str) -> None:
        """Start from the weights of another pose machine (see `load_pose_weights`)."""
        load_pose_weights(self, Path(weights))

    def see(self, features: Tensor, maps: Tensor) -> Tensor:
        """Input (B, C, h, w) of a later stage, in the published order."""
        centre = self.get_buffer("centre_map").expand(features.shape[0], -1, -1, -1)
        return torch.cat([features, maps, centre], dim=1)

    @abstractmethod
    def forward(self, frames: Tensor) -> Tensor:
        """All supervised maps (B, M, J+1, h, w) of a clip (B, T, 3, S, S) from its start."""

    @abstractmethod
    def supervised_frames(self, num_frames: int) -> Tensor:
        """For each map that ``forward`` returns, the frame whose target it is compared with: (M,)."""

    @abstractmethod
    def start(self, frame: Tensor) -> Any:
        """The state before the first frame (B, 3, S, S)."""

    @abstractmethod
    def advance(self, frames: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Process the next frames (B, T, 3, S, S): return maps (B, T, J+1, h, w) and the state after them.

        Long videos are processed in pieces, to limit the memory. The result is the same as in one pass.
        """

    def init(self, frame: Tensor) -> tuple[Tensor, Any]:
        """Start a stream with its first frame (B, 3, S, S): return maps (B, J+1, h, w) and the state."""
        return self.step(frame, self.start(frame))

    def step(self, frame: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Process the next frame (B, 3, S, S): return maps (B, J+1, h, w) and the new state."""
        maps, state = self.advance(frame[:, None], state)
        return maps[:, 0], state

    def joints_of_maps(self, joints: Tensor, visibility: Tensor) -> tuple[Tensor, Tensor]:
        """Labels and flags of the maps' joints, from labels (..., J, 2) and flags (..., J) of the dataset's joints."""
        return (joints, visibility) if self.official_joints is None else self.official_joints.encode(joints, visibility)

    def joints_of_skeleton(self, joints: Tensor, score: Tensor) -> tuple[Tensor, Tensor]:
        """The dataset's joints (..., J, 2) and scores (..., J), from those decoded from the maps."""
        return (joints, score) if self.official_joints is None else self.official_joints.decode(joints, score)


class State(NamedTuple):
    """The state between frames: maps (B, J+1, h, w), and hidden and cell (B, H, h, w), None without a memory."""

    heatmaps: Tensor
    hidden: Tensor | None = None
    cell: Tensor | None = None


class RecurrentPoseMachine(PoseMachine):
    """ConvNet1 on the first frame, then on every frame ConvNet2, the memory of the subclass, and ConvNet3.

    ConvNet2 is most of the work of a step. It does not depend on the state, so a clip runs it once for all frames.
    """

    def __init__(self, dropout: float, **sizes: Any) -> None:
        super().__init__(**sizes)
        self.convnet1 = initial_layers(self.body, self.features, self.wide, self.num_maps, dropout)
        self.convnet2 = nn.Sequential(*feature_layers(self.body, self.features))
        self.convnet3 = refinement_layers(self.seen_channels, self.body, self.num_maps)

    @abstractmethod
    def refine(self, seen: Tensor, state: State) -> State:
        """Return the state after a frame, from the frame's stage input (B, C, h, w) and the state before."""

    def forward(self, frames: Tensor) -> Tensor:
        """Maps (B, T+1, J+1, h, w): the initial map of frame 1 (ConvNet1), then one refined map per frame."""
        state = self.start(frames[:, 0])
        maps, _ = self.advance(frames, state)
        return torch.cat([state.heatmaps[:, None], maps], dim=1)

    def supervised_frames(self, num_frames: int) -> Tensor:
        """Frame (T+1,) of each map: frame 1 for the initial map, and their own frame for the others."""
        return torch.tensor([0, *range(num_frames)])

    def start(self, frame: Tensor) -> State:
        """ConvNet1's maps of the first frame (B, 3, S, S), without a memory."""
        return State(self.convnet1(frame))

    def advance(self, frames: Tensor, state: State) -> tuple[Tensor, State]:
        """See `PoseMachine.advance`."""
        features = self.convnet2(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])  # (B, T, F, h, w)
        maps = []
        for feature in features.unbind(1):
            state = self.refine(self.see(feature, state.heatmaps), state)
            maps.append(state.heatmaps)
        return torch.stack(maps, dim=1), state

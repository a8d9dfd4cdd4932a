"""The one interface of the pose machines (`lstm_pm`, `rpm`, `cpm`), and what the two recurrent ones share.

Maps have the joints, then the background. A machine takes a person-centred clip of normalised RGB frames:
``forward`` gives all maps that are supervised, and ``supervised_frames`` says to which frame each is held;
``begin``, ``advance`` and ``step`` stream, with a state that does not grow.
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
        num_joints: J, joints of the dataset's skeleton.
        input_size: side S of the square crop in pixels, a multiple of 8.
        width: factor on the 128 and 512 channels of the official table, to multiples of 8; the 32 feature
            channels of a frame only ever grow.
        joints: "skeleton", a map a joint of the dataset; "official", the maps of the 14 published joints,
            whatever the dataset: labels and predictions are translated (``official_joints.py``).
        skeleton, joint_names: the dataset's skeleton by its name, and its joints, needed for "official".

    Attributes:
        num_maps: joints of the maps, and the background.

    Raises:
        HumotionError: the input size is no multiple of 8.
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
                f"A pose machine's input_size is {input_size}, which is no multiple of {self.stride}. "
                f"Choose {input_size // self.stride * self.stride or self.stride} or another multiple."
            )
        self.input_size = input_size
        self.official_joints = OfficialJoints(skeleton, joint_names) if joints == "official" else None
        self.num_maps = 1 + (num_joints if self.official_joints is None else len(OFFICIAL_JOINTS))
        self.body, self.wide = scaled(BODY, width), scaled(WIDE, width)
        # All that the later stages see of a frame: fewer than the official 32 leave a small network blind.
        self.features = max(FEATURES, scaled(FEATURES, width))
        self.register_buffer("centre_map", centre_map(input_size), persistent=False)

    @property
    def seen_channels(self) -> int:
        """Channels of what a later stage sees: features, maps, centre map; 48 in the official table."""
        return self.features + self.num_maps + 1

    @property
    def map_size(self) -> int:
        """Cells along a side of a map: 46 at 368 pixels."""
        return self.input_size // self.stride

    @staticmethod
    def normalise(frames: Tensor) -> Tensor:
        """uint8 RGB frames as the model wants them: (x - 128) / 256, so that the pad value 128 becomes 0."""
        return (frames.float() - 128) / 256

    def load_pretrained(self, weights: Path | str) -> None:
        """Start from the weights of another pose machine (see `load_pose_weights`)."""
        load_pose_weights(self, Path(weights))

    def see(self, features: Tensor, maps: Tensor) -> Tensor:
        """What a later stage sees, (B, C, h, w), in the published order."""
        centre = self.get_buffer("centre_map").expand(features.shape[0], -1, -1, -1)
        return torch.cat([features, maps, centre], dim=1)

    @abstractmethod
    def forward(self, frames: Tensor) -> Tensor:
        """All supervised maps (B, M, J+1, h, w) of a clip (B, T, 3, S, S) from its beginning."""

    @abstractmethod
    def supervised_frames(self, num_frames: int) -> Tensor:
        """Of each map that ``forward`` returns, the frame whose target it is held to: (M,)."""

    @abstractmethod
    def begin(self, frame: Tensor) -> Any:
        """The state before the first frame (B, 3, S, S)."""

    @abstractmethod
    def advance(self, frames: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Go on with several frames (B, T, 3, S, S) at once: maps (B, T, J+1, h, w) and the state after them.

        Long videos go through in pieces of bounded memory; the pieces give what one pass over all gives.
        """

    def init(self, frame: Tensor) -> tuple[Tensor, Any]:
        """Begin a stream with its first frame (B, 3, S, S): maps (B, J+1, h, w) and the state."""
        return self.step(frame, self.begin(frame))

    def step(self, frame: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Go on with the next frame (B, 3, S, S): maps (B, J+1, h, w) and the new state."""
        maps, state = self.advance(frame[:, None], state)
        return maps[:, 0], state

    def joints_of_maps(self, joints: Tensor, visibility: Tensor) -> tuple[Tensor, Tensor]:
        """Labels of the maps' joints, of labels (..., J, 2) and flags (..., J) of the dataset's joints."""
        return (joints, visibility) if self.official_joints is None else self.official_joints.encode(joints, visibility)

    def joints_of_skeleton(self, joints: Tensor, score: Tensor) -> tuple[Tensor, Tensor]:
        """The dataset's joints (..., J, 2) and scores (..., J), of those decoded from the maps."""
        return (joints, score) if self.official_joints is None else self.official_joints.decode(joints, score)


class State(NamedTuple):
    """Carried from frame to frame: maps (B, J+1, h, w); hidden, cell (B, H, h, w), None where there is no memory."""

    heatmaps: Tensor
    hidden: Tensor | None = None
    cell: Tensor | None = None


class RecurrentPoseMachine(PoseMachine):
    """ConvNet1 on the first frame, then in every frame ConvNet2, what a subclass remembers, and ConvNet3.

    ConvNet2 (most of the work of a step) does not depend on the state, so a clip runs it once over all frames.
    """

    def __init__(self, dropout: float, **sizes: Any) -> None:
        super().__init__(**sizes)
        self.convnet1 = initial_layers(self.body, self.features, self.wide, self.num_maps, dropout)
        self.convnet2 = nn.Sequential(*feature_layers(self.body, self.features))
        self.convnet3 = refinement_layers(self.seen_channels, self.body, self.num_maps)

    @abstractmethod
    def refine(self, seen: Tensor, state: State) -> State:
        """The state after a frame, of what is seen of it (B, C, h, w) and the state before."""

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T+1, J+1, h, w): the initial map of frame 1 (ConvNet1), then one refined map a frame."""
        state = self.begin(frames[:, 0])
        maps, _ = self.advance(frames, state)
        return torch.cat([state.heatmaps[:, None], maps], dim=1)

    def supervised_frames(self, num_frames: int) -> Tensor:
        """The initial map is held to frame 1, and the others each to its own: (T+1,)."""
        return torch.tensor([0, *range(num_frames)])

    def begin(self, frame: Tensor) -> State:
        """ConvNet1's maps of the first frame (B, 3, S, S), and no memory."""
        return State(self.convnet1(frame))

    def advance(self, frames: Tensor, state: State) -> tuple[Tensor, State]:
        """See `PoseMachine.advance`."""
        features = self.convnet2(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])  # (B, T, F, h, w)
        maps = []
        for feature in features.unbind(1):
            state = self.refine(self.see(feature, state.heatmaps), state)
            maps.append(state.heatmaps)
        return torch.stack(maps, dim=1), state

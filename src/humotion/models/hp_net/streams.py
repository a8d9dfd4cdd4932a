"""Spatial and motion co-learning (SMCLM): three graph networks over the same values of a person's joints.

    pooled   F[t, j]                     what is at a joint
    motion   F[t + 1, j] - F[t, j]       how it changes, 0 in the last frame
    bone     F[t, j] - F[t, parent(j)]   how it differs from the next joint inwards, 0 at the root

A difference is zero where one of its two values is unknown. The published code takes the differences of the motion in
place, in the array of the pooled stream, so that both streams there see the motion. Here they do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from humotion.errors import HumotionError
from humotion.models.common.graph_network import GraphNetwork
from humotion.models.common.sequences import motion, resampled_persons

NAMES = ("pooled", "motion", "bone")


class Streams(nn.Module):
    """The three streams.

    Args:
        num_joints: V.
        dimensions: values of a joint, C.
        edges: the bones as pairs of joint indices: the graph of every stream.
        parents: for each joint the next one inwards (V,); the root is its own parent.
        width: channels of the first units of each graph network, a multiple of 4.
        frames: F, to which the frames of a clip with a person are stretched.
        persons: persons of a clip, M.

    Attributes:
        num_features: length of the embedding of one stream.

    Raises:
        HumotionError: ``parents`` does not name one joint for each.
    """

    parents: Tensor

    def __init__(
        self,
        num_joints: int,
        dimensions: int,
        edges: Sequence[Sequence[int]],
        parents: Sequence[int],
        width: int,
        frames: int,
        persons: int = 1,
    ) -> None:
        super().__init__()
        if len(parents) != num_joints or any(not 0 <= parent < num_joints for parent in parents):
            raise HumotionError(f"hp_net: parents of {num_joints} joints cannot be {list(parents)}.")
        self.frames = frames
        self.register_buffer("parents", torch.tensor(list(parents)), persistent=False)
        self.networks = nn.ModuleDict(
            {name: GraphNetwork(num_joints, dimensions, edges, width, persons) for name in NAMES}
        )
        self.num_features = 4 * width

    def views(self, values: Tensor, known: Tensor, is_padding: Tensor) -> dict[str, Tensor]:
        """Return what each stream sees, (B, M, F, V, C) by the stream's name; see `forward` for the arguments."""
        pooled, seen = resampled_persons(values, known, is_padding, self.frames)
        moved = motion(pooled.flatten(0, 1), seen.flatten(0, 1)).unflatten(0, pooled.shape[:2])
        both = seen & seen[..., self.parents]
        return {
            "pooled": pooled,
            "motion": nn.functional.pad(moved, (0, 0, 0, 0, 0, 1)),
            "bone": (pooled - pooled[..., self.parents, :]) * both[..., None],
        }

    def forward(self, values: Tensor, known: Tensor, is_padding: Tensor) -> tuple[Tensor, ...]:
        """Return the embedding of each stream, (B, 4 * width).

        Args:
            values: (B, T, V, C), or (B, M, T, V, C) for several persons; without effect where ``known`` is false.
            known: (B, T, V) or (B, M, T, V) bool.
            is_padding: (B, T) bool, frames that only repeat others.
        """
        views = self.views(values, known, is_padding)
        return tuple(self.networks[name].encode(views[name]) for name in NAMES)  # type: ignore[operator]

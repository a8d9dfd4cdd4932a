"""A pose machine as a frozen network whose maps are read (see `annotation.joint_features.backbone`).

It is the first stage of a trained pose machine, which sees one frame and is the same in all of them. Its last layer
computes each heatmap from what all cells know, cell by cell. That knowledge is the map here::

    depth    1     2     3     4     5      6
    frame -> c1 -> c2 -> c3 -> c4 -> c5 -> c6 -> heatmaps
    channels 128   128   128   32    512   512     at the official width
    stride   2     4     8     8     8      8

The pools see more to the right and down than to the left and up. But the heatmaps were trained with the middle of each
cell's own pixels, so the map is read as if cells see those.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from humotion.errors import HumotionError
from humotion.models.common.hub import existing_checkpoint
from humotion.models.common.weights import misfits, read_weights
from humotion.models.pose_machine.layers import initial_layers

STAGE = "convnet1."
CONVOLUTIONS = (0, 3, 6, 9, 11, 14, 17)  # their places in the stage; the last one makes the heatmaps
STRIDES = (2, 4, 8, 8, 8, 8)


def weights(path: Path | None) -> Path:
    """The checkpoint.

    Raises:
        HumotionError: no file is named, or it does not exist.
    """
    if path is None:
        raise HumotionError(
            "backbone: pose_machine needs `weights` of the layer: model.safetensors in the folder of a trained or "
            "converted pose machine, for example models/lstm_pm/model.safetensors."
        )
    return existing_checkpoint(path)


class FrozenPoseMachine(nn.Module):
    """The map after ``depth`` convolutions of the first stage, or after all but the last (None), and its mean.

    Attributes:
        channels: C of the map.
        stride: pixels of the picture per cell of the map.
    """

    def __init__(self, stage: nn.Sequential, depth: int | None, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        last = len(STRIDES)
        if depth is not None and not 1 <= depth <= last:
            raise HumotionError(f"depth is {depth}, but the first stage of a pose machine has {last} convolutions.")
        depth = depth or last
        self.layers = stage[: CONVOLUTIONS[depth]].eval()  # with the ReLU and the pool after the convolution
        self.channels, self.stride = _outputs(stage, depth - 1), STRIDES[depth - 1]
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1))

    @torch.inference_mode()
    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, C, h, w) and its mean (B, C) of uint8 RGB frames (B, 3, S, S); S is a multiple of 8."""
        found = self.layers((frames.float() / 255 - self.get_buffer("mean")) / self.get_buffer("std"))
        return found, found.mean((2, 3))


def open_frozen(
    path: Path, side: int, depth: int | None, mean: Sequence[float], std: Sequence[float]
) -> FrozenPoseMachine:
    """The first stage of a pose machine, for pictures of ``side`` pixels, normalised by ``mean`` and ``std``.

    Raises:
        HumotionError: the file is not of a pose machine, or the side is no multiple of 8.
    """
    if side % STRIDES[-1]:
        raise HumotionError(f"side is {side}, but a pose machine needs a multiple of {STRIDES[-1]}, such as 224.")
    found = {key.removeprefix(STAGE): value for key, value in read_weights(path).items() if key.startswith(STAGE)}
    sizes = [len(found.get(f"{place}.bias", ())) for place in CONVOLUTIONS]
    body, features, wide, maps = sizes[0], sizes[3], sizes[4], sizes[-1]
    if not all(sizes):
        raise HumotionError(
            f"{path} is not of a pose machine: it has no {STAGE}*. Name model.safetensors in the folder of one that "
            "was trained or converted here."
        )
    stage = initial_layers(body, features, wide, maps, dropout=0.0)
    if problems := misfits(found, stage.state_dict()):
        raise HumotionError(f"{path} is not of a pose machine of this version: {'; '.join(problems[:5])}.")
    stage.load_state_dict(found)
    return FrozenPoseMachine(stage.requires_grad_(False), depth, mean, std)


def _outputs(stage: nn.Sequential, number: int) -> int:
    convolution = stage[CONVOLUTIONS[number]]
    assert isinstance(convolution, nn.Conv2d)
    return convolution.out_channels

"""Multi-scale testing: the model sees a person at several sizes, with one recurrent stream per size.

The maps of all scales are resampled to one grid over the largest window and averaged, and joints are decoded from the
average. The resampling is bicubic, as in the official code of LSTM Pose Machines, which adds the maps on the full
image. Outside its own window, a scale has no value and adds 0.
"""

from __future__ import annotations

import math
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

CELL_PX = 2  # side of a cell of the common grid, in pixels of the crop at scale 1


class MultiScale(pl.LightningModule):
    """Predicts for the pieces of `ScaledPieces`; the state of every scale continues in the next piece.

    Args:
        task: the `PoseEstimation` to test.
        scales: the scales of the pieces.
        num_frames: frames per piece, so that a test needs about as much memory as at one scale.
    """

    def __init__(self, task: Any, scales: tuple[float, ...], num_frames: int) -> None:
        super().__init__()
        self.task, self.num_frames = task, num_frames
        self.num_cells = math.ceil(task.model.input_size / (min(scales) * CELL_PX))
        self.state: Any = None

    def predict_step(self, batch: dict[str, Any], batch_idx: int = 0) -> dict[str, Tensor]:
        """Like `PoseEstimation.predict_step`, for one piece of one video: (1, T, J, 2), (1, T, J), (1,)."""
        maps, self.state = self.task.advance(batch["frames"], None if batch["is_first"] else self.state)
        fused, grid = fuse_scales(maps.float(), batch["crop"], self.task.model.stride, self.num_cells)
        pixels, score = self.task.decode(fused, CELL_PX)
        cells = (pixels - (CELL_PX - 1) / 2) / CELL_PX
        joints = cells * grid[:, None, 2:] + grid[:, None, :2]
        index = torch.as_tensor(batch["clip_index"]).view(1)
        return {"clip_index": index.cpu(), "joints": joints[None].cpu(), "score": score[None].cpu()}


def fuse_scales(maps: Tensor, crop: Tensor, stride: int, num_cells: int) -> tuple[Tensor, Tensor]:
    """Average maps over scales, on a common grid that covers the largest window.

    Args:
        maps: (S, T, C, n, n) of each scale.
        crop: (S, T, 3) = x0, y0, scale of its windows.
        stride: pixels of a crop per cell of its maps.
        num_cells: cells of the grid along a side.

    Returns:
        The mean (T, C, num_cells, num_cells), and the grid (T, 3) = x, y of its first cell's centre and side of a
        cell, in pixels of the stored frame.
    """
    size = maps.shape[-1]
    largest = crop[int(crop[:, 0, 2].argmax())]  # (T, 3)
    side = largest[:, 2:] * size * stride / num_cells
    grid = torch.cat([largest[:, :2] - largest[:, 2:] / 2 + side / 2, side], dim=-1)
    steps = torch.arange(num_cells, device=maps.device)
    points = grid[:, :2, None] + grid[:, 2:, None] * steps  # (T, 2, num_cells) x, y
    fused = maps.new_zeros(*maps.shape[1:3], num_cells, num_cells)
    for of_scale, window in zip(maps, crop, strict=True):
        pixels = (points - window[:, :2, None]) / window[:, 2:, None]
        weights = cubic_weights((pixels - (stride - 1) / 2) / stride, size)[:, :, None]  # (T, 2, 1, num_cells, n)
        fused += weights[:, 1] @ of_scale @ weights[:, 0].mT
    return fused / len(maps), grid


def cubic_weights(positions: Tensor, size: int) -> Tensor:
    """Weights (..., size) of cells 0..size-1 at ``positions`` (...), in cells, for bicubic interpolation (a = -0.5).

    The border cell is repeated up to its edge, half a cell further out. Beyond the edge, all weights are 0.
    """
    cells = torch.arange(-2, size + 2, device=positions.device)
    away = (positions[..., None] - cells).abs()
    near = 1.5 * away**3 - 2.5 * away**2 + 1
    far = -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2
    weights = torch.where(away <= 1, near, far.where(away < 2, 0.0))  # (..., size + 4)
    inner = weights[..., 2:-2].clone()
    inner[..., 0] += weights[..., :2].sum(-1)
    inner[..., -1] += weights[..., -2:].sum(-1)
    inside = (positions >= -0.5) & (positions < size - 0.5)
    return inner * inside[..., None]

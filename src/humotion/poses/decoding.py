"""Decode joints from heatmaps, more exactly than the cells, which are 8 pixels wide.

All three methods start at the highest cell. ``argmax`` stays at its centre. ``quarter`` moves a quarter of a cell
towards the higher neighbour (Newell et al. 2016, Stacked Hourglass Networks). ``dark`` assumes that the map is a
Gaussian, whose logarithm is a parabola. It smooths the map by the width of the training targets and moves to the
parabola's top (Zhang et al. 2020, Distribution-Aware Coordinate Representation). `benchmarks/pose_decoding.py`
measures the methods on validation clips, and the default follows from this measurement.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

Decoding = Literal["argmax", "quarter", "dark"]
DEFAULT_DECODING: Decoding = "dark"

SIGMA_PX = 7.0  # standard deviation of the targets
SMALLEST_LOG = 1e-10
FURTHEST = 1.0  # cells from the highest one; a parabola through its neighbours is not valid further out


def decode_heatmaps(
    heatmaps: Tensor, stride: int = 8, method: Decoding = DEFAULT_DECODING, sigma_px: float = SIGMA_PX
) -> tuple[Tensor, Tensor]:
    """Decode joint positions and scores from maps.

    If a map shows no direction (it is flat, the cell is at the border, or the parabola has no top), the joint stays at
    the centre of its cell. A map with a value that is not finite has no highest cell: its joint and its score are NaN,
    so that no score counts them as found.

    Args:
        heatmaps: (..., J+1, h, w); the last channel is the background, which is ignored.
        stride: pixels of the crop per cell.
        method: see the module docstring.
        sigma_px: standard deviation of the targets in pixels of the crop; ``dark`` smooths by it.

    Returns:
        Joints (..., J, 2) x, y in pixels of the crop, and scores (..., J), the value of the highest cell.
    """
    if method not in get_args(Decoding):
        raise ValueError(f"decoding is one of {get_args(Decoding)}, not {method!r}")
    maps = heatmaps[..., :-1, :, :].float()
    width = maps.shape[-1]
    score, index = maps.flatten(-2).max(-1)  # (..., J)
    cells = torch.stack([index % width, index // width], dim=-1)  # (..., J, 2) x, y
    offset = torch.zeros(cells.shape, device=maps.device)
    if method == "quarter":
        offset = _quarter_offset(_patches(maps, cells))
    elif method == "dark":
        logarithm = smooth(maps, sigma_px / stride).clamp(min=SMALLEST_LOG).log()
        offset = _parabola_offset(_patches(logarithm, cells))
    size = torch.tensor([width, maps.shape[-2]], device=maps.device)
    inner = (cells > 0) & (cells < size - 1)  # (..., J, 2)
    inner = inner if method == "quarter" else inner.all(-1, keepdim=True)  # the parabola needs both axes
    joints = stride * (cells + offset.where(inner, 0.0)) + (stride - 1) / 2
    is_number = score.isfinite() & maps.flatten(-2).amin(-1).isfinite()  # (..., J); NaN survives both
    return joints.where(is_number[..., None], torch.nan), score.where(is_number, torch.nan)


def smooth(maps: Tensor, sigma: float) -> Tensor:
    """Smooth maps (..., h, w) with a Gaussian of ``sigma`` cells, in float32, with zeros beyond the border.

    A peak is inside the map, so beyond the border its tail is closer to 0 than to the border cells. Repeating the
    border cells would pull a joint near the border outwards.
    """
    radius = math.ceil(3 * sigma)
    steps = torch.arange(-radius, radius + 1, device=maps.device, dtype=torch.float32)
    kernel = torch.exp(-(steps**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    lone = maps.float().reshape(-1, 1, *maps.shape[-2:])
    lone = F.conv2d(lone, kernel.view(1, 1, 1, -1), padding=(0, radius))
    lone = F.conv2d(lone, kernel.view(1, 1, -1, 1), padding=(radius, 0))
    return lone.reshape(maps.shape)


def _patches(maps: Tensor, cells: Tensor) -> Tensor:
    """The 3x3 cells (..., J, 3, 3) of maps (..., J, h, w) around ``cells`` (..., J, 2), clamped at the border."""
    height, width = maps.shape[-2:]
    steps = torch.arange(-1, 2, device=maps.device)
    columns = (cells[..., 0, None] + steps).clamp(0, width - 1)  # (..., J, 3)
    rows = (cells[..., 1, None] + steps).clamp(0, height - 1)
    index = rows[..., :, None] * width + columns[..., None, :]  # (..., J, 3, 3)
    return maps.flatten(-2).gather(-1, index.flatten(-2)).unflatten(-1, (3, 3))


def _quarter_offset(patch: Tensor) -> Tensor:
    slope = torch.stack([patch[..., 1, 2] - patch[..., 1, 0], patch[..., 2, 1] - patch[..., 0, 1]], dim=-1)
    return 0.25 * slope.sign()


def _parabola_offset(patch: Tensor) -> Tensor:
    """Offset (..., 2) from the middle of patches (..., 3, 3) to the top of the parabola through them: -H^-1 g.

    The offset is zero if there is no top, and at most `FURTHEST` along each axis.
    """
    middle = patch[..., 1, 1]
    left, right, above, below = patch[..., 1, 0], patch[..., 1, 2], patch[..., 0, 1], patch[..., 2, 1]
    dx, dy = (right - left) / 2, (below - above) / 2
    dxx, dyy = right - 2 * middle + left, below - 2 * middle + above
    dxy = (patch[..., 2, 2] - patch[..., 2, 0] - patch[..., 0, 2] + patch[..., 0, 0]) / 4
    determinant = dxx * dyy - dxy**2
    has_top = (dxx < 0) & (determinant > 1e-9)
    scale = determinant.where(has_top, 1.0)
    step = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], dim=-1) / scale[..., None]
    return step.where(has_top[..., None], 0.0).clamp(-FURTHEST, FURTHEST)

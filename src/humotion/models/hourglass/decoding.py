"""Read the joints of one person per crop from maps: all crops of a batch together, on their device.

``quarter`` and ``dark`` are those of `humotion.poses.decoding`. There, complete maps are smoothed. With a map per joint
of everybody in a picture that takes most of the time, so here only the cells around each highest one are.

``dark`` smooths by the sigma of the joint. That takes away errors that are new in each cell, but most errors of a
network are alike in neighbouring cells; of these, smoothing takes away less than of the joint. ``half`` smooths by half
of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from humotion.models.common.people_maps import Found

if TYPE_CHECKING:
    from humotion.params.models.hourglass import HourglassDecoding

SMOOTHING = {"dark": 1.0, "half": 0.5}
"""By how much maps are smoothed before the top is looked for, as a share of the joint's sigma."""
SMALLEST_LOG = 1e-10
SMALLEST_BEND = 1e-9  # of a parabola that has a top


class Read(NamedTuple):
    """What is read from the maps of B crops, as tensors on their device.

    Attributes:
        joints: (B, J, 2) in pixels of the crop.
        scores: (B, J) from 0 to 1.
        person: (B,) the score of the person.
        is_number: (B, J) false for a joint whose map is not finite: it has no place, and its score is 0.
    """

    joints: Tensor
    scores: Tensor
    person: Tensor
    is_number: Tensor


def read(maps: Tensor, decoding: HourglassDecoding, stride: int, sigma: float) -> Read:
    """Return the joints of the person in each of B crops.

    A joint is at the highest cell of its map, moved by ``decoding.shift``, and its score is the value there, from 0 to
    1. So every joint has a place, with a low score where the map is empty. The score of the person is the mean of the
    joints' scores above ``decoding.joint_threshold``, and 0 if there are none.

    Args:
        maps: (B, J, h, w).
        decoding: thresholds and settings.
        stride: pixels per cell.
        sigma: of the Gaussians that the maps were trained with, in pixels.
    """
    maps = maps.float().contiguous()  # channels may come last
    highest, index = maps.flatten(2).max(-1)  # (B, J); NaN, if there is one, is the highest
    width = maps.shape[-1]
    cells = torch.stack([index % width, index // width], dim=-1)  # (B, J, 2) x, y
    offsets = _offsets(maps, cells, decoding.shift, sigma / stride)
    joints = stride * (cells + offsets) + (stride - 1) / 2
    is_number = highest.isfinite()
    scores = highest.where(is_number, 0.0).clamp(0, 1)
    counts = scores > decoding.joint_threshold
    return Read(joints, scores, (scores * counts).sum(-1) / counts.sum(-1).clamp(min=1), is_number)


def decode(maps: Tensor, decoding: HourglassDecoding, stride: int, sigma: float) -> list[Found]:
    """Return the person in each of B crops, in pixels of the crop, as `read` finds it; a joint whose map is not finite
    is not found.
    """
    found = read(maps.detach(), decoding, stride, sigma)
    joints = found.joints.where(found.is_number[..., None], torch.nan)
    # One copy for everything: each one would wait for the device.
    packed = torch.cat([joints.flatten(1), found.scores, found.person[:, None]], dim=1).cpu().numpy()
    ends = 2 * maps.shape[1]
    return [Found(row[:ends].reshape(1, -1, 2), row[None, ends:-1], row[-1:]) for row in packed]


def _offsets(maps: Tensor, cells: Tensor, shift: str, sigma: float) -> Tensor:
    """How far (B, J, 2) each joint is from the middle of its highest cell, in cells; 0 at the border of the map."""
    size = torch.tensor([maps.shape[-1], maps.shape[-2]], device=maps.device)
    inner = (cells > 0) & (cells < size - 1)  # (B, J, 2)
    if shift == "quarter":
        near = _around(maps, cells, 1)
        slope = torch.stack([near[..., 1, 2] - near[..., 1, 0], near[..., 2, 1] - near[..., 0, 1]], dim=-1)
        return (0.25 * slope.sign()).where(inner, 0.0)
    if shift in SMOOTHING:
        logarithm = _smoothed(maps, cells, SMOOTHING[shift] * sigma).clamp(min=SMALLEST_LOG).log()
        return _top(logarithm).where(inner.all(-1, keepdim=True), 0.0)  # a parabola needs both axes
    return torch.zeros(cells.shape, device=maps.device)


def _around(maps: Tensor, cells: Tensor, radius: int) -> Tensor:
    """The cells (B, J, 2 radius + 1, 2 radius + 1) around ``cells`` (B, J, 2); 0 beyond the border."""
    height, width = maps.shape[-2:]
    steps = torch.arange(-radius, radius + 1, device=maps.device)
    columns, rows = cells[..., 0, None] + steps, cells[..., 1, None] + steps  # (B, J, n)
    inside = ((rows >= 0) & (rows < height))[..., :, None] & ((columns >= 0) & (columns < width))[..., None, :]
    index = rows.clamp(0, height - 1)[..., :, None] * width + columns.clamp(0, width - 1)[..., None, :]
    values = maps.flatten(-2).gather(-1, index.flatten(-2)).view(index.shape)
    return values.where(inside, 0.0)


def _smoothed(maps: Tensor, cells: Tensor, sigma: float) -> Tensor:
    """The 3x3 cells (B, J, 3, 3) around ``cells`` (B, J, 2), of maps smoothed by a Gaussian of ``sigma`` cells."""
    radius = math.ceil(3 * sigma)
    from_middle = torch.arange(-radius - 1, radius + 2, device=maps.device)
    steps = from_middle - torch.arange(-1, 2, device=maps.device)[:, None]  # (3, n): a row per smoothed cell
    weights = torch.exp(-(steps**2) / (2 * sigma**2)).where(steps.abs() <= radius, 0.0)
    weights = weights / weights.sum(1, keepdim=True)
    return weights @ _around(maps, cells, radius + 1) @ weights.T


def _top(patch: Tensor) -> Tensor:
    """Where (B, J, 2) the parabola through 3x3 values (B, J, 3, 3) has its top, in cells from the middle: -H^-1 g.

    It is 0 if there is no top, and at most 1 along each axis, because further out the parabola is not valid.
    """
    middle = patch[..., 1, 1]
    left, right, above, below = patch[..., 1, 0], patch[..., 1, 2], patch[..., 0, 1], patch[..., 2, 1]
    dx, dy = (right - left) / 2, (below - above) / 2
    dxx, dyy = right - 2 * middle + left, below - 2 * middle + above
    dxy = (patch[..., 2, 2] - patch[..., 2, 0] - patch[..., 0, 2] + patch[..., 0, 0]) / 4
    bend = dxx * dyy - dxy**2
    has_top = (dxx < 0) & (bend > SMALLEST_BEND)
    step = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], dim=-1) / bend.where(has_top, 1.0)[..., None]
    return step.where(has_top[..., None], 0.0).clamp(-1, 1)

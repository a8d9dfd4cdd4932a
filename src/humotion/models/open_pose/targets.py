"""The maps that OpenPose learns: heatmaps with a background, and fields of unit vectors along the limbs.

Both lie on one grid, with the centre of cell i at ``stride * i + (stride - 1) / 2`` pixels. (In the published code the
two grids are 0.44 cells apart: heatmaps are computed at such centres, and fields at ``stride * i``.)
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from humotion.models.common.people_maps import Labels, cell_centres, gaussians
from humotion.models.open_pose.limbs import Body

Overlap = Literal["average", "overwrite"]


def with_neck(labels: Labels, body: Body) -> Labels:
    """Labels of all K joints of a body: the neck is added if the data has none."""
    if body.shoulders is None:
        return labels
    shoulders = list(body.shoulders)
    neck = labels.joints[:, :, shoulders].mean(dim=2, keepdim=True)
    known = labels.known[:, :, shoulders].all(dim=2, keepdim=True)
    return labels._replace(joints=torch.cat([labels.joints, neck], 2), known=torch.cat([labels.known, known], 2))


def heatmaps(labels: Labels, height: int, width: int, stride: int, sigma: float) -> Tensor:
    """Return the largest Gaussian of each joint, and 1 less the largest of all as background: (B, K + 1, h, w).

    ``sigma`` is in pixels. The published code adds the Gaussians of several people and cuts the sum at 1.
    """
    heat = gaussians(labels, height, width, stride, sigma)
    return torch.cat([heat, 1 - heat.amax(dim=1, keepdim=True)], dim=1)


def limb_fields(
    labels: Labels, body: Body, height: int, width: int, stride: int, limb_width: float, overlap: Overlap
) -> Tensor:
    """Return the unit vector of a limb in the cells near it, else 0: (B, 2 L, h, w), x of all limbs before y.

    Args:
        labels: all K joints of ``body``.
        body: its limbs.
        height: cells.
        width: cells.
        stride: pixels per cell.
        limb_width: cells; so far on both sides of a limb, and beyond its ends, cells belong to it.
        overlap: in a cell with limbs of several people, their mean vector, or that of the last person.
    """
    starts, ends = ([limb[end] for limb in body.limbs] for end in (0, 1))
    has_limb = labels.known[:, :, starts] & labels.known[:, :, ends]
    picture, person, limb = has_limb.nonzero(as_tuple=True)  # the M limbs that there are, of everybody
    start, end = labels.joints[:, :, starts][has_limb], labels.joints[:, :, ends][has_limb]  # (M, 2)
    length = (end - start).norm(dim=-1)
    unit = (end - start) / length.clamp(min=1e-6)[:, None]
    centres = cell_centres(height, width, stride, start.device)
    x = centres[0, :, 0] - start[:, :1]  # (M, w)
    y = centres[:, 0, 1] - start[:, 1:]  # (M, h)
    along = (y * unit[:, 1:])[:, :, None] + (x * unit[:, :1])[:, None, :]
    across = (y * unit[:, :1])[:, :, None] - (x * unit[:, 1:])[:, None, :]
    reach = limb_width * stride
    near = (across.abs() <= reach) & (along >= -reach) & (along <= (length + reach)[:, None, None])
    num_limbs, num_maps = len(body.limbs), len(labels.known) * len(body.limbs)
    place = picture * num_limbs + limb
    if overlap == "overwrite":
        near = _last(near, place, person, num_maps)
    total = torch.zeros(3, num_maps, height, width, device=x.device)  # the sums of x and y, and the number of people
    for one, value in zip(total, (*unit.T, torch.ones_like(length)), strict=True):
        one.index_add_(0, place, near * value[:, None, None])
    mean = total[:2] / total[2].clamp(min=1)
    return mean.unflatten(1, (-1, num_limbs)).transpose(0, 1).flatten(1, 2)


def _last(near: Tensor, place: Tensor, person: Tensor, num_maps: int) -> Tensor:
    """``near`` (M, h, w), but of each cell of a map only for the last person."""
    number = near * (person + 1)[:, None, None]
    last = torch.zeros(num_maps, *near.shape[1:], dtype=number.dtype, device=near.device)
    last.scatter_reduce_(0, place[:, None, None].expand_as(number), number, "amax")
    return near & (number == last[place])

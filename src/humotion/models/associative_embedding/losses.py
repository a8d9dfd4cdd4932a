"""What is learned of the tags: those of a person draw together, the means of two people drive apart.

    t_pk    tag of joint k of person p, read in the cell of the joint; m_p = mean of t_pk over the joints of p
    pull    mean over people of the mean over joints of (t_pk - m_p)^2
    push    half of the mean over pairs of two people of exp(-(m_p - m_q)^2)

No tag is prescribed. Source: see `humotion.models.associative_embedding.plain_hourglass`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from humotion.models.common.people_maps import Labels


def joint_cells(labels: Labels, height: int, width: int, stride: int) -> tuple[Tensor, Tensor]:
    """The cell in which each joint lies, as its place among the ``height * width`` cells, and whether there is one.

    Both (B, J, P). A joint that is not known, or lies outside the map, has none; its cell is stated as 0.
    """
    cells = torch.floor((labels.joints + 0.5) / stride).nan_to_num(-1)
    column, row = cells.unbind(dim=-1)  # (B, P, J)
    inside = labels.known & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    places = torch.where(inside, row * width + column, 0).long()
    return places.transpose(1, 2), inside.transpose(1, 2)


def tag_losses(tags: Tensor, cells: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Pull and push, each the mean over B pictures; 0 for a picture without a person, or without a pair of people.

    Args:
        tags: (B, J, h, w).
        cells: (B, J, P), see `joint_cells`.
        known: (B, J, P) the joints that count.
    """
    values = tags.flatten(2).gather(2, cells)  # (B, J, P)
    joints = known.sum(dim=1)  # (B, P)
    mean = torch.where(known, values, 0).sum(dim=1) / joints.clamp(min=1)
    away = torch.where(known, (values - mean[:, None]) ** 2, 0).sum(dim=1) / joints.clamp(min=1)
    there = joints > 0
    people = there.sum(dim=1)  # (B,)
    pull = away.sum(dim=1) / people.clamp(min=1)
    near = torch.exp(-((mean[:, :, None] - mean[:, None]) ** 2))  # (B, P, P)
    pairs = there[:, :, None] & there[:, None] & ~torch.eye(there.shape[1], dtype=torch.bool, device=tags.device)
    push = torch.where(pairs, near, 0).sum(dim=(1, 2)) / (2 * (people * (people - 1)).clamp(min=1))
    return pull.mean(), push.mean()

"""What a perfect network would say of people who are known: the decoder must find them in it."""

from __future__ import annotations

import torch
from torch import Tensor

from humotion.models.common.people_maps import Labels, Maps, cell_centres, gaussians

SPACING = 2.0
"""Between the tags of two people; the first has this tag, because 0 is that of the background."""


def ideal_maps(labels: Labels, height: int, width: int, stride: int, sigma: float) -> Maps:
    """``heat`` and ``tags`` (B, J, height, width): a tag per person in the disc of 2 ``sigma`` around each joint.

    Where the discs of two people overlap, a cell belongs to the nearer joint. ``sigma`` is in pixels.
    """
    centres = cell_centres(height, width, stride, labels.joints.device)
    heat = gaussians(labels, height, width, stride, sigma)
    tags, nearest = torch.zeros_like(heat), torch.full_like(heat, 2 * sigma)
    for person in range(labels.known.shape[1]):
        away = _distance(labels.joints[:, person], centres)
        own = labels.known[:, person, :, None, None] & (away <= nearest)
        tags, nearest = tags.where(~own, SPACING * (person + 1)), nearest.where(~own, away)
    return {"heat": heat, "tags": tags}


def _distance(joints: Tensor, centres: Tensor) -> Tensor:
    """(B, J, h, w) from joints (B, J, 2) to cells (h, w, 2)."""
    return (joints[:, :, None, None] - centres).norm(dim=-1)

"""Read the joints of one person per crop from maps: all crops of a batch together, on their device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from humotion.models.common.people_maps import Found
from humotion.poses.decoding import Decoding, decode_heatmaps

if TYPE_CHECKING:
    from humotion.params.models.hourglass import HourglassDecoding

METHODS: dict[str, Decoding] = {"quarter": "quarter", "dark": "dark", "none": "argmax"}


def decode(maps: Tensor, decoding: HourglassDecoding, stride: int, sigma: float) -> list[Found]:
    """Return the person in each of B crops, in pixels of the crop.

    A joint is at the highest cell of its map, moved by ``decoding.shift``, and its score is the value there, from 0 to
    1. So every joint has a place, with a low score where the map is empty. A joint whose map is not finite is not
    found. The score of the person is the mean of the joints' scores above ``decoding.joint_threshold``, and 0 if there
    are none.

    Args:
        maps: (B, J, h, w).
        decoding: thresholds and settings.
        stride: pixels per cell.
        sigma: of the Gaussians that the maps were trained with, in pixels.
    """
    with_background = F.pad(maps, (0, 0, 0, 0, 0, 1))  # the last map is never read
    joints, scores = decode_heatmaps(with_background, stride, METHODS[decoding.shift], sigma)
    scores = scores.nan_to_num(0).clamp(0, 1)
    counts = scores > decoding.joint_threshold
    person = (scores * counts).sum(-1) / counts.sum(-1).clamp(min=1)  # (B,)
    # One copy for everything: each one would wait for the device.
    packed = torch.cat([joints.flatten(1), scores, person[:, None]], dim=1).detach().cpu().numpy()
    num_joints = scores.shape[1]
    return [Found(row[: 2 * num_joints].reshape(1, -1, 2), row[None, 2 * num_joints : -1], row[-1:]) for row in packed]

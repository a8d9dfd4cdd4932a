"""Frames as what moves in them, for the same ViT to look at: a two-stream network whose streams share their weights.

The second stream of Simonyan and Zisserman (NeurIPS 2014), with differences of frames for optical flow as in TSN (Wang
et al., ECCV 2016). Within one image a scene outshines what moves in it; alone, motion is an image as good as any.
"""

from __future__ import annotations

import torch
from torch import Tensor

CONTRAST = 2.0  # frames a thirtieth of a second apart differ little


def motion_images(frames: Tensor) -> Tensor:
    """Difference (B, M, 3, H, W) of the raw frames right after and before the centre of frames (B, M, K, 3, H, W).

    In normalised units, where 0, which is where nothing moves, is the mean colour that the ViT knows.
    """
    centre = frames.shape[2] // 2
    return (frames[:, :, centre + 1] - frames[:, :, centre - 1]) * CONTRAST


def evenly_spaced(is_padding: Tensor, number: int) -> Tensor:
    """Indices (B, number) of frames that lie evenly among those of is_padding (B, T) which are real: its first ones."""
    real = (~is_padding).sum(1, keepdim=True)
    share = (torch.arange(number, device=is_padding.device) + 0.5) / number
    return (real * share).long()

"""Images of motion for the same ViT: a two-stream network whose streams share their weights.

This is the second stream of Simonyan and Zisserman (NeurIPS 2014), with differences of frames instead of optical flow,
as in TSN (Wang et al., ECCV 2016). In a normal image, the scene hides the motion; here the image shows only motion.
"""

from __future__ import annotations

import torch
from torch import Tensor

CONTRAST = 2.0  # because frames 1/30 s apart differ little


def motion_images(frames: Tensor) -> Tensor:
    """Difference (B, M, 3, H, W) of the raw frames right after and before the centre of frames (B, M, K, 3, H, W).

    Units are normalised. Where nothing moves, the value is 0, which is the mean colour that the ViT knows.
    """
    centre = frames.shape[2] // 2
    return (frames[:, :, centre + 1] - frames[:, :, centre - 1]) * CONTRAST


def evenly_spaced(is_padding: Tensor, number: int) -> Tensor:
    """Indices (B, number) of frames spread evenly over the real frames, which come first in is_padding (B, T)."""
    real = (~is_padding).sum(1, keepdim=True)
    share = (torch.arange(number, device=is_padding.device) + 0.5) / number
    return (real * share).long()

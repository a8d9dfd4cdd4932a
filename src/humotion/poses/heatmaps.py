"""Joint heatmaps: Gaussian targets and the loss of the pose machines.

Cell i of a map of stride s represents the pixel s*i + (s-1)/2 of the crop (8*i + 3.5 at stride 8, 0-based).
Channels are the joints, then the background. Targets follow the official LSTM Pose Machines: peak 1, values below
0.01 set to 0, background 1 - max. The official sigma is 7 px at stride 8, which is 0.875 of a cell. It depends on the
stride and not on the input size, because a Gaussian much narrower than a cell falls between cells.
"""

from __future__ import annotations

import torch
from torch import Tensor

SMALLEST_VALUE = 0.01


def cell_centres(map_size: int, stride: int, device: torch.device | None = None) -> Tensor:
    """Pixel coordinate (map_size,) of the centre of each cell along one axis."""
    return stride * torch.arange(map_size, device=device, dtype=torch.float32) + (stride - 1) / 2


def gaussian_targets(
    joints: Tensor,
    visibility: Tensor,
    map_size: int,
    stride: int = 8,
    sigma_px: float = 7.0,
    box: Tensor | None = None,
) -> Tensor:
    """Compute target maps of a batch of clips, on the device of ``joints``.

    Args:
        joints: (B, T, J, 2) x, y in pixels of the crop; the values of absent joints are ignored.
        visibility: (B, T, J) COCO flags; the map is zero for flag 0 (no position), and a Gaussian for 1 and 2.
        map_size: cells along a side; the crop has map_size * stride pixels.
        stride: pixels of the crop per cell.
        sigma_px: standard deviation in pixels of the crop.
        box: (B, T, 4) x1 y1 x2 y2 in pixels of the crop; joints outside get a zero map.

    Returns:
        Maps (B, T, J+1, map_size, map_size), float32 in [0, 1], background last.
    """
    joints = joints.float()
    known = (visibility > 0) & is_inside_crop(joints, map_size * stride)
    if box is not None:
        known &= ((joints >= box[..., None, :2]) & (joints <= box[..., None, 2:])).all(-1)
    joints = joints.where(known[..., None], 0.0)  # an absent joint may be NaN, and NaN times 0 is NaN

    centres = cell_centres(map_size, stride, joints.device)
    falloff = torch.exp(-((joints[..., None] - centres) ** 2) / (2 * sigma_px**2))  # (B, T, J, 2, n)
    maps = falloff[..., 1, :, None] * falloff[..., 0, None, :]  # (B, T, J, h, w)
    maps = maps * known[..., None, None]
    maps = maps.where(maps >= SMALLEST_VALUE, 0.0)
    background = 1 - maps.amax(dim=2, keepdim=True)
    return torch.cat([maps, background], dim=2)


def enlarged_boxes(box: Tensor, joints: Tensor, visibility: Tensor, torso: tuple[int, int], share: float) -> Tensor:
    """Enlarge boxes (B, T, 4) on every side by a share of the distance between two joints.

    The published rule for Penn Action uses 0.2 of the distance from left shoulder to right hip. It treats a joint
    outside such a box as a label error. If one of the two joints has no position, the box becomes infinite.

    Args:
        box: (B, T, 4) x1 y1 x2 y2.
        joints: (B, T, J, 2); visibility: (B, T, J) COCO flags.
        torso: indices of the two joints.
        share: fraction of their distance.
    """
    one, other = (joints[..., index, :].float() for index in torso)
    labelled = (visibility[..., torso[0]] > 0) & (visibility[..., torso[1]] > 0)
    known = (labelled & torch.isfinite(one + other).all(-1))[..., None]
    margin = share * torch.linalg.vector_norm(one - other, dim=-1, keepdim=True).nan_to_num()  # (B, T, 1)
    margin = margin.where(known, torch.inf)
    return torch.cat([box[..., :2] - margin, box[..., 2:] + margin], dim=-1)


def is_inside_crop(joints: Tensor, input_size: int) -> Tensor:
    """Whether each joint (..., J, 2) is in the crop, whose pixel centres are 0..input_size-1: (..., J) bool."""
    return ((joints >= -0.5) & (joints < input_size - 0.5)).all(-1)


def sum_of_squares(predicted: Tensor, target: Tensor) -> Tensor:
    """The official loss: half the squared error, summed over maps and cells, divided by the number of clips.

    Args:
        predicted: (B, M, J+1, h, w), every supervised map of a model.
        target: (B, M, J+1, h, w), for each map the target of its frame (a model's ``supervised_frames``).
    """
    return 0.5 * (predicted - target).square().sum() / predicted.shape[0]

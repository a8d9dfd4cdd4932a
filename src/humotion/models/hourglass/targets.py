"""What the hourglass learns: one Gaussian per joint of the person, and how far its maps are from them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor

from humotion.poses.heatmaps import gaussian_targets, is_inside_crop

Unlabelled = Literal["zero", "ignore"]


class Targets(NamedTuple):
    """What B crops teach.

    Attributes:
        maps: (B, J, h, w); 1 at a joint, and 0 everywhere for a joint that has no label inside the crop.
        weight: (B, J); 0 for a map that teaches nothing.
    """

    maps: Tensor
    weight: Tensor


def targets(
    joints: Tensor, visibility: Tensor, cells: int, stride: int, sigma: float, unlabelled: Unlabelled
) -> Targets:
    """Make the targets of crops with ``cells`` x ``cells`` maps, on the device of the labels.

    Args:
        joints: (B, J, 2) x, y in pixels of the crop; the values of unlabelled joints are ignored.
        visibility: (B, J) COCO flags; 0 is unlabelled.
        cells: along a side of the map.
        stride: pixels per cell.
        sigma: of the Gaussians, in pixels.
        unlabelled: "zero" if an empty map is learned for a joint without a label inside the crop; "ignore" if nothing.
    """
    with_background = gaussian_targets(joints[:, None], visibility[:, None], cells, stride, sigma)
    known = (visibility > 0) & is_inside_crop(joints, cells * stride)
    weight = known.float() if unlabelled == "ignore" else known.new_ones(known.shape).float()
    return Targets(with_background[:, 0, :-1], weight)


def squared_error(maps: Tensor, wanted: Targets, foreground: float = 0.0) -> Tensor:
    """Return the mean squared error of the maps (B, J, h, w) that teach something; 0 if none does.

    A cell counts 1 + ``foreground`` times where the target is 1.
    """
    weighted = (1 + foreground * wanted.maps) * (maps - wanted.maps).square()
    error = weighted.mean((-2, -1))  # (B, J)
    return (error * wanted.weight).sum() / wanted.weight.sum().clamp(min=1)

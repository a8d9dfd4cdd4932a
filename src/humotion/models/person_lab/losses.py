"""PersonLab's losses: cross entropy of probabilities, and the distance of offsets in discs and masks."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional as F

from humotion.models.common.people_maps import Maps

KINDS = {"short": ("short",), "mid": ("forward", "backward"), "long": ("long",)}
"""The maps of each kind of offsets."""


def stack_losses(maps: Maps, targets: Maps, weight: Tensor, scale: float, weights: Mapping[str, float]) -> Maps:
    """Return the parts of the loss of one stack.

    Each is a mean: of probabilities over the cells that teach, of offsets over those in which the offset is known.

    Args:
        maps: ``heat`` (B, J, h, w) and ``mask`` (B, 1, h, w) logits; offsets (B, 2 J or 2 E, h, w) in units of
            ``scale``.
        targets: see `humotion.models.person_lab.targets.encode`.
        weight: (B, 1, h, w), 0 in cells that teach nothing.
        scale: pixels per unit of an offset.
        weights: of each part: heat, mask, short, mid, long.
    """
    parts = {
        "heat": _entropy(maps["heat"], targets["heat"], weight),
        "mask": _entropy(maps["mask"], targets["mask"], weight * targets["has_mask"]),
    }
    for kind, names in KINDS.items():
        parts[kind] = sum((_distance(maps[name], targets, name, weight, scale) for name in names), weight.new_zeros(()))
    return {name: weights[name] * part for name, part in parts.items()}


def _entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    every = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return _mean(every, weight.expand_as(every))


def _distance(offsets: Tensor, targets: Maps, name: str, weight: Tensor, scale: float) -> Tensor:
    """The mean of the absolute difference, summed over both directions."""
    apart = (offsets.unflatten(1, (2, -1)) - targets[name] / scale).abs().sum(dim=1)  # (B, J or E, h, w)
    return _mean(apart, targets[f"has_{name}"] * weight)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean; 0 if nothing has a weight."""
    return (values * weight).sum() / weight.sum().clamp(min=1)

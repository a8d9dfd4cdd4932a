"""Mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019) of clips: mix two videos, in the same way in all frames.

One share and one box are drawn per batch. They apply to every frame of every clip, including the raw neighbours, so
that mixing creates no motion that neither video has. Random numbers come from torch's generator, which training seeds
again in each epoch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

Box = tuple[slice, slice]  # rows, columns


class Mixing:
    """Mixes each clip of a batch with the previous one in the batch, which depends on the epoch's random order.

    Args:
        mixup, cutmix: parameters of the Beta distributions of the share; 0 turns the method off. If both are used,
            each batch is mixed by one of them, with equal probability.
        probability: probability that a batch is mixed.
        num_classes: number of classes of the targets.
    """

    def __init__(self, mixup: float, cutmix: float, probability: float, num_classes: int) -> None:
        self.mixup, self.cutmix = mixup, cutmix
        self.probability, self.num_classes = probability, num_classes

    def __call__(self, frames: Tensor, is_padding: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return mixed frames, padding and targets.

        A frame counts as padding only if it is padding in both clips. A padded frame repeats the last one and is a
        valid image of its video. So every frame that counts shows both videos in the targets' proportion.

        Args:
            frames: (B, T, K, 3, H, W), normalised; they may be changed in place.
            is_padding: (B, T) bool.
            labels: (B,) int64.

        Returns:
            Frames and padding of the same shapes, and targets (B, num_classes) whose rows sum to 1.
        """
        targets = F.one_hot(labels, self.num_classes).float()
        if torch.rand(()) >= self.probability:
            return frames, is_padding, targets
        cut = self.cutmix > 0 and (self.mixup == 0 or bool(torch.rand(()) < 0.5))
        alpha = self.cutmix if cut else self.mixup
        share = torch.distributions.Beta(alpha, alpha).sample().item()
        if cut:
            share = paste(frames, random_box(share, *frames.shape[-2:]))
        else:
            frames = torch.lerp(previous(frames), frames, share)
        return frames, is_padding & previous(is_padding), torch.lerp(previous(targets), targets, share)


def previous(batch: Tensor) -> Tensor:
    """Return the previous clip for each clip of a batch; the last clip is before the first."""
    return batch.roll(1, dims=0)


def random_box(share: float, height: int, width: int) -> Box:
    """A box with ``1 - share`` of the image's area and its aspect ratio, at a random place, cut off at the border."""
    side = (1 - share) ** 0.5
    centres = torch.rand(2).tolist()
    rows, columns = (
        slice(max(0, round((centre - side / 2) * size)), min(size, round((centre + side / 2) * size)))
        for centre, size in zip(centres, (height, width), strict=True)
    )
    return rows, columns


def paste(frames: Tensor, box: Box) -> float:
    """Paste the box of the previous clip into every frame, in place, and return the share that each clip keeps."""
    rows, columns = box
    frames[..., rows, columns] = previous(frames[..., rows, columns])
    height, width = frames.shape[-2:]
    return 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)

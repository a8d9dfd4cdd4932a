"""Losses of action recognition for classes of unequal size, for logits (B, C) and labels (B,).

All losses are means over the batch of one term per clip, and all use the same label smoothing. Labels may be soft,
(B, C) with rows that sum to 1, for example from mixup: the loss of a mixture is the mixture of the losses of its
labels. The losses use the class sizes of an epoch. If the plan is already balanced, they have nothing to correct.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from humotion.params.tasks.action_recognition import (
    AnyLoss,
    ClassBalancedLossParams,
    FocalLossParams,
    LogitAdjustmentLossParams,
)


class CrossEntropy(nn.Module):
    """Cross-entropy of ``logits + shift``, each clip weighted by its class.

    The plain cross-entropy has neither weights nor shift. With ``weights`` (C,) from `effective_number_weights`, it is
    the class-balanced loss. With ``shift`` (C,) of tau log(prior), it is the logit-adjusted loss.
    """

    weights: Tensor | None
    shift: Tensor | None

    def __init__(self, label_smoothing: float, weights: Tensor | None = None, shift: Tensor | None = None) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        # Not persistent: they follow from the plan, and checkpoints do not depend on them.
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch, a scalar."""
        shifted = logits if self.shift is None else logits + self.shift
        if labels.ndim == 2:
            terms = losses_of_classes(shifted, self.label_smoothing)
            return mixture(labels, terms if self.weights is None else terms * self.weights)
        losses = F.cross_entropy(shifted, labels, label_smoothing=self.label_smoothing, reduction="none")  # (B,)
        return losses.mean() if self.weights is None else (losses * self.weights[labels]).mean()


class FocalLoss(nn.Module):
    """Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, for softmax: (1 - p)^gamma times cross-entropy.

    p is the probability of the labelled class, so clips that are already correct count less. Class sizes do not matter.
    """

    def __init__(self, label_smoothing: float, gamma: float) -> None:
        super().__init__()
        self.label_smoothing, self.gamma = label_smoothing, gamma

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch, a scalar."""
        if labels.ndim == 2:
            terms = losses_of_classes(logits, self.label_smoothing)
            return mixture(labels, (1 - logits.float().softmax(dim=1)) ** self.gamma * terms)
        losses = F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing, reduction="none")  # (B,)
        right = logits.softmax(dim=1).gather(1, labels[:, None])[:, 0]
        return ((1 - right) ** self.gamma * losses).mean()


def losses_of_classes(logits: Tensor, label_smoothing: float) -> Tensor:
    """The smoothed cross-entropy (B, C) of each clip with each class as its label."""
    log_probabilities = logits.float().log_softmax(dim=1)
    rest = log_probabilities.mean(dim=1, keepdim=True)
    return -((1 - label_smoothing) * log_probabilities + label_smoothing * rest)


def mixture(labels: Tensor, terms: Tensor) -> Tensor:
    """The mean over clips of the terms (B, C) of all classes, weighted by soft labels (B, C)."""
    return (labels * terms).sum(dim=1).mean()


def make_loss(params: AnyLoss, label_smoothing: float, class_counts: Tensor) -> nn.Module:
    """Return the loss that the parameters choose.

    Args:
        params: the loss, with its own settings.
        label_smoothing: in [0, 1).
        class_counts: (C,) samples of each class in an epoch.
    """
    match params:
        case ClassBalancedLossParams():
            return CrossEntropy(label_smoothing, weights=effective_number_weights(class_counts, params.beta))
        case FocalLossParams():
            return FocalLoss(label_smoothing, params.gamma)
        case LogitAdjustmentLossParams():
            return CrossEntropy(label_smoothing, shift=params.tau * log_priors(class_counts))
        case _:
            return CrossEntropy(label_smoothing)


def effective_number_weights(class_counts: Tensor, beta: float) -> Tensor:
    """Weights (C,) of classes with n samples, proportional to (1 - beta) / (1 - beta^n).

    Cui et al., Class-Balanced Loss Based on Effective Number of Samples, CVPR 2019, eq. 5. As there, the mean weight
    of the classes is 1. With beta = 0, all weights are equal. beta = 1 is the limit: inverse frequency. A class
    without samples has weight 0.
    """
    counts = class_counts.double()
    effective = counts if beta == 1 else (1 - beta**counts) / (1 - beta)
    present = counts > 0
    weights = torch.where(present, 1 / effective.clamp(min=1), 0.0)
    return (weights * present.sum() / weights.sum()).float()


def log_priors(class_counts: Tensor) -> Tensor:
    """log(n / N) of each class, (C,), as in Menon et al., Long-Tail Learning via Logit Adjustment, ICLR 2021.

    It is added only in training. The logits then learn the part without the prior, which is correct for balanced
    classes. A class without samples counts as one sample: the logarithm of 0 would make a smoothed loss infinite.
    """
    counts = class_counts.double().clamp(min=1)
    return (counts / counts.sum()).log().float()

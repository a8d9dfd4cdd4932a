"""The losses against values worked out by hand from the papers' formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from humotion.params.tasks.action_recognition import (
    AnyLoss,
    ClassBalancedLossParams,
    CrossEntropyLossParams,
    FocalLossParams,
    LogitAdjustmentLossParams,
)
from humotion.tasks.action_recognition.training.losses import effective_number_weights, log_priors, make_loss

# Probabilities 1/2, 1/4, 1/4 and 1/8, 1/8, 3/4.
LOGITS = torch.tensor([[2.0, 1.0, 1.0], [1.0, 1.0, 6.0]]).log()
LABELS = torch.tensor([0, 1])
COUNTS = torch.tensor([6, 3, 1])
ALL: list[AnyLoss] = [
    CrossEntropyLossParams(),
    ClassBalancedLossParams(name="class_balanced"),
    FocalLossParams(name="focal"),
    LogitAdjustmentLossParams(name="logit_adjustment"),
]


def value(params: AnyLoss, smoothing: float = 0.0, counts: torch.Tensor = COUNTS) -> float:
    return make_loss(params, smoothing, counts)(LOGITS, LABELS).item()


def test_cross_entropy() -> None:
    assert value(CrossEntropyLossParams()) == pytest.approx((math.log(2) + math.log(8)) / 2)


def test_label_smoothing_is_that_of_torch() -> None:
    expected = F.cross_entropy(LOGITS, LABELS, label_smoothing=0.1).item()
    assert value(CrossEntropyLossParams(), 0.1) == pytest.approx(expected)


def test_focal() -> None:
    expected = ((1 / 2) ** 2 * math.log(2) + (7 / 8) ** 2 * math.log(8)) / 2
    assert value(FocalLossParams(name="focal", gamma=2)) == pytest.approx(expected)


def test_class_balanced() -> None:
    # beta = 1/2: effective numbers 2 (1 - 2^-6) = 63/32, 7/4, 1; weights 32/63, 4/7, 1, scaled to a mean of 1.
    scale = 3 / (32 / 63 + 4 / 7 + 1)
    weights = effective_number_weights(COUNTS, 0.5)
    assert weights.tolist() == pytest.approx([32 / 63 * scale, 4 / 7 * scale, scale])
    expected = (weights[0].item() * math.log(2) + weights[1].item() * math.log(8)) / 2
    assert value(ClassBalancedLossParams(name="class_balanced", beta=0.5)) == pytest.approx(expected)


def test_class_weights_at_the_ends_of_beta() -> None:
    assert effective_number_weights(COUNTS, 0).tolist() == [1, 1, 1]
    # Inversely by frequency: 1/6, 1/3, 1 scaled by 2 to a mean of 1.
    assert effective_number_weights(COUNTS, 1).tolist() == pytest.approx([1 / 3, 2 / 3, 2])
    assert effective_number_weights(COUNTS, 1 - 1e-7).tolist() == pytest.approx([1 / 3, 2 / 3, 2], rel=1e-5)


def test_logit_adjustment() -> None:
    # Odds 2 : 1 : 1 times priors 6 : 3 : 1 give 12/16; odds 1 : 1 : 6 give 3/15.
    expected = (math.log(16 / 12) + math.log(15 / 3)) / 2
    assert value(LogitAdjustmentLossParams(name="logit_adjustment")) == pytest.approx(expected)
    # tau = 2: odds times squared priors 36 : 9 : 1 give 72/82 and 9/51.
    expected = (math.log(82 / 72) + math.log(51 / 9)) / 2
    assert value(LogitAdjustmentLossParams(name="logit_adjustment", tau=2)) == pytest.approx(expected)


@pytest.mark.parametrize("params", [param for param in ALL if param.name != "focal"], ids=lambda params: params.name)
def test_with_equal_classes_nothing_is_left_to_correct(params: AnyLoss) -> None:
    equal = torch.tensor([5, 5, 5])
    for smoothing in (0.0, 0.2):
        expected = value(CrossEntropyLossParams(), smoothing)
        assert value(params, smoothing, equal) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("params", ALL, ids=lambda params: params.name)
def test_a_class_without_samples_spoils_nothing(params: AnyLoss) -> None:
    loss = make_loss(params, 0.1, torch.tensor([6, 3, 0]))
    logits = LOGITS.clone().requires_grad_()
    loss(logits, LABELS).backward()
    assert logits.grad is not None and logits.grad.isfinite().all()
    assert effective_number_weights(torch.tensor([6, 3, 0]), 1).tolist() == pytest.approx([2 / 3, 4 / 3, 0])
    assert log_priors(torch.tensor([6, 3, 0])).isfinite().all()


@pytest.mark.parametrize("params", ALL, ids=lambda params: params.name)
def test_checkpoints_do_not_hold_class_sizes(params: AnyLoss) -> None:
    assert not make_loss(params, 0.1, COUNTS).state_dict()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("params", ALL, ids=lambda params: params.name)
def test_a_mixture_of_labels_has_the_mixture_of_their_losses(params: AnyLoss, smoothing: float) -> None:
    loss = make_loss(params, smoothing, COUNTS)
    one_hot = torch.eye(3)
    assert loss(LOGITS, one_hot[LABELS]).item() == pytest.approx(loss(LOGITS, LABELS).item(), rel=1e-6)
    soft = 0.7 * one_hot[LABELS] + 0.3 * one_hot[LABELS.flip(0)]
    expected = 0.7 * loss(LOGITS, LABELS) + 0.3 * loss(LOGITS, LABELS.flip(0))
    assert loss(LOGITS, soft).item() == pytest.approx(expected.item(), rel=1e-6)


def test_soft_cross_entropy_is_that_of_torch() -> None:
    soft = torch.tensor([[0.6, 0.1, 0.3], [0.0, 0.5, 0.5]])
    expected = F.cross_entropy(LOGITS, soft, label_smoothing=0.1).item()
    assert make_loss(CrossEntropyLossParams(), 0.1, COUNTS)(LOGITS, soft).item() == pytest.approx(expected)


def test_soft_labels_in_half_precision_are_summed_in_full() -> None:
    soft = torch.tensor([[0.6, 0.1, 0.3], [0.0, 0.5, 0.5]])
    loss = make_loss(FocalLossParams(name="focal"), 0.1, COUNTS)(LOGITS.bfloat16(), soft)
    assert loss.dtype == torch.float32

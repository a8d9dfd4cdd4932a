from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from humotion.errors import HumotionError
from humotion.models import build_model
from humotion.tasks import task_class
from humotion.tasks.base import learning_rate_factor, parameter_groups
from tests.tiny_models import ARCHITECTURES


def test_warm_up_then_half_a_cosine() -> None:
    factors = [learning_rate_factor(step, total=8, warmup=4, cosine=True) for step in range(9)]
    assert factors[:4] == [0.25, 0.5, 0.75, 1.0]
    assert factors[4:] == pytest.approx([1.0, 0.5 + math.sqrt(0.5) / 2, 0.5, 0.5 - math.sqrt(0.5) / 2, 0.0])
    assert learning_rate_factor(100, total=8, warmup=4, cosine=True) == 0  # never up again


def test_warm_up_then_constant() -> None:
    assert [learning_rate_factor(step, 4, 2, cosine=False) for step in range(5)] == [0.5, 1, 1, 1, 1]
    assert learning_rate_factor(0, 4, 0, cosine=False) == 1
    assert learning_rate_factor(0, 1, 1, cosine=True) == 1  # nothing but warm-up


@pytest.mark.parametrize("kind", list(ARCHITECTURES))
def test_every_parameter_is_in_exactly_one_group(kind: str) -> None:
    model = build_model(**ARCHITECTURES[kind])
    decayed, kept = parameter_groups(model, 0.05)
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.05, 0.0)
    grouped = [id(parameter) for group in (decayed, kept) for parameter in group["params"]]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(parameter) for parameter in model.parameters()}


def test_biases_norms_tokens_and_position_embeddings_do_not_decay() -> None:
    model = build_model(**ARCHITECTURES["action_recognition"])
    _, kept = parameter_groups(model, 0.05)
    free = {id(parameter) for parameter in kept["params"]}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in free}
    assert {"backbone.cls_token", "backbone.pos_embed"} <= names
    for name, module in model.named_modules():
        if isinstance(module, nn.LayerNorm):
            assert {f"{name}.weight", f"{name}.bias"} <= names
        if isinstance(module, nn.Linear | nn.Conv2d):
            assert f"{name}.weight" not in names
            assert module.bias is None or f"{name}.bias" in names


def test_a_frozen_parameter_is_in_no_group() -> None:
    model = nn.Linear(2, 2)
    model.weight.requires_grad = False
    decayed, kept = parameter_groups(model, 0.1)
    assert (decayed["params"], kept["params"]) == ([], [model.bias])


def test_an_unknown_task_lists_the_known_ones() -> None:
    with pytest.raises(HumotionError, match=r"no task named 'juggling'\. Known tasks: action_"):
        task_class("juggling")


def test_a_task_for_prediction_has_no_optimiser() -> None:
    task = task_class("action_recognition")(ARCHITECTURES["action_recognition"])
    with pytest.raises(RuntimeError):
        task.configure_optimizers()
    assert torch.is_tensor(task.model.state_dict()["backbone.cls_token"])

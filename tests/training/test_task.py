from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from humotion.errors import HumotionError
from humotion.models.common.build import build_model
from humotion.models.vit.layer_decay import learning_rate_share, vit_layer
from humotion.params.experiment import OptimizerParams
from humotion.params.tasks.action_recognition import ActionOptimizerParams
from humotion.training.task import learning_rate_factor, parameter_groups, task_class
from tests.support.tiny_models import ARCHITECTURES

PLAIN = OptimizerParams(lr=0.1, weight_decay=0.05)


def test_warm_up_then_half_a_cosine() -> None:
    cosine = OptimizerParams(lr=1.0)
    factors = [learning_rate_factor(step, total=8, warmup=4, params=cosine) for step in range(9)]
    assert factors[:4] == [0.25, 0.5, 0.75, 1.0]
    assert factors[4:] == pytest.approx([1.0, 0.5 + math.sqrt(0.5) / 2, 0.5, 0.5 - math.sqrt(0.5) / 2, 0.0])
    assert learning_rate_factor(100, total=8, warmup=4, params=cosine) == 0  # never up again
    assert learning_rate_factor(0, 1, 1, cosine) == 1  # nothing but warm-up


def test_warm_up_then_constant() -> None:
    constant = OptimizerParams(lr=1.0, schedule="constant")
    assert [learning_rate_factor(step, 4, 2, constant) for step in range(5)] == [0.5, 1, 1, 1, 1]
    assert learning_rate_factor(0, 4, 0, constant) == 1


def test_steps_of_the_published_schedule() -> None:
    params = OptimizerParams(lr=8e-5, schedule="step", step_every=40_000, step_factor=0.333)
    factors = [learning_rate_factor(step, 100_000, 0, params) for step in (0, 39_999, 40_000, 79_999, 80_000)]
    assert factors == pytest.approx([1, 1, 0.333, 0.333, 0.333**2])
    with pytest.raises(ValidationError, match="step_every"):
        OptimizerParams(lr=1.0, schedule="step")
    with pytest.raises(ValidationError, match="step_every"):
        OptimizerParams(lr=1.0, step_every=5)


@pytest.mark.parametrize("kind", list(ARCHITECTURES))
def test_every_parameter_is_in_exactly_one_group(kind: str) -> None:
    model = build_model(**ARCHITECTURES[kind])
    decayed, kept = sorted(parameter_groups(model, PLAIN), key=lambda group: -group["weight_decay"])
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.05, 0.0)
    grouped = [id(parameter) for group in (decayed, kept) for parameter in group["params"]]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(parameter) for parameter in model.parameters()}


def test_biases_norms_tokens_and_position_embeddings_do_not_decay() -> None:
    model = build_model(**ARCHITECTURES["action_recognition"])
    (kept,) = (group for group in parameter_groups(model, PLAIN) if group["weight_decay"] == 0)
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
    (group,) = parameter_groups(model, PLAIN)
    assert group["params"] == [model.bias]


def test_published_learning_rates_of_biases_gates_and_parts() -> None:
    """Biases of layers at twice the rate without decay, gate biases at the rate, ConvNet1 at five times all of it."""
    model = build_model(**ARCHITECTURES["pose_estimation"])
    params = OptimizerParams(lr=8e-5, weight_decay=5e-4, bias_lr_factor=2, lr_factors={"convnet1": 5})
    groups = {id(member): group for group in parameter_groups(model, params) for member in group["params"]}
    for name, parameter in model.named_parameters():
        factor = 5 if name.startswith("convnet1.") else 1
        factor *= 2 if name.endswith(".bias") else 1
        decay = 5e-4 if name.endswith(".weight") else 0.0
        group = groups[id(parameter)]
        assert (group["lr"], group["weight_decay"]) == (pytest.approx(8e-5 * factor), decay), name
    assert groups[id(model.lstm.gate_bias)]["lr"] == 8e-5  # type: ignore[union-attr]
    with pytest.raises(HumotionError, match=r"lr_factors contains convnet9, but .* are convnet1, convnet2"):
        parameter_groups(model, OptimizerParams(lr=1.0, lr_factors={"convnet9": 2}))


def rates(depth: int = 3, **changes: Any) -> dict[str, float]:
    """The learning rate of every parameter of a tiny LS-ViT, in units of the optimiser's."""
    architecture = ARCHITECTURES["action_recognition"] | {"depth": depth}
    task = task_class("action_recognition")(architecture)
    groups = task.parameter_groups(ActionOptimizerParams(**{"lr": 0.1, "weight_decay": 0.05, **changes}))
    by_id = {id(member): group["lr"] / 0.1 for group in groups for member in group["params"]}
    return {name: by_id[id(parameter)] for name, parameter in task.model.named_parameters()}


def test_layer_decay_by_name() -> None:
    """As BEiT and MAE count: what is before the blocks is layer 0, block i layer i + 1, norm and head the last."""
    found = rates(layer_decay=0.5, head_lr_factor=7)
    below = {  # three blocks: layers 0 to 4
        "backbone.cls_token": 1 / 16,
        "backbone.pos_embed": 1 / 16,
        "backbone.patch_embed.proj.weight": 1 / 16,
        "backbone.patch_embed.proj.bias": 1 / 16,
        "backbone.blocks.0.": 1 / 8,
        "backbone.blocks.1.": 1 / 4,
        "backbone.blocks.2.": 1 / 2,
        "backbone.norm.": 1,
    }
    for name, rate in found.items():
        # Head, and all that LS-ViT adds: at the head's rate, and beside the layers.
        expected = next((share for part, share in below.items() if name.startswith(part)), 7)
        assert rate == pytest.approx(expected), name
    assert {name.split(".")[0] for name, rate in found.items() if rate == pytest.approx(7)} >= {"head", "smif", "lmi"}
    assert "temporal_embed" in found


def test_layers_of_a_deeper_vit_and_of_its_registers() -> None:
    assert [vit_layer(f"blocks.{i}.attn.qkv.weight", 12) for i in (0, 9, 10, 11)] == [1, 10, 11, 12]
    assert [vit_layer(name, 12) for name in ("reg_token", "norm.weight", "fc_norm.bias")] == [0, 13, 13]
    assert learning_rate_share("backbone.blocks.11.norm1.weight", 12, 0.75, head_factor=5) == 0.75
    assert learning_rate_share("backbone.pos_embed", 12, 0.75, head_factor=5) == pytest.approx(0.75**13)


def test_layer_decay_multiplies_with_the_factors_of_parts_and_biases() -> None:
    plain, both = rates(layer_decay=0.5), rates(layer_decay=0.5, lr_factors={"backbone": 3}, bias_lr_factor=2)
    assert both["backbone.blocks.0.mlp.fc1.weight"] == pytest.approx(3 * plain["backbone.blocks.0.mlp.fc1.weight"])
    assert both["backbone.blocks.0.mlp.fc1.bias"] == pytest.approx(6 * plain["backbone.blocks.0.mlp.fc1.bias"])
    assert both["head.weight"] == pytest.approx(plain["head.weight"])


def test_without_layer_decay_the_vit_learns_alike_and_weights_alone_decay() -> None:
    assert {rate for name, rate in rates(head_lr_factor=7).items() if name.startswith("backbone.")} == {1}
    task = task_class("action_recognition")(ARCHITECTURES["action_recognition"])
    groups = task.parameter_groups(ActionOptimizerParams(lr=0.1, weight_decay=0.05, layer_decay=0.5))
    decays = {id(member): group["weight_decay"] for group in groups for member in group["params"]}
    by_name = {name: decays[id(parameter)] for name, parameter in task.model.named_parameters()}
    assert by_name["backbone.blocks.0.attn.qkv.weight"] == by_name["head.weight"] == 0.05
    assert {by_name[name] for name in by_name if name.endswith(("bias", "token", "embed", "norm.weight"))} == {0}


def test_an_unknown_task_lists_the_known_ones() -> None:
    with pytest.raises(
        HumotionError, match=r"no task 'juggling'\. Available: action_recognition, multi_person_pose, pose_"
    ):
        task_class("juggling")


def test_a_task_for_prediction_has_no_optimiser() -> None:
    task = task_class("action_recognition")(ARCHITECTURES["action_recognition"])
    with pytest.raises(RuntimeError):
        task.configure_optimizers()
    assert torch.is_tensor(task.model.state_dict()["backbone.cls_token"])

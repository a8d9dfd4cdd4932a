"""Every registered model, in each of its configurations at a small size, goes forward, backward and through export."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from humotion.models.common.build import build_model, every_entry
from humotion.tasks.action_recognition.training.model import all_logits

SMALL: dict[str, dict[str, Any]] = {
    "pose_machine": {"num_joints": 4, "input_size": 64, "width": 0.05, "dropout": 0.0, "init": "he"},
    "vit": {
        "num_classes": 3,
        "image_size": 32,
        "patch_size": 16,
        "dim": 16,
        "depth": 2,
        "heads": 2,
    },
    "posenet": {},
    "person_lab": {"joint_names": ("nose", "l_shoulder", "r_shoulder", "tail"), "width": 8, "depth": 2},
    "open_pose": {"width": 8, "stacks": 2, "depth": 2, "stages": 2},
    "open_pose_mobilenet": {},
    "hourglass": {"num_joints": 4, "flip": (1, 0, 2, 3), "width": 8, "depth": 2},
    "associative_embedding": {"joint_names": ("nose", "l_wrist", "r_wrist"), "width": 8, "stacks": 2, "depth": 2},
    "landmark_lstm": {"num_classes": 3, "num_joints": 5, "dimensions": 2, "dropout": 0.0},
    "gru": {"num_classes": 3, "num_joints": 5, "dimensions": 2, "num_frames": 6, "width": 8, "dropout": 0.0},
    "ddnet": {"num_classes": 3, "num_joints": 5, "dimensions": 2, "filters": 8, "channel_dropout": 0.0, "dropout": 0.0},
    "efficientnet": {"num_classes": 3, "dropout": 0.0},
    "linear_probe": {"num_classes": 3, "num_joints": 5, "channels": 6},
    "ctr_gcn": {"num_classes": 3, "num_joints": 5, "dimensions": 2, "edges": [(0, 1), (1, 2), (1, 3)], "width": 8},
    "hp_net": {
        "num_classes": 3,
        "num_joints": 5,
        "dimensions": 2,
        "channels": 6,
        "edges": [(0, 1), (1, 2), (1, 3)],
        "parents": (1, 1, 1, 1, 1),
        "width": 8,
        "frames": 8,
        "text": "random",
        "text_dim": 12,
    },
}
ENTRIES = {name: (family, entry) for family, name, entry in every_entry()}
CONFIGURATIONS = [(name, official) for name, (_, entry) in ENTRIES.items() for official in entry.official]


def small_sizes(name: str, official: str) -> dict[str, Any]:
    family, entry = ENTRIES[name]
    return {**entry.official[official], **SMALL.get(name, SMALL.get(family, {}))}


def small_model(name: str, official: str, **others: Any) -> nn.Module:
    torch.manual_seed(0)
    model = build_model(ENTRIES[name][0], name, **{**small_sizes(name, official), **others})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # what starts at zero takes part
    return model


def inputs(model: nn.Module, name: str) -> tuple[Tensor, ...]:
    """Two clips of four frames, the second with a padded one."""
    is_padding = torch.zeros(2, 4, dtype=torch.bool)
    is_padding[1, -1] = True
    reads = getattr(model, "reads", ("frames",))
    if "known" in reads:
        people = (2,) * (getattr(model, "persons", 1) > 1)
        landmarks = torch.randn(2, *people, 4, 5, 2)
        known = torch.ones(landmarks.shape[:-1], dtype=torch.bool)
        known[0, ..., 1, :] = known[1, ..., 2, 3] = False
        shown = {"features": torch.randn(*known.shape, 6), "frame": torch.randn(2, 4, 6)}
        shown |= {"landmarks": landmarks, "known": known}
        return (*(shown[part] for part in reads), is_padding)
    if ENTRIES[name][0] == "pose_machine":
        return (torch.rand(2, 4, 3, 64, 64),)
    if ENTRIES[name][0] == "person_lab":
        return (torch.rand(2, 3, 65, 97),)
    if ENTRIES[name][0] == "open_pose":
        return (torch.rand(2, 3, 64, 96),)
    if ENTRIES[name][0] == "hourglass":
        return (torch.rand(2, 3, 32, 32),)
    if ENTRIES[name][0] == "associative_embedding":
        return (torch.rand(2, 3, 32, 48),)
    frames = torch.rand(2, 4, model.num_neighbours, 3, 32, 32)  # type: ignore[call-overload]
    return frames, is_padding


@pytest.mark.parametrize(("name", "official"), CONFIGURATIONS)
def test_every_parameter_gets_a_gradient(name: str, official: str) -> None:
    model = small_model(name, official).train()
    shown = inputs(model, name)
    squared(model, shown).backward()  # type: ignore[no-untyped-call]
    without = [key for key, parameter in model.named_parameters() if parameter.grad is None]
    assert not without
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())  # type: ignore[arg-type]
    if in_training := set(dead(model)):  # batch norm takes away what a bias before it adds: only rounding is left
        model.eval().zero_grad()
        squared(model, shown).backward()  # type: ignore[no-untyped-call]
        assert not in_training & set(dead(model))


def squared(model: nn.Module, shown: tuple[Tensor, ...]) -> Tensor:
    """The mean square of everything that the model says: of all logits, or of all maps."""
    said = all_logits(model, shown)
    parts = tree_leaves(said[0] if isinstance(said[0], tuple | list) else said)
    return torch.cat([part.flatten() for part in parts]).square().mean()


def dead(model: nn.Module) -> list[str]:
    return [key for key, parameter in model.named_parameters() if not parameter.grad.any()]  # type: ignore[union-attr]


@pytest.mark.parametrize(("name", "official"), CONFIGURATIONS)
def test_an_exported_model_gives_what_the_model_gives(name: str, official: str) -> None:
    model = small_model(name, official).eval()
    example = inputs(model, name)
    exported = torch.export.export(model, example).module()
    others = tuple(torch.rand_like(x) if x.is_floating_point() else x.flip(0) for x in example)
    for arguments in (example, others):
        with torch.no_grad():
            torch.testing.assert_close(exported(*arguments), model(*arguments), rtol=1e-5, atol=1e-5)

"""Hand-made clips of features at joints, and small models for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from humotion.models.common.build import build_model
from humotion.models.hp_net.hp_net import HPNet

CLASSES = ("walk", "shake_hands", "jump_rope", "golf", "kick_ball", "sit")
JOINTS, VALUES, CHANNELS, FRAMES = 6, 2, 5, 9
EDGES = ((0, 1), (1, 2), (2, 3), (1, 4), (4, 5))
PARENTS = (1, 1, 1, 2, 1, 4)  # the root is joint 1
SIZES: dict[str, Any] = {"num_joints": JOINTS, "dimensions": VALUES, "channels": CHANNELS, "edges": EDGES}
Clips = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def small(seed: int = 0, is_moved: bool = True, **options: Any) -> HPNet:
    """A model that knows its classes; ``is_moved``: nothing is at its start, and batch norm has seen clips."""
    torch.manual_seed(seed)
    sizes = {**SIZES, "parents": PARENTS, "width": 4, "frames": 8, **options}
    model: Any = build_model("hp_net", "hp_net", num_classes=len(CLASSES), **sizes)
    model.name_classes(CLASSES)
    if is_moved:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
            model.train()
            model(*clips(8, seed=5))
    return model.eval()


def clips(number: int, seed: int = 1) -> Clips:
    """Features, frames, landmarks, known and padding of clips; some joints are unknown, and the last has padding."""
    random = torch.Generator().manual_seed(seed)
    features = torch.randn(number, FRAMES, JOINTS, CHANNELS, generator=random)
    frame = torch.randn(number, FRAMES, CHANNELS, generator=random)
    landmarks = torch.randn(number, FRAMES, JOINTS, VALUES, generator=random)
    known = torch.ones(number, FRAMES, JOINTS, dtype=torch.bool)
    known[0, :2] = known[0, 4, 3] = known[-1, 5:7, 2] = False
    is_padding = torch.zeros(number, FRAMES, dtype=torch.bool)
    is_padding[-1, -2:] = True
    return features, frame, landmarks, known, is_padding

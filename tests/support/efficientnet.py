"""A checkpoint of EfficientNet-Lite0 with random weights, under the published names."""

from __future__ import annotations

from pathlib import Path

import torch

from humotion.models.efficientnet.efficientnet_lite0 import FrameAveragedEfficientNet


def published_name(key: str) -> str:
    """The name of a tensor of the model in the published checkpoint: names of modules start with an underscore."""
    *modules, tensor = key.removeprefix("backbone.").split(".")
    if modules == ["head"]:
        modules = ["fc"]
    return ".".join([*(name if name.isdigit() else f"_{name}" for name in modules), tensor])


def write_random_checkpoint(path: Path, seed: int = 0) -> Path:
    """Write a file that `load_backbone` reads. Batch norm has the statistics of noise, so that maps vary over noise."""
    torch.manual_seed(seed)
    model = FrameAveragedEfficientNet().train()
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.backbone(torch.randn(8, 3, 64, 64))
    torch.save({published_name(key): value for key, value in model.state_dict().items()}, path)
    return path

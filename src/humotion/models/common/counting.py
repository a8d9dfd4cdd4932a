"""What a model computes: multiplications and shapes of a run on PyTorch's meta device, which knows shapes alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

Shapes = dict[str, tuple[int, ...]]
CLIP_FRAMES = 16  # as LS-ViT's public re-implementation samples them


class Run(NamedTuple):
    """One run of a model.

    Attributes:
        inputs: shape of each input, by name.
        outputs: shape of each output, by name.
        gmacs: 1e9 multiplications of each part of the run (see `gmacs`), for one person or clip.
    """

    inputs: Shapes
    outputs: Shapes
    gmacs: dict[str, float]


def gmacs(function: Callable[..., Any], *inputs: Any) -> tuple[float, Any]:
    """GMACs of a call, and what it returns.

    A GMAC is 1e9 multiplications of the convolutions, linear layers, matrix products and attention, as
    `torch.utils.flop_counter` counts them (half of its FLOPs); norms, activations, pooling, resizing and differences
    of frames are not counted.
    """
    with FlopCounterMode(display=False) as counter:
        result = function(*inputs)
    return counter.get_total_flops() / 2e9, result


def clip_run(model: Any, size: int) -> Run:
    """A run of a model that classifies clips: one of `CLIP_FRAMES` frames of ``size`` pixels, without padding."""
    frames = torch.empty(1, CLIP_FRAMES, model.num_neighbours, 3, size, size)
    is_padding = torch.zeros(1, CLIP_FRAMES, dtype=torch.bool)
    clip, logits = gmacs(model, frames, is_padding)
    inputs = {"frames": tuple(frames.shape), "is_padding": tuple(is_padding.shape)}
    return Run(inputs, {"logits": tuple(logits.shape)}, {"clip": clip, "frame": clip / CLIP_FRAMES})

"""Count a model's multiplications and shapes, in a run on PyTorch's meta device, which computes only shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

Shapes = dict[str, tuple[int, ...]]
CLIP_FRAMES = 16  # the number that LS-ViT's public re-implementation samples


class Run(NamedTuple):
    """One run of a model.

    Attributes:
        inputs: shape of each input, by name.
        outputs: shape of each output, by name.
        gmacs: GMACs of each part of the run (see `gmacs`), for one person or clip.
    """

    inputs: Shapes
    outputs: Shapes
    gmacs: dict[str, float]


def gmacs(function: Callable[..., Any], *inputs: Any) -> tuple[float, Any]:
    """Return the GMACs of a call, and the result of the call.

    One GMAC is 1e9 multiplications. Convolutions, linear layers, matrix products and attention are counted, as
    `torch.utils.flop_counter` does (half of its FLOPs). Norms, activations, pooling, resizing and differences of
    frames are not counted.
    """
    with FlopCounterMode(display=False) as counter:
        result = function(*inputs)
    return counter.get_total_flops() / 2e9, result


def clip_run(model: Any, size: int) -> Run:
    """Run a clip classifier on one clip of `CLIP_FRAMES` frames of ``size`` pixels, without padding."""
    frames = torch.empty(1, CLIP_FRAMES, model.num_neighbours, 3, size, size)
    is_padding = torch.zeros(1, CLIP_FRAMES, dtype=torch.bool)
    clip, logits = gmacs(model, frames, is_padding)
    inputs = {"frames": tuple(frames.shape), "is_padding": tuple(is_padding.shape)}
    return Run(inputs, {"logits": tuple(logits.shape)}, {"clip": clip, "frame": clip / CLIP_FRAMES})


def landmark_run(model: Any, joints: int, dimensions: int, num_frames: int, persons: int = 1) -> Run:
    """Run a classifier of landmarks on one clip in which all are known."""
    people = () if persons == 1 else (persons,)
    landmarks = torch.empty(1, *people, num_frames, joints, dimensions)
    known = torch.ones(landmarks.shape[:-1], dtype=torch.bool)
    is_padding = torch.zeros(1, num_frames, dtype=torch.bool)
    clip, logits = gmacs(model, landmarks, known, is_padding)
    shapes = {"landmarks": tuple(landmarks.shape), "known": tuple(known.shape), "is_padding": tuple(is_padding.shape)}
    return Run(shapes, {"logits": tuple(logits.shape)}, {"clip": clip, "frame": clip / num_frames})

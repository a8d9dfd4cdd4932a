"""Where a ViT looks in a clip, and what LS-ViT's motion modules see there.

The model runs as usual. During the run, hooks read its attention and LMI's gates; afterwards they are removed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from humotion.tasks.action_recognition.evaluation.attention_rollout import attention_weights, patch_shares, rollout

if TYPE_CHECKING:
    from humotion.models.vit.vit import FrameAveragedViT


class ClipMaps(NamedTuple):
    """Maps over the sampled frames of a batch of clips, with g patches along a side of a frame.

    Attributes:
        attention: (B, T, g, g) share of each patch in the embedding of its frame (rollout); the sum is 1.
        motion: (B, T, h, w) size of SMIF's faded differences, averaged over neighbours and colours, as a fraction of
            a pixel's full range, at SMIF's own resolution; None without SMIF.
        gates: (B, T, g, g) size of LMI's gates, averaged over channels and over the blocks with an LMI; None
            without LMI.
    """

    attention: Tensor
    motion: Tensor | None
    gates: Tensor | None

    def apply(self, change: Callable[[Tensor], Tensor]) -> ClipMaps:
        """Apply the same change to every available kind of map."""
        motion, gates = (None if part is None else change(part) for part in (self.motion, self.gates))
        return ClipMaps(change(self.attention), motion, gates)

    def select(self, index: int, real: Tensor) -> ClipMaps:
        """Return one clip of the batch, without the batch axis, for the frames where ``real`` (T,) is true."""
        return self.apply(lambda part: part[index][real])


def has_clip_maps(model: nn.Module) -> bool:
    """Return whether the model is a ViT on each frame, by its parts, because the task knows no family of models."""
    return hasattr(getattr(model, "backbone", None), "num_prefix") and hasattr(model, "embed_frames")


def clip_maps(model: FrameAveragedViT, frames: Tensor, is_padding: Tensor) -> ClipMaps:
    """Run a model on normalised frames (B, T, K, 3, H, W) with is_padding (B, T), and return its maps."""
    weights: list[Tensor] = []
    gates: list[Tensor] = []

    def see_attention(attention: Any, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        weights.append(attention_weights(attention, *inputs))

    def see_gate(lmi: Any, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        size = lmi.gate(*inputs).abs().mean(-1)
        gates.append(size.expand(inputs[0].shape[:-1]))  # (B, T, N), even if a frame has one gate

    with ExitStack() as hooks:
        for module in model.modules():
            if hasattr(module, "qkv"):  # the attention of a block
                hooks.enter_context(module.register_forward_hook(see_attention))
            elif hasattr(module, "gate"):  # an LMI
                hooks.enter_context(module.register_forward_hook(see_gate))
        model.embed_frames(frames, is_padding)

    backbone = model.backbone
    of_class_token = backbone.cls_token is not None and backbone.fc_norm is None
    shares = patch_shares(rollout(weights), backbone.num_prefix, of_class_token)
    return ClipMaps(
        attention=as_grid(shares).unflatten(0, is_padding.shape),
        motion=motion_map(model, frames, is_padding),
        gates=as_grid(torch.stack(gates).mean(0)[..., backbone.num_prefix :]) if gates else None,
    )


def motion_map(model: Any, frames: Tensor, is_padding: Tensor) -> Tensor | None:
    """Size of SMIF's motion (B, T, h, w), as a fraction of the full range; None without SMIF."""
    if getattr(model, "smif", None) is None:
        return None
    motion = model.smif.motion(frames, is_padding)  # (B, T, D, 3, h, w), normalised
    return (motion * model.backbone.get_buffer("std")).abs().mean((2, 3))


def as_grid(patches: Tensor) -> Tensor:
    """Arrange values of patches (..., g * g) as a grid (..., g, g)."""
    return patches.unflatten(-1, (round(patches.shape[-1] ** 0.5), -1))

"""What action recognition asks of a model, of whatever family it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn


class ActionModel(Protocol):
    """A model that gives a clip one label.

    Its class takes keyword arguments: the settings of params.yaml, and what its `ModelEntry` has from the clips
    (``num_classes``, ``image_size`` in pixels, ``num_frames``).

    Attributes:
        num_neighbours: raw frames K that it wants around each sampled one; the sampled one stands at K // 2.
        head: from embeddings to logits; a model may be re-trained there alone.
    """

    num_neighbours: int
    head: nn.Module

    def normalise(self, frames: Tensor) -> Tensor:
        """Frames as the model computes with them, of uint8 frames of any shape (..., 3, S, S)."""
        ...

    def embed(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """(B, C) of normalised frames (B, T, K, 3, S, S), of which ``is_padding`` (B, T) are repeated, at the end."""
        ...

    def __call__(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Logits (B, num_classes): ``head`` of ``embed``."""
        ...


class PretrainedModel(ActionModel, Protocol):
    """What some settings ask for besides; without them a model need not have it.

    Attributes:
        backbone: the part that may come pretrained. It can be frozen (``trainer.freeze_backbone``), and keeps less
            memory where its attribute ``checkpointing`` is true (``trainer.checkpoint_activations``).
    """

    backbone: Any

    def load_pretrained(self, weights: Path | str) -> None:
        """Start from a checkpoint (``model.weights``).

        Raises:
            HumotionError: it cannot be read, or is of another model.
        """
        ...

    def learning_rate_share(self, name: str, decay: float, head_factor: float) -> float:
        """The share of the learning rate that the parameter ``name`` has (``layer_decay``, ``head_lr_factor``)."""
        ...

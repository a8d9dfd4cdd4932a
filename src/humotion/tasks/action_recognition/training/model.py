"""The interface that action recognition requires of a model of any family."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn


class ActionModel(Protocol):
    """A model that predicts one label per clip.

    Its class takes keyword arguments: the settings of params.yaml, and the facts about the clips that its `ModelEntry`
    lists (``num_classes``, ``image_size`` in pixels, ``num_frames``).

    Attributes:
        num_neighbours: raw frames K that it needs around each sampled one; the sampled one is at K // 2.
        head: maps embeddings to logits; it can be re-trained alone.
    """

    num_neighbours: int
    head: nn.Module

    def normalise(self, frames: Tensor) -> Tensor:
        """Normalise uint8 frames of any shape (..., 3, S, S) for the model."""
        ...

    def embed(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Embeddings (B, C) of normalised frames (B, T, K, 3, S, S); ``is_padding`` (B, T) marks repeats at the end."""
        ...

    def __call__(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Logits (B, num_classes): ``head`` of ``embed``."""
        ...


class PretrainedModel(ActionModel, Protocol):
    """Additional parts that some settings need; without these settings, a model does not need them.

    Attributes:
        backbone: the part that may be pretrained. It can be frozen (``trainer.freeze_backbone``), and uses less
            memory if its attribute ``checkpointing`` is true (``trainer.checkpoint_activations``).
    """

    backbone: Any

    def load_pretrained(self, weights: Path | str) -> None:
        """Start from a checkpoint (``model.weights``).

        Raises:
            HumotionError: it cannot be read, or it is of another model.
        """
        ...

    def learning_rate_share(self, name: str, decay: float, head_factor: float) -> float:
        """Return the factor on the learning rate of the parameter ``name`` (``layer_decay``, ``head_lr_factor``)."""
        ...

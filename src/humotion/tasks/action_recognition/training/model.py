"""The interface that action recognition requires of a model of any family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

FRAMES = "frames"
"""The tensor of pictures in a sample."""


class ActionModel(Protocol):
    """A model that predicts one label per clip.

    Its class takes keyword arguments: the settings of params.yaml, and the facts about the clips that its `ModelEntry`
    lists (``num_classes``, ``num_frames``, and what the input says of its samples: ``image_size``, ``num_joints`` ...).

    Attributes:
        reads: the tensors of a sample that it reads, by name, in the order of its arguments. ``frames`` if it does not
            say. A model that reads frames has `FrameReader.normalise`.
        num_neighbours: raw frames K that it needs around each sampled one; the sampled one is at K // 2.
        head: maps embeddings to logits; it can be re-trained alone.
    """

    reads: tuple[str, ...]
    num_neighbours: int
    head: nn.Module

    def embed(self, *shown: Tensor) -> Tensor:
        """Embeddings (B, C) of what `shown_to` returns; its last is ``is_padding`` (B, T), true for repeats."""
        ...

    def __call__(self, *shown: Tensor) -> Tensor:
        """Logits (B, num_classes): ``head`` of ``embed``."""
        ...


class FrameReader(Protocol):
    """What a model also has if it reads frames, which come as (B, T, K, 3, S, S)."""

    def normalise(self, frames: Tensor) -> Tensor:
        """Normalise uint8 frames of any shape (..., 3, S, S) for the model."""
        ...


def shown_to(model: Any, batch: Mapping[str, Tensor]) -> list[Tensor]:
    """Return the arguments of a model, from a batch of samples.

    They are the tensors that it reads (``model.reads``) as the input made them, and ``is_padding``. Frames are bytes in
    a sample, so the model normalises them.
    """
    read = getattr(model, "reads", (FRAMES,))
    tensors = [model.normalise(batch[name]) if name == FRAMES else batch[name] for name in read]
    return [*tensors, batch["is_padding"]]


def name_classes(model: Any, classes: Sequence[str]) -> None:
    """Tell a model the names of the classes before training, if it is a `NamedClassesModel`."""
    if hasattr(model, "name_classes"):
        model.name_classes(classes)


def all_logits(model: Any, shown: Sequence[Tensor]) -> list[Tensor]:
    """Return all logits (B, num_classes) of a model that have a loss in training; its answer comes first."""
    return model.training_logits(*shown) if hasattr(model, "training_logits") else [model(*shown)]


class AuxiliaryModel(ActionModel, Protocol):
    """What a model has in addition if parts of it also classify in training, each with a loss of the same weight."""

    def training_logits(self, *shown: Tensor) -> list[Tensor]:
        """Logits (B, num_classes): those of `__call__`, then those of each auxiliary classifier."""
        ...


class NamedClassesModel(ActionModel, Protocol):
    """What a model has in addition if it makes something of the names of the classes."""

    def name_classes(self, classes: Sequence[str]) -> None:
        """Read what the model needs of the names, before training; for prediction its weights have it.

        Raises:
            HumotionError: it cannot use a name.
        """
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

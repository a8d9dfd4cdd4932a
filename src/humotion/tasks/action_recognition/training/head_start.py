"""A linear probe as the start of fine-tuning (Kumar et al., ICLR 2022: LP-FT).

A randomly initialised head sends meaningless gradients through a pretrained ViT. They distort its features before the
head can use them. A head that was first fitted to the frozen features does not have this problem.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch

from humotion.clips.datamodule import ClipDataModule
from humotion.errors import HumotionError
from humotion.params.machine import MachineParams
from humotion.tasks.action_recognition.training.linear_probe import fit
from humotion.training.predict import predict
from humotion.training.task import Task


def start_head(
    task: Task, data: ClipDataModule, machine: MachineParams, callbacks: Sequence[pl.Callback] = ()
) -> float:
    """Fit a logistic regression on the features of the training clips, and use it as the head of an action model.

    Clips are shown as in evaluation, each once and not augmented. The regularisation is chosen on validation clips.

    Returns:
        The top-1 accuracy of the head on the validation clips.

    Raises:
        HumotionError: the model's head is not linear.
        KeyboardInterrupt: one of the ``callbacks`` stopped it, between two batches; the head is unchanged.
    """
    head = task.model.head
    if not isinstance(head, torch.nn.Linear):
        raise HumotionError(
            f"trainer.head_start needs a linear head, but that of {task.architecture['name']} is not. Set it to false."
        )
    train, val = (_embedded(task, data, split, machine, callbacks) for split in ("train", "val"))
    probe = fit(*train, *val, head.out_features)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(probe.weight))
        head.bias.copy_(torch.from_numpy(probe.bias))
    return probe.top1


def _embedded(
    task: Task, data: ClipDataModule, split: str, machine: MachineParams, callbacks: Sequence[pl.Callback]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Features (N, C) and labels (N,) of the clips of a split."""
    outputs = predict(task, data.evaluation_dataloader(split), machine, callbacks)
    index, embeddings = (torch.cat([output[key] for output in outputs]) for key in ("clip_index", "embeddings"))
    labels = data.clips(split)["label_id"].to_numpy(np.int64)
    return embeddings.numpy(), labels[index.numpy()]

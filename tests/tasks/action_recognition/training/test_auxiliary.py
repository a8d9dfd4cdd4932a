"""A model with auxiliary classifiers, and one that reads the names of its classes, in the task."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from humotion.errors import HumotionError
from humotion.tasks.action_recognition.training.head_start import start_head
from humotion.tasks.action_recognition.training.model import all_logits, name_classes
from humotion.tasks.action_recognition.training.module import ActionRecognition
from tests.models.hp_net.clips import CLASSES, PARENTS, SIZES, clips
from tests.support.tiny_models import OPTIMIZER, make_task
from tests.tasks.test_tasks import action_batch, quiet

ARCHITECTURE = {
    **{"family": "hp_net", "name": "hp_net", "num_classes": len(CLASSES), "width": 4, "frames": 8},
    **SIZES,
    "parents": PARENTS,
}


def task_and_batch(**options: Any) -> tuple[ActionRecognition, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    task = ActionRecognition({**ARCHITECTURE, **options}, OPTIMIZER)
    name_classes(task.model, CLASSES)
    shown = dict(zip((*task.action_model.reads, "is_padding"), clips(6), strict=True))
    return task, {**shown, "label": torch.tensor([0, 1, 2, 3, 4, 5]), "clip_index": torch.arange(6)}


@pytest.mark.parametrize("text", ["names", "none"])
def test_all_three_auxiliary_losses_reach_the_training(text: str) -> None:
    task, batch = task_and_batch(text=text)
    logged = quiet(task)
    task.eval()  # the same batch norm for both runs
    model: Any = task.model
    with torch.no_grad():
        embedding = model.embed(*(batch[name] for name in (*model.reads, "is_padding")))
        streams = embedding[:, -48:].split(16, dim=1)
        alone = [head(stream) for head, stream in zip(model.auxiliary.values(), streams, strict=True)]
        logits = [model.head(embedding), *alone]
        losses = [nn.functional.cross_entropy(each, batch["label"]).item() for each in logits]
    assert len(losses) == 4
    loss = task.training_step(batch)
    assert loss.item() == pytest.approx(sum(losses), rel=1e-5)
    assert logged["train/top1"].item() == (logits[0].argmax(1) == batch["label"]).float().mean().item()
    loss.backward()  # type: ignore[no-untyped-call]
    for head in model.auxiliary.values():
        assert head.weight.grad.any()
    with torch.no_grad():
        task.validation_step(batch)
        task.on_validation_epoch_end()
    assert logged["val/loss"].item() == pytest.approx(losses[0], rel=1e-5)  # the answer alone is scored


def test_label_smoothing_applies_to_every_loss() -> None:
    task, batch = task_and_batch()
    quiet(task)
    task.eval().label_smoothing = 0.2
    task.set_class_counts(torch.ones(len(CLASSES)))
    with torch.no_grad():
        logits = all_logits(task.model, [batch[name] for name in (*task.action_model.reads, "is_padding")])
        losses = [nn.functional.cross_entropy(each, batch["label"], label_smoothing=0.2).item() for each in logits]
        assert task.training_step(batch).item() == pytest.approx(sum(losses), rel=1e-5)


def test_predictions_are_those_of_the_model_alone() -> None:
    task, batch = task_and_batch()
    task.eval()
    with torch.no_grad():
        predicted = task.predict_step(batch)
        torch.testing.assert_close(predicted["probabilities"], task.logits(batch).softmax(1))
    assert predicted["embeddings"].shape == (6, 384 + 12 * 4)


def test_other_models_have_one_loss_and_no_names() -> None:
    task, batch = make_task("action_recognition").eval(), action_batch()
    quiet(task)
    name_classes(task.model, ["jump", "walk"])
    with torch.no_grad():
        logits = task.logits(batch)  # type: ignore[operator]
        expected = nn.functional.cross_entropy(logits, batch["label"])
        torch.testing.assert_close(task.training_step(batch), expected)


def test_a_head_that_is_not_linear_cannot_start_as_a_probe() -> None:
    task, _ = task_and_batch()
    with pytest.raises(HumotionError, match="head_start needs a linear head, but that of hp_net is not"):
        start_head(task, None, None)  # type: ignore[arg-type]

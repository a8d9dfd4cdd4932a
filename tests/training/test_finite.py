"""Where a training that diverged ends, and what is no divergence."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from humotion.errors import HumotionError
from humotion.models.common.weights import not_finite, read_weights
from humotion.params.document import Params
from humotion.stages import augment, sample
from humotion.training.finite import FirstBatch, TrainingDivergedError, diverged_metric
from humotion.training.fit import FitResult, fit
from humotion.training.prepare import prepare
from humotion.training.task import Task
from tests.support.tiny_project import build_project, tiny_params

BOTH = pytest.mark.parametrize("name", ["action", "pose"])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_project(tmp_path_factory.mktemp("finite"))
    with contextlib.chdir(folder):
        for name in ("action", "pose"):
            for stage in (sample, augment):
                stage.run(name, tiny_params())
    return folder


def train(root: Path, name: str, work: Path, *callbacks: pl.Callback, params: Params | None = None) -> FitResult:
    params = params or tiny_params(epochs=3)
    with contextlib.chdir(root):
        task, data = prepare(name, params)
        settings = params.experiment(name).trainer, params.machine
        return fit(task, data, *settings, seed=3, folder=work, callbacks=callbacks)


class At(pl.Callback):
    """Does something to the task once: after a training batch of an epoch."""

    def __init__(self, epoch: int, batch: int, act: Any) -> None:
        self.epoch, self.batch, self.act = epoch, batch, act

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if (trainer.current_epoch, batch_idx) == (self.epoch, self.batch):
            self.act(pl_module)


def lose(task: Task) -> None:
    """Weights of NaN: the loss of this batch is NaN."""
    with torch.no_grad():
        next(task.model.parameters()).fill_(torch.nan)


@BOTH
@pytest.mark.parametrize(("epoch", "batch"), [(0, 0), (1, 1)])
def test_the_first_batch_with_a_loss_of_nan_ends_it(
    root: Path, tmp_path: Path, name: str, epoch: int, batch: int
) -> None:
    with pytest.raises(TrainingDivergedError, match=f"train/loss is NaN or infinite in batch {batch} of epoch {epoch}"):
        train(root, name, tmp_path, At(epoch, batch, lose))
    kept = [torch.load(path, weights_only=True) for path in tmp_path.rglob("*.ckpt")]
    assert [state["epoch"] for state in kept] == [epoch - 1] * (2 if epoch else 0)  # best and last, before the loss
    assert not [name for state in kept for name in not_finite(state["state_dict"])]


class AfterStep(pl.Callback):
    """Breaks the weights after the last step of an epoch, as that step's update may do: no loss shows it."""

    def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if trainer.current_epoch == 1:
            with torch.no_grad():
                for parameter in pl_module.model.parameters():
                    parameter.mul_(torch.inf)


@BOTH
def test_weights_broken_by_the_last_step_are_not_saved(root: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainingDivergedError, match=r"tensors of weights are NaN or infinite after epoch 1"):
        train(root, name, tmp_path, AfterStep())
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] == 0


@BOTH
def test_outputs_of_finite_weights_are_checked_too(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    class Overflow(pl.Callback):
        def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
            plain = pl_module.validation_step
            broken = lambda *given: plain(*given).clone().index_fill_(-1, torch.tensor([0]), torch.inf)  # noqa: E731
            monkeypatch.setattr(pl_module, "validation_step", broken, raising=False)

    with pytest.raises(TrainingDivergedError, match="outputs for validation clips are NaN or infinite after epoch 0"):
        train(root, name, tmp_path, Overflow())
    assert not list(tmp_path.glob("*.ckpt"))


def test_a_main_metric_of_nan_chooses_no_epoch(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoLabels(pl.Callback):
        def on_validation_batch_start(self, trainer: Any, pl_module: Any, batch: Any, *_: Any) -> None:
            batch["visibility"].zero_()

    with pytest.raises(HumotionError, match=r"val/pck_0\.2 is NaN, although weights and outputs are finite") as raised:
        train(root, "pose", tmp_path, NoLabels())
    assert not isinstance(raised.value, TrainingDivergedError)


def test_nothing_to_measure_is_no_divergence() -> None:
    assert diverged_metric({"val/pck_0.2": 0.5, "val/jitter": math.nan, "train/loss": 1e30}) is None
    assert diverged_metric({"val/jitter": math.inf}) == "val/jitter"
    assert diverged_metric({"val/top1": 0.5, "val/loss": math.nan}) == "val/loss"


def test_the_first_bad_batch_is_noted_without_a_wait_and_found_on_any_device() -> None:
    """On a GPU, losses are looked at every `CHECK_EVERY` batches: the batch that is named is still the first one."""

    class Strategy:
        root_device = torch.device("cpu")

        def reduce(self, value: torch.Tensor, reduce_op: str) -> torch.Tensor:
            assert reduce_op == "min"
            return torch.minimum(value, torch.tensor(17))  # another process found batch 17

    first, alone = (
        FirstBatch(),
        SimpleNamespace(
            strategy=SimpleNamespace(root_device=torch.device("cpu"), reduce=lambda value, reduce_op: value)
        ),
    )
    assert first.found(alone) is None  # type: ignore[arg-type]
    for index, value in enumerate([1.0, 2.0, math.nan, 3.0, math.inf]):
        first.note(torch.tensor(value), index)
    assert first.found(alone) == 2  # type: ignore[arg-type]
    assert first.found(SimpleNamespace(strategy=Strategy())) == 2  # type: ignore[arg-type]
    later = FirstBatch()
    later.note(torch.tensor(1.0), 0)
    assert later.found(SimpleNamespace(strategy=Strategy())) == 17  # type: ignore[arg-type]


def test_infinite_gradients_are_no_divergence(root: Path, tmp_path: Path) -> None:
    """As with 16-mixed, whose scaler skips such a step."""

    class Skipped(pl.Callback):
        steps = 0

        def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: Any, optimizer: Any) -> None:
            self.steps += 1
            if self.steps == 1:
                for parameter in pl_module.parameters():
                    if parameter.grad is not None:
                        parameter.grad.fill_(torch.inf)
                pl_module.zero_grad()  # the scaler's way: the step changes nothing

    result = train(root, "action", tmp_path, Skipped())
    assert len(result.epochs) == 3


def test_pretrained_weights_of_nan_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(3), "b": torch.tensor([1.0, -math.inf])}, path := tmp_path / "w.pth")
    with pytest.raises(HumotionError, match=r"NaN or infinite weights in 1 of 2 tensors \(first: b\)"):
        read_weights(path)


def test_tensors_that_are_not_finite() -> None:
    weights = {
        "whole": torch.tensor([3]),
        "none": torch.zeros(0),
        "largest": torch.tensor([3.4e38, -3.4e38]),
        "nan": torch.tensor([[0.0, math.nan]]),
        "half": torch.tensor([math.inf], dtype=torch.bfloat16),
        "double": torch.tensor([1e300], dtype=torch.float64),
    }
    assert not_finite(weights) == ["nan", "half"]

"""`fit` on a tiny project: what a crash, a second run, and the choice of the epoch do."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch

from humotion.clips.datamodule import ClipDataModule
from humotion.clips.table import read_table
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.document import Params
from humotion.stages import augment, sample
from humotion.training.checkpoints import Resumption
from humotion.training.devices import usable_precision
from humotion.training.fit import FitResult, fit, make_trainer
from humotion.training.prepare import prepare
from humotion.training.task import Task, task_class
from tests.support.tiny_project import build_project, tiny_params

EPOCHS = 4


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_project(tmp_path_factory.mktemp("fit"))
    with contextlib.chdir(folder):
        for name in ("action", "pose"):
            sample.run(name, tiny_params())
            augment.run(name, tiny_params())
    return folder


class StopDuring(pl.Callback):
    """Pulls the plug in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.current_epoch == self.epoch:
            raise ConnectionAbortedError


def train(
    root: Path, name: str, work: Path, *callbacks: pl.Callback, params: Params | None = None
) -> tuple[Task, FitResult]:
    params = params or tiny_params(epochs=EPOCHS)
    experiment = params.experiment(name)
    pl.seed_everything(experiment.seed, workers=True, verbose=False)
    meta = read_json(root / "clips" / name / "meta.json")
    task = task_class(experiment.task).from_experiment(experiment, meta)
    data = ClipDataModule(name, params, task.model.num_neighbours, root)  # type: ignore[arg-type]
    settings = experiment.trainer, params.machine
    return task, fit(task, data, *settings, seed=experiment.seed, folder=work, callbacks=callbacks)


def weights(task: Task) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in task.state_dict().items()}


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    different = [name for name in one if not torch.equal(one[name], other[name])]
    assert not different


@pytest.fixture(scope="module")
def uninterrupted(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Task, FitResult]]:
    return {name: train(root, name, tmp_path_factory.mktemp(name)) for name in ("action", "pose")}


Trained = dict[str, tuple[Task, FitResult]]


@pytest.mark.parametrize("name", ["action", "pose"])
@pytest.mark.parametrize("epoch", [0, 2])
def test_interrupted_and_resumed_equals_uninterrupted(
    root: Path, tmp_path: Path, uninterrupted: Trained, name: str, epoch: int
) -> None:
    with pytest.raises(ConnectionAbortedError):
        train(root, name, tmp_path, StopDuring(epoch))
    assert (tmp_path / "last.ckpt").exists() == (epoch > 0)
    task, result = train(root, name, tmp_path)
    whole_task, whole = uninterrupted[name]
    assert result.epochs == whole.epochs
    assert result.best_epoch == whole.best_epoch
    assert_equal(weights(task), weights(whole_task))


@pytest.mark.parametrize("damaged", ["last.ckpt", "best.ckpt", "checkpoints.json"])
def test_a_damaged_checkpoint_is_no_dead_end(
    root: Path, tmp_path: Path, uninterrupted: Trained, caplog: pytest.LogCaptureFixture, damaged: str
) -> None:
    with pytest.raises(ConnectionAbortedError):
        train(root, "pose", tmp_path, StopDuring(2))
    content = (tmp_path / damaged).read_bytes()
    (tmp_path / damaged).write_bytes(content[: len(content) // 2])
    task, result = train(root, "pose", tmp_path)
    assert str(tmp_path) in caplog.text
    assert "is damaged" in caplog.text
    assert result.epochs == uninterrupted["pose"][1].epochs
    assert_equal(weights(task), weights(uninterrupted["pose"][0]))


@pytest.mark.parametrize("name", ["action", "pose"])
def test_averaged_weights_are_validated_kept_and_resumed(root: Path, tmp_path: Path, name: str) -> None:
    params = with_trainer(name, epochs=EPOCHS, ema=0.9)
    whole_task, whole = train(root, name, tmp_path / "whole", params=params)
    with pytest.raises(ConnectionAbortedError):
        train(root, name, tmp_path / "killed", StopDuring(2), params=params)
    task, resumed = train(root, name, tmp_path / "killed", params=params)
    assert resumed.epochs == whole.epochs
    assert_equal(weights(task), weights(whole_task))
    saved = torch.load(whole.checkpoint, weights_only=True)
    assert_equal(weights(whole_task), saved["state_dict"])
    current = saved["current_model_state"]
    assert [key for key, value in saved["state_dict"].items() if not torch.equal(value, current[key])]
    # What was validated are the averages that were kept.
    data = ClipDataModule(name, params, whole_task.model.num_neighbours, root)  # type: ignore[arg-type]
    trainer = pl.Trainer(accelerator="cpu", devices=1, logger=False, enable_checkpointing=False)
    (scores,) = trainer.validate(whole_task, data.val_dataloader(), verbose=False)
    assert {key: value for key, value in whole.best.items() if key.startswith("val/")} == pytest.approx(scores)


@pytest.mark.parametrize("name", ["action", "pose"])
def test_two_trainings_are_equal_and_another_seed_is_not(
    root: Path, tmp_path: Path, uninterrupted: Trained, name: str
) -> None:
    task, result = train(root, name, tmp_path / "again")
    assert result.epochs == uninterrupted[name][1].epochs
    assert_equal(weights(task), weights(uninterrupted[name][0]))
    _, other = train(root, name, tmp_path / "other", params=tiny_params(epochs=EPOCHS, seed=4))
    assert other.epochs != result.epochs


def test_a_finished_training_called_again_gives_the_same_result(
    root: Path, tmp_path: Path, uninterrupted: Trained
) -> None:
    """A crash between the last epoch and the model folder costs no epoch."""
    train(root, "action", tmp_path)
    task, result = train(root, "action", tmp_path, StopDuring(EPOCHS - 1))  # it would raise if a step were made
    assert result.epochs == uninterrupted["action"][1].epochs
    assert_equal(weights(task), weights(uninterrupted["action"][0]))


@pytest.mark.parametrize("name", ["action", "pose"])
def test_the_task_has_the_weights_of_the_best_epoch(uninterrupted: Trained, name: str) -> None:
    task, result = uninterrupted[name]
    curve = [row[task.main_metric] for row in result.epochs]
    assert [row["epoch"] for row in result.epochs] == list(range(EPOCHS))
    assert result.best[task.main_metric] == max(curve)
    assert result.best_epoch == curve.index(max(curve))
    saved = torch.load(result.checkpoint, weights_only=True)
    assert saved["epoch"] == result.best_epoch
    assert_equal(weights(task), saved["state_dict"])


def test_the_loss_falls(uninterrupted: Trained) -> None:
    for _, result in uninterrupted.values():
        losses = [row["train/loss"] for row in result.epochs]
        assert losses[-1] < losses[0]


def test_workers_change_nothing(root: Path, tmp_path: Path, uninterrupted: Trained) -> None:
    params = tiny_params(epochs=EPOCHS)
    machine = params.machine.model_copy(update={"workers": 2})
    task, result = train(root, "action", tmp_path, params=params.model_copy(update={"machine": machine}))
    assert result.epochs == uninterrupted["action"][1].epochs
    assert_equal(weights(task), weights(uninterrupted["action"][0]))


def test_the_loss_knows_the_class_sizes_of_the_plan(root: Path, tmp_path: Path) -> None:
    params = with_trainer("action", loss={"name": "logit_adjustment"})
    task, _ = train(root, "action", tmp_path, params=params)
    plan = read_table(root / "plans" / "action" / "train.parquet")
    share = plan["label_id"].value_counts(normalize=True).sort_index().to_numpy()
    assert task.loss.shift.exp().tolist() == pytest.approx(share.tolist())  # type: ignore[union-attr]


def test_a_frozen_backbone_stays_as_it_is(root: Path, tmp_path: Path) -> None:
    params = with_trainer("action", freeze_backbone=True)
    pl.seed_everything(params.experiment("action").seed, workers=True, verbose=False)
    meta = read_json(root / "clips" / "action" / "meta.json")
    before = weights(task_class("action_recognition").from_experiment(params.experiment("action"), meta))
    task, _ = train(root, "action", tmp_path, params=params)
    moved = {name for name, tensor in weights(task).items() if not torch.equal(tensor, before[name])}
    assert {"model.head.weight", "model.head.bias"} <= moved
    assert not [name for name in moved if name.startswith("model.backbone")]


def script(monkeypatch: pytest.MonkeyPatch, name: str, values: list[float]) -> None:
    """Make the main metric what is written here, epoch by epoch."""

    def end(task: Task) -> None:
        task.log(task.main_metric, values[task.current_epoch])

    kind = task_class(tiny_params().experiment(name).task)
    monkeypatch.setattr(kind, "on_validation_epoch_end", end)


@pytest.mark.parametrize("name", ["action", "pose"])
def test_training_ends_after_epochs_without_a_gain(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    params = with_trainer(name, epochs=6, early_stopping={"patience": 2, "min_delta": 0.05})
    # 0.54 is no gain over 0.5, 0.6 is one; then two epochs without: number 4 is the last.
    script(monkeypatch, name, [0.5, 0.54, 0.6, 0.62, 0.6, 0.9])
    whole_task, whole = train(root, name, tmp_path / "whole", params=params)
    assert [row["epoch"] for row in whole.epochs] == [0, 1, 2, 3, 4]
    assert (whole.stopped_epoch, whole.best_epoch) == (4, 3)
    with pytest.raises(ConnectionAbortedError):  # with one epoch without a gain behind it
        train(root, name, tmp_path / "killed", StopDuring(4), params=params)
    task, resumed = train(root, name, tmp_path / "killed", params=params)
    assert (resumed.epochs, resumed.stopped_epoch) == (whole.epochs, 4)
    assert_equal(weights(task), weights(whole_task))
    # Killed after its end, it trains no more: it would raise if a step were made.
    again_task, again = train(root, name, tmp_path / "killed", StopDuring(5), params=params)
    assert (again.epochs, again.stopped_epoch, again.best_epoch) == (whole.epochs, 4, 3)
    assert_equal(weights(again_task), weights(whole_task))


def test_training_with_gains_goes_to_its_end(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, "action", [0.1, 0.2, 0.3])
    _, result = train(root, "action", tmp_path, params=with_trainer("action", epochs=3, early_stopping={"patience": 1}))
    assert len(result.epochs) == 3
    assert result.stopped_epoch is None


@pytest.mark.parametrize("way", ["mixup", "cutmix"])
def test_a_mixed_training_is_resumed_with_the_same_mixtures(root: Path, tmp_path: Path, way: str) -> None:
    params = with_trainer("action", epochs=3, **{way: 1.0})
    whole_task, whole = train(root, "action", tmp_path / "whole", params=params)
    with pytest.raises(ConnectionAbortedError):
        train(root, "action", tmp_path / "killed", StopDuring(1), params=params)
    task, resumed = train(root, "action", tmp_path / "killed", params=params)
    assert resumed.epochs == whole.epochs
    assert_equal(weights(task), weights(whole_task))
    _, plain = train(root, "action", tmp_path / "plain", params=with_trainer("action", epochs=3))
    assert plain.epochs[0]["train/loss"] != whole.epochs[0]["train/loss"]


@pytest.mark.parametrize("name", ["action", "pose"])
def test_half_precision_without_a_gpu_is_refused_before_anything_is_begun(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(root)
    with pytest.raises(HumotionError, match=r"16-mixed, which needs a GPU.*bf16-mixed"):
        prepare(name, with_trainer(name, precision="16-mixed"))


@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_bfloat16_that_is_emulated_is_warned_of(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, has_bfloat16: bool
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: has_bfloat16)
    prepare("action", with_trainer("action", precision="bf16-mixed"))
    assert ("can only emulate" in caplog.text) is not has_bfloat16


@pytest.mark.parametrize(("has_bfloat16", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_automatic_precision_is_the_one_that_this_machine_computes_with(
    monkeypatch: pytest.MonkeyPatch, has_bfloat16: bool, precision: str
) -> None:
    params = with_trainer("action", precision="auto")
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: has_bfloat16)
    trainer = params.experiment("action").trainer
    assert usable_precision(trainer, params.machine) == precision
    assert make_trainer(trainer, params.machine, False, [], Resumption()).precision == precision


def test_checkpointed_activations_change_no_result(root: Path, tmp_path: Path) -> None:
    """Drop path included: what is computed again drops what was dropped."""
    curves = {}
    for wanted in (False, True):
        params = with_trainer("action", epochs=2, checkpoint_activations=wanted)
        task, result = train(root, "action", tmp_path / str(wanted), params=params)
        assert task.model.backbone.checkpointing is wanted  # type: ignore[union-attr]
        curves[wanted] = pd.DataFrame(result.epochs)
    pd.testing.assert_frame_equal(curves[True], curves[False], rtol=1e-5)


def with_trainer(name: str, **changes: Any) -> Params:
    raw = tiny_params(epochs=1).model_dump(by_alias=True)
    raw["experiments"][name]["trainer"].update(changes)
    return Params.model_validate(raw)

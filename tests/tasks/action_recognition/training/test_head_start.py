"""A head that begins as a linear probe, against scikit-learn put together by hand."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from humotion.clips.datamodule import ClipDataModule
from humotion.params.document import Params
from humotion.stages import augment, sample
from humotion.tasks.action_recognition.training import linear_probe
from humotion.tasks.action_recognition.training.head_start import start_head
from humotion.training.fit import fit
from humotion.training.prepare import prepare
from humotion.training.stop import Stop, StopAfterBatch
from humotion.training.task import Task
from tests.support.tiny_project import build_project, tiny_params

TRAINER = {"epochs": 2, "batch_size": 3, "head_start": True}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_project(tmp_path_factory.mktemp("head_start"))
    with contextlib.chdir(folder):
        sample.run("action", settings())
        augment.run("action", settings())
    return folder


@pytest.fixture(autouse=True)
def inside(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def settings(**trainer: Any) -> Params:
    return tiny_params(only="action", trainer=TRAINER | trainer)


def features_and_labels(task: Task, data: ClipDataModule, split: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Of every clip, seen as evaluation sees it, without Lightning."""
    model: Any = task.model.eval()
    found, labels = [], []
    with torch.no_grad():
        for batch in data.evaluation_dataloader(split):
            found.append(model.embed(model.normalise(batch["frames"]), batch["is_padding"]))
            labels.append(batch["label"])
    return torch.cat(found).numpy(), torch.cat(labels).numpy()


def test_logits_are_those_of_scikit_learn() -> None:
    task, data = prepare("action", settings())
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    top1 = start_head(task, data, settings().machine)
    features, labels = features_and_labels(task, data, "train")
    val_features, val_labels = features_and_labels(task, data, "val")
    with torch.no_grad():
        logits = task.model.head(torch.from_numpy(val_features)).numpy()  # type: ignore[operator]
    l2 = linear_probe.fit(features, labels, val_features, val_labels, 2).l2
    # Two classes: scikit-learn fits their difference, whose weights are twice as large.
    regression = LogisticRegression(C=2 / (l2 * len(labels)), max_iter=10_000, tol=1e-8)
    pipeline = make_pipeline(StandardScaler(), regression).fit(features.astype(np.float64), labels)
    assert logits[:, 1] - logits[:, 0] == pytest.approx(pipeline.decision_function(val_features), rel=1e-3)
    assert top1 == pytest.approx(np.mean(pipeline.predict(val_features) == val_labels))
    assert top1 == pytest.approx(np.mean(logits.argmax(1) == val_labels))
    after = task.model.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {"head.weight", "head.bias"}


class FirstLook(pl.Callback):
    """Keeps the head that training starts from, and whether the model is in training mode then."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.head = {name: value.clone() for name, value in pl_module.model.head.state_dict().items()}  # type: ignore[union-attr]
        self.training = pl_module.model.training


def train(work: Path, *callbacks: pl.Callback, **trainer: Any) -> Any:
    params = settings(**trainer)
    task, data = prepare("action", params)
    experiment = params.experiment("action")
    logger = CSVLogger(work, name="", version="")
    return fit(
        task,
        data,
        experiment.trainer,
        params.machine,
        seed=experiment.seed,
        folder=work,
        logger=logger,
        callbacks=callbacks,
    )


def test_training_starts_at_the_probe_and_the_log_says_how_good_it_is(tmp_path: Path) -> None:
    look = FirstLook()
    result = train(tmp_path / "a", look)
    task, data = prepare("action", settings())
    top1 = start_head(task, data, settings().machine)
    for name, value in task.model.head.state_dict().items():  # type: ignore[union-attr]
        assert torch.equal(look.head[name], value), name
    assert look.training
    header, first = (tmp_path / "a" / "metrics.csv").read_text().splitlines()[:2]
    assert float(first.split(",")[header.split(",").index("head_start/val_top1")]) == pytest.approx(top1)
    assert result.epochs == train(tmp_path / "b").epochs  # and all of it is repeatable


def test_a_training_that_is_gone_on_with_keeps_its_head(tmp_path: Path) -> None:
    class Dies(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            if trainer.current_epoch == 1:
                raise ConnectionAbortedError

    whole = train(tmp_path / "whole")
    with pytest.raises(ConnectionAbortedError):
        train(tmp_path / "killed", Dies())
    look = FirstLook()
    assert train(tmp_path / "killed", look).epochs == whole.epochs
    task, data = prepare("action", settings())
    start_head(task, data, settings().machine)
    assert not torch.equal(look.head["weight"], task.model.head.weight)  # type: ignore[union-attr]


def test_a_signal_stops_it_after_the_batch_and_the_same_call_resumes(tmp_path: Path) -> None:
    class AskedToStop(pl.Callback):
        """Gets SIGTERM in the first batch, as from a cluster."""

        def __init__(self) -> None:
            self.num_batches = 0

        def on_predict_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
            assert trainer.num_predict_batches[0] > 1
            self.num_batches += 1
            os.kill(os.getpid(), signal.SIGTERM)

    stop, asked, look = Stop(), AskedToStop(), FirstLook()
    with stop.listening(), pytest.raises(KeyboardInterrupt):
        train(tmp_path / "stopped", asked, StopAfterBatch(stop), look)
    assert stop.asked
    assert asked.num_batches == 1
    assert not hasattr(look, "head"), "the training must not start"
    assert train(tmp_path / "stopped").epochs == train(tmp_path / "whole").epochs

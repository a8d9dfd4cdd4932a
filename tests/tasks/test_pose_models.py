"""The pose machines in one experiment: another name in params.yaml, and nothing else."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import torch

from humotion.datasets.penn_action import SKELETON
from humotion.errors import HumotionError
from humotion.params.document import Params
from humotion.params.tasks.pose_estimation import PoseExperiment
from humotion.stages import augment, sample
from humotion.tasks.pose_estimation.training.module import PoseEstimation
from humotion.training.fit import fit
from humotion.training.prepare import prepare
from humotion.training.task import task_class
from tests.support.caffe_net import random_weights, unrolled, write_caffemodel
from tests.support.tiny_project import build_project, tiny_params
from tests.tasks.test_tasks import losses_of_steps, pose_batch, quiet

META = {"skeleton": SKELETON.as_dict()}
NAMES = ["lstm_pm", "rpm", "cpm"]


def pose_params(**model: Any) -> Params:
    params = tiny_params(3).model_dump(by_alias=True)
    params["experiments"]["pose"]["model"] = {
        "family": "pose_machine",
        "width": 0.06,
        "dropout": 0.1,
        "init": "he",
        **model,
    }
    return Params.model_validate(params)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pose clips are sampled, with a training plan."""
    folder = build_project(tmp_path_factory.mktemp("pose_models"))
    with contextlib.chdir(folder):
        for stage in (sample, augment):
            stage.run("pose", pose_params(name="lstm_pm"))
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_each_trains_on_the_same_data(root: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    params = pose_params(name=name)
    task, data = prepare("pose", params)
    assert task.architecture["name"] == name
    result = fit(task, data, params.experiment("pose").trainer, params.machine, seed=3, folder=tmp_path)
    losses = [row["train/loss"] for row in result.epochs]
    assert losses[-1] < losses[0]
    assert 0 <= result.best["val/pck_0.2"] <= 1


def test_stages_are_a_parameter_of_the_cpm_alone() -> None:
    experiment = pose_params(name="cpm", stages=3).experiment("pose")
    assert isinstance(experiment, PoseExperiment)
    task = PoseEstimation.from_experiment(experiment, META)
    assert task.model.stages == 3
    for name in ("lstm_pm", "rpm"):
        with pytest.raises(ValueError, match="stages"):
            pose_params(name=name, stages=3)


@pytest.mark.parametrize("name", NAMES)
def test_official_joints_are_trained_and_predicted_as_the_datasets(name: str) -> None:
    experiment = pose_params(name=name, joints="official").experiment("pose")
    assert isinstance(experiment, PoseExperiment)
    torch.manual_seed(0)
    task, batch = PoseEstimation.from_experiment(experiment, META), pose_batch()
    quiet(task)
    assert task.model.num_maps == 15
    losses = losses_of_steps(task, batch, 15)
    assert losses[-1] < 0.8 * losses[0]
    joints, score = task.joints(batch["frames"])
    assert joints.shape == (2, 3, 13, 2)
    assert score.shape == (2, 3, 13)
    task.validation_step(batch)
    task.on_validation_epoch_end()
    assert task_class("pose_estimation")(task.architecture).model.num_maps == 15  # as a model folder builds it again


def test_training_starts_from_converted_weights(tmp_path: Path) -> None:
    from humotion.convert.model_folder import convert_lstm_pm

    path = write_caffemodel(tmp_path / "net.caffemodel", unrolled(random_weights(0, 16), 2))
    convert_lstm_pm(path, "jhmdb", tmp_path / "official", size=32, width=1 / 16)
    model = {
        "family": "pose_machine",
        "name": "lstm_pm",
        "width": 1 / 16,
        "weights": tmp_path / "official" / "model.safetensors",
    }
    experiment = pose_params(joints="official", **model).experiment("pose")
    assert isinstance(experiment, PoseExperiment)
    task = PoseEstimation.from_experiment(experiment, META)  # another dataset, the same maps
    weights = random_weights(0, 16)
    assert torch.equal(task.model.convnet3[8].weight, torch.from_numpy(weights["map5"][0]))  # type: ignore[index,union-attr]
    assert "weights" not in task.architecture  # a model folder needs no other
    experiment = pose_params(**model).experiment("pose")
    with pytest.raises(HumotionError, match="joints: official"):
        PoseEstimation.from_experiment(experiment, META)  # type: ignore[arg-type]

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from humotion.errors import HumotionError
from humotion.params.document import load_params
from humotion.params.tasks.action_recognition import ActionExperiment
from humotion.params.tasks.pose_estimation import PoseExperiment
from tests.support.repository import REPOSITORY

TEXT = """
datasets:
  hmdb51: {layout: hmdb51, root: data/hmdb51, frames: {short_side: 144, jpeg_quality: 90, shards: 16}}
  penn_action: {layout: penn_action, root: data/penn_action}
layers: {}
fusions: {}
experiments:
  ls_vit:
    task: action_recognition
    layer: labels
    input: whole_frames
    dataset: hmdb51
    clips: {num_frames: 16}
    augment: {policy: [{name: HorizontalFlip, p: 0.5}]}
    model: {family: vit, name: ls_vit}
    optimizer: {lr: 1.0e-3}
    trainer: {epochs: 20, batch_size: 16}
  lstm_pm:
    task: pose_estimation
    layer: labels
    input: person_crops
    dataset: penn_action
    clips: {stride: 5}
    model: {family: pose_machine, name: lstm_pm, width: 0.25}
    optimizer: {lr: 1.0e-3}
    trainer: {epochs: 12, batch_size: 8}
    register: {min_gain: 0.5}
machine: {workers: 2}
"""
RAW: dict[str, Any] = YAML(typ="safe").load(TEXT)


def written(folder: Path, content: Any) -> Path:
    path = folder / "params.yaml"
    if isinstance(content, str):
        path.write_text(content)
    else:
        with path.open("w") as stream:
            YAML().dump(content, stream)
    return path


def changed(path: str, value: Any) -> dict[str, Any]:
    """The parameters with one key set."""
    params = copy.deepcopy(RAW)
    *parents, last = path.split(".")
    target: Any = params
    for key in parents:
        target = target[key]
    target[last] = value
    return params


def complaint(path: Path) -> str:
    with pytest.raises(HumotionError) as caught:
        load_params(path)
    return str(caught.value)


def test_the_repository() -> None:
    params = load_params(REPOSITORY / "params.yaml")
    assert params.datasets
    assert params.experiments


def test_values_and_defaults(tmp_path: Path) -> None:
    params = load_params(written(tmp_path, TEXT))
    action, pose = params.experiment("ls_vit"), params.experiment("lstm_pm")
    assert isinstance(action, ActionExperiment)
    assert isinstance(pose, PoseExperiment)
    assert (pose.model.width, pose.register_.min_gain, pose.clips.sampling) == (0.25, 0.5, "consecutive")
    assert (action.register_.min_gain, action.clips.sampling) == (0.0, "uniform")
    assert action.augment.policy[0].arguments() == {"p": 0.5}
    assert params.dataset("penn_action").frames.jpeg_quality == 90
    assert params.machine.num_workers == 2
    assert load_params(written(tmp_path, changed("machine.workers", "auto"))).machine.num_workers >= 1


@pytest.mark.parametrize(
    "path",
    [
        "dataset",
        "machine.worker",
        "datasets.hmdb51.frames.shard",
        "experiments.ls_vit.learning_rate",
        "experiments.ls_vit.trainer.epoch",
        "experiments.lstm_pm.trainer.loss",
        "experiments.lstm_pm.clips.long_tail",
        "experiments.ls_vit.model.width",
        "experiments.lstm_pm.trainer.label_smoothing",
        "experiments.lstm_pm.clips.strides",
        "experiments.lstm_pm.model.dept",
    ],
)
def test_an_unknown_key_is_named_with_its_path(tmp_path: Path, path: str) -> None:
    lines = complaint(written(tmp_path, changed(path, 1))).splitlines()
    assert lines[0] == f"{tmp_path / 'params.yaml'} is not valid:"
    assert lines[1:] == [f"  {path}: unknown key; is it misspelt, or in the wrong section?"]


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        ("experiments.ls_vit.trainer.epochs", "many", "integer"),
        ("experiments.ls_vit.trainer.epochs", 0, "greater than or equal to 1"),
        ("experiments.ls_vit.optimizer.lr", -1, "greater than 0"),
        ("experiments.ls_vit.model.num_neighbours", 0, "greater than or equal to 1"),
        ("experiments.ls_vit.clips", {"validation_folds": 3, "validation_fold": 3}, "below validation_folds"),
        ("experiments.lstm_pm.clips.sampling", "uniform", "'consecutive'"),
        ("experiments.ls_vit.evaluate", {"views": {"spatial": 2}}, "1 or 3"),
        ("experiments.ls_vit.evaluate", {"frame_orders": ["reversed", "reversed"]}, "an order twice"),
        ("experiments.ls_vit", {**RAW["experiments"]["ls_vit"], "evaluate": {"linear_probe": True}}, "model.weights"),
        ("datasets.hmdb51.frames.jpeg_quality", 101, "100"),
        ("machine.workers", -1, "0 or more, or auto"),
    ],
)
def test_a_bad_value_is_named_with_its_path(tmp_path: Path, path: str, value: Any, what: str) -> None:
    text = complaint(written(tmp_path, changed(path, value)))
    assert f"  {path}" in text
    assert what in text


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("experiments.ls_vit.task", "'action_recognition', 'multi_person_pose' or 'pose_estimation'"),
        ("experiments.ls_vit.input", "'whole_frames', 'landmarks' or 'joint_features'"),
        ("experiments.lstm_pm.model.family", "'pose_machine'"),
        ("experiments.lstm_pm.model.name", "'lstm_pm', 'rpm' or 'cpm'"),
        ("experiments.lstm_pm.optimizer.name", "'adamw' or 'sgd'"),
        ("experiments.ls_vit.trainer.loss.name", "'cross_entropy', 'class_balanced', 'focal' or 'logit_adjustment'"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(tmp_path: Path, path: str, known: str) -> None:
    params = copy.deepcopy(RAW)
    section, key = params, path.rpartition(".")[2]
    for part in path.split(".")[:-1]:
        section = section.setdefault(part, {})
    section[key] = "nosuch"
    assert complaint(written(tmp_path, params)).splitlines()[1:] == [f"  {path} is 'nosuch'; it can be {known}"]


def test_an_experiment_may_be_named_like_a_task_or_model(tmp_path: Path) -> None:
    params = copy.deepcopy(RAW)
    params["experiments"]["vit"] = params["experiments"].pop("ls_vit")
    params["experiments"]["vit"]["trainer"]["epoch"] = 1
    assert "  experiments.vit.trainer.epoch: unknown key" in complaint(written(tmp_path, params))


def test_a_loss_has_its_own_settings_only(tmp_path: Path) -> None:
    loss = {"name": "focal", "gamma": 1.5}
    experiment = load_params(written(tmp_path, changed("experiments.ls_vit.trainer.loss", loss))).experiment("ls_vit")
    assert isinstance(experiment, ActionExperiment)
    assert experiment.trainer.loss.model_dump() == loss
    text = complaint(written(tmp_path, changed("experiments.ls_vit.trainer.loss", {"name": "focal", "beta": 0.9})))
    assert "  experiments.ls_vit.trainer.loss.beta: unknown key" in text


def test_names_that_do_not_fit(tmp_path: Path) -> None:
    text = complaint(written(tmp_path, changed("experiments.ls_vit.dataset", "ucf101")))
    assert "experiments.ls_vit.dataset is 'ucf101', which is not under datasets: hmdb51, penn_action" in text
    params = copy.deepcopy(RAW)
    params["experiments"]["hmdb51"] = params["experiments"].pop("ls_vit")
    assert "hmdb51 names a dataset and an experiment" in complaint(written(tmp_path, params))


def test_only_action_experiments_are_rebalanced(tmp_path: Path) -> None:
    params = load_params(written(tmp_path, {**RAW, "rebalance": {"ls_vit": {}}}))
    assert params.rebalance["ls_vit"].k_neighbors == 5
    for name in ("lstm_pm", "nosuch"):
        text = complaint(written(tmp_path, {**RAW, "rebalance": {name: {}}}))
        assert f"rebalance.{name} needs an experiment '{name}' of task action_recognition" in text


@pytest.mark.parametrize("path", ["trainer", "task", "model.name"])
def test_a_missing_key_is_named(tmp_path: Path, path: str) -> None:
    params = copy.deepcopy(RAW)
    section = params["experiments"]["lstm_pm"]
    *sections, key = path.split(".")
    for name in sections:
        section = section[name]
    del section[key]
    assert f"  experiments.lstm_pm.{path} is missing" in complaint(written(tmp_path, params))


def test_no_file_and_no_yaml(tmp_path: Path) -> None:
    assert "Run humotion in the root of a checkout" in complaint(tmp_path / "params.yaml")
    assert "is not valid YAML" in complaint(written(tmp_path, "a: [1, 2\nb: {"))
    assert "is not valid YAML" in complaint(written(tmp_path, "a: 1\na: 2\n"))  # a key twice
    assert "is not valid" in complaint(written(tmp_path, ""))
    assert "is not valid" in complaint(written(tmp_path, "- 1\n"))


def test_unknown_names_list_the_known_ones(tmp_path: Path) -> None:
    params = load_params(written(tmp_path, TEXT))
    with pytest.raises(HumotionError, match="no dataset 'nosuch'; it has hmdb51, penn_action"):
        params.dataset("nosuch")
    with pytest.raises(HumotionError, match="no experiment 'nosuch'; it has ls_vit, lstm_pm"):
        params.experiment("nosuch")

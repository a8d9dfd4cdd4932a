"""Models of an earlier version: a family and an input had no name then, and the joint set was named by a word.

``older_models.tar.xz`` holds two MLflow models that commit e48e48a trained for one epoch and logged: ``action``
(LS-ViT) and ``pose`` (LSTM Pose Machine). Their weights are rounded to 1/32, and their checkpoints left out, to keep
them small. With them are four frames, and what that commit answered to these.
"""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import pyfunc

from humotion.datasets.penn_action import SKELETON
from humotion.evaluation.face import load_face
from humotion.params.tasks.pose_estimation import PoseRegisterParams
from humotion.prediction.predictor import load_predictor
from humotion.registration.card import card
from humotion.store.skeleton import Skeleton
from humotion.training.description import read_description
from humotion.training.task import task_class

ARCHIVE = Path(__file__).with_name("older_models.tar.xz")


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "older_models"


def check(answer: dict[str, Any], older: Path, name: str) -> None:
    """Is an answer what the earlier version answered, but for rounding?"""
    expected = json.loads((older / "expected.json").read_text())[name]
    if name == "action":
        assert answer["label"] == expected["label"]
        found, before = (json.loads(row["probabilities"]) for row in (answer, expected))
        assert found == pytest.approx(before, abs=1e-5)
        return
    found, before = (json.loads(row["joints"]) for row in (answer, expected))
    assert found["names"] == before["names"]
    xy_score, xy_score_before = (np.array(joints["frames"]) for joints in (found, before))
    np.testing.assert_allclose(xy_score[..., 2], xy_score_before[..., 2], atol=2e-3)
    # An untrained map has several peaks of nearly the same height: on another CPU another one may win.
    assert (np.abs(xy_score - xy_score_before).max(-1) < 2e-3).mean() > 0.9


@pytest.mark.parametrize("name", ["action", "pose"])
def test_a_model_folder_answers_as_before(older: Path, name: str) -> None:
    folder = older / name / "artifacts" / name
    before = (folder / "model.json").read_bytes()
    check(load_predictor(folder).row(str(older / "frames")), older, name)
    assert (folder / "model.json").read_bytes() == before, "an older folder is read, never rewritten"


@pytest.mark.parametrize("name", ["action", "pose"])
def test_a_logged_model_answers_as_before(older: Path, name: str) -> None:
    model = pyfunc.load_model(str(older / name))
    check(model.predict(pd.DataFrame({"video": [str(older / "frames")]})).iloc[0].to_dict(), older, name)


def test_what_it_did_not_say_is_filled_in(older: Path) -> None:
    action, pose = (read_description(older / name / "artifacts" / name) for name in ("action", "pose"))
    assert (action.architecture["family"], action.preprocessing["input"]) == ("vit", "whole_frames")
    assert (pose.architecture["family"], pose.preprocessing["input"]) == ("pose_machine", "person_crops")
    assert Skeleton.from_dict(pose.meta["skeleton"]) == SKELETON


def test_one_of_official_joints_finds_the_names_of_its_joint_set(older: Path) -> None:
    pose = read_description(older / "pose" / "artifacts" / "pose")
    official = replace(pose, architecture={**pose.architecture, "joints": "official"})
    assert task_class(pose.task)(official.architecture).model.num_maps == 15


def test_it_can_still_be_described(older: Path) -> None:
    description = read_description(older / "pose" / "artifacts" / "pose")
    test = {
        "test": {"pck_0.2": 0.5},
        "baseline": {},
        "gain": {"metric": "pck_0.2", "over": "mean_pose", "difference": 0.1, "low": 0.0, "high": 0.2},
        "num_clips": 1,
        "num_groups": 1,
    }
    about = {"layout": "penn_action", "footage": "Squares.", "terms": "none"}
    text = card("lstm_pm-tiny", description, about, test, PoseRegisterParams(), load_face(description.task))
    assert "13 joints (penn_action)" in text

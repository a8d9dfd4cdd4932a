"""Experiments on landmarks in params.yaml: what fits together, and what the error says if it does not."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from pydantic import ValidationError

from humotion.errors import HumotionError
from humotion.models.hp_net.hp_net import HPNet
from humotion.params.document import validate_params
from humotion.params.inputs import JointFeatureParams, LandmarkParams, WholeFrameParams
from humotion.params.models.hp_net import HPNetParams

MODELS = [("landmark_lstm", "landmark_lstm"), ("gru", "bigru"), ("ddnet", "ddnet"), ("ctr_gcn", "ctr_gcn")]


def document(**changes: Any) -> dict[str, Any]:
    experiment = {
        "task": "action_recognition",
        "dataset": "d",
        "layer": "labels",
        "input": "landmarks",
        "clips": {"num_frames": 8},
        "augment": {"joints": "body"},
        "model": {"family": "ddnet", "name": "ddnet"},
        "optimizer": {"lr": 0.001},
        "trainer": {"epochs": 1, "batch_size": 4},
        **changes,
    }
    datasets = {"d": {"layout": "folder", "root": "data/d"}}
    return {"datasets": datasets, "layers": {}, "experiments": {"e": experiment}}


def complaint(**changes: Any) -> str:
    with pytest.raises(HumotionError) as error:
        validate_params(document(**changes), "wrong:")
    return str(error.value)


@pytest.mark.parametrize(("family", "name"), MODELS)
def test_every_model_of_landmarks_has_a_section(family: str, name: str) -> None:
    params = validate_params(document(model={"family": family, "name": name}), "wrong:")
    assert isinstance(params.experiment("e").augment, LandmarkParams)
    assert params.experiment("e").model.reads == "landmarks"


def test_the_section_augment_is_that_of_the_input() -> None:
    vit = {"family": "vit", "name": "vit"}
    frames = validate_params(document(input="whole_frames", augment={"size": 32}, model=vit), "wrong:")
    assert isinstance(frames.experiment("e").augment, WholeFrameParams)
    assert "input: landmarks needs augment.joints (all or body)" in complaint(augment={"size": 32})
    assert "input: whole_frames has no augment.joints" in complaint(input="whole_frames", model=vit)


PROBE = {"family": "linear_probe", "name": "linear_probe"}
FEATURES = {"joints": "body", "channels": 384}


def test_an_experiment_on_features_says_how_many_channels() -> None:
    params = validate_params(document(input="joint_features", augment=FEATURES, model=PROBE), "wrong:")
    augment = params.experiment("e").augment
    assert isinstance(augment, JointFeatureParams) and augment.channels == 384
    said = complaint(input="joint_features", model=PROBE)
    assert "input: joint_features needs augment.joints (all or body) and augment.channels" in said
    assert "input: landmarks needs augment.joints (all or body), and has no augment.channels" in complaint(
        augment=FEATURES
    )
    said = complaint(input="joint_features", augment=FEATURES)
    assert "model ddnet reads landmarks, but input: joint_features gives joint_features. Set input: landmarks" in said
    assert "Set input: joint_features" in complaint(model=PROBE)


def test_features_have_no_mirror_image() -> None:
    turned = {**FEATURES, "geometry": {"rotate": 10}, "time_jitter": 1.0}
    validate_params(document(input="joint_features", augment=turned, model=PROBE), "wrong:")
    said = complaint(input="joint_features", augment={**FEATURES, "geometry": {"flip": 0.5}}, model=PROBE)
    assert "e.augment.geometry: flip must be 0: the features were read once" in said


def test_a_model_gets_what_it_reads() -> None:
    said = complaint(input="whole_frames", augment={"size": 32})
    assert "model ddnet reads landmarks, but input: whole_frames gives frames. Set input: landmarks" in said
    said = complaint(model={"family": "vit", "name": "vit"})
    assert "model vit reads frames, but input: landmarks gives landmarks. Set input: whole_frames" in said


def test_hp_net_reads_joint_features() -> None:
    hp_net = {"family": "hp_net", "name": "hp_net"}
    said = complaint(model=hp_net)
    assert "model hp_net reads joint_features, but input: landmarks gives landmarks. Set input: joint_features" in said
    section = HPNetParams(**hp_net, text="random", weights="vectors.safetensors")
    assert (section.setting, section.width, section.frames) == ("default", None, None)
    assert section.model_dump(exclude={"weights"}).keys() <= inspect.signature(HPNet).parameters.keys() | hp_net.keys()
    with pytest.raises(ValidationError, match="text"):
        HPNetParams(**hp_net, text="clip")
    with pytest.raises(ValidationError, match="multiple of 4"):
        HPNetParams(**hp_net, width=10)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trainer": {"epochs": 1, "batch_size": 4, "mixup": 0.2}}, "trainer.mixup is for pictures"),
        ({"evaluate": {"views": {"spatial": 3}}}, "evaluate.views.spatial is for pictures"),
        ({"evaluate": {"linear_probe": True}}, "evaluate.linear_probe is for pictures"),
        ({"augment": {"joints": "body", "policy": [{"name": "HorizontalFlip"}]}}, "Use geometry and time_jitter"),
        ({"augment": {"joints": "arms"}}, "e.augment.joints is 'arms'; it can be 'all' or 'body'"),
        ({"augment": {"joints": "all", "time_jiter": 1}}, "e.augment.time_jiter: unknown key"),
        ({"augment": {"joints": "all", "time_jitter": 2}}, "e.augment.time_jitter: Input should be less"),
        ({"augment": {"size": 4}, "input": "whole_frames"}, "e.augment.size: Input should be greater"),
        ({"model": {"family": "ddnet", "name": "ddnet", "frames": 20}}, "e.model.frames: Input should be a multiple"),
        ({"model": {"family": "landmark_lstm", "name": "landmark_lstm", "widths": []}}, "e.model.widths"),
    ],
)
def test_bad_values_are_named_with_their_paths(changes: dict[str, Any], said: str) -> None:
    assert said in complaint(**changes)

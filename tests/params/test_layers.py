"""Layers in params.yaml: which layer a tool reads, which network it runs, and the errors if these do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from humotion.errors import HumotionError
from humotion.params.document import load_params, validate_params

PEOPLE = {"dataset": "d", "tool": "blazepose", "of": "labels", "backbone": "none"}
FEATURES = {"dataset": "d", "tool": "joint_features", "of": "people", "backbone": "efficientnet"}


def document(**layers: dict[str, Any]) -> dict[str, Any]:
    datasets = {name: {"layout": "folder", "root": f"data/{name}"} for name in ("d", "other")}
    return {"datasets": datasets, "layers": layers, "experiments": {}, "fusions": {}}


def complaint(**layers: dict[str, Any]) -> str:
    with pytest.raises(HumotionError) as error:
        validate_params(document(**layers), "wrong:")
    return str(error.value)


def test_a_layer_may_be_made_of_another_one() -> None:
    params = validate_params(document(features=FEATURES, people=PEOPLE), "wrong:")
    assert (params.layer("features").of, params.layer("people").of) == ("people", "labels")
    assert params.layer("features").settings()["of"] == "people"
    again = {**FEATURES, "of": "features"}
    assert validate_params(document(people=PEOPLE, features=FEATURES, again=again), "wrong:").layer("again")


def test_the_layer_that_is_read_exists_in_the_same_dataset() -> None:
    said = complaint(people=PEOPLE, features={**FEATURES, "of": "pepole"})
    assert (
        "layers.features.of is 'pepole', which is no other layer of its dataset 'd'; it can be labels, people" in said
    )
    said = complaint(people={**PEOPLE, "dataset": "other"}, features=FEATURES)
    assert "layers.features.of is 'people', which is no other layer of its dataset 'd'; it can be labels" in said


def test_no_layer_is_made_of_itself() -> None:
    assert "layers.features.of: no layer can be made of itself (features of features)" in complaint(
        features={**FEATURES, "of": "features"}
    )
    circle = {"a": {**FEATURES, "of": "b"}, "b": {**FEATURES, "of": "c"}, "c": {**FEATURES, "of": "b"}}
    assert "layers.a.of: no layer can be made of itself (b of c of b)" in complaint(**circle)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backbone": "vit"}, "backbone: vit needs weights: a file of a ViT"),
        ({"backbone": "pose_machine"}, "backbone: pose_machine needs weights: model.safetensors in the folder"),
        ({"backbone": "resnet"}, "it can be 'vit', 'efficientnet' or 'pose_machine'"),
        ({"points": "corners"}, "it can be 'joints', 'grid', 'other_clip' or 'global'"),
        ({"every": 0}, "layers.features.every: Input should be greater"),
        ({"std": [0.2, 0.0, 0.2]}, "layers.features.std.1: Input should be greater than 0"),
        ({"crop": "face"}, "layers.features.crop is 'face'; it can be 'person'"),
    ],
)
def test_bad_values_are_named_with_their_paths(changes: dict[str, Any], said: str) -> None:
    assert said in complaint(people=PEOPLE, features={**FEATURES, **changes})


def test_a_tool_without_a_network_of_a_family_has_no_backbone() -> None:
    assert "layers.people.backbone is 'vit'; it can be 'none'" in complaint(people={**PEOPLE, "backbone": "vit"})


def test_what_dvc_needs_is_written_out(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    (tmp_path / "dvc.yaml").touch()
    with path.open("w") as stream:
        YAML().dump(document(people={"dataset": "d", "tool": "blazepose"}), stream)
    with pytest.raises(HumotionError) as error:
        load_params(path)
    assert str(error.value).endswith("Add:\n  layers.people.of: labels\n  layers.people.backbone: none")
    with path.open("w") as stream:
        YAML().dump(document(people=PEOPLE), stream)
    assert load_params(path).layer("people").of == "labels"

"""Layers of everybody by models of this project: the same people as in prediction, and folders that are no good."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from humotion.annotation.people_model import tool
from humotion.annotation.shared.given import Given
from humotion.annotation.shared.given import annotate as annotated
from humotion.convert.openpose_mobilenet import convert_openpose_mobilenet
from humotion.datasets.coco import SKELETONS
from humotion.errors import HumotionError
from humotion.files import read_json, write_json
from humotion.params.annotation.people_model import PeopleModelLayerParams
from humotion.params.annotation.person_tracks import PersonTracksParams
from humotion.params.document import Params, validate_params
from humotion.params.tasks.multi_person_pose import decoding_of
from humotion.prediction.predictor import DecodedVideo, load_predictor
from humotion.stages import annotate
from humotion.store.layers import Layer
from humotion.training.description import ModelDescription
from humotion.training.model_folder import save_foreign_model
from humotion.training.task import task_class
from tests.support.clips import CATCH, GOLF, Clip, real_clip
from tests.support.prepared import NUM_SHARDS, write_footage

SKELETON = next(one for one in SKELETONS if one.name == "coco")
LOOSE: dict[str, dict[str, Any]] = {
    "associative_embedding": {"min_joint": 0.0, "max_tag_distance": 0.01},
    "person_lab": {"start": "heat", "min_joint": 0.0, "min_person": 0.0},
}
"""Thresholds by which a model that was not trained finds people."""
LAYER = Path("layers/tiny/everybody")


@pytest.fixture(scope="module")
def openpose(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public network as a model folder."""
    folder = tmp_path_factory.mktemp("models") / "openpose_mobilenet"
    convert_openpose_mobilenet(real_data / "multi" / "openpose_mobilenet" / "graph_opt.pb", folder, size=368)
    return folder


def untrained(folder: Path, family: str) -> Path:
    """The folder of a small model that was not trained."""
    torch.manual_seed(3)
    joints = list(SKELETON.joints)
    architecture: dict[str, Any] = {"family": family, "name": family, "joint_names": joints, "width": 16, "stacks": 1}
    architecture |= {"depth": 2, **({"num_joints": len(joints)} if family == "open_pose" else {})}
    task = task_class("multi_person_pose")(architecture)
    description = ModelDescription(
        *("tiny", "coco", "multi_person_pose", architecture, {"skeleton": SKELETON.as_dict(), "classes": []}),
        preprocessing={"input": "whole_pictures", "size": 64, "num_frames": 1},
        run_id="0",
        data_md5={},
        validation={},
    )
    save_foreign_model(folder, task, description)
    return folder


def settings(folder: Path | None, backbone: str = "open_pose", **changes: Any) -> PeopleModelLayerParams:
    section = {"dataset": "any", "tool": "people_model", "backbone": backbone, "weights": folder, **changes}
    return PeopleModelLayerParams.model_validate(section)


def given(frames: np.ndarray) -> Given:
    clip = Clip(frames)
    return Given(clip, clip.width, clip.height, clip.num_frames, clip.fps)


@pytest.mark.parametrize("columns", [slice(None), slice(90, 230)], ids=["landscape", "portrait"])
def test_the_people_are_those_of_prediction(real_data: Path, openpose: Path, columns: slice) -> None:
    clip = Clip(np.ascontiguousarray(real_clip(real_data, GOLF, 5).frames[:, :, columns]))
    found = tool.open_tool(settings(openpose))(given(clip.frames))
    predictor: Any = load_predictor(openpose)
    people, _ = predictor.people(DecodedVideo(clip.frames, 25.0))
    assert found["found"].any(axis=0).all(), "there is a golfer in every frame"
    assert found["found"].sum(axis=0).tolist() == [len(one) for one in people]
    pixels = found["landmarks"][..., :2] * [clip.width, clip.height] - 0.5
    for t, one in enumerate(people):
        np.testing.assert_allclose(pixels[: len(one), t], one.joints, atol=1e-3)
        np.testing.assert_allclose(found["visibility"][: len(one), t], one.joint_scores, atol=1e-5)
    unknown = np.isnan(found["landmarks"]).any(axis=-1) & found["found"][..., None]
    assert unknown.any()
    assert (found["visibility"][unknown] == 0).all()
    boxes = found["boxes"][found["found"]]
    assert (boxes[:, 2:] >= boxes[:, :2]).all()
    assert (boxes >= 0).all()
    assert (boxes[:, 2:] <= [clip.width - 1, clip.height - 1]).all()


@pytest.mark.parametrize("family", LOOSE)
@pytest.mark.parametrize("shape", [(48, 81, 3), (81, 48, 3), (31, 31, 3)])
def test_other_families_in_frames_of_any_shape(tmp_path: Path, family: str, shape: tuple[int, int, int]) -> None:
    folder = untrained(tmp_path / "model", family)
    frames = np.random.default_rng(0).integers(0, 255, (3, *shape)).astype(np.uint8)
    found = tool.open_tool(settings(folder, family, decoding=LOOSE[family], most=4))(given(frames))
    predictor: Any = load_predictor(folder)
    predictor.task.decoding = decoding_of(family, LOOSE[family])
    people, _ = predictor.people(DecodedVideo(frames, 25.0))
    assert all(len(one) > 4 for one in people), "thresholds so low that noise counts as people"
    assert found["found"].shape == (4, 3)
    assert found["found"].all()
    pixels = found["landmarks"][..., :2] * [shape[1], shape[0]] - 0.5
    np.testing.assert_allclose(pixels, np.stack([one.joints[:4] for one in people], axis=1), atol=0.02)


def test_nobody_is_a_row_like_any_other(openpose: Path) -> None:
    found = tool.open_tool(settings(openpose))(given(np.full((3, 40, 60, 3), 90, np.uint8)))
    assert found["found"].shape == (0, 3)
    assert found["landmarks"].shape == (0, 3, 17, 3)
    assert {*found} == {*tool.nobody(3)}
    assert all(found[name].dtype == array.dtype for name, array in tool.nobody(3).items())


def test_person_tracks_follows_these_people(real_data: Path, openpose: Path) -> None:
    everybody = settings(openpose)
    people = PersonTracksParams(dataset="any", tool="person_tracks", of="everybody", surely=0.2)
    frames = real_clip(real_data, CATCH, 8).frames
    followed = annotated(people, given(frames), {"everybody": everybody})
    assert followed["landmarks"].shape[2] == 17
    assert followed["found"][0].sum() >= 6


def test_folders_that_are_no_good_are_named(openpose: Path, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="needs `weights`"):
        tool.weights(settings(None))
    with pytest.raises(HumotionError, match=r"not a model folder: it has no model\.json and no model\.safetensors"):
        tool.weights(settings(tmp_path))
    with pytest.raises(HumotionError, match="Set backbone: open_pose"):
        tool.weights(settings(openpose, "person_lab"))
    with pytest.raises(HumotionError, match=r"does not fit open_pose_mobilenet: min_jiont: unknown key"):
        tool.open_tool(settings(openpose, decoding={"min_jiont": 0.1}))
    other = tmp_path / "other"
    shutil.copytree(openpose, other)
    (other / "model.safetensors").write_bytes((openpose / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(HumotionError, match="does not fit the model"):
        tool.open_tool(settings(other))
    shutil.copy(untrained(tmp_path / "tiny", "open_pose") / "model.safetensors", other)
    with pytest.raises(HumotionError, match="does not fit the model"):
        tool.open_tool(settings(other))
    description = read_json(openpose / "model.json")
    write_json(other / "model.json", {**description, "preprocessing": {"input": "person_crops", "size": 96}})
    with pytest.raises(HumotionError, match="with input: person_crops"):
        tool.skeleton(settings(other), None)
    for content in ("{}", "[]", "no JSON", json.dumps({**description, "architecture": {"family": "open_pose"}})):
        (other / "model.json").write_text(content)
        with pytest.raises(HumotionError, match="does not describe a model of people"):
            tool.weights(settings(other))


@pytest.fixture
def project(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two clips of people, one of nobody, and one with a damaged frame."""
    golf, catch = (real_clip(real_data, name, 2).frames for name in (GOLF, CATCH))
    content = {"a": golf, "b": catch, "nobody": np.full_like(golf, 128), "torn": golf}
    write_footage(tmp_path, content, damaged=("torn", 1), without_frames="gone")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def params(folder: Path, workers: int = 0) -> Params:
    layer = {"dataset": "tiny", "tool": "people_model", "backbone": "open_pose", "weights": str(folder), "side": 256}
    raw = {
        "datasets": {"tiny": {"layout": "folder", "root": "data/tiny"}},
        "layers": {"everybody": layer},
        "experiments": {},
        "machine": {"workers": workers},
    }
    return validate_params(raw, "wrong:")


def test_the_stage_gives_the_same_bytes_with_any_number_of_workers(project: Path, openpose: Path) -> None:
    written = []
    for workers in (0, 1, 2):
        annotate.run("everybody", params(openpose, workers))
        written.append({path.name: path.read_bytes() for path in LAYER.iterdir()})
        layer = Layer(LAYER)
        table = layer.table().set_index("video_id")
        facts = read_json(LAYER / "layer.json")
        shutil.rmtree(LAYER)
    assert written[0] == written[1] == written[2]
    assert len(written[0]) == NUM_SHARDS + 2
    assert table["status"].to_dict() == {"a": "ok", "b": "ok", "gone": "corrupt", "nobody": "ok", "torn": "corrupt"}
    assert table["num_found"][["a", "nobody", "torn"]].tolist() == [2, 0, 0]
    assert facts["skeleton"]["name"] == "coco"
    assert sorted(facts["weights"]) == ["model.json", "model.safetensors"]


def test_the_stage_names_what_is_missing(project: Path, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="is not a model folder"):
        annotate.run("everybody", params(tmp_path / "nowhere"))
    assert not LAYER.exists()

"""Caffemodels that the tests write: what they become, and which ones are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from humotion.cli.main import app
from humotion.convert.caffemodel import read_caffemodel
from humotion.convert.lstm_pm import LAYERS, convert
from humotion.convert.model_folder import convert_lstm_pm
from humotion.datasets.penn_action import SKELETON
from humotion.errors import HumotionError
from humotion.models.common.build import build_model
from humotion.prediction.predictor import DecodedVideo, load_predictor
from humotion.tasks.pose_estimation.predictor import PosePredictor
from humotion.training.model_folder import load_task
from tests.support.caffe_net import Array, maps_of_clip, random_weights, unrolled, write_caffemodel

NARROW = 16  # 8 channels in place of 128
FRAMES = np.random.default_rng(5).integers(0, 256, (3, 56, 56, 3), np.uint8)
Layers = dict[str, tuple[str, tuple[Array, ...]]]


def narrow_layers(num_frames: int = 3) -> Layers:
    return {name: (kind, blobs) for name, kind, blobs in unrolled(random_weights(0, NARROW), num_frames)}


def write(path: Path, layers: Layers, **style: bool) -> Path:
    return write_caffemodel(path, ((name, *content) for name, content in layers.items()), **style)


def narrow_model() -> Any:
    joint_set = {"skeleton": SKELETON.name, "joint_names": SKELETON.joints, "num_joints": len(SKELETON.joints)}
    return build_model("pose_machine", "lstm_pm", width=1 / NARROW, joints="official", **joint_set).eval()


def refusal(path: Path) -> str:
    with pytest.raises(HumotionError) as caught:
        convert(path, read_caffemodel(path), narrow_model().state_dict())
    return str(caught.value)


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A caffemodel of the official sizes, unrolled over two frames."""
    return write_caffemodel(tmp_path_factory.mktemp("caffe") / "PENN.caffemodel", unrolled(random_weights(1), 2))


def test_the_official_network_computes_what_the_published_table_says(official: Path, tmp_path: Path) -> None:
    options = ["--skeleton", "penn_action", "--out", str(tmp_path / "m"), "--size", "56"]
    said = CliRunner().invoke(app, ["convert", "lstm-pm", str(official), *options])
    assert said.exit_code == 0, said.output
    assert "12,067,870 parameters" in said.output
    task, _ = load_task(tmp_path / "m")
    frames = torch.from_numpy(FRAMES).permute(0, 3, 1, 2)[None]
    with torch.no_grad():
        maps = task.model(task.model.normalise(frames))[0].numpy()  # type: ignore[operator]
    expected = maps_of_clip(FRAMES, random_weights(1))
    assert expected.shape == maps.shape == (4, 15, 7, 7)
    assert np.abs(expected).mean() > 0.05
    np.testing.assert_allclose(maps, expected, atol=1e-4)


@pytest.mark.parametrize(
    "style", [{}, {"old_layers": True, "old_shapes": True}, {"doubles": True}, {"old_shapes": True}], ids=str
)
def test_every_way_to_write_the_file_gives_the_same(tmp_path: Path, style: dict[str, bool]) -> None:
    path = write(tmp_path / "net.caffemodel", narrow_layers(5), **style)
    model = narrow_model()
    state = convert(path, read_caffemodel(path), model.state_dict())
    weights = random_weights(0, NARROW)
    assert torch.equal(state["convnet1.0.weight"], torch.from_numpy(weights["stage1.conv1"][0][:, ::-1].copy()))  # RGB
    assert torch.equal(state["convnet2.3.weight"], torch.from_numpy(weights["frame.conv2"][0]))
    assert torch.equal(state["lstm.gate_bias"][96:144], torch.from_numpy(weights["f"][1]))
    assert torch.equal(state["lstm.from_hidden.bias"][48:96], torch.from_numpy(weights["i_h"][1]))
    assert torch.equal(state["convnet3.8.bias"], torch.from_numpy(weights["map5"][1]))
    assert all(torch.isfinite(tensor).all() for tensor in state.values())
    model.load_state_dict(state)


def test_the_table_has_every_layer_of_the_model_once() -> None:
    weights = random_weights(0, NARROW)
    assert len(LAYERS) == len(weights) == 28


@pytest.mark.parametrize(
    "name", ["conv5_stage1", "conv2_stage2", "Mconv3_stage2", "i_h_stage3", "f_stage3", "f_x_stage3"]
)
def test_a_missing_layer_is_named(tmp_path: Path, name: str) -> None:
    stem, stage = name.split("_stage")
    stems = {stem, stem.replace("Mconv", "Mres")}
    gone = {f"{stem}_stage{number}" for stem in stems for number in ([1] if stage == "1" else range(2, 9))}
    layers = {key: content for key, content in narrow_layers().items() if key not in gone}
    assert f": {name} is missing." in refusal(write(tmp_path / "net.caffemodel", layers))


def test_a_surplus_layer_is_named(tmp_path: Path) -> None:
    layers = narrow_layers()
    layers["Mconv6_stage2"] = layers["Mconv5_stage2"]
    layers["f_x_stage2"] = layers["f_x_stage3"]  # the first frame has no forget gate
    text = refusal(write(tmp_path / "net.caffemodel", layers))
    assert "Mconv6_stage2 belongs to no layer of the model; f_x_stage2 belongs to no layer" in text


def test_another_shape_is_told_with_both(tmp_path: Path) -> None:
    layers = narrow_layers()
    kind, (weight, bias) = layers["conv7_stage1"]
    layers["conv7_stage1"] = kind, (weight[:14], bias[:14])
    text = refusal(write(tmp_path / "net.caffemodel", layers))
    assert "conv7_stage1 has shape (14, 32, 1, 1), but convnet1.17.weight of the model needs (15, 32, 1, 1)" in text
    assert "conv7_stage1 has shape (14,), but convnet1.17.bias of the model needs (15,)" in text
    assert "Nothing was written" in text
    layers["conv7_stage1"] = kind, (weight,)
    assert "conv7_stage1 has 1 arrays, not 2" in refusal(write(tmp_path / "net.caffemodel", layers))


def test_copies_must_be_equal_and_gates_unscaled(tmp_path: Path) -> None:
    layers = narrow_layers()
    kind, (weight, bias) = layers["Mres2_stage4"]
    layers["Mres2_stage4"] = kind, (weight, bias + 1)
    scale, gate_bias = layers["o_stage2"][1]
    for stage in (2, 3, 4):
        layers[f"o_stage{stage}"] = "Scale", (2 * scale, gate_bias)
    text = refusal(write(tmp_path / "net.caffemodel", layers))
    assert "Mres2_stage4 differs from its copy Mconv2_stage2" in text
    assert "o_stage2 scales its gate by a factor that is not 1" in text


def test_files_that_are_no_caffemodel(tmp_path: Path) -> None:
    whole = write(tmp_path / "net.caffemodel", narrow_layers())
    with pytest.raises(HumotionError, match="no file"):
        read_caffemodel(tmp_path / "absent.caffemodel")
    for name, content, what in [
        ("cut", whole.read_bytes()[:-1000], "is incomplete"),
        ("page", b"<!DOCTYPE html><html><body>Too large to scan for viruses</body></html>", "cannot be read|no layer"),
        ("text", b"layer { name: 'conv1' }", "cannot be read|no layer"),
        ("hdf5", b"\x89HDF\r\n\x1a\n" + bytes(range(256)), "cannot be read|no layer"),
        ("empty", b"", "no layer with weights"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(HumotionError, match=what):
            read_caffemodel(tmp_path / name)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    kind, (weight, bias) = narrow_layers()["conv1_stage1"]
    broken = np.where(np.arange(bias.size) == 1, np.nan, bias)
    path = write(tmp_path / "net.caffemodel", {"conv1_stage1": (kind, (weight, broken))})
    with pytest.raises(HumotionError, match="conv1_stage1 has values that are NaN or infinite"):
        read_caffemodel(path)


def test_an_array_that_does_not_fill_its_shape_is_named(tmp_path: Path) -> None:
    layers = narrow_layers()
    path = write(tmp_path / "net.caffemodel", {"conv1_stage1": layers["conv1_stage1"]})
    content = path.read_bytes().replace(b"\x04\x08\x03\x09\x09", b"\x04\x09\x03\x09\x09")  # dims 8, 3, 9, 9
    assert content != path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(HumotionError, match=r"conv1_stage1 has 1,944 values for an array of shape \(9, 3, 9, 9\)"):
        read_caffemodel(path)


@pytest.mark.parametrize(("skeleton", "num_joints"), [("penn_action", 13), ("jhmdb", 15)])
def test_the_folder_predicts_the_joints_of_the_skeleton(tmp_path: Path, skeleton: str, num_joints: int) -> None:
    path, folder = write(tmp_path / "net.caffemodel", narrow_layers()), tmp_path / "models" / "official"
    said = convert_lstm_pm(path, skeleton, folder, size=48, width=1 / NARROW)
    assert str(folder / "model.safetensors") in said
    predictor = load_predictor(folder)
    assert isinstance(predictor, PosePredictor)
    joints, score = predictor.joints(DecodedVideo(FRAMES, 25.0), np.tile(np.array([5, 5, 50, 50], np.float32), (3, 1)))
    assert joints.shape == (3, num_joints, 2)
    assert score.shape == (3, num_joints)
    assert np.isfinite(joints).all()
    with pytest.raises(HumotionError, match="exists already"):
        convert_lstm_pm(path, skeleton, folder, size=48, width=1 / NARROW)
    with pytest.raises(HumotionError, match=r"no skeleton 'coco'.*penn_action, jhmdb"):
        convert_lstm_pm(path, "coco", tmp_path / "other")


def test_a_refused_file_leaves_no_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "net.caffemodel", narrow_layers())
    with pytest.raises(HumotionError, match="not the published LSTM Pose Machine"):
        convert_lstm_pm(path, "jhmdb", tmp_path / "models" / "official", size=48)  # narrower than published
    assert not (tmp_path / "models").exists()

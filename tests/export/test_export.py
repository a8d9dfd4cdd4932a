"""Models of every kind as files of both formats: what a file accepts, what the JSON says, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from humotion import choices
from humotion.cli.main import app
from humotion.errors import HumotionError
from humotion.export import exporter
from humotion.export.export_model import export_model
from humotion.export.exporter import has_exporter
from humotion.files import write_json
from humotion.params.document import task_of
from humotion.tasks.action_recognition.exported import ActionExporter
from humotion.training.model_folder import load_task
from tests.export.folders import CLASSES, folder_of
from tests.models.test_every_model import CONFIGURATIONS

OF_NO_TASK = {"posenet"}  # a tool's network
EXPORTED = [one for one in CONFIGURATIONS if one[0] not in OF_NO_TASK and has_exporter(task_of(one[0]))]
SOON = "landmark_lstm", "4 x 50, 33 landmarks"


def exported(tmp_path: Path, name: str, official: str, to: str) -> tuple[Path, dict[str, Any]]:
    folder = folder_of(tmp_path / "model", name, official)
    text = export_model(folder, to, tmp_path / "out")
    about = json.loads((tmp_path / "out" / "export.json").read_text())
    assert "random inputs" in text
    return folder, about


def test_every_task_has_an_exporter() -> None:
    assert {task_of(name) for name, _ in EXPORTED} == set(choices.names("tasks"))


def test_a_task_without_an_exporter_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path / "model", "hourglass", "2 of 256, MPII")
    monkeypatch.setattr(exporter, "has_exporter", lambda task: task == "pose_estimation")
    with pytest.raises(HumotionError, match="multi_person_pose cannot be exported; those of pose_estimation can"):
        export_model(folder, "onnx", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("to", ["onnx", "torch-export", "aoti"])
@pytest.mark.parametrize(("name", "official"), EXPORTED)
def test_every_model_in_every_format(tmp_path: Path, name: str, official: str, to: str) -> None:
    _, about = exported(tmp_path, name, official, to)
    for graph in about["graphs"].values():
        assert {tensor["shape"][0] for tensor in (*graph["inputs"], *graph["outputs"])} == {"batch"}
    check = about["check"]
    assert (
        check["largest_difference"].keys()
        == check["tolerance"].keys()
        == {output["name"] for graph in about["graphs"].values() for output in graph["outputs"]}
    )


@pytest.mark.parametrize("to", ["onnx", "torch-export"])
def test_an_action_model_is_one_graph(tmp_path: Path, to: str) -> None:
    _, about = exported(tmp_path, *SOON, to)
    assert about["classes"] == CLASSES
    (graph,) = about["graphs"].values()
    assert [(tensor["name"], tensor["dtype"]) for tensor in graph["inputs"]] == [
        ("landmarks", "float32"),
        ("known", "bool"),
        ("is_padding", "bool"),
    ]
    assert graph["outputs"] == [
        {"name": "probabilities", "dtype": "float32", "axes": ["batch", "class"], "shape": ["batch", 3]}
    ]
    assert (tmp_path / "out" / graph["file"]).stat().st_size > 10_000


def test_a_compiled_model_is_one_file(tmp_path: Path) -> None:
    """The check of the export also runs a part of a larger tensor, which the compiled code would read wrongly."""
    _, about = exported(tmp_path, "linear_probe", "frames of a ViT-S", "aoti")
    (graph,) = about["graphs"].values()
    assert graph["file"] == "model.aoti.pt2"
    assert about["versions"]["cpu"]
    assert about["check"]["largest_difference"]["probabilities"] < 1e-4


def test_a_pose_machine_is_two_graphs_with_a_state(tmp_path: Path) -> None:
    """A program that follows only export.json gets the joints of the model, frame after frame."""
    import onnxruntime

    folder, about = exported(tmp_path, "lstm_pm", "official", "onnx")
    graphs = about["graphs"]
    runs = {name: onnxruntime.InferenceSession(tmp_path / "out" / graph["file"]) for name, graph in graphs.items()}
    frames = np.random.default_rng(3).integers(0, 256, (4, 1, 3, 64, 64), np.uint8)
    task: Any = load_task(folder)[0]
    with torch.inference_mode():
        joints, scores = task.joints(torch.from_numpy(frames.transpose(1, 0, 2, 3, 4)[:, :, None]))
    outputs: dict[str, Any] = {}
    for number, frame in enumerate(frames):
        name = "init" if number == 0 else "step"
        names = [output["name"] for output in graphs[name]["outputs"]]
        state = {into: outputs[out] for into, out in graphs[name]["state"].items()}
        outputs = dict(zip(names, runs[name].run(names, {"frame": frame, **state}), strict=True))
        np.testing.assert_allclose(outputs["joints"][0], joints[0, number], atol=0.05)
        np.testing.assert_allclose(outputs["scores"][0], scores[0, number], atol=1e-4)


@pytest.mark.parametrize(
    ("name", "official", "outputs"),
    [
        ("person_lab", "2 hourglasses, COCO", ["heat", "short", "forward", "backward", "long", "mask"]),
        ("open_pose", "VGG-19, COCO", ["heat", "limbs"]),
        ("hourglass", "2 of 256, MPII", ["joints", "scores", "person", "heatmaps"]),
    ],
)
def test_a_model_of_several_people_says_what_its_maps_are(
    tmp_path: Path, name: str, official: str, outputs: list[str]
) -> None:
    _, about = exported(tmp_path, name, official, "onnx")
    (graph,) = about["graphs"].values()
    assert [one["name"] for one in graph["outputs"]] == list(about["outputs"]) == outputs
    assert about["decoding"]["in_graph"] == (name == "hourglass")
    assert about["preprocessing"]["sampling"]["name"] == "each"
    assert about["preprocessing"]["pixels"]["mean"] == pytest.approx([0.5] * 3)
    assert about["preprocessing"]["pixels"]["std"] == pytest.approx([1.0] * 3)


def test_a_file_that_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path / "model", *SOON)
    monkeypatch.setattr(ActionExporter, "tolerance", {"probabilities": -1.0})
    with pytest.raises(HumotionError, match="differs from the Lightning model on random inputs"):
        export_model(folder, "torch-export", tmp_path / "exported" / "new")
    assert list((tmp_path / "exported").iterdir()) == []


def test_what_cannot_be_exported_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path / "model", *SOON)
    (tmp_path / "mine").mkdir()
    with pytest.raises(HumotionError, match="not an exported model"):
        export_model(folder, "torch-export", tmp_path / "mine")
    done = CliRunner().invoke(app, ["export", str(folder), "--to", "tflite"])
    assert "one of onnx, torch-export, aoti" in str(done.exception)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(HumotionError, match=r"pip install 'humotion\[export\]'"):
        export_model(folder, "onnx", tmp_path / "out")
    description = json.loads((folder / "model.json").read_text())
    members = {"family": "fusion", "name": "fusion", "members": {"one": 0.5, "two": 0.5}}
    write_json(folder / "model.json", description | {"architecture": members})
    with pytest.raises(HumotionError, match="Export its members"):
        export_model(folder, "torch-export", tmp_path / "out")
    assert not (tmp_path / "out").exists()

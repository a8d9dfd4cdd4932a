"""`humotion predict` with an exported folder says what it says with the model folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from humotion.cli.main import app
from humotion.datasets.coco import SKELETONS
from humotion.errors import HumotionError
from humotion.export.export_model import export_model
from humotion.files import write_json
from humotion.params.tasks.multi_person_pose import decoding_of
from humotion.prediction.predictor import load_predictor, read_video
from tests.export.folders import folder_of
from tests.support.trees import write_video

pytest.importorskip("onnxruntime")

COCO, _ = SKELETONS


@pytest.fixture(scope="module")
def exported_action(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model folder and its export."""
    root = tmp_path_factory.mktemp("action")
    folder = folder_of(root / "model", "vit", "ViT-B/16")
    export_model(folder, "onnx", root / "out")
    return folder, root / "out"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", num_frames=6)


def test_actions(exported_action: tuple[Path, Path], clip: Path) -> None:
    model, exported = (load_predictor(folder) for folder in exported_action)
    expected, found = (one.answer(read_video(clip)).values["probabilities"] for one in (model, exported))
    assert found == pytest.approx(expected, abs=1e-5)
    assert len(set(found.values())) == len(found), "an untrained model that says the same of all classes shows nothing"


def test_joints(tmp_path: Path, clip: Path) -> None:
    folder = folder_of(tmp_path / "model", "lstm_pm", "official")
    description = json.loads((folder / "model.json").read_text())
    description["meta"]["skeleton"] |= {"joints": ["head", "neck", "l_hip", "r_hip"], "edges": [[0, 1]], "groups": []}
    write_json(folder / "model.json", description)  # this small model has four joints
    export_model(folder, "onnx", tmp_path / "out")
    video = read_video(clip)
    box = np.array([10, 10, video.width - 10, video.height - 10], np.float32)
    boxes = np.tile(box, (video.num_frames, 1))
    boxes[4] = np.nan  # so that the state starts again
    (joints, scores), (found, sure) = (
        load_predictor(one).joints(video, boxes)  # type: ignore[attr-defined]
        for one in (folder, tmp_path / "out")
    )
    np.testing.assert_allclose(found, joints, atol=0.1)
    np.testing.assert_allclose(sure, scores, rtol=1e-3, atol=1e-4)
    assert np.isnan(found[4]).all() and np.isfinite(found[5]).all()


@pytest.mark.parametrize(
    ("name", "official", "sizes"),
    [
        ("person_lab", "2 hourglasses, COCO", {"joint_names": COCO.joints}),
        ("open_pose", "2 hourglasses, COCO", {}),
        ("associative_embedding", "hourglass, 4 stacks", {"joint_names": COCO.joints}),
        ("hourglass", "1 of 256, MPII", {"num_joints": len(COCO.joints), "flip": COCO.flip}),
    ],
)
def test_people(tmp_path: Path, clip: Path, name: str, official: str, sizes: dict[str, Any]) -> None:
    """Untrained models find people anywhere; the exported ones find the same."""
    folder = folder_of(tmp_path / "model", name, official, **sizes)
    description = json.loads((folder / "model.json").read_text())
    description["meta"]["skeleton"] = COCO.as_dict()
    write_json(folder / "model.json", description)
    export_model(folder, "onnx", tmp_path / "out")
    models: list[Any] = [load_predictor(one) for one in (folder, tmp_path / "out")]
    if name == "person_lab":  # its offsets lead to no common place
        for model in models:
            model.task.decoding = decoding_of(name, {"start": "heat", "min_person": 0.0})
    (expected, _), (found, _) = (model.people(read_video(clip)) for model in models)
    assert sum(map(len, expected)) > 0
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours) == len(theirs)
        np.testing.assert_allclose(ours.joints, theirs.joints, atol=0.05)
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)


def test_the_command_reads_a_copy_of_the_folder(
    exported_action: tuple[Path, Path], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also without the weights of the model folder, and outside of a checkout."""
    shutil.copytree(exported_action[1], tmp_path / "copy")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["predict", str(clip), "--model", "copy", "--json"])
    assert done.exit_code == 0, done.output
    (video,) = json.loads(done.stdout)["videos"]
    assert video["predictions"][0]["experiment"] == "vit"


def test_what_cannot_be_opened(exported_action: tuple[Path, Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported_action[1], copy)
    with pytest.raises(HumotionError, match="Export the model folder from which it was made"):
        export_model(copy, "onnx", tmp_path / "again")
    about = json.loads((copy / "export.json").read_text())
    (copy / "export.json").write_text(json.dumps(about | {"format": "torch-export"}))
    with pytest.raises(HumotionError, match="Only the format onnx is opened"):
        load_predictor(copy)
    about["graphs"]["model"]["file"] = "../" * 8 + "etc/passwd"
    (copy / "export.json").write_text(json.dumps(about))
    with pytest.raises(HumotionError, match="copy/passwd is missing"):
        load_predictor(copy)
    about["graphs"]["model"]["file"] = "model.onnx"
    (copy / "export.json").write_text(json.dumps(about))
    (copy / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(HumotionError, match=r"model\.onnx cannot be opened"):
        load_predictor(copy)

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from humotion.clips.datamodule import ClipDataModule
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.inspection.examine import examine
from humotion.params.document import Params
from humotion.prediction.predict_videos import predict_videos
from humotion.prediction.predictor import DecodedVideo, load_predictor, read_video
from humotion.stages import sample
from humotion.tasks.action_recognition.predictor import ActionPredictor
from humotion.tasks.action_recognition.training.outcomes import action_probabilities
from humotion.tasks.pose_estimation.predictor import PosePredictor, boxes_around
from humotion.tasks.pose_estimation.training.outcomes import pose_outcomes
from humotion.training.attempt import preprocessing
from humotion.training.description import ModelDescription
from humotion.training.model_folder import save_model_folder
from humotion.training.task import task_class
from humotion.video.decode import decode_video
from tests.support.tiny_project import build_project, tiny_params, tiny_settings
from tests.support.trees import write_video

PARAMS: Params = tiny_params()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny project with untrained models, described as the train stage describes them."""
    folder = build_project(tmp_path_factory.mktemp("predict"))
    with contextlib.chdir(folder):
        for name in ("action", "pose"):
            sample.run(name, PARAMS)
            save_untrained(name)
    return folder


def save_untrained(name: str, params: Params = PARAMS) -> Path:
    experiment = params.experiment(name)
    meta = read_json(Path("clips") / name / "meta.json")
    torch.manual_seed(0)
    task = task_class(experiment.task).from_experiment(experiment, meta)
    facts = ("tiny", experiment.task, task.architecture, meta, preprocessing(experiment), "0" * 32, {}, {})
    torch.save({}, "stand-in.ckpt")
    table = sample.read_table(Path("clips") / name / "val.parquet")[["clip_id"]]
    folder = Path("models") / name
    save_model_folder(folder, task, ModelDescription(name, *facts), Path("stand-in.ckpt"), table)
    return folder


def stored(data: ClipDataModule, video_id: str) -> DecodedVideo:
    video = data.store[video_id]
    return DecodedVideo(video.decode(np.arange(video.num_frames)), 25.0)


def test_an_action_is_predicted_as_it_is_evaluated(root: Path) -> None:
    predictor = load_predictor(root / "models" / "action")
    assert isinstance(predictor, ActionPredictor)
    data = ClipDataModule("action", PARAMS, predictor.task.model.num_neighbours, root)  # type: ignore[arg-type]
    clips, expected = action_probabilities(predictor.task, data, "test", PARAMS.machine)
    for clip, row in zip(clips.itertuples(), expected, strict=True):
        found = predictor.probabilities(stored(data, clip.video_id))
        assert [found[name] for name in data.meta["classes"]] == pytest.approx(row.tolist(), abs=1e-6)
        assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.parametrize(
    ("options", "neighbours"),
    [
        (
            {
                "family": "vit",
                "name": "ls_vit",
                "num_registers": 2,
                "prefix_positions": False,
                "layer_scale": 0.1,
                "lmi": "none",
            },
            3,
        ),
        (
            {
                "family": "vit",
                "name": "ls_vit",
                "smif": "none",
                "motion_embed": False,
                "raw_neighbours": False,
                "lmi_reach": 1,
            },
            1,
        ),
        ({"family": "vit", "name": "ls_vit", "setting": "reference", "num_neighbours": 5, "raw_neighbours": True}, 5),
        ({"family": "vit", "name": "ls_vit", "setting": "reference", "motion_frames": 2}, 3),
        (
            {
                "family": "vit",
                "name": "vit",
                "class_token": False,
                "fc_norm": True,
                "qkv_bias": False,
                "mean": (0.4, 0.5, 0.6),
            },
            1,
        ),
    ],
)
def test_an_action_model_of_any_kind_is_predicted_as_it_is_evaluated(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], neighbours: int
) -> None:
    monkeypatch.chdir(tmp_path)
    for part in ("clips", "prepared", "layers"):
        Path(part).symlink_to(root / part)
    settings = tiny_settings(only="action")
    settings["experiments"]["action"]["model"] = {"patch_size": 16, "dim": 16, "depth": 2, "heads": 2, **options}
    params = Params.model_validate(settings)
    predictor = load_predictor(save_untrained("action", params))
    assert isinstance(predictor, ActionPredictor)
    data = ClipDataModule("action", params, neighbours)
    torch.manual_seed(0)
    trained = task_class("action_recognition").from_experiment(params.experiment("action"), data.meta)
    clips, expected = action_probabilities(trained, data, "test", params.machine)
    assert len({row.round(6).tobytes() for row in expected}) > 1
    for clip, row in zip(clips.itertuples(), expected, strict=True):
        found = predictor.probabilities(stored(data, clip.video_id))
        assert [found[name] for name in data.meta["classes"]] == pytest.approx(row.tolist(), abs=1e-6)


def test_joints_are_predicted_as_they_are_evaluated(root: Path) -> None:
    predictor = load_predictor(root / "models" / "pose")
    assert isinstance(predictor, PosePredictor)
    data = ClipDataModule("pose", PARAMS, 1, root)
    for outcome in pose_outcomes(predictor.task, data, "test", PARAMS.machine):
        assert outcome.video.boxes is not None
        boxes = outcome.video.boxes[0]
        joints, score = predictor.joints(stored(data, outcome.clip_id), boxes)
        np.testing.assert_allclose(joints, outcome.joints, atol=1e-4)
        np.testing.assert_allclose(score, outcome.score, atol=1e-4)


def test_joints_without_a_box(root: Path, tmp_path: Path) -> None:
    predictor = load_predictor(root / "models" / "pose")
    assert isinstance(predictor, PosePredictor)
    video = read_video(write_video(tmp_path / "clip.mp4", num_frames=7))
    joints, score = predictor.joints(video)
    assert joints.shape == (7, 13, 2)
    assert score.shape == (7, 13)
    row = predictor.row(str(tmp_path / "clip.mp4"))
    shown = json.loads(row["joints"])
    np.testing.assert_allclose(np.array(shown["frames"])[..., :2], joints, atol=1e-3)
    assert shown["names"][0] == "head"


def test_boxes_around_joints_do_not_follow_a_single_frame() -> None:
    joints = np.array([[[10, 20], [30, 60]]] * 7, np.float32)
    joints[3] = [[0, 0], [90, 90]]
    assert (boxes_around(joints) == [10, 20, 30, 60]).all()
    moving = joints[:3] + np.arange(3, dtype=np.float32)[:, None, None]
    assert boxes_around(moving)[1].tolist() == [11, 21, 31, 61]


def test_read_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", num_frames=5)
    video = read_video(path)
    assert (video.num_frames, video.height, video.width, video.fps) == (5, 48, 64, 30.0)
    assert (video.decode(np.array([4, 4, 0])) == decode_video(path).read_all()[[4, 4, 0]]).all()
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(HumotionError, match=r"text\.mp4 cannot be read"):
        read_video(tmp_path / "text.mp4")
    with pytest.raises(HumotionError, match=r"absent\.mp4 cannot be read"):
        read_video(tmp_path / "absent.mp4")


def test_the_command(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    path, out = write_video(tmp_path / "clip.mp4", num_frames=6), tmp_path / "out.mp4"
    predict_videos([str(path)], [], out)
    said = capsys.readouterr().out
    assert "6 frames of 64x48" in said
    assert "action on tiny: " in said
    assert "pose on tiny: 13 joints, mean peak" in said
    assert "(one person, found by a first pass over whole frames)" in said
    drawn, plain = read_video(out), read_video(path)
    assert drawn.num_frames == 6
    assert (drawn.height, drawn.width) == (48, 64)
    assert np.abs(np.stack(list(drawn)).astype(int) - np.stack(list(plain))).mean() > 1  # the skeleton
    predict_videos([str(path)], [str(root / "models" / "action")], None)
    assert "pose" not in capsys.readouterr().out


def test_without_a_model_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HumotionError, match="no trained model here"):
        predict_videos([str(write_video(tmp_path / "clip.mp4", num_frames=2))], [], None)


def test_the_command_says_what_probe_says(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = write_video(tmp_path / "whole.avi", num_frames=40)
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    model = [str(root / "models" / "action")]
    predict_videos([str(whole)], model, None)
    assert capsys.readouterr().out.count("\n") == 2, "nothing to say of a whole file"
    found = examine(cut)
    assert found.status == "truncated"
    predict_videos([str(cut)], model, None)
    said = capsys.readouterr().out
    assert f"{cut}: {found.num_frames} frames of 64x48\n{cut} is truncated: {found.error}." in said
    predict_videos([str(cut)], model, tmp_path / "drawn.mkv", as_json=True)
    (facts,) = json.loads(capsys.readouterr().out)["videos"]
    (prediction,) = facts.pop("predictions")
    assert facts == {
        **{name: found.as_json()[name] for name in ("path", "status", "error", "num_frames", "width", "height", "fps")},
        "seconds": pytest.approx((found.num_frames - 1) / 30, abs=1e-3),
        "out": str(tmp_path / "drawn.mkv"),
        "notes": [],
    }
    assert prediction["text"].startswith(f"{prediction['label']} ")
    assert set(prediction["probabilities"]) == {"jump", "walk"}
    assert (prediction["experiment"], prediction["dataset"], prediction["task"]) == (
        *("action", "tiny"),
        "action_recognition",
    )
    assert read_video(tmp_path / "drawn.mkv").num_frames == found.num_frames


def test_the_command_says_what_is_odd_of_a_whole_file(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = write_video(tmp_path / "a.h264", 5, "libx264")
    whole = tmp_path / "whole.h264"
    whole.write_bytes(small.read_bytes() + write_video(tmp_path / "b.h264", 5, "libx264", size=(96, 64)).read_bytes())
    predict_videos([str(whole)], [str(root / "models" / "action")], None)
    said = capsys.readouterr().out
    assert f"{whole}: 10 frames of 64x48\n{whole}: frame 5 is 96 x 64, not 64 x 48 as the first: it and others" in said


@pytest.mark.parametrize(("names", "what"), [([], "no model of humotion"), (["a", "b"], "2 models, not one")])
def test_a_logged_model_of_another_kind_is_refused(
    names: list[str], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        (tmp_path / "model" / name).mkdir(parents=True)
        (tmp_path / "model" / name / "model.json").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("humotion.tracking.registry.download_model", lambda uri, configured: tmp_path / "model")
    with pytest.raises(HumotionError, match=f"models:/x/1 holds {what}"):
        predict_videos([str(write_video(tmp_path / "clip.mp4", num_frames=2))], ["models:/x/1"], None)


def test_the_command_never_replaces_its_input(root: Path, tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", num_frames=3)
    before = path.read_bytes()
    for out in (path, tmp_path / "x.avi"):
        with pytest.raises(HumotionError, match="--out"):
            predict_videos([str(path)], [str(root / "models" / "action")], out)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]

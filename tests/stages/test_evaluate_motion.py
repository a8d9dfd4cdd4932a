"""Motion, attention and gates of test clips, drawn from an untrained model on a tiny project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch

from humotion.clips.datamodule import ClipDataModule
from humotion.params.document import Params
from humotion.params.tasks.action_recognition import ActionExperiment
from humotion.stages import sample
from humotion.tasks.action_recognition.evaluation.motion import draw_motion, heat_maps, pace, see
from humotion.tasks.action_recognition.evaluation.motion_figures import BAND, PANEL
from humotion.tasks.action_recognition.training.module import ActionRecognition
from tests.support.tiny_project import SIDE, build_project, tiny_settings

VIT = {"family": "vit", "name": "vit", "patch_size": 16, "dim": 16, "depth": 1, "heads": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_project(tmp_path_factory.mktemp("motion"))


def build(
    folder: Path, monkeypatch: pytest.MonkeyPatch, model: dict[str, Any] | None = None, num_frames: int = 3
) -> tuple[ActionRecognition, ClipDataModule]:
    monkeypatch.chdir(folder)
    settings = tiny_settings(only="action")
    experiment = settings["experiments"]["action"]
    experiment["clips"]["num_frames"] = num_frames
    experiment["model"] = model or experiment["model"]
    params = Params.model_validate(settings)
    sample.run("action", params)
    torch.manual_seed(0)
    experiment = params.experiment("action")
    assert isinstance(experiment, ActionExperiment)
    task = ActionRecognition.from_experiment(experiment, {"classes": ["jump", "walk"], "skeleton": None}).eval()
    return task, ClipDataModule("action", params, task.model.num_neighbours)  # type: ignore[arg-type]


def test_the_first_error_and_the_first_success_are_drawn(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, data = build(folder, monkeypatch)
    clips = data.clips("test")["clip_id"].tolist()
    said = {clips[2]: "walk 90% (wrong: jump)", clips[1]: "x", clips[0]: "jump 80% (right: jump)", clips[3]: "y"}
    draw_motion(task, data, said, tmp_path / "motion")
    names = {clip.replace("/", "_") for clip in (clips[2], clips[0])}
    assert {path.name for path in (tmp_path / "motion").iterdir()} == {
        f"{name}.{kind}" for name in names for kind in ("mp4", "png")
    }
    for name in names:
        assert cv2.imread(str(tmp_path / "motion" / f"{name}.png")).std() > 10
        with av.open(str(tmp_path / "motion" / f"{name}.mp4")) as video:
            frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
        assert len(frames) == 3
        assert frames[0].shape == (PANEL + 4 * BAND, 4 * PANEL, 3)  # frame, motion, attention, gates


def test_motion_lies_on_the_square_that_moves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, data = build(folder, monkeypatch)
    dataset, table = data.clip_dataset("test"), data.clips("test")
    sample_ = dataset[0]
    batch = {name: sample_[name][None] for name in ("frames", "is_padding")}
    motion = see(task, batch).motion
    assert motion is not None
    boxes = data.store[table["video_id"][0]].boxes
    assert boxes is not None
    scale = motion.shape[-1] / 48  # the crop is the middle 48 columns of 64
    for values, number in zip(motion[0].numpy(), table["frame_indices"][0], strict=True):
        left, top = boxes[0, number, 0] - 8, boxes[0, number, 1]
        rows, columns = np.nonzero(values > 0.5 * values.max())
        assert values.max() > 0.03
        assert rows.min() >= scale * top - 1.5 and rows.max() <= scale * (top + SIDE) + 0.5
        assert columns.min() >= scale * (left - 1) - 1.5 and columns.max() <= scale * (left + 1 + SIDE) + 0.5


def test_a_plain_vit_shows_its_attention_alone(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, data = build(folder, monkeypatch, VIT)
    clip = data.clips("test")["clip_id"][0]
    batch = {"frames": data.clip_dataset("test")[0]["frames"][None], "is_padding": torch.zeros(1, 3, dtype=torch.bool)}
    (attention,) = heat_maps(see(task, batch).apply(lambda part: part[0]))
    assert attention.values.mean() == pytest.approx(1), "in multiples of an even share"
    draw_motion(task, data, {clip: "line"}, tmp_path / "motion")
    assert len(list((tmp_path / "motion").iterdir())) == 2
    draw_motion(task, data, {}, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_padding_is_not_drawn(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, data = build(folder, monkeypatch, num_frames=9)
    clip = data.clips("test").iloc[0]
    assert clip["is_padding"].any()
    draw_motion(task, data, {clip["clip_id"]: "line"}, tmp_path / "motion")
    with av.open(str(next((tmp_path / "motion").glob("*.mp4")))) as video:
        assert len(list(video.decode(video=0))) == (~clip["is_padding"]).sum()
        assert video.streams.video[0].average_rate == 25, "every frame of a video of 25 a second is sampled"


def test_pace() -> None:
    assert pace(np.array([0, 4, 8, 12])) == 4
    assert pace(np.array([0, 0, 1])) == 1
    assert pace(np.array([5])) == 1

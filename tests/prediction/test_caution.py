"""Models of the embedded sample say that it is not real footage."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from humotion.files import read_json, write_json
from humotion.params.document import validate_params
from humotion.prediction.caution import NOT_REAL, RENDERED, caution_of, with_caution
from humotion.prediction.predict_videos import predict_videos
from humotion.prediction.predictor import load_predictor, read_video
from humotion.stages import extract, index
from humotion.work import digest_of_file
from tests.conftest import REPOSITORY
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.trees import write_video


def test_the_frames_of_the_sample_are_those_of_the_lock() -> None:
    """If this fails, the sample or its extraction has changed: put the new md5 into `RENDERED`, and keep the old."""
    lock = (REPOSITORY / "dvc.lock").read_text()
    found = re.findall(r"path: prepared/(\w+)/frames\.parquet\n\s+hash: md5\n\s+md5: (\w{32})", lock)
    assert {dataset for dataset, _ in found} == {"hmdb51", "penn_action"}
    assert all(RENDERED.get(md5) == dataset for dataset, md5 in found)


@pytest.mark.parametrize(("name", "layout", "shards"), [("crowd", "coco", 8), ("crowd_tracks", "posetrack18", 4)])
def test_the_frames_of_crowds_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, layout: str, shards: int
) -> None:
    """As the recipe and docs/multi_person.md extract them."""
    root = REPOSITORY / "data" / name
    if not root.exists():
        pytest.skip("no sample: make data")
    written = (REPOSITORY / "recipes/crowd.yaml", REPOSITORY / "docs/multi_person.md")[
        layout == "posetrack18"
    ].read_text()
    assert re.search(rf"shards: {shards}\b", written) and re.search(r"short_side: 144\b", written)
    monkeypatch.chdir(tmp_path)
    frames = {"short_side": 144, "jpeg_quality": 90, "shards": shards}
    raw = {"datasets": {name: {"layout": layout, "root": str(root), "frames": frames}}, "experiments": {}}
    machine = {"machine": {"workers": 0, "accelerator": "cpu", "devices": 1}}
    params = validate_params({**raw, "layers": {}, "sweeps": {}, **machine}, "wrong:")
    index.run(name, params)
    extract.run(name, params)
    assert RENDERED[digest_of_file(Path(f"prepared/{name}/frames.parquet"))] == name


def test_a_model_folder_knows_it_by_its_frames(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path / "model", make_task("pose_estimation"), "pose_estimation")
    assert load_predictor(folder).caution == ""
    written = read_json(folder / "model.json")
    frames = {"data_md5": {"plan": "1" * 32, "frames": next(iter(RENDERED))}}
    write_json(folder / "model.json", {**written, **frames})
    assert load_predictor(folder).caution == NOT_REAL
    assert caution_of({"plan": next(iter(RENDERED))}) == ""


def test_the_command_says_and_draws_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write_model_folder(tmp_path / "model", make_task("action_recognition"), "action_recognition")
    path = write_video(tmp_path / "clip.mp4", num_frames=3)
    pictures = []
    for frames in ("0" * 32, next(iter(RENDERED))):
        written = read_json(folder / "model.json")
        write_json(folder / "model.json", {**written, "data_md5": {"frames": frames}})
        predict_videos([str(path)], [str(folder)], tmp_path / "drawn.mp4")
        pictures.append(np.stack(list(read_video(tmp_path / "drawn.mp4"))).astype(int))
    assert capsys.readouterr().out.count(f"tiny on sample was {NOT_REAL}.\n") == 1
    changed = np.abs(pictures[1] - pictures[0]).mean(axis=(0, 2, 3))  # by row
    assert changed[:8].mean() > 20 > changed[24:].mean()
    predict_videos([str(path)], [str(folder)], None, as_json=True)
    (facts,) = json.loads(capsys.readouterr().out)["videos"]
    assert facts["predictions"][0]["caution"] == NOT_REAL


def test_the_caution_is_in_the_upper_left_corner() -> None:
    for height, width in ((240, 320), (1080, 1920), (20, 30), (4, 5)):
        frame = np.full((height, width, 3), 128, np.uint8)
        drawn = with_caution(frame, NOT_REAL)
        assert drawn.shape == frame.shape
        rows, columns = np.nonzero((drawn != frame).any(axis=2))
        assert rows.min() == 0 and columns.min() == 0
        assert (frame == 128).all(), "a copy"
        if height >= 240:
            assert rows.max() < height * 0.1
            assert (drawn > 200).any()
    assert with_caution(frame, "") is frame

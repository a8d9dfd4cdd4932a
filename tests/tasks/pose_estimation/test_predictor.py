"""Joints in a person's own video: where nobody is found, where the person changes, and which joints are believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humotion.errors import HumotionError
from humotion.files import read_json, write_json
from humotion.prediction import layer as layers
from humotion.prediction.predictor import DecodedVideo, load_predictor
from humotion.tasks.pose_estimation.predictor import PosePredictor
from humotion.tasks.pose_estimation.training.abstention import JointAbstention
from tests.support.clips import CATCH, GOLF, real_clip
from tests.support.tiny_models import make_task, write_model_folder

GREY = np.full((5, 240, 320, 3), 128, np.uint8)


def with_threshold(folder: Path, threshold: float | None) -> PosePredictor:
    """The model of a folder as if its validation clips had given this threshold."""
    written = read_json(folder / "model.json")
    rule = JointAbstention(threshold, 0.9, 0.5, 0.9, 100, 3)
    write_json(folder / "model.json", {**written, "abstention": rule.as_dict()})
    return loaded(folder)


def loaded(folder: Path) -> PosePredictor:
    predictor = load_predictor(folder)
    assert isinstance(predictor, PosePredictor)
    return predictor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model_folder(tmp_path / "model", make_task("pose_estimation"), "pose_estimation")


@pytest.fixture
def blazepose(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BlazePose's weights in the usual place."""
    pytest.importorskip("ai_edge_litert")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "blazepose").symlink_to(weights)
    monkeypatch.chdir(tmp_path)


def values_of(predictor: PosePredictor, video: DecodedVideo) -> dict[str, Any]:
    return dict(predictor.answer(video).values["joints"])


def test_the_boxes_are_those_of_the_person(real_data: Path, folder: Path, blazepose: None) -> None:
    golf = DecodedVideo(real_clip(real_data, GOLF, 8).frames, 25.0)
    found = values_of(loaded(folder), golf)
    boxes = np.array(found["boxes"])
    assert boxes.shape == (8, 4)
    (height,) = set((boxes[:, 3] - boxes[:, 1] > 100).tolist())
    assert height, "the golfer stands upright, 150 of 240 pixels high"
    assert ((boxes[:, 2] - boxes[:, 0]) < 120).all()
    assert "found by BlazePose" in loaded(folder).answer(golf).text


def test_several_models_look_for_the_person_once(
    real_data: Path, folder: Path, blazepose: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    annotate = layers.annotate
    monkeypatch.setattr(layers, "annotate", lambda *given: (calls.append(given), annotate(*given))[1])
    video = DecodedVideo(real_clip(real_data, GOLF, 3).frames, 25.0)
    first, second = (loaded(folder).answer(video) for _ in range(2))
    assert len(calls) == 1
    assert first.values == second.values


def test_where_nobody_is_found_nothing_is_said(real_data: Path, folder: Path, blazepose: None) -> None:
    golf = real_clip(real_data, GOLF, 6).frames
    video = DecodedVideo(np.concatenate([golf, GREY, golf]), 25.0)
    answer = loaded(folder).answer(video)
    found = answer.values["joints"]
    assert [box is None for box in found["boxes"]] == [False] * 6 + [True] * 5 + [False] * 6
    frames, believed = np.array(found["frames"]), np.array(found["believed"])
    assert (frames[6:11] == 0).all() and not believed[6:11].any()
    assert (frames[:6, :, 2] != 0).any() and believed[:6].all()
    assert "in 12 of 17 frames" in answer.text
    assert answer.draw is not None
    assert (answer.draw(8, GREY[0]) == GREY[0]).all()
    assert (answer.draw(2, golf[2]) != golf[2]).any()
    alone = values_of(loaded(folder), DecodedVideo(golf, 25.0))
    np.testing.assert_allclose(frames[:6], alone["frames"], atol=1e-3)


def test_a_video_without_anybody(folder: Path, blazepose: None) -> None:
    answer = loaded(folder).answer(DecodedVideo(GREY, 25.0))
    assert answer.text.startswith("nobody was found")
    assert answer.draw is None
    found = answer.values["joints"]
    assert found["boxes"] == [None] * 5
    assert not np.array(found["frames"]).any() and not np.array(found["believed"]).any()


def test_the_state_starts_again_at_a_cut_and_not_within_a_clip(real_data: Path, folder: Path, blazepose: None) -> None:
    predictor = loaded(folder)
    golf, catch = (real_clip(real_data, name, 8).frames for name in (GOLF, CATCH))
    joined = DecodedVideo(np.concatenate([golf, catch]), 25.0)
    boxes = predictor.place(joined).boxes
    joints, scores = predictor.joints(joined)
    for part, frames in ((slice(0, 8), golf), (slice(8, 16), catch)):
        alone = predictor.joints(DecodedVideo(frames, 25.0), boxes[part])
        np.testing.assert_allclose(joints[part], alone[0], atol=1e-4)
        np.testing.assert_allclose(scores[part], alone[1], atol=1e-5)
    _, carried = predictor.joints(joined, boxes)  # as if there was no cut
    assert np.abs(carried[8:] - scores[8:]).max() > 1e-3


def test_the_state_starts_again_after_a_person_was_lost(folder: Path) -> None:
    predictor = loaded(folder)
    frames = np.random.default_rng(0).integers(0, 255, (12, 48, 64, 3), np.uint8)
    boxes = np.tile(np.array([5, 5, 40, 45], np.float32), (12, 1))
    boxes[4:7] = np.nan
    joints, scores = predictor.joints(DecodedVideo(frames, 25.0), boxes)
    assert np.isnan(joints[4:7]).all() and (scores[4:7] == 0).all()
    for part in (slice(0, 4), slice(7, 12)):
        alone = predictor.joints(DecodedVideo(frames[part], 25.0), boxes[part])
        np.testing.assert_allclose(joints[part], alone[0], atol=1e-4)
        np.testing.assert_allclose(scores[part], alone[1], atol=1e-5)


def test_without_the_weights_whole_frames_are_looked_at_and_that_is_said(
    real_data: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = loaded(folder).answer(DecodedVideo(real_clip(real_data, GOLF, 4).frames, 25.0))
    assert "one person, found by a first pass over whole frames" in answer.text
    for said in (answer.text, answer.values["joints"]["note"]):
        assert "humotion fetch blazepose" in said and "pip install 'humotion[landmarks]'" in said
    assert all(box is not None for box in answer.values["joints"]["boxes"])
    assert answer.draw is not None


def test_weights_in_another_place(
    real_data: Path, folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ai_edge_litert")
    monkeypatch.chdir(tmp_path)
    golf = DecodedVideo(real_clip(real_data, GOLF, 3).frames, 25.0)
    assert "found by BlazePose" in load_predictor(folder, weights).answer(golf).text
    with pytest.raises(HumotionError, match="BlazePose"):
        load_predictor(folder, tmp_path / "absent").answer(golf)


def test_the_person_of_a_long_video_is_looked_for_in_pieces(
    real_data: Path, folder: Path, blazepose: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    golf = real_clip(real_data, GOLF, 12).frames
    whole = loaded(folder).place(DecodedVideo(golf, 25.0)).boxes
    monkeypatch.setattr(layers, "PIECE", 5)
    pieces = loaded(folder).place(DecodedVideo(golf, 25.0)).boxes
    np.testing.assert_array_equal(pieces[:5], whole[:5])
    assert np.abs(pieces - whole).max() < 15, "the same person; smoothing starts again"
    joined = DecodedVideo(np.concatenate([GREY, golf[:5], GREY]), 25.0)
    place = loaded(folder).place(joined)
    assert place.known.tolist() == [False] * 5 + [True] * 5 + [False] * 5


def test_only_believed_joints_are_drawn(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frames = np.random.default_rng(1).integers(0, 255, (6, 48, 64, 3), np.uint8)
    everything = loaded(folder).answer(DecodedVideo(frames, 25.0))
    found = everything.values["joints"]
    scores = np.array(found["frames"])[..., 2]
    assert found["threshold"] is None and np.array(found["believed"]).all()
    assert "has no threshold" in everything.text and "train it again" in found["note"]

    middle = float(np.median(scores)) + 5e-4  # scores are rounded in the values
    some = with_threshold(folder, middle).answer(DecodedVideo(frames, 25.0))
    believed = np.array(some.values["joints"]["believed"])
    assert some.values["joints"]["threshold"] == middle
    assert some.values["joints"]["frames"] == found["frames"], "every joint keeps its place and score"
    assert 0 < believed.mean() < 1
    assert (believed[scores > middle + 1e-3]).all() and not (believed[scores < middle - 1e-3]).any()
    assert f"{believed.mean():.0%} of them believed" in some.text
    number = int(np.flatnonzero(believed.any(axis=1) & ~believed.all(axis=1))[0])
    assert everything.draw is not None and some.draw is not None
    changed = [(answer.draw(number, frames[number]) != frames[number]).sum() for answer in (everything, some)]  # type: ignore[misc]
    assert 0 < changed[1] < changed[0]

    none = with_threshold(folder, None).answer(DecodedVideo(frames, 25.0))
    assert none.draw is None
    assert "No joint is drawn" in none.text and not np.array(none.values["joints"]["believed"]).any()
    above = with_threshold(folder, float(scores.max()) + 1).answer(DecodedVideo(frames, 25.0))
    assert above.draw is None and "0% of them believed" in above.text

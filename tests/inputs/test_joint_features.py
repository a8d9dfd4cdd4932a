"""Features at joints as tensors: those of the layer, at the times of the landmarks, with gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from humotion.annotation.joint_features.tool import nobody
from humotion.clips.augment import Policy
from humotion.clips.input import SCENE, load_input
from humotion.clips.landmarks import Landmarks
from humotion.clips.tracks import Track, at_times, bridged
from humotion.datasets.jhmdb import SKELETON as JHMDB
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.errors import HumotionError
from humotion.inputs import joint_features
from humotion.params.inputs import JointFeatureParams
from humotion.store.body import body_joints
from humotion.store.frames import FrameStore, shard_name
from humotion.store.layers import AnnotatedVideo, Arrays, LayerFacts, folder_of_layer, write_facts, write_layer_shard
from humotion.store.skeleton import Skeleton, skeleton_of

FRAMES, JOINTS, CHANNELS = 10, 13, 4  # of the video v07
POLICY = Policy.compile([], 32, has_joints=False)


def arrays_of(persons: int = 1, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    landmarks = random.uniform(0.2, 0.8, (persons, FRAMES, JOINTS, 3)).astype(np.float32)
    return {
        "features": random.normal(size=(persons, FRAMES, JOINTS, CHANNELS)).astype(np.float16),
        "frame": random.normal(size=(FRAMES, CHANNELS)).astype(np.float16),
        "landmarks": landmarks,
        "visibility": np.full(landmarks.shape[:-1], 0.75, np.float32),
        "found": np.ones((persons, FRAMES), bool),
    }


def video_with(project: Path, arrays: Arrays, skeleton: Skeleton = PENN_ACTION) -> Any:
    folder = project / folder_of_layer("tiny", "features")
    folder.mkdir(parents=True)
    write_facts(folder, LayerFacts("joint_features", 1, skeleton=skeleton))
    write_layer_shard(folder / shard_name(0), [AnnotatedVideo("v07", arrays)], arrays)
    pd.DataFrame([{"video_id": "v07", "shard": 0, "row": 0}]).to_parquet(folder / "videos.parquet")
    store = FrameStore(project / "prepared/tiny/frames", project / "prepared/tiny/frames.parquet", folder)
    assert joint_features.people_in(store, "v07") == [SCENE]
    assert joint_features.skeleton_of_samples(store) == skeleton
    return store["v07"]


def shown(policy: Policy | None = None, **settings: Any) -> joint_features.JointFeatures:
    params = JointFeatureParams(**{"joints": "all", "channels": CHANNELS, "placement": "raw", **settings})
    return joint_features.make(params, PENN_ACTION, policy)


def every_frame(number: int = FRAMES) -> np.ndarray:
    return np.arange(number)[:, None]


def test_a_sample_has_what_the_layer_has(project: Path) -> None:
    arrays = arrays_of()
    sample = shown()(video_with(project, arrays), SCENE, every_frame(), 0)
    assert {name: (tuple(value.shape), value.dtype) for name, value in sample.items()} == {
        "features": ((FRAMES, JOINTS, CHANNELS), torch.float32),
        "frame": ((FRAMES, CHANNELS), torch.float32),
        "landmarks": ((FRAMES, JOINTS, 2), torch.float32),
        "known": ((FRAMES, JOINTS), torch.bool),
    }
    np.testing.assert_array_equal(sample["features"], arrays["features"][0])
    np.testing.assert_array_equal(sample["frame"], arrays["frame"])
    np.testing.assert_allclose(sample["landmarks"], arrays["landmarks"][0, ..., :2], atol=1e-6)
    assert sample["known"].all()


def test_what_is_not_known_is_zero(project: Path) -> None:
    arrays = arrays_of()
    arrays["found"][0, [0, 9]] = False
    arrays["features"][0, [0, 9]] = arrays["landmarks"][0, [0, 9]] = np.nan
    arrays["features"][0, :, 5] = np.nan  # outside the picture in every frame, but with landmarks
    sample = shown()(video_with(project, arrays), SCENE, every_frame(), 0)
    expected = np.ones((FRAMES, JOINTS), bool)
    expected[[0, 9]] = expected[:, 5] = False
    np.testing.assert_array_equal(sample["known"], expected)
    for name in ("features", "landmarks"):
        assert not sample[name][~expected].any()
        assert sample[name][expected].all()
    assert torch.isfinite(sample["features"]).all()


def test_frames_between_those_that_were_read_are_interpolated(project: Path) -> None:
    arrays = arrays_of()
    arrays["features"][0, [1, 2, 4]] = np.nan
    arrays["frame"][[1, 2, 4]] = np.nan
    video = video_with(project, arrays)
    sample = shown()(video, SCENE, every_frame(), 0)
    for name, values in (("features", arrays["features"][0]), ("frame", arrays["frame"])):
        third = values[0] + (values[3].astype(np.float32) - values[0]) / 3
        np.testing.assert_allclose(sample[name][1], third, atol=1e-3)
    assert sample["known"].all()
    apart = shown(longest_gap=1)(video, SCENE, every_frame(), 0)
    assert not apart["known"][[1, 2]].any()
    assert apart["known"][4].all()
    assert not apart["frame"][[1, 2]].any()
    window = shown()(video, SCENE, every_frame(3), 0)  # it ends before the next frame that was read
    assert not window["known"][1:].any()


def test_features_and_landmarks_are_of_the_same_times(project: Path) -> None:
    arrays = arrays_of()
    ramp = np.arange(FRAMES, dtype=np.float32) / 16
    arrays["landmarks"][:] = ramp[None, :, None, None]
    arrays["features"][:] = ramp[None, :, None, None]
    arrays["frame"][:] = ramp[:, None]
    training = shown(POLICY, time_jitter=1.0)
    sample = training(video_with(project, arrays), SCENE, every_frame(), 3)
    times = training.landmarks.times(np.arange(FRAMES), 3)
    assert np.abs(times - np.arange(FRAMES)).max() > 0.1
    for values in (sample["features"][:, 0, 0], sample["frame"][:, 0], sample["landmarks"][:, 0, 0]):
        np.testing.assert_allclose(values, times / 16, atol=1e-3)


def test_joints_are_chosen_by_name(project: Path) -> None:
    arrays = arrays_of()
    body = shown(joints="body")
    sample = body(video_with(project, arrays), SCENE, every_frame(), 0)
    for index, name in enumerate(body.skeleton.joints):
        source = PENN_ACTION.joints.index(name)
        np.testing.assert_array_equal(sample["features"][:, index], arrays["features"][0, :, source])


def test_of_two_people_the_one_who_is_found_more_often_is_shown(project: Path) -> None:
    arrays = arrays_of(persons=2)
    arrays["found"][0, 5:] = False
    video = video_with(project, arrays)
    sample = shown()(video, SCENE, every_frame(), 0)
    np.testing.assert_array_equal(sample["features"], arrays["features"][1])
    np.testing.assert_allclose(sample["landmarks"], arrays["landmarks"][1, ..., :2], atol=1e-6)


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_video_without_people_still_counts(project: Path, is_damaged: bool) -> None:
    arrays = {**nobody(FRAMES)} if is_damaged else arrays_of(persons=0)
    sample = shown()(video_with(project, arrays), SCENE, every_frame(), 0)
    assert sample["features"].shape == (FRAMES, JOINTS, CHANNELS)
    assert not sample["features"].any() and not sample["known"].any()
    assert sample["frame"].shape == (FRAMES, CHANNELS)
    assert bool(sample["frame"].any()) is not is_damaged


def test_a_model_is_told_joints_bones_and_channels() -> None:
    settings = JointFeatureParams(joints="body", channels=384, values="xyz")
    told = joint_features.facts(settings, JHMDB)
    body = body_joints(JHMDB)
    assert {key: told[key] for key in ("num_joints", "dimensions", "channels")} == {
        **{"num_joints": 13, "dimensions": 3, "channels": 384}
    }
    assert told["edges"] == [list(edge) for edge in body.edges]
    parents = {name: body.joints[parent] for name, parent in zip(body.joints, told["parents"], strict=True)}
    assert parents["face"] == "face"
    for side in "rl":
        chain = [f"{side}_{part}" for part in ("wrist", "elbow", "shoulder")]
        assert [parents[name] for name in chain] == [*chain[1:], "face"]
        leg = [f"{side}_{part}" for part in ("ankle", "knee", "hip", "shoulder")]
        assert [parents[name] for name in leg[:3]] == leg[1:]


def test_the_parent_is_on_the_way_to_the_root() -> None:
    joints = skeleton_of("five", ("a", "b", "c", "d", "e"), (("b", "a"), ("c", "a"), ("c", "d")), "labelled")
    assert joint_features.parents_of(joints) == [1, 1, 0, 2, 1]  # e has no bone: it hangs on the root
    assert joint_features.parents_of(skeleton_of("none", ("a", "b"), (), "labelled")) == [0, 0]
    jhmdb = joint_features.parents_of(JHMDB)
    assert sum(parent == joint for joint, parent in enumerate(jhmdb)) == 1


def test_a_layer_that_does_not_fit_is_refused(project: Path) -> None:
    arrays = arrays_of()
    video = video_with(project, arrays)
    with pytest.raises(HumotionError, match=r"augment\.channels is 7, but .* has 4 channels\. Set .*channels: 4"):
        shown(channels=7)(video, SCENE, every_frame(), 0)
    video.annotation = {key: arrays[key] for key in ("landmarks", "visibility", "found")}
    with pytest.raises(HumotionError, match=r"needs the array 'features' .* has found, landmarks, visibility"):
        shown()(video, SCENE, every_frame(), 0)
    with pytest.raises(HumotionError, match="input: joint_features needs joints"):
        joint_features.make(JointFeatureParams(joints="all", channels=4), None)


def test_a_prediction_shows_what_the_training_was_shown(project: Path) -> None:
    video = video_with(project, arrays_of())
    settings = JointFeatureParams(joints="body", channels=CHANNELS, values="xyz")
    stored = {**settings.model_dump(exclude={"policy", "geometry"}), "input": "joint_features", "num_frames": FRAMES}
    predicted = load_input("joint_features").for_prediction({**stored, "skeleton": PENN_ACTION.as_dict()})
    expected = joint_features.make(settings, PENN_ACTION)(video, SCENE, every_frame(), 0)
    found = predicted(video, SCENE, every_frame(), 0)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert isinstance(expected["known"], torch.Tensor) and isinstance(predicted.landmarks, Landmarks)


@pytest.mark.parametrize("longest", [None, 0, 2])
def test_reading_in_one_step_is_filling_gaps_and_then_reading(longest: int | None) -> None:
    random = np.random.default_rng(3)
    values = random.normal(size=(30, 5, 3)).astype(np.float16)
    values[random.random((30, 5)) < 0.5] = np.nan
    values[:, 1], values[7, 2, 1] = np.nan, np.inf  # one value that is no number makes a joint unknown
    times = np.sort(np.concatenate([random.uniform(0, 29, 40), np.arange(30), np.arange(29) + 0.5]))
    track = Track(values.astype(np.float32), np.zeros((30, 5), np.float32), np.isfinite(values).all(-1))
    expected = at_times(bridged(track, longest), times)
    found = joint_features.read_at(values, times, longest)
    np.testing.assert_array_equal(found.known, expected.known)
    assert 0.2 < found.known.mean() < 0.8
    np.testing.assert_allclose(found.values, expected.points, atol=1e-6)

"""Landmarks as tensors: of a layer or of the labels, with gaps, mirrored, turned, and at moved times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from humotion.clips.augment import Policy
from humotion.clips.dataset import ClipDataset
from humotion.clips.input import SCENE, load_input
from humotion.clips.landmarks import Landmarks
from humotion.clips.sampling import uniform
from humotion.clips.table import build_clips
from humotion.datasets.jhmdb import SKELETON as JHMDB
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.errors import HumotionError
from humotion.inputs import landmarks
from humotion.params.inputs import LandmarkParams
from humotion.store.body import body_joints
from humotion.store.frames import FrameStore, shard_name
from humotion.store.layers import AnnotatedVideo, LayerFacts, folder_of_layer, write_facts, write_layer_shard
from humotion.store.skeleton import Skeleton

FRAMES = 10  # of the video v07
POLICY = Policy.compile([], 32, has_joints=False)


def store_with(project: Path, people: dict[str, np.ndarray], found: dict[str, np.ndarray] | None = None) -> FrameStore:
    """The tiny dataset with a layer: landmarks (P, T, 13, 3) of each video, in the joints of Penn Action."""
    folder = project / folder_of_layer("tiny", "people")
    folder.mkdir(parents=True)
    write_facts(folder, LayerFacts("blazepose", 1, skeleton=PENN_ACTION))
    videos = []
    for video_id, points in people.items():
        seen = np.isfinite(points).all((2, 3)) if found is None else found[video_id]
        arrays = {
            "landmarks": points.astype(np.float32),
            "world": points.astype(np.float32) * 10,
            "visibility": np.where(seen, 0.75, np.nan)[..., None].repeat(13, -1).astype(np.float32),
            "found": seen,
        }
        videos.append(AnnotatedVideo(video_id, arrays))
    write_layer_shard(folder / shard_name(0), videos, videos[0].arrays)
    rows = [{"video_id": video.video_id, "shard": 0, "row": row} for row, video in enumerate(videos)]
    pd.DataFrame(rows).to_parquet(folder / "videos.parquet")
    return FrameStore(project / "prepared/tiny/frames", project / "prepared/tiny/frames.parquet", folder)


def somebody(num_frames: int = FRAMES, seed: int = 0) -> np.ndarray:
    """(1, T, 13, 3) in [0, 1]."""
    return np.random.default_rng(seed).uniform(0.2, 0.8, (1, num_frames, 13, 3))


def shown(policy: Policy | None = None, skeleton: Skeleton = PENN_ACTION, **settings: Any) -> Landmarks:
    params = LandmarkParams(**{"joints": "all", **settings})
    return landmarks.make(params, skeleton, policy)


def every_frame(number: int = FRAMES) -> np.ndarray:
    return np.arange(number)[:, None]


def test_raw_values_are_those_of_the_layer(project: Path) -> None:
    points = somebody()
    video = store_with(project, {"v07": points})["v07"]
    sample = shown(placement="raw", values="xyz_visibility")(video, SCENE, every_frame(), 0)
    assert sample["landmarks"].shape == (FRAMES, 13, 4)
    assert sample["landmarks"].dtype == torch.float32
    np.testing.assert_allclose(sample["landmarks"][..., :3], points[0], atol=1e-6)
    assert (sample["landmarks"][..., 3] == 0.75).all()
    assert sample["known"].all()
    two = shown(placement="raw")(video, SCENE, every_frame(), 0)["landmarks"]
    assert torch.equal(two, sample["landmarks"][..., :2])


def test_positions_have_the_same_unit_in_both_directions(project: Path) -> None:
    points = somebody()
    video = store_with(project, {"v07": points})["v07"]  # 64 x 48
    sample = shown(values="xyz")(video, SCENE, every_frame(), 0)["landmarks"].numpy()
    pixels = points[0] * [64, 48, 64]
    hips = [PENN_ACTION.joints.index(f"{side}_hip") for side in "lr"]
    np.testing.assert_allclose(sample[:, hips].mean(1), 0, atol=1e-5)
    expected = pixels - pixels[:, hips].mean(1, keepdims=True)
    ratio = sample[np.abs(expected) > 1] / expected[np.abs(expected) > 1]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


def test_world_coordinates_are_those_of_the_layer(project: Path) -> None:
    points = somebody()
    video = store_with(project, {"v07": points})["v07"]
    sample = shown(placement="raw", coordinates="world", values="xyz")(video, SCENE, every_frame(), 0)
    np.testing.assert_allclose(sample["landmarks"], points[0] * 10, rtol=1e-5)


def test_gaps_are_filled_inside_and_masked_at_the_ends(project: Path) -> None:
    points = somebody()
    points[0, [0, 4, 5, 9]] = np.nan
    video = store_with(project, {"v07": points})["v07"]
    sample = shown(placement="raw", values="xyz")(video, SCENE, every_frame(), 0)
    assert sample["known"][1:9].all()
    assert not sample["known"][[0, 9]].any()
    assert not sample["landmarks"][[0, 9]].any()
    third = points[0, 3] + (points[0, 6] - points[0, 3]) / 3
    np.testing.assert_allclose(sample["landmarks"][4], third, atol=1e-6)
    apart = shown(placement="raw", longest_gap=1)(video, SCENE, every_frame(), 0)
    assert not apart["known"][4:6].any()


def test_a_window_sees_nothing_of_the_frames_around_it(project: Path) -> None:
    points = somebody()
    points[0, 3] = np.nan  # the last frame of the window: filling it would show frame 4
    video = store_with(project, {"v07": points})["v07"]
    sample = shown(placement="raw")(video, SCENE, every_frame(4), 0)
    assert not sample["known"][3].any()


def test_what_stands_where_nobody_is_found_changes_nothing(project: Path) -> None:
    found = np.ones((1, FRAMES), bool)
    found[0, 2:4] = found[0, 9] = False
    one, other = somebody(), somebody()
    other[0, ~found[0]] = 99
    store = store_with(project, {"v07": one, "v08": other[:, :FRAMES]}, {"v07": found, "v08": found})
    samples = [shown()(store[name], SCENE, every_frame(), 0) for name in ("v07", "v08")]
    assert torch.equal(samples[0]["landmarks"], samples[1]["landmarks"])
    assert torch.equal(samples[0]["known"], samples[1]["known"])


@pytest.mark.parametrize("people", [np.zeros((0, FRAMES, 13, 3)), np.full((1, FRAMES, 13, 3), np.nan)])
def test_a_video_in_which_nobody_was_found_still_counts(project: Path, people: np.ndarray) -> None:
    store = store_with(project, {"v07": people})
    assert landmarks.people_in(store, "v07") == [SCENE]
    sample = shown(values="xyz_visibility")(store["v07"], SCENE, every_frame(), 0)
    assert sample["landmarks"].shape == (FRAMES, 13, 4)
    assert not sample["landmarks"].any()
    assert not sample["known"].any()


def test_of_two_people_the_one_who_is_found_in_most_frames_is_shown(project: Path) -> None:
    both = np.concatenate([somebody(seed=1), somebody(seed=2)])
    both[0, 5:] = np.nan
    video = store_with(project, {"v07": both})["v07"]
    sample = shown(placement="raw", values="xyz")(video, SCENE, every_frame(), 0)
    np.testing.assert_allclose(sample["landmarks"], both[1], atol=1e-6)
    first = shown(placement="raw", values="xyz")(video, 0, every_frame(), 0)
    np.testing.assert_allclose(first["landmarks"][:5], both[0, :5], atol=1e-6)


def test_labelled_joints(project: Path) -> None:
    store = FrameStore(project / "prepared/tiny/frames", project / "prepared/tiny/frames.parquet")
    video = store["v08"]
    video.visibility = video.visibility.copy()
    video.visibility[0, 2, 4] = 0
    video.visibility[0, 3, 4] = 1
    sample = shown(placement="raw", values="xyz_visibility", longest_gap=0)(video, SCENE, every_frame(5), 0)
    np.testing.assert_allclose(sample["landmarks"][0, :, :2] * torch.tensor([64, 48]), video.joints[0, 0], atol=1e-4)
    assert not sample["landmarks"][..., 2].any()  # no depth
    assert not sample["known"][2, 4]
    assert sample["landmarks"][2, 4].tolist() == [0, 0, 0, 0]
    assert sample["landmarks"][3, 4, 3] == 0.5
    assert sample["landmarks"][1, 4, 3] == 1
    with pytest.raises(HumotionError, match="coordinates is world"):
        shown(coordinates="world")(video, SCENE, every_frame(5), 0)


def test_without_a_layer_only_videos_with_joints_have_clips(project: Path) -> None:
    store = FrameStore(project / "prepared/tiny/frames", project / "prepared/tiny/frames.parquet")
    with_joints = [name for name in store if landmarks.people_in(store, name)]
    assert with_joints == [name for name in store if store[name].joints is not None]
    assert with_joints


@pytest.mark.parametrize("placement", ["frame", "clip", "raw"])
def test_mirrored_clips_have_left_and_right_exchanged(project: Path, placement: str) -> None:
    points = somebody()
    points[0, 2, :, 0] = np.nan
    store = store_with(project, {"v07": points, "v08": somebody(seed=3)})
    settings: dict[str, Any] = {"placement": placement, "values": "xyz_visibility"}
    plain = shown(**settings)(store["v07"], SCENE, every_frame(), 4)
    mirrored = shown(POLICY, **settings, geometry={"flip": 1.0})(store["v07"], SCENE, every_frame(), 4)
    flip = list(PENN_ACTION.flip)
    expected = plain["landmarks"][:, flip].clone()
    expected[..., 0] = (1 - expected[..., 0]) if placement == "raw" else -expected[..., 0]
    torch.testing.assert_close(mirrored["landmarks"], expected)
    assert torch.equal(mirrored["known"], plain["known"][:, flip])


def test_rotation_and_scale_are_one_draw_per_clip_and_leave_shapes_alone(project: Path) -> None:
    video = store_with(project, {"v07": somebody()})["v07"]
    plain = shown(values="xyz")(video, SCENE, every_frame(), 7)["landmarks"]
    turner = shown(POLICY, values="xyz", geometry={"rotate": 30, "scale": [0.5, 0.9]})
    turned = turner(video, SCENE, every_frame(), 7)["landmarks"]
    assert torch.equal(turned, turner(video, SCENE, every_frame(), 7)["landmarks"])
    assert not torch.equal(turned, turner(video, SCENE, every_frame(), 8)["landmarks"])
    before, after = plain[..., :2].norm(dim=-1), turned[..., :2].norm(dim=-1)
    ratio = (after / before)[before > 0.1]
    torch.testing.assert_close(ratio, ratio[0].expand_as(ratio), rtol=1e-4, atol=1e-4)
    assert 0.5 <= ratio[0] <= 0.9
    torch.testing.assert_close(turned[..., 2], plain[..., 2] * ratio[0], rtol=1e-4, atol=1e-4)
    angles = torch.atan2(turned[..., 1], turned[..., 0]) - torch.atan2(plain[..., 1], plain[..., 0])
    angles = (angles + torch.pi) % (2 * torch.pi) - torch.pi
    assert float(angles[before > 0.1].std()) < 1e-3
    assert 0 < abs(float(angles[before > 0.1].mean())) < np.deg2rad(30)


def test_evaluation_is_not_augmented(project: Path) -> None:
    video = store_with(project, {"v07": somebody()})["v07"]
    settings: dict[str, Any] = {"geometry": {"rotate": 30, "flip": 1.0}, "time_jitter": 1.0}
    assert torch.equal(
        shown(**settings)(video, SCENE, every_frame(), 1)["landmarks"],
        shown()(video, SCENE, every_frame(), 2)["landmarks"],
    )


def test_times_move_within_a_step_and_padding_stays() -> None:
    training = shown(POLICY, time_jitter=1.0)
    frames = np.array([0, 4, 8, 12, 12, 12])
    moved = np.stack([training.times(frames, seed) for seed in range(200)])
    assert (moved[:, 3:] <= 12).all()
    assert (moved[:, 4:] == 12).all()
    assert (moved[:, 0] >= 0).all()
    assert np.abs(moved - frames).max() <= 2
    assert (np.abs(moved[:, 1:3] - frames[1:3]).max(0) > 1.5).all()
    assert (np.diff(moved, axis=1) >= 0).all()
    assert np.abs(moved[:, 1:3].mean(0) - frames[1:3]).max() < 0.3
    assert (shown(POLICY).times(frames, 3) == frames).all()


def test_moved_times_are_read_between_frames(project: Path) -> None:
    points = np.tile(np.arange(FRAMES, dtype=float)[None, :, None, None] / 100, (1, 1, 13, 3))
    video = store_with(project, {"v07": points})["v07"]
    training = shown(POLICY, placement="raw", time_jitter=1.0)
    sample = training(video, SCENE, np.array([[0], [3], [6], [9]]), 5)["landmarks"]
    times = training.times(np.array([0, 3, 6, 9]), 5)
    assert (times != np.round(times)).any()
    np.testing.assert_allclose(sample[:, 0, 0], times / 100, atol=1e-6)


@pytest.mark.parametrize("skeleton", [PENN_ACTION, JHMDB])
def test_the_thirteen_joints_of_the_body_come_from_any_joint_set(skeleton: Skeleton) -> None:
    body = body_joints(skeleton)
    assert len(body.joints) == 13
    assert [body.joints[other] for other in body.flip][1:3] == ["l_shoulder", "r_shoulder"]
    connected = {joint for edge in body.edges for joint in edge}
    assert connected == set(range(13))
    found = landmarks.facts(LandmarkParams(joints="body", values="xyz"), skeleton)
    assert (found["num_joints"], found["dimensions"]) == (13, 3)
    everything = landmarks.facts(LandmarkParams(joints="all"), skeleton)
    assert everything["num_joints"] == len(skeleton.joints)
    assert everything["edges"] == [list(edge) for edge in skeleton.edges]


def test_chosen_joints_are_those_of_their_names(project: Path) -> None:
    points = somebody()
    video = store_with(project, {"v07": points})["v07"]
    body = shown(joints="body", placement="raw", values="xyz")
    sample = body(video, SCENE, every_frame(), 0)["landmarks"].numpy()
    for index, name in enumerate(body.skeleton.joints):
        np.testing.assert_allclose(sample[:, index], points[0, :, PENN_ACTION.joints.index(name)], atol=1e-6)


def test_errors_say_what_to_do(project: Path) -> None:
    with pytest.raises(HumotionError, match=r"needs joints.*layers:"):
        landmarks.make(LandmarkParams(joints="all"), None)
    hands = Skeleton("hands", ("a", "b"), ((0, 1),), (1, 0), None, (), "labelled")
    with pytest.raises(HumotionError, match=r"no shoulders and hips.*placement: raw"):
        landmarks.make(LandmarkParams(joints="all"), hands)
    with pytest.raises(HumotionError, match=r"'hands' has no l_ankle, .*nose.*Set it to all"):
        landmarks.make(LandmarkParams(joints="body", placement="raw"), hands)


def test_a_dataset_sample_and_a_prediction_show_the_same(project: Path) -> None:
    store = store_with(project, {"v07": somebody()})
    videos = pd.DataFrame(
        [("v07", "film3", "walk", 1, 10)], columns=["video_id", "group", "label", "label_id", "num_frames"]
    )
    clips = build_clips(videos, {"v07": [SCENE]}, lambda num_frames: [uniform(num_frames, 12)]).assign(seed=[5])
    settings = LandmarkParams(joints="body", values="xyz", longest_gap=3)
    dataset = ClipDataset(clips, store, landmarks.make(settings, PENN_ACTION))
    sample = dataset[0]
    assert sample["landmarks"].shape == (12, 13, 3)
    assert sample["is_padding"].tolist() == [False] * 10 + [True] * 2
    stored = {**settings.model_dump(exclude={"policy", "geometry"}), "input": "landmarks", "num_frames": 12}
    predicted = load_input("landmarks").for_prediction({**stored, "skeleton": PENN_ACTION.as_dict()})
    again = predicted(store["v07"], SCENE, clips["frame_indices"][0][:, None].astype(np.int64), 0)
    assert torch.equal(again["landmarks"], sample["landmarks"])
    training = ClipDataset(
        clips, store, landmarks.make(settings.model_copy(update={"time_jitter": 1.0}), PENN_ACTION, POLICY)
    )
    assert not torch.equal(training[(0, 0)]["landmarks"], training[(1, 0)]["landmarks"])
    assert torch.equal(training[(1, 0)]["landmarks"], training[(1, 0)]["landmarks"])

"""The tool: what it reads and passes on, with people of a layer, of the labels, and with nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from humotion.annotation.joint_features import tool
from humotion.annotation.joint_features.backbone import load_backbone
from humotion.annotation.shared.given import Given, annotate
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.errors import HumotionError
from humotion.params.annotation.blazepose import BlazePoseParams
from humotion.params.annotation.joint_features import JointFeaturesParams
from humotion.store.body import body_joints
from humotion.store.layers import Arrays
from tests.support.clips import CATCH, GOLF, Clip, real_clip
from tests.support.efficientnet import write_random_checkpoint

FRAMES, HEIGHT, WIDTH, JOINTS = 5, 48, 64, 13
CHANNELS = 40  # after five blocks, where a cell is 8 pixels
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_checkpoint(tmp_path_factory.mktemp("weights") / "random.pth")


def settings(weights: Path, **changes: Any) -> JointFeaturesParams:
    usual = {"backbone": "efficientnet", "depth": 5, "side": 64, "joints": "all", "of": "people"}
    return JointFeaturesParams(dataset="any", tool="joint_features", weights=weights, **{**usual, **changes})


def clip(seed: int = 0, num_frames: int = FRAMES) -> Clip:
    random = np.random.default_rng(seed)
    return Clip(random.integers(0, 256, (num_frames, HEIGHT, WIDTH, 3), np.uint8))


def people(persons: int = 1, num_frames: int = FRAMES, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    landmarks = random.uniform(0.1, 0.9, (persons, num_frames, JOINTS, 3)).astype(np.float32)
    return {
        "landmarks": landmarks,
        "visibility": np.full(landmarks.shape[:-1], 0.75, np.float32),
        "found": np.ones((persons, num_frames), bool),
    }


def given(frames: Clip, annotation: Arrays, **more: Any) -> Given:
    facts = (frames.width, frames.height, frames.num_frames, frames.fps)
    return Given(frames, *facts, annotation=annotation, skeleton=PENN_ACTION, **more)


def found_by(weights: Path, video: Given, **changes: Any) -> Arrays:
    return tool.open_tool(settings(weights, **changes))(video)


def map_of(weights: Path, frames: np.ndarray) -> np.ndarray:
    """The maps (N, C, 8, 8) of frames that the network sees as they are."""
    network = load_backbone("efficientnet").open_frozen(weights, 64, 5, *IMAGENET)
    return network(torch.from_numpy(frames).permute(0, 3, 1, 2))[0].numpy()


def test_features_are_the_map_at_the_joints(checkpoint: Path) -> None:
    frames = Clip(np.random.default_rng(3).integers(0, 256, (FRAMES, 64, 64, 3), np.uint8))
    person = people()
    cells = np.random.default_rng(4).integers(0, 8, (FRAMES, JOINTS, 2))  # column, row
    person["landmarks"][0, ..., :2] = (cells + 0.5) / 8
    arrays = found_by(checkpoint, given(frames, person))
    maps = map_of(checkpoint, frames.frames)
    assert maps.std((2, 3)).mean() > 0.3, "the test needs cells that differ"
    assert arrays["features"].shape == (1, FRAMES, JOINTS, CHANNELS)
    assert (arrays["features"].dtype, arrays["frame"].dtype) == (np.float16, np.float16)
    for t in range(FRAMES):
        expected = maps[t][:, cells[t, :, 1], cells[t, :, 0]].T
        np.testing.assert_allclose(arrays["features"][0, t], expected, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(arrays["frame"], maps.mean((2, 3)), rtol=2e-3, atol=2e-3)


def test_what_is_read_is_passed_on(checkpoint: Path) -> None:
    person = people(persons=2)
    person["found"][0, 2] = False
    person["landmarks"][1, 3, 4] = np.nan
    person["landmarks"][1, 0, 5, 0] = 1.2  # outside the picture: a landmark, but nothing to read
    arrays = found_by(checkpoint, given(clip(), person))
    np.testing.assert_array_equal(arrays["found"], person["found"])
    known = person["found"][..., None] & np.isfinite(person["landmarks"]).all(-1)
    np.testing.assert_array_equal(arrays["landmarks"][known], person["landmarks"][known])
    assert np.isnan(arrays["landmarks"][~known]).all()
    readable = known.copy()
    readable[1, 0, 5] = False
    np.testing.assert_array_equal(np.isfinite(arrays["features"]).all(-1), readable)
    assert np.isnan(arrays["features"][~readable]).all()
    assert np.isfinite(arrays["frame"]).all()


def test_labelled_joints_are_in_the_middles_of_pixels(checkpoint: Path) -> None:
    joints = np.full((1, FRAMES, JOINTS, 2), 20.0, np.float32)
    visibility = np.full((1, FRAMES, JOINTS), 2, np.uint8)
    visibility[0, 1, 3] = 0
    labelled = found_by(checkpoint, given(clip(), {}, joints=joints, visibility=visibility), of="labels")
    person = people()
    person["landmarks"][..., 0], person["landmarks"][..., 1] = 20.5 / WIDTH, 20.5 / HEIGHT
    as_layer = found_by(checkpoint, given(clip(), person))
    known = visibility[0] > 0
    np.testing.assert_allclose(labelled["features"][0][known], as_layer["features"][0][known], rtol=2e-3, atol=2e-3)
    assert np.isnan(labelled["features"][0, 1, 3]).all()
    np.testing.assert_allclose(labelled["landmarks"][0, 0, 0], [20 / WIDTH, 20 / HEIGHT, 0])
    assert labelled["found"].all()


def test_nobody_has_features_of_the_frame_alone(checkpoint: Path) -> None:
    for video in (given(clip(), people(persons=0)), given(clip(), {})):
        arrays = found_by(checkpoint, video)
        assert arrays["features"].shape == (0, FRAMES, JOINTS, CHANNELS)
        assert np.isfinite(arrays["frame"]).all()
        for name, array in tool.nobody(FRAMES).items():
            assert (arrays[name].dtype, arrays[name].ndim) == (array.dtype, array.ndim), name


def test_only_some_frames_are_read(checkpoint: Path) -> None:
    assert tool.frames_to_read(8, 3).tolist() == [0, 3, 6, 7]
    assert tool.frames_to_read(7, 3).tolist() == [0, 3, 6]
    assert tool.frames_to_read(1, 3).tolist() == [0]
    every, some = (found_by(checkpoint, given(clip(), people()), every=number) for number in (1, 3))
    read = [0, 3, 4]
    np.testing.assert_array_equal(some["features"][:, read], every["features"][:, read])
    assert np.isnan(some["features"][:, [1, 2]]).all() and np.isnan(some["frame"][[1, 2]]).all()
    assert np.isfinite(some["landmarks"]).all()


def test_a_long_video_is_never_in_memory(checkpoint: Path) -> None:
    frames = clip(num_frames=40)
    arrays = found_by(checkpoint, given(frames, people(num_frames=40)))
    assert frames.most_at_once == tool.AT_ONCE
    last = found_by(checkpoint, given(Clip(frames.frames[-3:]), {k: v[:, -3:] for k, v in people(1, 40).items()}))
    np.testing.assert_allclose(arrays["features"][:, -3:], last["features"], rtol=5e-3, atol=5e-3)


def test_the_controls(checkpoint: Path) -> None:
    person = people()
    person["found"][0, 2] = False
    frames, other = clip(), people(seed=9, num_frames=10)
    video = given(frames, person, other=lambda: given(clip(num_frames=10), other))
    plain = found_by(checkpoint, video)
    for points in ("grid", "other_clip", "global"):
        arrays = found_by(checkpoint, video, points=points)
        np.testing.assert_array_equal(arrays["landmarks"], plain["landmarks"])
        assert np.isnan(arrays["features"][0, 2]).all()
        assert np.isfinite(arrays["features"][0, [0, 1, 3, 4]]).all()
        assert not np.array_equal(arrays["features"], plain["features"], equal_nan=True)
        if points == "global":
            expected = np.repeat(arrays["frame"][[0, 1, 3, 4], None], JOINTS, 1)
            np.testing.assert_allclose(arrays["features"][0, [0, 1, 3, 4]], expected, rtol=2e-3, atol=2e-3)
        if points == "other_clip":  # stretched over the five frames
            theirs = {**person, "landmarks": other["landmarks"][:, ::2]}
            same = found_by(checkpoint, given(frames, theirs))
            np.testing.assert_array_equal(arrays["features"], same["features"])
    with pytest.raises(HumotionError, match="this video has no others"):
        found_by(checkpoint, given(frames, person), points="other_clip")


def test_a_crop_of_the_person_sees_more_of_it(checkpoint: Path) -> None:
    person = people(persons=2)
    person["landmarks"][0, ..., :2] = 0.4 + 0.1 * person["landmarks"][0, ..., :2]
    person["landmarks"][1, 1] = np.nan
    person["landmarks"][1, 2, 0, 0] = 1.1
    frames = clip()
    whole, cropped = (found_by(checkpoint, given(frames, person), crop=crop) for crop in (None, "person"))
    np.testing.assert_array_equal(whole["frame"], cropped["frame"])
    np.testing.assert_array_equal(np.isnan(whole["features"]), np.isnan(cropped["features"]))
    spread = [np.nanstd(arrays["features"][0], axis=1).mean() for arrays in (whole, cropped)]
    assert spread[1] > 1.5 * spread[0]


def test_the_joint_set_is_that_of_the_layer(checkpoint: Path) -> None:
    everything, body = (tool.skeleton(settings(checkpoint, joints=joints), PENN_ACTION) for joints in ("all", "body"))
    assert everything == PENN_ACTION
    assert body == body_joints(PENN_ACTION)
    person = people()
    of_all, of_body = (found_by(checkpoint, given(clip(), person), joints=joints) for joints in ("all", "body"))
    order = [PENN_ACTION.joints.index(name) for name in body.joints]
    for name in ("features", "landmarks", "visibility"):
        np.testing.assert_array_equal(of_body[name], of_all[name][:, :, order])
    with pytest.raises(HumotionError, match="neither the layer that it reads nor the dataset has any"):
        tool.skeleton(settings(checkpoint), None)


def test_sizes_that_do_not_fit_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match=r"side is 100.*multiple of 32"):
        tool.open_tool(settings(checkpoint, side=100))
    with pytest.raises(HumotionError, match=r"depth is 17.*has 16 blocks"):
        tool.open_tool(settings(checkpoint, depth=17))
    other = tmp_path / "other.pth"
    torch.save({"_fc.weight": torch.zeros(1)}, other)
    with pytest.raises(HumotionError, match=r"is not of EfficientNet-Lite0: missing .*humotion fetch"):
        tool.open_tool(settings(other))


@pytest.mark.parametrize("name", [GOLF, CATCH])
def test_the_chain_of_layers_runs_on_a_video_file(real_data: Path, name: str) -> None:
    """A file to predict: landmarks by BlazePose, and then patches of the pretrained ViT at these landmarks."""
    vit = real_data / "weights" / "vit_small_patch14_dinov2_saliency.fp16.safetensors"
    if not vit.exists() or not (real_data / "blazepose" / "pose_detection.tflite").exists():
        pytest.skip("no weights")
    pytest.importorskip("ai_edge_litert")
    people = BlazePoseParams(dataset="any", tool="blazepose", model="lite", weights=real_data / "blazepose")
    features = settings(vit, backbone="vit", depth=None, side=112, joints="body", every=2)
    clip = real_clip(real_data, name, 3)
    arrays = annotate(features, clip, {"people": people})
    assert arrays["features"].shape == (1, 3, 13, 384)
    assert arrays["found"].all()
    seen = np.isfinite(arrays["features"][0, [0, 2]]).all(-1)
    assert seen.mean() > 0.8
    assert np.isnan(arrays["frame"][1]).all() and np.isfinite(arrays["frame"][[0, 2]]).all()
    landmarks = annotate(people, clip)["landmarks"]
    np.testing.assert_array_equal(arrays["landmarks"][0, :, 0], landmarks[0, :, 0])  # the nose
    with pytest.raises(HumotionError, match="The layer 'people', which joint_features reads, is not known here"):
        annotate(features, clip)

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from humotion.clips.augment import Policy
from humotion.clips.dataset import ClipDataset, sample_seed
from humotion.clips.input import SCENE, neighbours
from humotion.clips.sampling import uniform
from humotion.clips.table import build_clips
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.inputs.person_crops import PersonCrops
from humotion.inputs.whole_frames import WholeFrames
from humotion.params.experiment import TransformParams
from humotion.store.frames import FrameStore

SIZE = 32


@pytest.fixture
def store(project: Path) -> FrameStore:
    return FrameStore(project / "prepared/tiny/frames", project / "prepared/tiny/frames.parquet")


def person_crops(*steps: dict[str, Any]) -> PersonCrops:
    policy = Policy.compile([TransformParams(**step) for step in steps], SIZE, True) if steps else None
    return PersonCrops(SIZE, 1.25, PENN_ACTION, policy)


def test_neighbours_are_clamped_at_both_ends() -> None:
    indices = neighbours(np.array([0, 4, 9], np.int32), 3, num_frames=10)
    assert indices.tolist() == [[0, 0, 1], [3, 4, 5], [8, 9, 9]]
    assert neighbours(np.array([0, 4], np.int32), 1, 10).tolist() == [[0], [4]]


def test_action_frames_are_the_named_ones(store: FrameStore) -> None:
    """Repeated and neighbouring frames stand where the indices put them, each equal to its own crop."""
    video = store["v05"]
    indices = np.array([[0, 0, 1], [3, 4, 5], [7, 7, 7]])
    frames = WholeFrames(SIZE)(video, SCENE, indices, 0)["frames"]
    assert frames.shape == (3, 3, 3, SIZE, SIZE)
    assert frames.dtype == torch.uint8
    for t, k in np.ndindex(3, 3):
        alone = WholeFrames(SIZE)(video, SCENE, indices[t : t + 1, k : k + 1], 0)["frames"][0, 0]
        assert torch.equal(frames[t, k], alone)
    assert not torch.equal(frames[0, 0], frames[1, 1])


def test_action_crop_without_resize_is_the_centre_of_the_frame(store: FrameStore) -> None:
    video = store["v05"]  # 64 x 48: the centre window has side 42, at (11, 3)
    frames = WholeFrames(42)(video, SCENE, np.array([[2]]), 0)["frames"]
    expected = video.decode([2])[0, 3:45, 11:53].transpose(2, 0, 1)
    np.testing.assert_array_equal(frames[0, 0], expected)


def test_pose_crop_maps_back_to_stored_joints(store: FrameStore) -> None:
    video = store["v08"]
    sample = person_crops()(video, 0, np.arange(5)[:, None], 0)
    crop = sample["crop"][:, None]
    stored = sample["joints"] * crop[..., 2:] + crop[..., :2]
    np.testing.assert_allclose(stored, video.joints[0, :5], atol=1e-4)
    box = sample["box"].reshape(5, 2, 2) * crop[..., 2:] + crop[..., :2]
    np.testing.assert_allclose(box.reshape(5, 4), video.boxes[0, :5], atol=1e-4)
    # Boxes are 20 x 32 everywhere, so the crop side is 40 and the scale 40 / 32.
    np.testing.assert_allclose(sample["crop"][:, 2], 1.25)
    np.testing.assert_allclose(np.diff(sample["crop"][:, 0]), 1.0)  # follows the box


def test_flip_swaps_left_and_right(store: FrameStore) -> None:
    video, indices = store["v08"], np.arange(5)[:, None]
    plain, flipped = (
        person_crops()(video, 0, indices, 0),
        person_crops({"name": "HorizontalFlip", "p": 1.0})(video, 0, indices, 0),
    )
    right, left = PENN_ACTION.joints.index("r_wrist"), PENN_ACTION.joints.index("l_wrist")
    mirrored = plain["joints"] * torch.tensor([-1, 1]) + torch.tensor([SIZE - 1, 0])
    torch.testing.assert_close(flipped["joints"][:, right], mirrored[:, left])
    torch.testing.assert_close(flipped["joints"][:, 0], mirrored[:, 0])  # the head has no mirror image
    assert torch.equal(flipped["frames"], plain["frames"].flip(-1))
    x1, x2 = plain["box"][:, 0], plain["box"][:, 2]
    torch.testing.assert_close(flipped["box"][:, [0, 2]], torch.stack([SIZE - 1 - x2, SIZE - 1 - x1], 1))


def test_flip_swaps_visibility(store: FrameStore) -> None:
    video = store["v08"]
    video.visibility = video.visibility.copy()
    video.visibility[..., PENN_ACTION.joints.index("r_wrist")] = 1
    flipped = person_crops({"name": "HorizontalFlip", "p": 1.0})(video, 0, np.arange(3)[:, None], 0)["visibility"]
    assert (flipped[:, PENN_ACTION.joints.index("l_wrist")] == 1).all()
    assert (flipped[:, PENN_ACTION.joints.index("r_wrist")] == 2).all()


def test_joint_that_leaves_the_frame_is_absent_in_training_only(store: FrameStore) -> None:
    video = store["v08"]
    shift = {"name": "Affine", "translate_px": {"x": [12, 12], "y": [0, 0]}, "p": 1.0}
    plain, moved = (shown(video, 0, np.arange(5)[:, None], 0) for shown in (person_crops(), person_crops(shift)))
    torch.testing.assert_close(moved["joints"], plain["joints"] + torch.tensor([12.0, 0.0]))
    outside = plain["joints"][..., 0] + 12 >= SIZE - 0.5
    assert outside.any()
    assert not outside.all()
    assert torch.equal(moved["visibility"] == 0, outside)
    assert (plain["visibility"] == 2).all()
    assert (moved["box"][:, 2] == SIZE - 0.5).all()  # clipped at the edge
    torch.testing.assert_close(moved["box"][:, 0], plain["box"][:, 0] + 12)


def test_dataset_sample_follows_epoch_and_seed(store: FrameStore) -> None:
    rows = [("v07", "film3", "walk", 1, 10), ("v01", "film0", "walk", 1, 4)]
    videos = pd.DataFrame(rows, columns=["video_id", "group", "label", "label_id", "num_frames"])
    clips = build_clips(videos, {"v07": [SCENE], "v01": [SCENE]}, lambda num_frames: [uniform(num_frames, 6)]).assign(
        seed=[5, 6]
    )
    policy = Policy.compile([TransformParams(name="RandomResizedCrop", scale=[0.3, 1.0])], SIZE, False)
    dataset = ClipDataset(clips, store, WholeFrames(SIZE, policy), num_neighbours=3)
    sample = dataset[(0, 1)]
    assert sample["frames"].shape == (6, 3, 3, SIZE, SIZE)
    assert sample["is_padding"].tolist() == [False] * 4 + [True] * 2
    assert (sample["label"], sample["clip_index"]) == (1, 1)
    assert torch.equal(sample["frames"], dataset[1]["frames"])
    assert not torch.equal(sample["frames"], dataset[(1, 1)]["frames"])


def test_sample_seeds_do_not_collide() -> None:
    assert len({sample_seed(seed, epoch) for seed in range(40) for epoch in range(40)}) == 1600

"""Complete pictures with all people: real COCO images through the store, letterboxed, turned and mirrored."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from humotion.clips.augment import Policy
from humotion.clips.input import SCENE
from humotion.errors import HumotionError
from humotion.inputs import whole_pictures
from humotion.params.document import validate_params
from humotion.params.experiment import TransformParams
from humotion.params.inputs import GeometryParams, PictureParams
from humotion.stages import extract, index
from humotion.store.frames import FrameStore
from humotion.store.owners import SEVERAL, UNKNOWN

SIZE = 192


@pytest.fixture(scope="module")
def store(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """The real images, shrunk, so that labels and stored frames have different pixels."""
    multi = real_data / "multi" / "coco_mini"
    if not multi.is_dir():
        pytest.skip(f"no images of several people at {multi}")
    folder = tmp_path_factory.mktemp("pictures")
    shutil.copytree(multi / "val2017", folder / "raw/val2017")
    (folder / "raw/annotations").mkdir()
    shutil.copy(multi / "person_keypoints_val2017.json", folder / "raw/annotations")
    machine = {"workers": 0, "accelerator": "cpu", "devices": 1}
    dataset = {"layout": "coco", "root": "raw", "frames": {"short_side": 200, "shards": 2}}
    params = validate_params({"datasets": {"coco": dataset}, "experiments": {}, "machine": machine}, "wrong:")
    with contextlib.chdir(folder):
        index.run("coco", params)
        extract.run("coco", params)
    prepared = folder / "prepared/coco"
    return FrameStore(prepared / "frames", prepared / "frames.parquet", folder / "layers/coco/labels")


def colours(*steps: dict[str, object]) -> Policy:
    return Policy.compile([TransformParams(**step) for step in steps], SIZE, has_joints=True)  # type: ignore[arg-type]


def test_nothing_is_cut_off_and_places_fit(store: FrameStore) -> None:
    shown = whole_pictures.make(PictureParams(size=SIZE), store.skeleton)
    for video_id in store:
        video = store[video_id]
        sample = shown(video, SCENE, np.array([[0]]), 0)
        assert sample["frames"].shape == (1, 1, 3, SIZE, SIZE) and sample["owners"].shape == (SIZE, SIZE)
        x0, y0, scale = sample["crop"][0].tolist()
        assert max(video.width, video.height) == pytest.approx(SIZE * scale)
        assert video.joints is not None and video.visibility is not None
        known = sorted((flags > 0).sum() for flags in video.visibility[:, 0])
        assert sorted((sample["visibility"] > 0).sum(1).tolist())[-len(known) :] == known or not known
        back = sample["joints"].numpy() * scale + [x0, y0]
        stored = video.joints[:, 0, :, :2]
        for person in range(len(stored)):
            seen = video.visibility[person, 0] > 0
            if seen.any():
                away = np.abs(back[:, seen] - stored[person, seen]).max(axis=(1, 2))
                assert away.min() < 0.01


def test_visible_joints_lie_on_their_owner(store: FrameStore) -> None:
    """Masks and joints were drawn by different annotators; a pixel of the mask's edge may be missed."""
    shown = whole_pictures.make(PictureParams(size=SIZE), store.skeleton)
    own = foreign = 0
    for video_id in store:
        sample = shown(store[video_id], SCENE, np.array([[0]]), 0)
        for person, (joints, flags) in enumerate(zip(sample["joints"], sample["visibility"], strict=True)):
            for x, y in joints[flags == 2].round().long().tolist():
                near = sample["owners"][max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
                own += bool(((near == person + 1) | (near == SEVERAL)).any())
                foreign += not bool(((near == person + 1) | (near == SEVERAL)).any())
    assert own > 300 and foreign < 0.05 * own


def test_crowds_are_unknown(store: FrameStore) -> None:
    shown = whole_pictures.make(PictureParams(size=SIZE), store.skeleton)
    crowds = [one for one in store if store[one].annotation["is_crowd"].any()]
    assert crowds
    for video_id in crowds:
        assert (shown(store[video_id], SCENE, np.array([[0]]), 0)["owners"] == UNKNOWN).any()


def test_geometry_moves_picture_joints_and_masks_together(store: FrameStore) -> None:
    """A mirrored picture is the mirror image, with left and right exchanged."""
    video_id = max(store, key=lambda one: len(store[one].joints))  # type: ignore[arg-type]
    video, skeleton = store[video_id], store.skeleton
    assert skeleton is not None
    plain = whole_pictures.make(PictureParams(size=SIZE), skeleton)(video, SCENE, np.array([[0]]), 0)
    always = PictureParams(size=SIZE, geometry=GeometryParams(flip=1.0))
    mirrored = whole_pictures.make(always, skeleton, colours())(video, SCENE, np.array([[0]]), 0)
    back = mirrored["frames"].flip(-1).float()
    assert (back - plain["frames"].float()).abs().mean() < 6  # resampled in another way
    assert (mirrored["owners"].flip(-1) != plain["owners"]).float().mean() < 0.02  # an edge rounds the other way
    flip = list(skeleton.flip)
    seen = plain["visibility"] > 0
    assert torch.equal(mirrored["visibility"][:, flip] > 0, seen)
    expected = plain["joints"].clone()
    expected[..., 0] = SIZE - 1 - expected[..., 0]
    torch.testing.assert_close(mirrored["joints"][:, flip][seen], expected[seen], atol=0.02, rtol=0)


def test_seeds_repeat_and_differ(store: FrameStore) -> None:
    video = store[next(iter(store))]
    params = PictureParams(size=SIZE, geometry=GeometryParams(scale=(0.8, 1.2), rotate=20))
    policy = colours({"name": "ColorJitter", "p": 1.0})
    shown = whole_pictures.make(params, store.skeleton, policy)
    first, again, other = (shown(video, SCENE, np.array([[0]]), seed)["frames"] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_policy_that_moves_points_is_refused(store: FrameStore) -> None:
    policy = colours({"name": "HorizontalFlip", "p": 0.5})
    with pytest.raises(HumotionError, match=r"augment\.geometry"):
        whole_pictures.make(PictureParams(size=SIZE), store.skeleton, policy)


def test_a_video_without_labels_is_shown_for_prediction(store: FrameStore) -> None:
    video = store[next(iter(store))]
    sample = whole_pictures.for_prediction({"size": 64})(video, SCENE, np.array([[0]]), 0)
    assert set(sample) == {"frames", "crop"} and sample["frames"].shape == (1, 1, 3, 64, 64)

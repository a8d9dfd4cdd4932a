"""Frames and crops around a person whose place a layer knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from humotion.clips.augment import Policy
from humotion.clips.input import SCENE, load_input
from humotion.clips.people import boxes_of_layer, layer_boxes_of_labelled, main_person_boxes
from humotion.clips.videos import usable, with_frames
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.errors import HumotionError
from humotion.inputs import person_crops, whole_frames
from humotion.params.experiment import TransformParams
from humotion.params.inputs import PersonCropParams, WholeFrameParams
from humotion.store.frames import FrameStore, PackedVideo, StoredVideo
from tests.support.prepared import make_table, make_video, write_prepared

SIZE = 20
NOWHERE = np.full(4, np.nan, np.float32)


@pytest.fixture
def video(project: Path) -> StoredVideo:
    """10 frames of 64 x 48; one labelled person in a box of 20 x 32 that wanders to the right."""
    return FrameStore(project / "prepared/tiny/frames", project / "prepared/tiny/frames.parquet")["v08"]


def layer_of(*people: list[Any]) -> dict[str, np.ndarray]:
    """A layer's arrays for one video from each person's boxes."""
    boxes = np.array(people, np.float32).reshape(len(people), -1, 4)
    return {"boxes": boxes, "found": np.isfinite(boxes).all(-1)}


def test_gaps_lie_on_a_line_and_ends_stay() -> None:
    first, last = np.array([0, 0, 10, 20]), np.array([9, 3, 13, 26])
    found = boxes_of_layer(layer_of([NOWHERE, first, NOWHERE, NOWHERE, last, NOWHERE]))
    assert found is not None
    expected = [first, first, first + (last - first) / 3, first + (last - first) * 2 / 3, last, last]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert boxes_of_layer(layer_of([NOWHERE] * 3)) is None
    assert boxes_of_layer({"boxes": np.empty((0, 3, 4), np.float32), "found": np.empty((0, 3), bool)}) is None


def test_the_main_person_is_found_in_most_frames(video: StoredVideo) -> None:
    passer_by, main = [[0, 0, 5, 5], NOWHERE, NOWHERE], [[10, 10, 20, 20]] * 3
    video.annotation = layer_of(passer_by, main)
    found = main_person_boxes(video)
    assert found is not None and found.tolist() == [[10, 10, 20, 20]] * 3
    video.annotation = {}
    assert video.boxes is not None
    np.testing.assert_array_equal(main_person_boxes(video), video.boxes[0])  # as labelled
    video.boxes = None
    assert main_person_boxes(video) is None


def test_a_labelled_person_is_recognised_among_several(video: StoredVideo) -> None:
    assert video.boxes is not None
    stranger, meant = np.array([[0, 0, 9, 9]] * video.num_frames), video.boxes[0] + 3
    video.annotation = layer_of(stranger, meant)
    np.testing.assert_array_equal(layer_boxes_of_labelled(video, 0), meant)
    video.annotation = layer_of(stranger)
    np.testing.assert_array_equal(layer_boxes_of_labelled(video, 0), stranger)  # labels do not say where
    video.annotation = layer_of([NOWHERE] * video.num_frames)
    assert layer_boxes_of_labelled(video, 0).tolist() == [[0, 0, 63, 47]] * video.num_frames


def around_person(policy: Policy | None = None, scale: float = 1.0) -> whole_frames.WholeFrames:
    params = WholeFrameParams(size=SIZE, around="person", person_scale=scale)
    return whole_frames.make(params, PENN_ACTION, policy)


def test_frames_follow_the_person(video: StoredVideo) -> None:
    """A box of 20 x 20 pixels at scale 1 and size 20 is cut out as it is, with its neighbours at the same place."""
    left = np.arange(video.num_frames) * 2
    video.annotation = layer_of(np.stack([left, left * 0 + 5, left + 20, left * 0 + 25], 1))
    indices = np.array([[0, 0, 1], [3, 4, 5]])
    frames = around_person()(video, SCENE, indices, 0)["frames"]
    assert frames.shape == (2, 3, 3, SIZE, SIZE)
    for t, k in np.ndindex(2, 3):
        x = int(left[indices[t, 1]]) + 1  # a side of 20 around the middle of 21 pixels, rounded
        expected = video.decode([indices[t, k]])[0, 6:26, x : x + 20].transpose(2, 0, 1)
        np.testing.assert_array_equal(frames[t, k], expected)


def test_where_nobody_was_found_frames_are_complete(video: StoredVideo) -> None:
    indices = np.array([[1], [4]])
    complete = whole_frames.WholeFrames(SIZE)(video, SCENE, indices, 0)["frames"]
    video.annotation = layer_of([NOWHERE] * video.num_frames)
    assert torch.equal(around_person()(video, SCENE, indices, 0)["frames"], complete)


def test_training_crops_the_square_at_its_own_resolution(video: StoredVideo) -> None:
    video.annotation = layer_of([[4, 4, 44, 44]] * video.num_frames)
    crop = Policy.compile([TransformParams(name="RandomResizedCrop", scale=[1.0, 1.0], ratio=[1.0, 1.0])], SIZE, False)
    assert crop.crops_itself
    indices = np.array([[2]])
    trained = around_person(crop)(video, SCENE, indices, 0)["frames"][0, 0].float()
    evaluated = around_person()(video, SCENE, indices, 0)["frames"][0, 0].float()
    assert trained.shape == evaluated.shape
    assert (trained - evaluated).abs().mean() < 12, "the same square, resized in another way"
    flip = Policy.compile([TransformParams(name="HorizontalFlip", p=1.0)], SIZE, False)
    mirrored = around_person(flip)(video, SCENE, indices, 0)["frames"][0, 0].float()
    assert torch.equal(mirrored, evaluated.flip(-1))


def test_nobody_knows_where_people_are() -> None:
    with pytest.raises(HumotionError, match=r"augment.around is person, but neither.*Make a layer"):
        whole_frames.make(WholeFrameParams(around="person"), None)


def crops(**settings: Any) -> person_crops.PersonCrops:
    return person_crops.make(PersonCropParams(size=SIZE, **settings), PENN_ACTION)


def test_crops_around_the_layers_boxes_keep_the_labels(video: StoredVideo) -> None:
    assert video.boxes is not None and video.joints is not None
    video.annotation = layer_of(video.boxes[0] + [5, 0, 9, 0])
    indices = np.arange(4)[:, None]
    sample = crops(boxes="layer")(video, 0, indices, 0)
    x0, y0, scale = sample["crop"].T[:, :, None, None]
    stored = sample["joints"] * scale + torch.cat([x0, y0], -1)
    np.testing.assert_allclose(stored, video.joints[0, :4, :, :2], atol=1e-3)
    corners = sample["box"].reshape(4, 2, 2) * scale + torch.cat([x0, y0], -1)
    np.testing.assert_allclose(corners.reshape(4, 4), video.boxes[0, :4], atol=1e-3)
    moved = sample["crop"][:, 0] - crops()(video, 0, indices, 0)["crop"][:, 0]
    np.testing.assert_allclose(moved, 7, atol=0.51)  # the middle of the boxes moved by 7 pixels
    video.annotation = {}
    with pytest.raises(HumotionError, match=r"augment.boxes is layer, but.*no boxes"):
        crops(boxes="layer")(video, 0, indices, 0)


def test_people_without_a_known_joint_get_no_crop(tmp_path: Path) -> None:
    def people(video_id: str, *known: bool) -> PackedVideo:
        """4 frames; one joint of each known person is occluded in the last frame, and no other is known."""
        packed = make_video(video_id, 4, seed=1, joints=True)
        assert packed.joints is not None and packed.boxes is not None
        flags = np.zeros((len(known), 4, len(PENN_ACTION.joints)), np.uint8)
        flags[:, -1, 3] = known
        joints, boxes = (np.repeat(array, len(known), axis=0) for array in (packed.joints, packed.boxes))
        return replace(packed, joints=joints, visibility=flags, boxes=boxes)

    videos = [people("crowds", False, False), people("mixed", False, True, False, True), people("nobody")]
    table = make_table([(video.video_id, "walk", None, video.video_id) for video in videos], ["walk"])
    folder = tmp_path / "prepared" / "crowded"
    write_prepared(folder, videos, table, PENN_ACTION)
    store = FrameStore(folder / "frames", folder / "frames.parquet")
    assert person_crops.people_in(store, "mixed") == [1, 3]
    found = usable(with_frames(table, pd.read_parquet(folder / "frames.parquet")), load_input("person_crops"), store)
    assert found.videos["video_id"].tolist() == ["mixed"]
    assert found.left_out == {person_crops.NOBODY: ["crowds", "nobody"]}

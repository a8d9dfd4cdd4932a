"""Views and orders of test clips, on a store with a video, the same one backwards, and a short one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from humotion.clips.dataset import ClipDataset
from humotion.clips.input import SCENE
from humotion.clips.sampling import uniform
from humotion.clips.variants import AS_SAMPLED, Variant, views
from humotion.inputs.whole_frames import WholeFrames
from humotion.store.frames import FrameStore, PackedVideo
from tests.support.prepared import HEIGHT, WIDTH, make_table, make_video, write_prepared

NUM_FRAMES = 9
SIDE = 42  # of the crop: 48 * 224 / 256


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    root = tmp_path_factory.mktemp("prepared") / "tiny"
    forwards = make_video("forwards", NUM_FRAMES, 0, joints=False)
    backwards = PackedVideo("backwards", WIDTH, HEIGHT, 25.0, forwards.jpegs[::-1])
    videos = [forwards, backwards, make_video("short", 2, 1, joints=False)]
    write_prepared(root, videos, make_table([(v.video_id, "walk", "test", "g") for v in videos], ["walk"]), None)
    return FrameStore(root / "frames", root / "frames.parquet")


def clips(store: FrameStore, *names: str, length: int = 5) -> pd.DataFrame:
    sampled = [uniform(store[name].num_frames, length) for name in names]
    return pd.DataFrame(
        {
            "video_id": names,
            "person": SCENE,
            "label_id": 0,
            "frame_indices": [clip.frame_indices for clip in sampled],
            "is_padding": [clip.is_padding for clip in sampled],
        }
    )


def frames(store: FrameStore, name: str, variant: Variant = AS_SAMPLED, neighbours: int = 3) -> torch.Tensor:
    """(T, K, 3, S, S) of the one clip of a video."""
    dataset = ClipDataset(clips(store, name), store, WholeFrames(SIDE, place=variant.place), neighbours, variant)
    found: torch.Tensor = dataset[0]["frames"]
    return found


def test_a_single_view_is_the_sampling_itself() -> None:
    for length in (1, 2, 5, 16):
        for num_frames in range(1, 120):
            plain = uniform(num_frames, length)
            if num_frames > length > 1:
                exact = [int(np.floor(i * (num_frames - 1) / (length - 1) + 0.5 + 1e-9)) for i in range(length)]
                assert plain.frame_indices.tolist() == exact
            assert AS_SAMPLED.num_views == 1 and (uniform(num_frames, length, 0, 1)[0] == plain[0]).all()


def test_temporal_views_by_hand() -> None:
    # A step is 4 frames: two views lie a quarter of it to either side, kept within the video.
    assert uniform(13, 4).frame_indices.tolist() == [0, 4, 8, 12]
    assert uniform(13, 4, 0, 2).frame_indices.tolist() == [0, 3, 7, 11]
    assert uniform(13, 4, 1, 2).frame_indices.tolist() == [1, 5, 9, 12]
    assert [uniform(13, 4, view, 3).frame_indices.tolist()[1] for view in range(3)] == [3, 4, 5]  # a third apart
    assert [uniform(9, 1, view, 2).frame_indices.tolist() for view in range(2)] == [[2], [6]]
    assert uniform(3, 5, 0, 2).frame_indices.tolist() == uniform(3, 5).frame_indices.tolist()  # all frames are there


def test_temporal_views_hold_frames_in_order() -> None:
    for num_frames in range(17, 200):
        for view in range(3):
            indices = uniform(num_frames, 16, view, 3).frame_indices
            assert indices.min() >= 0 and indices.max() < num_frames
            assert (np.diff(indices) >= 0).all()


def test_a_temporal_view_shows_its_frames(store: FrameStore) -> None:
    shown = frames(store, "forwards", Variant(view=1, num_views=2), neighbours=1)
    # A step of 2 frames, a quarter of it late: 0.5, 2.5, 4.5, 6.5 and 8.5, halves upwards.
    decoded = store["forwards"].decode([1, 3, 5, 7, 8])
    left, top = (WIDTH - SIDE) // 2, (HEIGHT - SIDE) // 2
    expected = decoded[:, top : top + SIDE, left : left + SIDE]
    assert (shown[:, 0].permute(0, 2, 3, 1).numpy() == expected).all()


def test_spatial_views_reach_both_ends_of_the_long_side(store: FrameStore) -> None:
    decoded = store["forwards"].decode([0, 2, 4, 6, 8])
    for place, left in ((0.0, 0), (0.5, (WIDTH - SIDE) // 2), (1.0, WIDTH - SIDE)):
        shown = frames(store, "forwards", Variant(place=place), neighbours=1)[:, 0]
        expected = decoded[:, 3 : 3 + SIDE, left : left + SIDE]
        assert (shown.permute(0, 2, 3, 1).numpy() == expected).all()


def test_the_grid_of_views() -> None:
    assert [(v.view, v.num_views, v.place) for v in views(2, 3)] == [
        (view, 2, place) for view in range(2) for place in (0.0, 0.5, 1.0)
    ]
    assert views(1, 1) == [AS_SAMPLED]


def test_reversed_is_the_video_run_backwards(store: FrameStore) -> None:
    assert (frames(store, "forwards", Variant(order="reversed")) == frames(store, "backwards")).all()
    assert (frames(store, "forwards") != frames(store, "backwards")).any()


def test_padding_stays_behind_and_repeats_the_last_frame(store: FrameStore) -> None:
    table = clips(store, "short")
    variant = Variant(order="reversed")
    padding = table["is_padding"][0]
    assert padding.tolist() == [False, False, True, True, True]
    indices = np.array([[0, 0, 1], [0, 1, 1], [0, 1, 1], [0, 1, 1], [0, 1, 1]])
    assert variant.arranged(indices, padding, 0).tolist() == [[1, 1, 0], *[[1, 0, 0]] * 4]


def test_shuffled_frames_are_the_same_ones_with_their_own_neighbours() -> None:
    indices = np.arange(12)[:, None] + np.array([-1, 0, 1])
    padding = np.arange(12) >= 10
    shuffled = [
        Variant(order="shuffled", seed=seed).arranged(indices, padding, clip) for seed, clip in ((3, 0), (3, 1))
    ]
    for found in shuffled:
        assert sorted(found[:10].tolist()) == indices[:10].tolist()
        assert (found[10:] == found[9]).all()
        assert (found != indices).any()
    assert (shuffled[0] != shuffled[1]).any(), "every clip has an order of its own"
    again = Variant(order="shuffled", seed=3).arranged(indices, padding, 0)
    assert (again == shuffled[0]).all()
    assert (Variant(order="shuffled", seed=4).arranged(indices, padding, 0) != shuffled[0]).any()


def test_variants_leave_the_table_alone(store: FrameStore) -> None:
    table = clips(store, "forwards", "short")
    before = [indices.tolist() for indices in table["frame_indices"]]
    other = Variant(view=0, num_views=2).resampled(table, store)
    assert [indices.tolist() for indices in table["frame_indices"]] == before
    assert [indices.tolist() for indices in other["frame_indices"]] == [[0, 2, 4, 6, 8], [0, 1, 1, 1, 1]]
    assert AS_SAMPLED.resampled(table, store) is table

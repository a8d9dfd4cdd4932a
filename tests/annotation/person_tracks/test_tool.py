"""Who is who: people who cross, hide, come and go, in detections whose order changes from frame to frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from humotion.annotation.person_tracks import tool
from humotion.annotation.person_tracks.similarity import deviations, similarities
from humotion.annotation.posenet.tool import SKELETON
from humotion.annotation.shared.given import Given
from humotion.errors import HumotionError
from humotion.params.annotation.person_tracks import PersonTracksParams
from humotion.store.layers import Arrays

WIDTH, HEIGHT, JOINTS = 320, 240, len(SKELETON.joints)
SHAPE = np.random.default_rng(1).uniform(-1, 1, (JOINTS, 2)) * [15, 40]  # a person, 80 pixels high


def settings(**changes: Any) -> PersonTracksParams:
    return PersonTracksParams(dataset="any", tool="person_tracks", of="everybody", **changes)


def detections(paths: list[list[tuple[float, float] | None]], visibility: float = 0.9, seed: int = 7) -> Arrays:
    """A layer of people who walk along paths (None: not found there), in another order in every frame."""
    random = np.random.default_rng(seed)
    num, frames = len(paths), len(paths[0])
    arrays = {
        "landmarks": np.full((num, frames, JOINTS, 3), np.nan, np.float32),
        "visibility": np.full((num, frames, JOINTS), np.nan, np.float32),
        "boxes": np.full((num, frames, 4), np.nan, np.float32),
        "found": np.zeros((num, frames), bool),
    }
    for t in range(frames):
        there = [one for one in random.permutation(num) if paths[one][t] is not None]
        for slot, one in enumerate(there):
            pixels = SHAPE + paths[one][t] + random.normal(0, 0.5, SHAPE.shape)
            arrays["landmarks"][slot, t, :, :2] = pixels / [WIDTH, HEIGHT]
            arrays["landmarks"][slot, t, :, 2] = 0
            arrays["visibility"][slot, t] = visibility
            arrays["boxes"][slot, t] = [*pixels.min(0), *pixels.max(0)]
            arrays["found"][slot, t] = True
    return arrays


def followed(read: Arrays, **changes: Any) -> Arrays:
    video = Given(None, WIDTH, HEIGHT, read["found"].shape[1], 30.0, annotation=read, skeleton=SKELETON)
    return tool.open_tool(settings(**changes))(video)


def middles(arrays: Arrays) -> np.ndarray:
    """The middles (P, T) of the people along x, in pixels."""
    return np.nanmean(arrays["landmarks"][..., 0], axis=-1) * WIDTH - SHAPE[:, 0].mean()


def walk(start: float, speed: float, frames: int = 40, y: float = 120) -> list[tuple[float, float] | None]:
    return [(start + speed * t, y) for t in range(frames)]


def test_people_who_cross_keep_their_numbers() -> None:
    found = followed(detections([walk(40, 5), walk(240, -5, y=124)]))
    assert found["found"].all()
    assert found["found"].shape == (2, 40)
    x = middles(found)
    np.testing.assert_allclose(sorted(x[:, 0]), [40, 240], atol=1)
    for person in x:  # each goes on as it started
        np.testing.assert_allclose(np.diff(person), np.sign(person[-1] - person[0]) * 5, atol=1.5)


def test_a_person_who_is_hidden_for_a_while_is_the_same_one() -> None:
    path = walk(60, 2)
    path[15:22] = [None] * 7
    found = followed(detections([path, walk(250, 0)]))
    assert sorted(found["found"].sum(axis=1)) == [33, 40]
    assert followed(detections([path]), lost=3)["found"].sum(axis=1).tolist() == [18, 15]


def test_joints_that_are_not_found_for_a_while_do_not_lose_a_person() -> None:
    read = detections([walk(40, 5), walk(240, -5, y=124)])
    hidden = np.zeros((40, JOINTS), bool)
    hidden[12:30, JOINTS // 3 :] = True  # while they cross, only the first joints are seen
    for slot in range(2):
        read["landmarks"][slot][hidden] = np.nan
        read["visibility"][slot][hidden] = 0
    found = followed(read)
    assert found["found"].all()
    x = np.nanmedian(found["landmarks"][:, :, : JOINTS // 3, 0], axis=-1) * WIDTH
    assert all(abs(np.diff(person) - np.sign(person[-1] - person[0]) * 5).max() < 2.5 for person in x)


def test_a_person_of_whom_only_a_part_is_seen_is_the_same_one() -> None:
    read = detections([walk(60, 6), walk(300, 0)])
    for t in range(15, 25):
        for slot in range(2):
            x = np.nanmean(read["landmarks"][slot, t, :, 0]) * WIDTH
            if x < 250:  # the walking one: the upper quarter alone, in a box of that part
                below = read["landmarks"][slot, t, :, 1] * HEIGHT > 105
                read["landmarks"][slot, t, below] = np.nan
                read["visibility"][slot, t, below] = 0
                known = read["landmarks"][slot, t, ~below, :2] * [WIDTH, HEIGHT]
                read["boxes"][slot, t] = [*known.min(0), *known.max(0)]
    assert sorted(followed(read)["found"].sum(axis=1)) == [40, 40]


def test_the_unsure_continue_but_do_not_start() -> None:
    read = detections([walk(60, 2)])
    read["visibility"][:, 10:20] = 0.1
    assert followed(read)["found"].sum() == 40
    assert len(followed(detections([walk(60, 2)], visibility=0.1))["found"]) == 0


def test_a_flash_is_nobody_and_the_longest_come_first() -> None:
    flash: list[tuple[float, float] | None] = [None] * 40
    flash[7:9] = [(280, 60), (280, 60)]
    late: list[tuple[float, float] | None] = [None] * 20 + walk(200, 1, 20)
    found = followed(detections([late, flash, walk(60, 1)]))
    assert found["found"].sum(axis=1).tolist() == [40, 20]
    assert len(followed(detections([late, walk(60, 1)]), most=1)["found"]) == 1
    assert np.isnan(found["landmarks"][1, :20]).all()


def test_after_a_jump_there_is_another_person() -> None:
    path = [(60.0, 120.0)] * 20 + [(250.0, 60.0)] * 20
    assert followed(detections([path]))["found"].sum(axis=1).tolist() == [20, 20]


def test_sixty_people_and_nobody() -> None:
    crowd = [walk(5 * (number % 60), 0.1, 10, 20 + 3 * number) for number in range(60)]
    assert len(followed(detections(crowd), most=100)["found"]) == 60
    nothing = detections([[None] * 5])
    assert followed(nothing)["found"].shape == (0, 5)
    assert {*followed(nothing)} == {*tool.nobody(5)}


def test_a_layer_without_people_is_an_error() -> None:
    with pytest.raises(HumotionError, match="has none"):
        tool.skeleton(settings(), None)
    read = detections([walk(60, 2)])
    del read["boxes"]
    with pytest.raises(HumotionError, match="no boxes"):
        followed(read)


def test_similarity_is_that_of_coco_where_every_joint_counts() -> None:
    sigmas = deviations(SKELETON.joints)
    np.testing.assert_allclose(sigmas[[0, 1, 3, 5, 7, 9, 11, 13, 15]] * 1000, [26, 25, 35, 79, 72, 62, 107, 87, 89])
    mine, other = np.zeros((1, JOINTS, 2)), np.full((1, JOINTS, 2), 3.0)
    area = np.full((1, 1), 1000.0)
    expected = np.exp(-18 / (2 * 1001 * (2 * sigmas) ** 2)).mean()
    assert similarities(mine, other, np.ones((1, 1, JOINTS)), area, sigmas)[0, 0] == pytest.approx(expected)
    assert similarities(mine, mine, np.zeros((1, 1, JOINTS)), area, sigmas)[0, 0] == 0

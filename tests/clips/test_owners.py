"""Whose each pixel is: polygons, runs of pixels, boxes, overlaps, and people from whom nothing is learned."""

from __future__ import annotations

import json

import numpy as np
import pytest

from humotion.clips.owners import owners_of, regions_of, scale_of
from humotion.store.owners import NOBODY, SEVERAL, UNKNOWN

SAME = np.array([[1.0, 0, 0], [0, 1, 0]])


def square(left: int, top: int, side: int) -> list[list[float]]:
    right, bottom = left + side, top + side
    return [[left, top, right, top, right, bottom, left, bottom]]


def rle(mask: np.ndarray) -> dict[str, object]:
    """Runs down the columns, off first."""
    values = mask.T.reshape(-1)
    changes = np.flatnonzero(np.diff(values)) + 1
    edges = np.concatenate([[0], changes, [values.size]])
    counts = np.diff(edges).tolist()
    return {"size": list(mask.shape), "counts": counts if not values[0] else [0, *counts]}


def test_a_polygon_owns_its_pixels() -> None:
    owners = owners_of([square(4, 6, 10)], [0], SAME, 32)
    assert set(np.unique(owners)) == {NOBODY, 1}
    rows, columns = np.nonzero(owners == 1)
    assert (rows.min(), columns.min()) in [(5, 3), (6, 4), (6, 3), (5, 4)]  # edges lie between pixels
    assert abs(int((owners == 1).sum()) - 100) <= 25
    assert owners[10, 9] == 1


def test_overlaps_belong_to_nobody_in_particular() -> None:
    owners = owners_of([square(2, 2, 12), square(8, 8, 12)], [0, 1], SAME, 32)
    assert (owners[4, 4], owners[17, 17], owners[11, 11], owners[30, 30]) == (1, 2, SEVERAL, NOBODY)


def test_a_crowd_is_unknown_except_where_known_people_are() -> None:
    crowd = np.zeros((32, 32), bool)
    crowd[:, 10:30] = True
    owners = owners_of([rle(crowd), square(6, 6, 10)], [None, 0], SAME, 32)
    assert owners[20, 25] == UNKNOWN
    assert owners[10, 12] == owners[10, 8] == 1
    assert (owners == UNKNOWN).sum() == crowd.sum() - (owners[:, 10:30] == 1).sum()


def test_an_rle_is_read_down_the_columns() -> None:
    mask = np.zeros((5, 8), bool)
    mask[1:3, 2:7] = True
    owners = owners_of([rle(mask)], [0], SAME, 8)
    np.testing.assert_array_equal(owners[:5] == 1, mask)


def test_a_compressed_rle_is_read_by_the_library() -> None:
    library = pytest.importorskip("faster_coco_eval.core.mask")
    mask = np.zeros((6, 8), bool)
    mask[2:5, 1:6] = True
    compressed = library.encode(np.asfortranarray(mask.astype(np.uint8)))
    region = {"size": [6, 8], "counts": compressed["counts"].decode()}
    np.testing.assert_array_equal(owners_of([region], [0], SAME, 8)[:6] == 1, mask)


def test_regions_move_with_the_picture() -> None:
    half = np.array([[0.5, 0, 3], [0, 0.5, 1]])
    owners = owners_of([square(10, 10, 20)], [2], half, 32)
    rows, columns = np.nonzero(owners == 3)
    assert abs(columns.mean() - (19.5 * 0.5 + 3)) < 0.6 and abs(rows.mean() - (19.5 * 0.5 + 1)) < 0.6


def test_far_polygons_do_no_harm() -> None:
    huge = [[-1e9, -1e9, 1e9, -1e9, 1e9, 1e9, -1e9, 1e9]]
    assert (owners_of([huge], [0], SAME, 16) == 1).all()


def test_a_person_without_a_mask_owns_the_box() -> None:
    texts = [json.dumps(square(0, 0, 4)).encode(), b"[]"]
    annotation = {
        "segments": np.frombuffer(b"".join(texts), np.uint8)[None, None],
        "segment_end": np.cumsum([len(text) for text in texts])[:, None],
    }
    boxes = np.array([[0, 0, 4, 4], [5, 6, 9, 11]], float)
    first, second = regions_of(annotation, boxes, np.ones(2))
    assert first == square(0, 0, 4)
    assert second == [[5, 6, 9, 6, 9, 11, 5, 11]]
    assert regions_of({}, boxes, np.array([0.5, 0.5]))[1] == [[10, 12, 18, 12, 18, 22, 10, 22]]


def test_the_scale_is_that_of_the_labelled_picture() -> None:
    np.testing.assert_allclose(scale_of({"size": np.array([[[640.0, 480.0]]])}, 320, 240), 0.5)
    np.testing.assert_allclose(scale_of({"size": np.array([[[np.nan, np.nan]]])}, 320, 240), 1)
    np.testing.assert_allclose(scale_of({}, 320, 240), 1)

from __future__ import annotations

import numpy as np

from humotion.clips.crop import (
    PAD_VALUE,
    crop_geometry,
    cut,
    evaluation_window,
    person_windows,
    to_crop,
    to_stored,
)


def test_person_window_by_hand() -> None:
    boxes = np.array([[10, 20, 50, 40], [12, 20, 32, 60]], np.float32)  # sides 40x20 and 20x40
    windows = person_windows(boxes, 1.25)
    # Side 40 * 1.25 = 50 for both; centres (30, 30) and (22, 40); left = 30 - 24.5 rounded up.
    assert windows.tolist() == [[6, 6, 50], [-2, 16, 50]]


def test_mapping_by_hand_and_back() -> None:
    crop = crop_geometry(np.array([[6, 6, 50], [-2, 16, 50]]), 25)
    # Two stored pixels a crop pixel: crop pixel 0 covers stored 6 and 7, so its centre is at 6.5.
    np.testing.assert_allclose(crop, [[6.5, 6.5, 2], [-1.5, 16.5, 2]])
    stored = np.array([[[6.5, 6.5], [30.5, 8.5]], [[-1.5, 18.5], [0.5, 0.5]]], np.float32)
    inside = to_crop(stored, crop)
    np.testing.assert_allclose(inside, [[[0, 0], [12, 1]], [[0, 1], [1, -8]]])
    np.testing.assert_allclose(to_stored(inside, crop), stored)


def test_nearly_empty_boxes_keep_a_sane_window() -> None:
    assert person_windows(np.array([[5, 5, 5, 5]], np.float32), 1.25)[0, 2] == 16


def test_cut_copies_pixels_and_pads_with_grey() -> None:
    frame = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    square = cut(frame, np.array([-1, 3, 4]), 4)
    np.testing.assert_array_equal(square[:3, 1:], frame[3:6, 0:3])
    assert (square[:, 0] == PAD_VALUE).all()
    assert (square[3] == PAD_VALUE).all()


def test_cut_beyond_the_frame_is_grey() -> None:
    frame = np.zeros((6, 8, 3), np.uint8)
    assert (cut(frame, np.array([50, -40, 10]), 5) == PAD_VALUE).all()


def test_pixels_land_where_the_mapping_says() -> None:
    """A blob's centre of mass, measured in the crop, maps back to where it stands in the frame."""
    for size, side in ((32, 50), (80, 50), (50, 50)):
        frame = np.zeros((90, 120, 3), np.uint8)
        frame[40:47, 60:67] = 250  # centre (63, 43)
        window = np.array([35, 20, side])
        square = cut(frame, window, size)[..., 0].astype(np.float64)
        ys, xs = np.mgrid[:size, :size]
        centre = np.array([(xs * square).sum(), (ys * square).sum()]) / square.sum()
        crop = crop_geometry(window[None], size)
        np.testing.assert_allclose(to_stored(centre[None, None], crop)[0, 0], [63, 43], atol=0.06)


def test_evaluation_windows_lie_along_the_long_side() -> None:
    assert evaluation_window(320, 256).tolist() == [48, 16, 224]
    assert evaluation_window(320, 256, 0.0).tolist() == [0, 16, 224]
    assert evaluation_window(320, 256, 1.0).tolist() == [96, 16, 224]
    assert evaluation_window(256, 320, 1.0).tolist() == [16, 96, 224]
    assert evaluation_window(256, 256, 1.0).tolist() == [32, 16, 224]
    assert evaluation_window(321, 257).tolist() == [(321 - 225) // 2, (257 - 225) // 2, 225]

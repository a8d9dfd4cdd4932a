"""Rotated squares of a frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from humotion.annotation.blazepose.region import Region, region_of_box, region_of_points


@pytest.mark.parametrize(
    ("towards", "rotation"),
    [((0, -40), 0), ((40, 0), np.pi / 2), ((-40, 0), -np.pi / 2), ((0, 40), -np.pi), ((40, -40), np.pi / 4)],
)
def test_a_body_stands_upright_in_its_region(towards: tuple[float, float], rotation: float) -> None:
    hips = np.array([100, 60], np.float32)
    head = hips + np.array(towards, np.float32)
    region = region_of_points(hips, head)
    length = float(np.hypot(*towards))
    assert (region.x, region.y) == (100, 60)
    assert region.side == pytest.approx(2.5 * length)
    assert region.rotation == pytest.approx(rotation, abs=1e-6)
    # The hips are in the middle; the head is right above them, at 0.5 / 1.25 of the side.
    np.testing.assert_allclose(region.to_frame(np.array([0.5, 0.5], np.float32)), hips, atol=1e-4)
    np.testing.assert_allclose(region.to_frame(np.array([0.5, 0.1], np.float32)), head, atol=1e-4)


def test_a_crop_shows_what_is_at_its_points() -> None:
    y, x = np.mgrid[:200, :300]
    frame = np.stack([x % 256, y, x // 2], axis=-1).astype(np.uint8)
    region = Region(150.0, 90.0, 80.0, np.pi / 6)
    crop = region.crop(frame, 160, cv2.BORDER_CONSTANT)
    assert crop.shape == (160, 160, 3)
    for row, column in ((0, 0), (80, 80), (30, 140), (159, 2)):
        at = region.to_frame(np.array([column / 160, row / 160], np.float32))
        np.testing.assert_allclose(crop[row, column, :2], at, atol=1.0)


def test_outside_the_frame_is_black_or_repeats_its_edge() -> None:
    frame = np.full((10, 20, 3), 200, np.uint8)
    square = Region(10.0, 5.0, 20.0)  # a letterbox: 5 rows above and below
    black = square.crop(frame, 20, cv2.BORDER_CONSTANT)
    assert (black[:4] == 0).all() and (black[6:14] == 200).all() and (black[16:] == 0).all()
    assert (square.crop(frame, 20, cv2.BORDER_REPLICATE) == 200).all()


def test_a_region_without_a_size_is_not_usable() -> None:
    assert region_of_box(np.array([10, 20, 30, 80], np.float32)) == Region(20, 50, 75)
    assert region_of_box(np.array([10, 20, 30, 80], np.float32)).is_usable()
    point = np.array([5, 5], np.float32)
    assert not region_of_points(point, point).is_usable()
    assert not Region(np.nan, 5, 20).is_usable()

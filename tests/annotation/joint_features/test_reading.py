"""Maps between their cells, and pictures of windows: where the centres of cells and pixels are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from humotion.annotation.joint_features.pictures import cut, of_frame, of_person
from humotion.annotation.joint_features.places import regular_grid
from humotion.annotation.joint_features.reading import Window, in_window, read_at

GREY = (124, 116, 104)


def cell_middles(height: int, width: int) -> np.ndarray:
    """(height * width, 2), row by row."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x + 0.5) / width, (y + 0.5) / height], -1).reshape(-1, 2).astype(np.float32)


@pytest.mark.parametrize(("height", "width"), [(7, 7), (3, 5), (16, 16)])
def test_the_value_at_the_middle_of_a_cell_is_the_cell(height: int, width: int) -> None:
    maps = torch.randn(2, 4, height, width, generator=torch.Generator().manual_seed(0))
    points = np.stack([cell_middles(height, width)] * 2)
    found = read_at(maps, points)
    assert found.shape == (2, height * width, 4)
    np.testing.assert_allclose(found, maps.flatten(2).transpose(1, 2).numpy(), atol=1e-5)


def test_between_four_cells_the_value_is_theirs_by_distance() -> None:
    maps = torch.tensor([[[[0.0, 1.0], [10.0, 11.0]]]])  # the value is x + 10 y in units of cells
    points = np.array([[[0.5, 0.5], [0.25, 0.5], [0.375, 0.25], [0.35, 0.45]]], np.float32)
    np.testing.assert_allclose(read_at(maps, points)[0, :, 0], [5.5, 5.0, 0.25, 0.2 + 4.0], atol=1e-5)


def test_at_the_edges_it_is_the_outer_cell_and_outside_nothing() -> None:
    maps = torch.arange(9.0).reshape(1, 1, 3, 3)
    points = np.array([[[0, 0], [1, 1], [1, 0.1], [-0.001, 0.5], [0.5, 1.001], [np.nan, 0.5], [9, 9]]], np.float32)
    found = read_at(maps, points)[0, :, 0]
    np.testing.assert_allclose(found[:3], [0, 8, 2], atol=1e-5)
    assert np.isnan(found[3:]).all()


def test_a_map_and_points_that_move_together_give_the_same() -> None:
    random = torch.Generator().manual_seed(1)
    small = torch.randn(1, 3, 6, 6, generator=random)
    large = torch.zeros(1, 3, 10, 10)
    large[..., 3:9, 1:7] = small  # by one cell to the right, and three down
    inner = np.random.default_rng(0).uniform(0.5, 5.5, (1, 20, 2)).astype(np.float32)  # in cells of the small map
    moved = inner + np.array([1, 3], np.float32)
    np.testing.assert_allclose(read_at(small, inner / 6), read_at(large, moved / 10), atol=1e-4)


def test_a_linear_picture_says_where_a_point_is() -> None:
    """Windows, resizing and reading keep positions: a ramp of brightness is read as the position itself."""
    x = np.arange(80, dtype=np.float32)
    frame = np.repeat(np.repeat((2 * x + 40)[None, :, None], 60, 0), 3, 2).astype(np.uint8)
    points = np.array([[[20.5, 30], [40, 30], [51.25, 17]]], np.float32)  # from edge to edge, in pixels
    for window in (of_frame(80, 60, "stretch"), of_frame(80, 60, "letterbox"), Window(10, 5, 50, 50)):
        picture = cut(frame, window, 40, GREY)
        assert picture.shape == (40, 40, 3)
        maps = torch.from_numpy(picture[None].astype(np.float32)).permute(0, 3, 1, 2)
        found = read_at(maps, in_window(points, window))[0, :, 0]
        np.testing.assert_allclose((found - 40) / 2 + 0.5, points[0, :, 0], atol=0.3)


def test_bars_have_the_colour_that_is_zero_for_the_network() -> None:
    frame = np.full((60, 80, 3), 255, np.uint8)
    picture = cut(frame, of_frame(80, 60, "letterbox"), 80, GREY)
    assert (picture[:10] == GREY).all() and (picture[70:] == GREY).all()
    assert (picture[10:70] == 255).all()
    assert (cut(frame, Window(200, 200, 30, 30), 32, GREY) == GREY).all()


def test_the_square_around_a_person_has_room_and_a_smallest_side() -> None:
    points = np.array([[10, 20], [30, 60], [np.nan, np.nan]], np.float32)
    assert of_person(points) == Window(-5, 15, 50, 50)
    assert of_person(points[:1]) == Window(2, 12, 16, 16)
    assert of_person(points[2:]) is None


@pytest.mark.parametrize("number", [1, 2, 13, 15, 33])
def test_the_grid_has_as_many_points_evenly_spread(number: int) -> None:
    points = regular_grid(number)
    assert points.shape == (number, 2)
    assert len(np.unique(points, axis=0)) == number
    assert (points > 0).all() and (points < 1).all()
    np.testing.assert_allclose(points.mean(0), 0.5, atol=0.05)

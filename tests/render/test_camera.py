"""The pinhole camera against points computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from humotion.render.camera import Camera, Shot, film, look_at


@pytest.fixture
def camera() -> Camera:
    """At (5, 1, 0), looking along -x at a performer in the origin who faces it."""
    position = np.array([5.0, 1.0, 0.0])
    return Camera(position, look_at(position, np.array([0.0, 1.0, 0.0])), focal=200.0, width=192, height=144)


def test_the_point_looked_at_falls_on_the_image_centre(camera: Camera) -> None:
    xy, depth = camera.project(np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(xy, [95.5, 71.5])
    assert depth == pytest.approx(5.0)


def test_hand_computed_projection(camera: Camera) -> None:
    # One metre to the performer's right (+z) and half a metre up, five metres away: 200 * 1 / 5 and 200 * 0.5 / 5.
    xy, _ = camera.project(np.array([0.0, 1.5, 1.0]))
    np.testing.assert_allclose(xy, [95.5 - 40.0, 71.5 - 20.0])


def test_rays_invert_the_projection(camera: Camera) -> None:
    point = np.array([0.7, 0.2, -1.1])
    (x, y), depth = camera.project(point)
    np.testing.assert_allclose(camera.position + depth * camera.ray_matrix() @ [x, y, 1.0], point)


def test_roll_turns_about_the_image_centre() -> None:
    position = np.array([5.0, 1.0, 0.0])
    rolled = Camera(position, look_at(position, np.array([0.0, 1.0, 0.0]), np.pi / 2), 200.0, 192, 144)
    xy, _ = rolled.project(np.array([0.0, 1.5, 0.0]))
    assert np.linalg.norm(xy - rolled.centre) == pytest.approx(20.0)
    assert xy[1] == pytest.approx(71.5)


@pytest.mark.parametrize(("mode", "moves", "turns"), [("still", 0, 0), ("pan", 0, 1), ("follow", 1, 0)])
def test_modes_of_camera_movement(mode: str, moves: int, turns: int) -> None:
    path = np.array([[0.0, 0, 0], [1.0, 0, 0], [2.0, 0, 0]])
    shot = Shot(mode, 0.0, np.pi / 2, 4.0, 1.0, 0.9, 0.0, 200.0, (0.0,) * 7)
    first, _, last = film(shot, path, np.arange(3) / 30, 0.0, (192, 144))
    assert bool(np.abs(first.position - last.position).max() > 1e-9) == bool(moves)
    assert bool(np.abs(first.rotation - last.rotation).max() > 1e-9) == bool(turns)
    # An azimuth of +90 degrees puts the camera on the performer's right, which is +z.
    assert first.position[2] == pytest.approx(4.0)

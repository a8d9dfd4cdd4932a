"""Ray casting against spheres, cylinders and cones computed by hand, and the rule of visibility."""

from __future__ import annotations

import numpy as np
import pytest

from humotion.render.body import JOINTS, Proportions, Skeleton3D, Solid, build_solids, forward_kinematics
from humotion.render.camera import Camera, look_at
from humotion.render.motion import BONES
from humotion.render.raster import cast
from humotion.render.visibility import is_hidden, silhouette_box, visible_joints

ONES = np.ones(3)


@pytest.fixture
def camera() -> Camera:
    position = np.array([5.0, 0.0, 0.0])
    return Camera(position, look_at(position, np.zeros(3)), focal=200.0, width=192, height=144)


@pytest.fixture
def rest() -> Skeleton3D:
    bones = len(BONES)
    return Skeleton3D(np.zeros((1, bones, 3)), np.tile(np.eye(3), (1, bones, 1, 1)), np.zeros((1, 13, 3)))


def _solid(a: tuple[float, ...], b: tuple[float, ...], ra: float, rb: float, squash: np.ndarray = ONES) -> Solid:
    return Solid("belly", "root", np.array(a), np.array(b), ra, rb, squash)


def test_a_sphere_has_the_right_depth_normal_and_outline(camera: Camera, rest: Skeleton3D) -> None:
    surface = cast([_solid((0, 0, 0), (0, 0, 0), 0.5, 0.5)], rest, 0, camera)
    depth, solid = surface.at(95.5, 71.5)
    assert depth == pytest.approx(4.5, abs=1e-3)
    assert solid == 0
    # The outline of a sphere seen from 5 m: tan(asin(0.5 / 5)) * 200 px.
    radius = 200 * np.tan(np.arcsin(0.1))
    area = (surface.solid >= 0).sum() / 4
    assert area == pytest.approx(np.pi * radius**2, rel=0.01)
    np.testing.assert_allclose(silhouette_box(surface), [76, 52, 115, 91])


def test_a_squashed_sphere_is_as_flat_as_told(camera: Camera, rest: Skeleton3D) -> None:
    surface = cast([_solid((0, 0, 0), (0, 0, 0), 0.5, 0.5, np.array([0.4, 1.0, 1.0]))], rest, 0, camera)
    assert surface.at(95.5, 71.5)[0] == pytest.approx(5 - 0.2, abs=1e-3)


def test_an_upright_cylinder_and_its_rounded_end(camera: Camera, rest: Skeleton3D) -> None:
    surface = cast([_solid((0, -0.5, 0), (0, 0.5, 0), 0.2, 0.2)], rest, 0, camera)
    assert surface.at(95.5, 71.5)[0] == pytest.approx(4.8, abs=1e-3)
    row = surface.solid[(71 - surface.y0) * 2]
    assert (row >= 0).sum() / 2 == pytest.approx(2 * 200 * np.tan(np.arcsin(0.2 / 5)), abs=1)
    assert surface.at(95.5, 71.5 - 200 * 0.69 / 5)[1] == 0
    assert surface.at(95.5, 71.5 - 200 * 0.72 / 5)[1] == -1


def test_a_cone_surface_lies_between_its_spheres(camera: Camera, rest: Skeleton3D) -> None:
    solid = _solid((0, -0.5, 0), (0, 0.5, 0), 0.3, 0.1)
    surface = cast([solid], rest, 0, camera)
    # Marching the distance to the hull of the two spheres is an independent way to the same hit.
    for y in (60.0, 71.5, 85.0):
        origin, ray = camera.position, camera.ray_matrix() @ np.array([95.25, y + 0.25, 1.0])
        depth = 0.0
        for _ in range(400):
            point = origin + depth * ray
            shares = np.linspace(0, 1, 2001)[:, None]
            centres = (1 - shares) * solid.a + shares * solid.b
            distance = (np.linalg.norm(point - centres, axis=1) - (0.3 - 0.2 * shares[:, 0])).min()
            depth += distance / np.linalg.norm(ray)
        assert surface.at(95.0, y)[0] == pytest.approx(depth, abs=2e-3)


def test_the_nearer_solid_hides_the_farther_one(camera: Camera, rest: Skeleton3D) -> None:
    far, near = _solid((0, 0, 0), (0, 0, 0), 0.5, 0.5), _solid((1, 0, 0), (1, 0, 0), 0.2, 0.2)
    for order in ([far, near], [near, far]):
        surface = cast(order, rest, 0, camera)
        assert surface.at(95.5, 71.5)[0] == pytest.approx(3.8, abs=1e-3)


def test_solids_behind_the_camera_are_not_drawn(camera: Camera, rest: Skeleton3D) -> None:
    assert cast([_solid((6, 0, 0), (6, 0, 0), 0.5, 0.5)], rest, 0, camera).solid.size == 0


@pytest.mark.parametrize(
    ("joint", "part", "nearer_by", "hidden"),
    [
        ("r_elbow", "r_forearm", 0.5, False),  # its own limb, however near
        ("r_elbow", "l_forearm", 0.5, True),  # the other arm across it
        ("r_elbow", "chest", 0.03, False),  # within the flesh around the joint
        ("r_hip", "pelvis", 0.12, False),
        ("r_hip", "pelvis", 0.3, True),
        ("head", "head", 0.1, False),
        ("head", "r_hand", 0.3, True),
    ],
)
def test_what_hides_a_joint(joint: str, part: str, nearer_by: float, hidden: bool) -> None:
    solids = [Solid(part, "root", np.zeros(3), np.zeros(3), 1, 1, ONES)]
    assert is_hidden(joint, 5.0, 5.0 - nearer_by, 0, solids) is hidden


def test_seen_from_the_side_the_far_limbs_are_hidden() -> None:
    body = Proportions()
    rotations = np.tile(np.eye(3), (1, len(BONES), 1, 1))
    skeleton = forward_kinematics(np.array([[0.0, 0.9, 0.0]]), rotations, body)
    solids, position = build_solids(body), np.array([0.0, 0.9, 5.0])
    camera = Camera(position, look_at(position, np.array([0.0, 0.9, 0.0])), 250.0, 192, 144)
    xy, _ = camera.project(skeleton.joints[0])
    flags = visible_joints(xy, skeleton.joints[0], cast(solids, skeleton, 0, camera), solids, camera)
    seen = {name for name, flag in zip(JOINTS, flags, strict=True) if flag}
    assert seen == {"head"} | {name for name in JOINTS if name.startswith("r_")}


def test_outside_the_image_nothing_is_visible() -> None:
    body = Proportions()
    rotations = np.tile(np.eye(3), (1, len(BONES), 1, 1))
    skeleton = forward_kinematics(np.array([[0.0, 0.9, 0.0]]), rotations, body)
    solids, position = build_solids(body), np.array([2.0, 1.5, 0.0])
    camera = Camera(position, look_at(position, np.array([0.0, 1.5, 0.0])), 250.0, 192, 144)
    xy, _ = camera.project(skeleton.joints[0])
    flags = visible_joints(xy, skeleton.joints[0], cast(solids, skeleton, 0, camera), solids, camera)
    ankles = [JOINTS.index("r_ankle"), JOINTS.index("l_ankle")]
    assert (xy[ankles, 1] > 143).all()
    assert not flags[ankles].any()
    assert flags[JOINTS.index("head")]

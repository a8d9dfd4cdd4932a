"""Ray casting of the body's solids into buffers of depth, part, normal and surface coordinates.

Every solid is intersected analytically with the rays of the pixels in its screen bounding box. The
rays are transformed into the solid's squashed frame, in which it is a rounded cone. Their parameter stays
the depth along the camera's axis, so depths of different solids can be compared. The intersection
follows Inigo Quilez, "Rounded cone - intersection" (iquilezles.org/articles/intersectors).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humotion.render.body import Skeleton3D, Solid
from humotion.render.camera import Camera
from humotion.render.motion import BONE

Floats = NDArray[np.float64]
Array = NDArray[Any]

SUPERSAMPLING = 2
_NEAREST = 0.15


@dataclass(frozen=True)
class Surface:
    """What the camera sees of the body in a window of the supersampled image.

    ``x0, y0`` is the window's corner in whole pixels; arrays are (h, w) on the supersampled grid:
    ``depth`` in metres (inf: nothing), ``solid`` index (-1: nothing), ``normal`` (h, w, 3) in the
    world, ``local`` (h, w, 3) the point in the frame of its bone, ``along`` 0..1 on the solid's axis.
    """

    x0: int
    y0: int
    depth: Array
    solid: Array
    normal: Array
    local: Array
    along: Array

    def at(self, x: float, y: float) -> tuple[float, int]:
        """Depth and solid index at image position (x, y); (inf, -1) outside the window."""
        column = int(np.floor((x - self.x0 + 0.5) * SUPERSAMPLING))
        row = int(np.floor((y - self.y0 + 0.5) * SUPERSAMPLING))
        if not (0 <= row < self.depth.shape[0] and 0 <= column < self.depth.shape[1]):
            return np.inf, -1
        return float(self.depth[row, column]), int(self.solid[row, column])


def cast(solids: list[Solid], skeleton: Skeleton3D, time: int, camera: Camera) -> Surface:
    """Ray cast a body at index ``time`` of the posed skeleton."""
    placed = [_place(solid, skeleton, time) for solid in solids]
    boxes = [_screen_box(solid, origin, frame, camera) for solid, (origin, frame) in zip(solids, placed, strict=True)]
    seen = [box for box in boxes if box is not None]
    x0, y0 = (min((box[i] for box in seen), default=0) for i in (0, 1))
    x1, y1 = (max((box[i] for box in seen), default=0) for i in (2, 3))
    height, width = (y1 - y0) * SUPERSAMPLING, (x1 - x0) * SUPERSAMPLING
    surface = Surface(
        x0, y0, np.full((height, width), np.inf), np.full((height, width), -1, np.int16),
        np.zeros((height, width, 3)), np.zeros((height, width, 3)), np.zeros((height, width)),
    )  # fmt: skip
    rays = camera.ray_matrix()
    for index, (solid, box) in enumerate(zip(solids, boxes, strict=True)):
        if box is not None:
            _cast_solid(index, solid, *placed[index], box, camera.position, rays, surface)
    return surface


def _place(solid: Solid, skeleton: Skeleton3D, time: int) -> tuple[Floats, Floats]:
    bone = BONE[solid.bone]
    return skeleton.origins[time, bone], skeleton.frames[time, bone]


def _screen_box(solid: Solid, origin: Floats, frame: Floats, camera: Camera) -> tuple[int, int, int, int] | None:
    """Pixel bounds x0 y0 x1 y1 (end exclusive) of a solid, or None if it is out of sight."""
    ends = origin + (np.stack([solid.a, solid.b]) * solid.squash) @ frame.T
    radii = np.array([solid.ra, solid.rb]) * solid.squash.max()
    if ((ends - camera.position) @ camera.rotation[2] - radii).min() < _NEAREST:
        return None
    centres, depth = camera.project(ends)
    slant = np.hypot(1, np.abs(centres - camera.centre).max(axis=1) / camera.focal)
    reach = (radii * camera.focal * slant / (depth - radii))[:, None] + 1
    low = np.floor((centres - reach).min(axis=0)).astype(int)
    high = np.ceil((centres + reach).max(axis=0)).astype(int) + 1
    x0, y0 = np.maximum(low, 0)
    x1, y1 = np.minimum(high, [camera.width, camera.height])
    return (int(x0), int(y0), int(x1), int(y1)) if x0 < x1 and y0 < y1 else None


def _cast_solid(
    index: int,
    solid: Solid,
    origin: Floats,
    frame: Floats,
    box: tuple[int, int, int, int],
    eye: Floats,
    rays: Floats,
    surface: Surface,
) -> None:
    """Write the pixels at which this solid is the nearest one so far."""
    step = 1 / SUPERSAMPLING
    xs = box[0] - 0.5 + step * (np.arange((box[2] - box[0]) * SUPERSAMPLING) + 0.5)
    ys = box[1] - 0.5 + step * (np.arange((box[3] - box[1]) * SUPERSAMPLING) + 0.5)
    to_local = frame.T / solid.squash[:, None]
    matrix, start = to_local @ rays, to_local @ (eye - origin)
    window = (
        slice((box[1] - surface.y0) * SUPERSAMPLING, (box[3] - surface.y0) * SUPERSAMPLING),
        slice((box[0] - surface.x0) * SUPERSAMPLING, (box[2] - surface.x0) * SUPERSAMPLING),
    )
    direction = [row[0] * xs[None, :] + (row[1] * ys + row[2])[:, None] for row in matrix]
    depth = _intersect(solid, start, direction)
    rows, columns = np.nonzero(depth < surface.depth[window])
    hits = depth[rows, columns]
    points = start + hits[:, None] * np.stack([axis[rows, columns] for axis in direction], axis=1)
    normal, along = _surface(solid, points)
    # A normal transforms with the inverse transpose of the map from the local frame to the world.
    normal = (normal / solid.squash) @ frame.T
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    rows, columns = rows + window[0].start, columns + window[1].start
    surface.depth[rows, columns] = hits
    surface.solid[rows, columns] = index
    surface.normal[rows, columns] = normal
    surface.local[rows, columns] = points * solid.squash
    surface.along[rows, columns] = along


def _intersect(solid: Solid, start: Floats, direction: list[Floats]) -> Floats:
    """Depth (h, w) of the first hit of rays ``start + depth * direction``; inf for rays that miss."""
    axis, from_a = solid.b - solid.a, start - solid.a
    taper = solid.ra - solid.rb
    dx, dy, dz = direction
    dd = dx * dx + dy * dy + dz * dz
    da = dx * axis[0] + dy * axis[1] + dz * axis[2]
    do = dx * from_a[0] + dy * from_a[1] + dz * from_a[2]
    oa, oo = float(axis @ from_a), float(from_a @ from_a)
    depth = _sphere(dd, do, oo - solid.ra**2)
    if not axis.any():
        return depth
    ob = oo - 2 * oa + float(axis @ axis)
    depth = np.minimum(depth, _sphere(dd, do - da, ob - solid.rb**2))
    length = axis @ axis - taper**2
    k2 = length * dd - da * da
    k1 = length * do - oa * da + da * (taper * solid.ra)
    k0 = length * oo - oa**2 + 2 * oa * taper * solid.ra - (axis @ axis) * solid.ra**2
    square = k1 * k1 - k0 * k2
    side = (-np.sqrt(np.maximum(square, 0)) - k1) / np.maximum(k2, 1e-12)
    height = oa - solid.ra * taper + side * da
    # Along the axis (k2 <= 0), only the end spheres are visible.
    valid = (square > 0) & (k2 > 1e-9) & (height > 0) & (height < length)
    return np.where(valid, np.minimum(side, depth), depth)


def _sphere(dd: Floats, do: Floats, offset: float) -> Floats:
    square = do * do - dd * offset
    return np.where(square > 0, (-do - np.sqrt(np.maximum(square, 0))) / dd, np.inf)


def _surface(solid: Solid, points: Floats) -> tuple[Floats, Floats]:
    """Outward normals (N, 3) in the local frame, not normalised, and positions 0..1 along the axis."""
    axis = solid.b - solid.a
    squared = axis @ axis
    if squared == 0:
        return points - solid.a, np.zeros(len(points))
    taper = solid.ra - solid.rb
    length = squared - taper**2
    height = (points - solid.a) @ axis - solid.ra * taper
    # On the cone the normal leans by the taper; on the spheres it points outwards from the centre.
    lean = np.clip(height / length, 0, 1)
    return points - solid.a - lean[:, None] * axis, np.clip(((points - solid.a) @ axis) / squared, 0, 1)

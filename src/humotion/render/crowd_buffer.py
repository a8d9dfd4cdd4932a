"""Several bodies in one depth buffer: who owns which pixel, and the picture of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from humotion.render.appearance import shade
from humotion.render.camera import Camera
from humotion.render.crowd_people import Actor
from humotion.render.posing import axes_of
from humotion.render.raster import SUPERSAMPLING, Surface, cast
from humotion.render.scene import Stage, render_background

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Buffer:
    """What the camera sees of K bodies.

    ``surfaces`` are those of the single bodies, each as if it were alone. ``owner`` (h, w) is the index of the
    nearest body on the supersampled grid of the whole image, -1 where there is none. ``masks`` (K, H, W) are
    disjoint: a pixel is of the body that owns most of it, if bodies own at least half of it.
    """

    surfaces: list[Surface]
    owner: NDArray[np.int16]
    masks: NDArray[np.bool_]


def cast_crowd(actors: Sequence[Actor], tick: int, camera: Camera) -> Buffer:
    """Ray cast all bodies at ``tick``; in every sample of the image the nearest surface wins."""
    shape = (camera.height * SUPERSAMPLING, camera.width * SUPERSAMPLING)
    depth, owner = np.full(shape, np.inf), np.full(shape, -1, np.int16)
    surfaces = [cast(actor.solids, actor.skeleton, tick, camera) for actor in actors]
    for index, surface in enumerate(surfaces):
        window = _window(surface)
        nearer = surface.depth < depth[window]
        depth[window][nearer] = surface.depth[nearer]
        owner[window][nearer] = index
    return Buffer(surfaces, owner, _masks(owner, len(actors)))


def _window(surface: Surface) -> tuple[slice, slice]:
    """Where a surface lies on the supersampled grid of the image."""
    top, left = surface.y0 * SUPERSAMPLING, surface.x0 * SUPERSAMPLING
    return slice(top, top + surface.depth.shape[0]), slice(left, left + surface.depth.shape[1])


def _masks(owner: NDArray[np.int16], count: int) -> NDArray[np.bool_]:
    height, width = (side // SUPERSAMPLING for side in owner.shape)
    if not count:
        return np.zeros((0, height, width), bool)
    samples = owner.reshape(height, SUPERSAMPLING, width, SUPERSAMPLING)
    owned = np.stack([(samples == index).sum(axis=(1, 3)) for index in range(count)])
    is_body = 2 * owned.sum(axis=0) >= SUPERSAMPLING**2
    return np.asarray((owned.argmax(axis=0) == np.arange(count)[:, None, None]) & is_body)


def paint(actors: Sequence[Actor], buffer: Buffer, stage: Stage, tick: int, camera: Camera) -> NDArray[np.float32]:
    """The picture (H, W, 3), 0..255: the place, the shadows of all bodies, and what is seen of each of them."""
    axes = [axes_of(actor.solids, actor.skeleton, tick) for actor in actors]
    segments, thickness = (np.concatenate(parts) for parts in zip(*axes, strict=True))
    picture = render_background(stage, camera, segments, thickness)
    light, cover = np.zeros_like(picture), np.zeros((camera.height, camera.width, 1), np.float32)
    for index, (actor, surface) in enumerate(zip(actors, buffer.surfaces, strict=True)):
        if not surface.solid.size:
            continue
        is_seen = buffer.owner[_window(surface)] == index
        seen = replace(surface, solid=np.where(is_seen, surface.solid, -1))
        colour, covered = shade(seen, actor.solids, actor.performer.look, stage.scene)
        height, width = colour.shape[:2]
        window = slice(surface.y0, surface.y0 + height), slice(surface.x0, surface.x0 + width)
        # No sample of the image is of two bodies, so that what they cover of a pixel can be added.
        light[window] += colour
        cover[window] += covered
    return np.asarray(picture * (1 - cover) + light, np.float32)

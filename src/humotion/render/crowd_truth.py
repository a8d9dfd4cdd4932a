"""The truth of a crowd's picture: joints with COCO's flags, masks, boxes and areas, all from the depth buffer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humotion.render.camera import Camera
from humotion.render.crowd_buffer import Buffer
from humotion.render.crowd_people import Actor
from humotion.render.visibility import is_hidden
from humotion.store.skeleton import Skeleton

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: A person of whom fewer pixels are seen cannot be labelled by an annotator.
FEWEST_PIXELS = 40


def joints_of(
    actors: Sequence[Actor], index: int, names: Sequence[str], buffer: Buffer, tick: int, camera: Camera
) -> Floats:
    """The joints (J, 3) of one body: x, y in pixels to one decimal, and COCO's flag.

    A joint outside the image is 0, 0, 0. A joint is visible (2) if its pixel is of the body's mask, and no other
    limb of the same body is in front of it. Any other joint in the image is hidden (1).
    """
    actor, mask = actors[index], buffer.masks[index]
    places, depths = project(actor, names, tick, camera)
    joints = np.zeros((len(names), 3))
    for joint, (name, place, depth) in enumerate(zip(names, places, depths, strict=True)):
        if (pixel := pixel_of(place, camera)) is None:
            continue
        hidden = not mask[pixel] or is_hidden(name, depth, *buffer.surfaces[index].at(*place), actor.solids)
        joints[joint] = *place, 1 if hidden else 2
    return joints


def seen_joints(
    actors: Sequence[Actor], index: int, names: Sequence[str], buffer: Buffer, tick: int, camera: Camera
) -> Floats:
    """The joints (J, 3) of one body: x, y in pixels to one decimal, and 1 if it is labelled, as in PoseTrack.

    A joint that is outside the image, or behind another body, is not labelled: 0, 0, 0.
    """
    places, depths = project(actors[index], names, tick, camera)
    joints = np.zeros((len(names), 3))
    for joint, (place, depth) in enumerate(zip(places, depths, strict=True)):
        others = (surface.at(*place)[0] for other, surface in enumerate(buffer.surfaces) if other != index)
        if pixel_of(place, camera) is not None and min(others, default=np.inf) > depth:
            joints[joint] = *place, 1
    return joints


def head_box(actor: Actor, tick: int, camera: Camera) -> list[float]:
    """The box x, y, width, height in pixels around a head, which may reach out of the image."""
    names = ("head_top", "head_bottom", "nose", "l_ear", "r_ear")
    places, _ = project(actor, names, tick, camera)
    low, high = places.min(axis=0), places.max(axis=0)
    return [float(value) for value in np.concatenate([low, high - low]).round(1)]


def project(actor: Actor, names: Sequence[str], tick: int, camera: Camera) -> tuple[Floats, Floats]:
    """Where points of a body are in the image (J, 2), in pixels to one decimal, and their depths (J,) in metres."""
    places, depths = camera.project(np.stack([actor.point(name, tick) for name in names]))
    return places.round(1), depths


def pixel_of(place: Floats, camera: Camera) -> tuple[int, int] | None:
    """Row and column of the pixel at x, y; None outside the image."""
    column, row = (int(np.floor(value + 0.5)) for value in place)
    return (row, column) if 0 <= column < camera.width and 0 <= row < camera.height else None


def region(mask: Mask) -> dict[str, Any]:
    """The fields of an annotation that come from its mask (H, W): segmentation, area and bbox."""
    return {"segmentation": encode(mask), "area": int(mask.sum()), "bbox": box_of(mask)}


def encode(mask: Mask) -> dict[str, Any]:
    """COCO's run lengths of a mask (H, W), column by column; the first run is of pixels outside the mask."""
    flat = mask.T.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    runs = np.diff(ends, prepend=0).tolist()
    return {"counts": [0, *runs] if flat[0] else runs, "size": list(mask.shape)}


def box_of(mask: Mask) -> list[int]:
    """The box x, y, width, height in pixels around a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return [x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y]


def numbers(joints: Floats) -> list[float | int]:
    """The numbers of joints (J, 3) as files have them: whole ones without a decimal point."""
    return [int(value) if value == int(value) else float(value) for value in joints.ravel()]


def category_of(skeleton: Skeleton) -> dict[str, Any]:
    """The category "person" of a file of labels, with the official names of the joints."""
    sides = {"l_": "left_", "r_": "right_"}
    return {
        "supercategory": "person",
        "id": 1,
        "name": "person",
        "keypoints": [sides.get(name[:2], name[:2]) + name[2:] for name in skeleton.joints],
        "skeleton": [[a + 1, b + 1] for a, b in skeleton.edges],
    }

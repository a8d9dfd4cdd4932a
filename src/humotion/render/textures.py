"""Procedural textures of grounds and backdrops, made from noise; no file is read.

A texture is a float32 RGB image in 0..255. Grounds are square tiles seen from above; backdrops are
walls, hedges or house fronts seen from the front, with the floor line at the bottom row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Rng = np.random.Generator

GROUND_METRES = 24.0
GROUND_SCALE = 32.0
BACKDROP_WIDTH = 30.0
BACKDROP_HEIGHT = 9.0
BACKDROP_SCALE = 24.0


def noise(rng: Rng, height: int, width: int, cell: float, octaves: int = 3) -> Image:
    """Value noise of about unit variance whose largest blobs measure ``cell`` pixels."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        size = max(cell / 2**octave, 1.0)
        grid = rng.standard_normal((int(height / size) + 2, int(width / size) + 2)).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(0.6**octave)
    return total / np.float32(np.sqrt(sum(0.36**octave for octave in range(octaves))))


def _flat(height: int, width: int, colour: Any) -> Image:
    return np.broadcast_to(np.asarray(colour, np.float32), (height, width, 3)).copy()


def _ground_base(rng: Rng, colour: Any, cells: dict[float, float]) -> Image:
    side = int(GROUND_METRES * GROUND_SCALE)
    image = _flat(side, side, colour)
    for cell, strength in cells.items():
        image += strength * noise(rng, side, side, cell * GROUND_SCALE)[..., None]
    return image


def grass(rng: Rng) -> Image:
    """A lawn with lighter and darker patches."""
    image = _ground_base(rng, (rng.uniform(70, 110), rng.uniform(120, 150), rng.uniform(45, 70)), {3.0: 8, 0.2: 9})
    patches = noise(rng, len(image), len(image), 2.5 * GROUND_SCALE)[..., None]
    return image + patches * np.array([9, 3, 0], np.float32)


def gym_floor(rng: Rng) -> Image:
    """Wooden boards with painted court lines."""
    image = _ground_base(rng, np.array([200, 158, 108]) + rng.uniform(-18, 18), {2.0: 3})
    side = len(image)
    board = int(0.2 * GROUND_SCALE)
    tint = np.repeat(rng.normal(0, 8, side // board + 1), board)[:side].astype(np.float32)
    image += tint[:, None, None] + noise(rng, side, 24, 3)[:, np.arange(side) * 24 // side, None] * 3
    colour = tuple(float(value) for value in rng.choice([[240, 240, 235], [40, 70, 150], [170, 40, 40]]))
    for _ in range(4):
        at = int(rng.uniform(0.2, 0.8) * side)
        ends = ((at, 0), (at, side)) if rng.random() < 0.5 else ((0, at), (side, at))
        cv2.line(image, *ends, colour, 3)
    cv2.circle(image, (side // 2, int(side * rng.uniform(0.3, 0.7))), int(3 * GROUND_SCALE), colour, 3)
    return image


def asphalt(rng: Rng) -> Image:
    """Grey road with a few bright lines and dark patches."""
    image = _ground_base(rng, np.full(3, rng.uniform(95, 130)) + [0, 1, 5], {4.0: 5, 0.15: 7})
    for at in rng.uniform(0.15, 0.85, 2) * len(image):
        cv2.line(image, (0, int(at)), (len(image), int(at)), (215.0, 212.0, 200.0), 4)
    return image


def paving(rng: Rng) -> Image:
    """Slabs with dark joints, each in its own shade."""
    image = _ground_base(rng, rng.choice([[172, 165, 152], [150, 132, 120], [185, 184, 182]]), {0.3: 3})
    side, slab = len(image), int(rng.uniform(0.45, 0.9) * GROUND_SCALE)
    count = side // slab + 1
    shade = rng.normal(0, 9, (count, count)).astype(np.float32).repeat(slab, 0).repeat(slab, 1)[:side, :side]
    image += shade[..., None]
    image[::slab] *= 0.8
    image[:, ::slab] *= 0.8
    return image


def carpet(rng: Rng) -> Image:
    """A plain floor covering with a fine grain."""
    colours = [[150, 60, 55], [70, 90, 130], [175, 160, 135], [95, 110, 90], [110, 105, 115]]
    return _ground_base(rng, rng.choice(colours), {0.12: 6, 2.5: 4})


def sand(rng: Rng) -> Image:
    """Pale sand with soft ripples."""
    return _ground_base(rng, np.array([214, 190, 150]) + rng.uniform(-10, 10), {1.2: 6, 0.25: 6})


def _backdrop_size() -> tuple[int, int]:
    return int(BACKDROP_HEIGHT * BACKDROP_SCALE), int(BACKDROP_WIDTH * BACKDROP_SCALE)


def _sky(rng: Rng) -> Image:
    height, width = _backdrop_size()
    top, low = np.array(rng.choice([[105, 155, 215], [170, 190, 210], [130, 165, 200]])), np.array([222, 230, 236])
    blend = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    sky = (1 - blend) * top + blend * low
    clouds = np.clip(noise(rng, height, width, 110) - 0.4, 0, 1.5)[..., None]
    return (sky + clouds * 22).astype(np.float32)


def trees(rng: Rng) -> Image:
    """A line of trees or a hedge below the sky."""
    image = _sky(rng)
    height, width = image.shape[:2]
    leaves = np.array([rng.uniform(45, 75), rng.uniform(75, 105), rng.uniform(35, 55)])
    crown = (rng.uniform(2.2, 4.5) + noise(rng, 1, width, 60)[0] * 0.7) * BACKDROP_SCALE
    below = (height - np.arange(height))[:, None] < crown[None, :]
    foliage = leaves + (noise(rng, height, width, 26)[..., None] * 13 + noise(rng, height, width, 70)[..., None] * 9)
    return np.where(below[..., None], foliage, image).astype(np.float32)


def houses(rng: Rng) -> Image:
    """House fronts with rows of windows."""
    image = _sky(rng)
    height, width = image.shape[:2]
    left = 0
    while left < width:
        right = left + int(rng.uniform(4, 8) * BACKDROP_SCALE)
        top = height - int(rng.uniform(5, 8.5) * BACKDROP_SCALE)
        wall = np.array(rng.choice([[176, 150, 128], [150, 92, 76], [196, 190, 178], [128, 132, 140], [202, 178, 130]]))
        front = image[top:, left:right]
        front[:] = wall + noise(rng, front.shape[0], front.shape[1], 10)[..., None] * 4
        step = int(rng.uniform(1.4, 2.2) * BACKDROP_SCALE)
        for y in range(step // 2, front.shape[0] - step, int(step * 1.3)):
            for x in range(step // 3, front.shape[1] - step // 2, step):
                front[y : y + int(step * 0.7), x : x + step // 2] = rng.uniform(40, 90) + np.array([0, 6, 14])
        left = right
    return image


def painted_wall(rng: Rng) -> Image:
    """An indoor wall with skirting, perhaps a stripe, a door and pictures."""
    height, width = _backdrop_size()
    colour = rng.choice([[206, 200, 188], [184, 196, 204], [212, 196, 160], [176, 192, 172], [200, 180, 178]])
    image = _flat(height, width, colour) + noise(rng, height, width, 160)[..., None] * 4
    if rng.random() < 0.6:
        band = height - int(rng.uniform(0.9, 1.6) * BACKDROP_SCALE)
        image[band:] = np.array(colour) * rng.uniform(0.6, 0.85) * rng.uniform(0.92, 1.08, 3)
    left = int(rng.uniform(0, 3) * BACKDROP_SCALE)
    while left < width:
        wide, low = int(rng.uniform(0.6, 1.6) * BACKDROP_SCALE), rng.uniform(1.2, 1.8)
        top = height - int((low + rng.uniform(0.6, 1.0)) * BACKDROP_SCALE)
        bottom = height - int(low * BACKDROP_SCALE) if rng.random() < 0.75 else height
        image[top:bottom, left : left + wide] = rng.uniform(50, 170, 3)
        image[top + 2 : bottom - 2, left + 2 : left + wide - 2] *= rng.uniform(0.7, 1.3)
        left += wide + int(rng.uniform(2, 5) * BACKDROP_SCALE)
    image[height - 4 :] = np.array(colour) * 0.45
    return image


def bricks(rng: Rng) -> Image:
    """A brick wall."""
    height, width = _backdrop_size()
    image = _flat(height, width, rng.choice([[150, 88, 72], [178, 164, 148], [120, 108, 104]]))
    tall, wide = 4, 10
    shade = rng.normal(0, 9, (height // tall + 1, width // wide + 2)).astype(np.float32)
    rows = np.arange(height) // tall
    columns = (np.arange(width)[None, :] + (rows[:, None] % 2) * (wide // 2)) // wide
    image += shade[rows[:, None], columns][..., None] + noise(rng, height, width, 200)[..., None] * 6
    image[::tall] *= 0.86
    return image


#: Grounds and backdrops that fit together, by the name of the place.
PLACES: dict[str, tuple[tuple[Callable[[Rng], Image], ...], tuple[Callable[[Rng], Image], ...]]] = {
    "meadow": ((grass,), (trees,)),
    "gym": ((gym_floor,), (painted_wall, bricks)),
    "street": ((asphalt, paving), (houses, bricks)),
    "room": ((carpet,), (painted_wall,)),
    "park": ((sand, paving, grass), (trees, houses)),
}

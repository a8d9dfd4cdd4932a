"""How the performer looks: skin, hair and clothes, and the shading of the surface that the camera sees."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from humotion.render.body import Solid
from humotion.render.raster import SUPERSAMPLING, Surface
from humotion.render.scene import Scene

Floats = NDArray[np.float64]

_SKINS = ((236, 196, 168), (224, 172, 138), (198, 142, 106), (160, 108, 78), (120, 78, 56), (92, 60, 46))
_HAIRS = ((38, 28, 24), (78, 52, 34), (134, 92, 52), (196, 160, 100), (120, 118, 116), (104, 44, 28))
_TOPS = (
    (200, 45, 45), (40, 80, 180), (240, 240, 236), (36, 36, 42), (235, 190, 45), (45, 140, 80), (240, 130, 40),
    (120, 60, 150), (90, 190, 215), (225, 110, 150), (60, 60, 110), (150, 30, 60),
)  # fmt: skip
_BOTTOMS = (
    (45, 60, 100), (32, 32, 38), (110, 112, 120), (150, 125, 90), (230, 228, 222), (70, 40, 45), (60, 85, 140),
    (30, 90, 70), (180, 50, 50),
)  # fmt: skip
_SHOES = ((235, 235, 235), (35, 33, 35), (170, 60, 50), (90, 70, 55))
#: Colours of the pads, by side and joint.
_PADS = {
    "r_elbow": (250, 215, 40), "r_wrist": (235, 40, 150), "r_knee": (45, 215, 235), "r_ankle": (255, 120, 20),
    "l_elbow": (50, 225, 70), "l_wrist": (45, 70, 250), "l_knee": (245, 245, 245), "l_ankle": (150, 50, 235),
    "r_shoulder": (205, 25, 35), "r_hip": (150, 95, 30), "l_shoulder": (10, 95, 95), "l_hip": (70, 10, 90),
}  # fmt: skip
_PATTERNS = ("plain", "plain", "stripes", "bars", "checks", "mottled")


@dataclass(frozen=True)
class Look:
    """Colours (RGB 0..255) and cut of the clothes."""

    skin: Floats
    hair: Floats
    top: Floats
    top_second: Floats
    bottom: Floats
    shoes: Floats
    pattern: str
    long_sleeves: bool
    long_trousers: bool
    long_hair: bool


def random_look(rng: np.random.Generator, scene: Scene) -> Look:
    """Clothes whose colours stand out from the scene's ground and backdrop."""
    backgrounds = scene.mean_colours()
    top = _standing_out(rng, _TOPS, backgrounds)
    return Look(
        skin=np.array(_SKINS[rng.integers(len(_SKINS))], float),
        hair=np.array(_HAIRS[rng.integers(len(_HAIRS))], float),
        top=top,
        top_second=np.clip(top + rng.choice([-1, 1]) * rng.uniform(45, 90), 15, 245),
        bottom=_standing_out(rng, _BOTTOMS, backgrounds),
        shoes=np.array(_SHOES[rng.integers(len(_SHOES))], float),
        pattern=str(rng.choice(_PATTERNS)),
        long_sleeves=bool(rng.random() < 0.5),
        long_trousers=bool(rng.random() < 0.65),
        long_hair=bool(rng.random() < 0.35),
    )


def _standing_out(rng: np.random.Generator, palette: tuple[tuple[int, ...], ...], backgrounds: Floats) -> Floats:
    colours = np.array(palette, float)
    distance = np.linalg.norm(colours[:, None] - backgrounds, axis=2).min(axis=1)
    good = np.flatnonzero(distance >= min(75.0, np.sort(distance)[-3]))
    return np.clip(colours[rng.choice(good)] + rng.normal(0, 10, 3), 12, 245)


def shade(surface: Surface, solids: list[Solid], look: Look, scene: Scene) -> tuple[NDArray[np.float32], Floats]:
    """Colour (h, w, 3) times coverage, and coverage (h, w, 1), of the window, at the image's resolution."""
    rows, columns = np.nonzero(surface.solid >= 0)
    solid, normal = surface.solid[rows, columns], surface.normal[rows, columns]
    local, along = surface.local[rows, columns], surface.along[rows, columns]
    colour = np.zeros((len(solid), 3))
    for index in np.unique(solid):
        chosen = solid == index
        colour[chosen] = _albedo(solids[index].part, local[chosen], along[chosen], look)
    diffuse = np.clip(normal @ scene.light, 0, 1)
    sky = 0.5 + 0.5 * normal[:, 1]
    # Ambient light comes more from above than from below; it also models creases between limbs.
    light = scene.ambient * (0.65 + 0.35 * sky) + (1.25 - scene.ambient) * diffuse
    full = np.zeros((*surface.solid.shape, 3), np.float32)
    full[rows, columns] = colour * light[:, None] * scene.tint
    covered = (surface.solid >= 0).astype(np.float32)
    size = (surface.solid.shape[1] // SUPERSAMPLING, surface.solid.shape[0] // SUPERSAMPLING)
    picture = cv2.resize(full, size, interpolation=cv2.INTER_AREA)
    return picture.astype(np.float32), cv2.resize(covered, size, interpolation=cv2.INTER_AREA)[..., None].astype(float)


def _albedo(part: str, local: Floats, along: Floats, look: Look) -> Floats:
    kind = part.removeprefix("r_").removeprefix("l_")
    count = len(local)
    if kind.endswith("_pad"):
        return np.broadcast_to(np.array(_PADS[part.removesuffix("_pad")], float), (count, 3))
    skin = np.broadcast_to(look.skin, (count, 3))
    if kind == "head":
        return _head(local, look)
    if kind == "hair":
        return np.broadcast_to(look.hair, (count, 3))
    if kind in ("chest", "belly", "shoulders"):
        return _cloth(local, look)
    if kind in ("upper_arm", "forearm"):
        sleeve = 2.0 if look.long_sleeves else (0.55 if kind == "upper_arm" else -1.0)
        return np.where((along < sleeve)[:, None], _cloth(local, look), skin)
    if kind in ("thigh", "shin"):
        leg = 2.0 if look.long_trousers else (0.7 if kind == "thigh" else -1.0)
        return np.where((along < leg)[:, None], np.broadcast_to(look.bottom, (count, 3)), skin)
    plain = {"pelvis": look.bottom, "foot": look.shoes}.get(kind, look.skin)
    return np.broadcast_to(plain, (count, 3))


def _head(local: Floats, look: Look) -> Floats:
    """Hair over the top and back of the head, eyes and a mouth in front."""
    centre = local - np.array([0.025, 0.19, 0])
    hairy = (centre[:, 1] > 0.045) | (centre[:, 0] < -0.01 - 0.35 * centre[:, 1])
    front = centre[:, 0] > 0.04
    eyes = front & (np.abs(centre[:, 1] - 0.015) < 0.012) & (np.abs(np.abs(centre[:, 2]) - 0.032) < 0.014)
    mouth = front & (np.abs(centre[:, 1] + 0.05) < 0.009) & (np.abs(centre[:, 2]) < 0.03)
    colour = np.where(hairy[:, None], look.hair, look.skin)
    return np.where((eyes | mouth)[:, None], look.skin * 0.4, colour)


def _cloth(local: Floats, look: Look) -> Floats:
    x, y, z = local.T
    if look.pattern == "stripes":
        mix = np.sin(y * 52) > 0
    elif look.pattern == "bars":
        mix = np.sin(z * 60) > 0.3
    elif look.pattern == "checks":
        mix = (np.sin(y * 48) > 0) ^ (np.sin((z + x) * 48) > 0)
    elif look.pattern == "mottled":
        mix = np.sin(x * 70 + 3 * np.sin(y * 31)) * np.sin(z * 55 + y * 40) > 0.25
    else:
        mix = np.zeros(len(local), bool)
    return np.where(mix[:, None], look.top_second, look.top)

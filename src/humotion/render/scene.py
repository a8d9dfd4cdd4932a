"""Where a clip is filmed: ground, backdrop and light, shaded per pixel, with the body's shadow.

The ground is the plane y = 0, and the backdrop is a vertical plane behind the performer. Both have textures.
The body casts a soft shadow, which is drawn as blurred thick lines in a map of the ground around its feet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from humotion.render import textures
from humotion.render.camera import Camera

Floats = NDArray[np.float64]
Image = NDArray[np.float32]

_SHADOW_METRES = 6.0
_SHADOW_SCALE = 24.0  # pixels of the map of shadows per metre
_SOFT = 0.12
#: The smallest reciprocal depth (1 / m) in use; it keeps texture coordinates small.
_FARTHEST = 0.02


@dataclass(frozen=True)
class Scene:
    """Textures and light of a place. ``light`` points from the ground to the light; ``tint`` colours it."""

    place: str
    ground: Image
    ground_far: Image
    backdrop: Image
    light: Floats
    ambient: float
    tint: Floats
    haze: Floats
    shadow: float
    backdrop_distance: float
    backdrop_turn: float

    def mean_colours(self) -> Floats:
        """Mean colours (2, 3) of the ground and of the backdrop's lower part, behind a standing person."""
        low = int(2.0 * textures.BACKDROP_SCALE)
        return np.stack([self.ground.mean(axis=(0, 1)), self.backdrop[-low:].mean(axis=(0, 1))])


def random_scene(rng: np.random.Generator) -> Scene:
    """A place with its textures and light."""
    place = str(rng.choice(list(textures.PLACES)))
    grounds, backdrops = textures.PLACES[place]
    ground = grounds[rng.integers(len(grounds))](rng).clip(0, 255)
    backdrop = backdrops[rng.integers(len(backdrops))](rng).clip(0, 255)
    indoors = place in ("gym", "room")
    angle, height = rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 2.2)
    light = np.array([np.cos(angle), height, np.sin(angle)])
    return Scene(
        place=place,
        ground=ground,
        ground_far=cv2.GaussianBlur(ground, (0, 0), 7).astype(np.float32),
        backdrop=backdrop,
        light=light / np.linalg.norm(light),
        ambient=float(rng.uniform(0.5, 0.65) if indoors else rng.uniform(0.42, 0.58)),
        tint=np.array([1, rng.uniform(0.95, 1.0), rng.uniform(0.86, 1.02)]) * rng.uniform(0.9, 1.06),
        haze=backdrop[-60:].mean(axis=(0, 1)),
        shadow=float(rng.uniform(0.25, 0.5)),
        backdrop_distance=float(rng.uniform(2.2, 4.5) if indoors else rng.uniform(5, 9)),
        backdrop_turn=float(rng.uniform(-0.35, 0.35)),
    )


@dataclass(frozen=True)
class Stage:
    """A scene for one clip: the middle of the action, and the direction (``away``) in which the camera looks.

    ``shadow_metres`` is the side of the square of ground, around the bodies, on which there are shadows.
    """

    scene: Scene
    middle: Floats
    away: float
    backdrop_distance: float
    shadow_metres: float = _SHADOW_METRES


def render_background(stage: Stage, camera: Camera, segments: Floats, thickness: Floats) -> Image:
    """The picture without the body (H, W, 3), float 0..255, with the shadow of the body's ``segments``.

    ``segments`` (N, 2, 3) are lines in the world and ``thickness`` (N,) their radii, in metres.
    """
    scene = stage.scene
    rays = camera.ray_matrix()
    xs, ys = np.arange(camera.width), np.arange(camera.height)
    # World directions of all pixels, one (H, W) array per axis, of unit depth.
    dx, dy, dz = (row[0] * xs[None, :] + (row[1] * ys + row[2])[:, None] for row in rays)
    eye = camera.position
    angle = stage.away + scene.backdrop_turn
    normal, tangent = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    gap = stage.backdrop_distance - (eye[[0, 2]] - stage.middle[[0, 2]]) @ normal
    # Reciprocal depths are linear in the image, so the seam between the planes can be antialiased.
    near_ground = dy / -eye[1]
    near_wall = (dx * normal[0] + dz * normal[1]) / gap
    seam = near_ground - near_wall
    slope = np.hypot(seam[0, 1] - seam[0, 0], seam[1, 0] - seam[0, 0]) + 1e-9
    is_ground = np.clip(seam / slope + 0.5, 0, 1)[..., None]
    ground = _ground(stage, camera, dx, dz, np.maximum(near_ground, _FARTHEST), segments, thickness)
    wall_depth = 1 / np.maximum(near_wall, _FARTHEST)
    along = (eye[[0, 2]] - stage.middle[[0, 2]]) @ tangent + wall_depth * (dx * tangent[0] + dz * tangent[1])
    wall = _sample_backdrop(scene, along, eye[1] + wall_depth * dy)
    return (is_ground * ground + (1 - is_ground) * wall).astype(np.float32) * scene.tint.astype(np.float32)


def _ground(
    stage: Stage,
    camera: Camera,
    dx: Floats,
    dz: Floats,
    nearness: Floats,
    segments: Floats,
    thickness: Floats,
) -> Image:
    scene, scale = stage.scene, textures.GROUND_SCALE
    x = (camera.position[0] - stage.middle[0] + dx / nearness).astype(np.float32)
    z = (camera.position[2] - stage.middle[2] + dz / nearness).astype(np.float32)
    half = textures.GROUND_METRES / 2
    u, v = (x + half) * np.float32(scale), (z + half) * np.float32(scale)
    fine = cv2.remap(scene.ground, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    far = cv2.remap(scene.ground_far, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    # A pixel's footprint on the ground grows with the square of the depth; blur beyond a few texels.
    footprint = scale / (nearness**2 * camera.focal * max(camera.position[1], 0.3))
    blur = np.clip((footprint - 2) / 8, 0, 1)[..., None]
    image = fine * (1 - blur) + far * blur
    haze = np.clip((1 / nearness - 8) / 40, 0, 0.6)[..., None]
    image = image * (1 - haze) + scene.haze * haze
    centre = segments.mean(axis=(0, 1))[[0, 2]] - stage.middle[[0, 2]]
    side = round(stage.shadow_metres * _SHADOW_SCALE)
    dark = _shadow_map(scene, segments, thickness, centre + stage.middle[[0, 2]], side)
    su = (x - centre[0]) * _SHADOW_SCALE + side / 2
    sv = (z - centre[1]) * _SHADOW_SCALE + side / 2
    shade = cv2.remap(dark, su.astype(np.float32), sv.astype(np.float32), cv2.INTER_LINEAR)
    return image * (1 - scene.shadow * shade[..., None])


def _shadow_map(scene: Scene, segments: Floats, thickness: Floats, centre: Floats, side: int) -> Image:
    """Darkness 0..1 on a square of ground around ``centre`` (x, z); ``side`` is in pixels."""
    fall = segments[..., [0, 2]] - segments[..., 1:2] * scene.light[[0, 2]] / scene.light[1]
    pixels = np.rint((fall - centre) * _SHADOW_SCALE + side / 2).astype(int)
    dark = np.zeros((side, side), np.float32)
    for (start, end), radius in zip(pixels, thickness, strict=True):
        cv2.line(dark, _point(start), _point(end), 1.0, max(1, round(2 * radius * _SHADOW_SCALE)))
    return cv2.GaussianBlur(dark, (0, 0), _SOFT * _SHADOW_SCALE).astype(np.float32)


def _point(pixel: Any) -> tuple[int, int]:
    return int(pixel[0]), int(pixel[1])


def _sample_backdrop(scene: Scene, along: Floats, height: Floats) -> Image:
    scale, rows = textures.BACKDROP_SCALE, len(scene.backdrop)
    u = ((along + textures.BACKDROP_WIDTH / 2) * scale).astype(np.float32)
    v = np.clip(rows - 1 - height * scale, 0, rows - 1).astype(np.float32)
    return cv2.remap(scene.backdrop, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT).astype(np.float32)

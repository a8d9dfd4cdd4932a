"""Render one clip: frames, projected joints, their true visibility, and the silhouette's box.

Fast motion is blurred as if the shutter were open for half of the frame time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from humotion.render.appearance import Look, random_look, shade
from humotion.render.body import JOINTS, Proportions, Skeleton3D, Solid, build_solids
from humotion.render.camera import Camera, Shot
from humotion.render.framing import film_clip
from humotion.render.motion import load_motion
from humotion.render.posing import axes_of, pose_on_ground
from humotion.render.raster import Surface, cast
from humotion.render.scene import Stage, random_scene, render_background
from humotion.render.spec import FPS, SIZE, ClipSpec
from humotion.render.visibility import silhouette_box, visible_joints

Floats = NDArray[np.float64]

_SUBFRAMES = 5
_SHUTTER = 0.5
_QUALITY = {"goo": (1.0, 0.0, 1.0), "med": (2.0, 0.45, 0.95), "bad": (3.0, 0.8, 0.85)}


@dataclass(frozen=True)
class Clip:
    """A rendered clip.

    ``frames`` (T, H, W, 3) uint8 RGB; ``joints`` (T, 13, 2) and ``boxes`` (T, 4) x1 y1 x2 y2 in 0-based
    pixels; ``visible`` (T, 13) bool; ``shot`` as it was filmed in the end.
    """

    frames: NDArray[np.uint8]
    joints: Floats
    visible: NDArray[np.bool_]
    boxes: Floats
    shot: Shot

    @property
    def view(self) -> str:
        """The side of the performer that the camera sees: front, right, back or left."""
        quarter = round(self.shot.azimuth / (np.pi / 2)) % 4
        return ("front", "right", "back", "left")[quarter]

    @property
    def camera_moves(self) -> bool:
        """Whether the camera pans, follows or shakes."""
        return self.shot.mode != "still" or self.shot.shake > 0

    @property
    def whole_body(self) -> bool:
        """Whether the legs are inside the image most of the time."""
        legs = self.joints[:, [JOINTS.index(name) for name in ("r_knee", "l_knee", "r_ankle", "l_ankle")]]
        inside = (legs >= 0).all(axis=-1) & (legs <= np.array(SIZE) - 1).all(axis=-1)
        return bool(inside.mean() > 0.6)


@dataclass(frozen=True)
class _Take:
    """Everything in front of the camera, and the camera, at every tick of a clip."""

    solids: list[Solid]
    skeleton: Skeleton3D
    cameras: list[Camera]
    look: Look
    stage: Stage

    def background(self, tick: int) -> NDArray[np.float32]:
        """The place with the performer's shadow, without the performer."""
        return render_background(self.stage, self.cameras[tick], *axes_of(self.solids, self.skeleton, tick))

    def with_body(self, background: NDArray[np.float32], tick: int) -> tuple[NDArray[np.float32], Surface]:
        """The performer in front of a background, and the surface that was drawn."""
        surface = cast(self.solids, self.skeleton, tick, self.cameras[tick])
        if not surface.solid.size:
            return background, surface
        colour, cover = shade(surface, self.solids, self.look, self.stage.scene)
        height, width = colour.shape[:2]
        picture = background.copy()
        window = picture[surface.y0 : surface.y0 + height, surface.x0 : surface.x0 + width]
        window[:] = window * (1 - cover) + colour
        return picture, surface

    def expose(self, tick: int, blur: list[int]) -> tuple[NDArray[np.float32], Surface]:
        """The mean picture of ``tick`` and the ticks in ``blur``, and the surface at ``tick`` itself."""
        empty = self.background(tick)
        image, surface = self.with_body(empty, tick)
        # If the camera hardly turns, the background stays sharp, and one picture of it is enough.
        turns = blur and _turned(self.cameras[blur[0]], self.cameras[blur[-1]]) > 0.8
        others = [self.with_body(self.background(other) if turns else empty, other)[0] for other in blur]
        return np.mean([image, *others], axis=0), surface


def render_clip(spec: ClipSpec) -> Clip:
    """Render one clip; the result depends on ``spec`` alone."""
    rng = np.random.default_rng(spec.seed)
    take, shot = _set_up(spec, rng)
    joints = np.stack(
        [camera.project(points)[0] for camera, points in zip(take.cameras, take.skeleton.joints, strict=True)]
    )
    frames, visible, boxes = [], [], []
    for tick in range(_SUBFRAMES // 2, len(joints), _SUBFRAMES):
        image, surface = take.expose(tick, _blur_ticks(joints, tick))
        frames.append(_develop(image, spec.quality, rng))
        points, camera = take.skeleton.joints[tick], take.cameras[tick]
        visible.append(visible_joints(joints[tick], points, surface, take.solids, camera))
        boxes.append(silhouette_box(surface))
    return Clip(np.stack(frames), joints[_SUBFRAMES // 2 :: _SUBFRAMES], np.stack(visible), np.stack(boxes), shot)


def _set_up(spec: ClipSpec, rng: np.random.Generator) -> tuple[_Take, Shot]:
    source = np.random.default_rng(spec.source)
    scene = random_scene(source)
    look = random_look(source, scene)
    body = Proportions.random(source)
    ticks = _ticks(spec.num_frames)
    skeleton = pose_on_ground(load_motion(spec.motion), body, spec.start + ticks * spec.speed, spec.mirror)
    cameras, shot, heading = film_clip(spec, skeleton, ticks, body, rng)
    path = skeleton.origins[:, 0] * [1.0, 0.0, 1.0]
    middle = (path.min(axis=0) + path.max(axis=0)) / 2
    reach = np.linalg.norm(path - middle, axis=1).max()
    stage = Stage(scene, middle, heading + shot.azimuth + np.pi, scene.backdrop_distance + reach)
    return _Take(build_solids(body, look.long_hair, spec.pads), skeleton, cameras, look, stage), shot


def _ticks(num_frames: int) -> Floats:
    """Times (num_frames x subframes) in seconds of the subframes; the middle one is at the frame's time."""
    offsets = (np.arange(_SUBFRAMES) - _SUBFRAMES // 2) / _SUBFRAMES * _SHUTTER
    return np.asarray(((np.arange(num_frames)[:, None] + offsets) / FPS).ravel())


def _blur_ticks(joints: Floats, middle: int) -> list[int]:
    """The other ticks to average: the further any joint moves while the shutter is open, the more ticks."""
    half = _SUBFRAMES // 2
    moved = np.linalg.norm(joints[middle + half] - joints[middle - half], axis=-1).max()
    if moved < 1.5:
        return []
    ends = [middle - half, middle + half]
    return ends if moved < 5 else [ends[0], middle - 1, middle + 1, ends[1]]


def _turned(before: Camera, after: Camera) -> float:
    """Pixels by which a far point in the middle of the image moves from one camera to another."""
    far = before.position + 1e3 * before.rotation[2]
    return float(np.linalg.norm(after.project(far)[0] - before.project(far)[0]))


def _develop(image: NDArray[Any], quality: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add the lens blur, contrast and sensor noise of a good, medium or bad recording."""
    grain, blur, contrast = _QUALITY[quality]
    if blur:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    image = (image - 128) * contrast + 128 + rng.normal(0, grain, image.shape[:2])[..., None]
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)

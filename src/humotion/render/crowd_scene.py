"""Where a crowd is filmed: the camera's view of the ground, and actors put there so that no two of them touch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from humotion.render.camera import Camera, look_at
from humotion.render.crowd_people import STATURE, Actor, gap
from humotion.render.scene import Scene, Stage
from humotion.render.spec import SIZE

Floats = NDArray[np.float64]

_TRIES = 40
_SMALLEST_GAP = 0.02
#: The camera keeps at least this distance from every body, in metres.
_NEAREST = 1.0
_REACH = 1.3  # more than the length from anybody's pelvis to a foot or a raised hand, in metres
#: Two bodies are compared in every n-th moment: in between, they move by less than a hand.
_STRIDE = 2


@dataclass(frozen=True)
class View:
    """A camera above the origin that looks along +x: z is to its right. ``focal`` is in pixels, lengths in metres."""

    focal: float
    elevation: float
    aim_distance: float
    aim_height: float

    @classmethod
    def random(cls, rng: np.random.Generator, high: float) -> View:
        """A view from at most ``high`` metres above the ground."""
        focal = SIZE[0] * rng.uniform(0.95, 1.4)
        return cls(
            float(focal), float(rng.uniform(0.9, high)), float(rng.uniform(4.5, 6.0)), float(rng.uniform(0.7, 1))
        )

    def camera(self, sideways: float = 0.0) -> Camera:
        """The camera, whose aim is ``sideways`` metres to the right of the middle."""
        position = np.array([0.0, self.elevation, 0.0])
        aim = np.array([self.aim_distance, self.aim_height, sideways])
        return Camera(position, look_at(position, aim), self.focal, *SIZE)

    def depth_of(self, height: float) -> float:
        """How far away a standing person is who is ``height`` pixels tall."""
        return STATURE * self.focal / height

    def spot(self, actor: Actor) -> tuple[float, float]:
        """The column of the image, and the distance in metres, at which an actor is in the first moment."""
        x, _, z = actor.skeleton.origins[0, 0]
        return (SIZE[0] - 1) / 2 + float(z / x) * self.focal, float(x)

    def ground(self, column: float, depth: float) -> Floats:
        """The place x, z on the ground at ``depth`` metres that the image shows in ``column``."""
        return np.array([depth, (column - (SIZE[0] - 1) / 2) * depth / self.focal])


def gather(cast: list[Actor], count: int, propose: Callable[[list[Actor]], Actor]) -> None:
    """Append up to ``count`` actors to ``cast`` who touch nobody in it, and not the camera.

    ``propose`` draws an actor at random, knowing the cast. An actor for whom there is no room is left out.
    """
    for _ in range(count):
        for _ in range(_TRIES):
            actor = propose(cast)
            if _has_room(actor, cast):
                cast.append(actor)
                break


def _has_room(actor: Actor, cast: Sequence[Actor]) -> bool:
    pelvis = actor.skeleton.origins[:, 0]
    ticks = range(0, len(pelvis), _STRIDE)
    if any(actor.balls(tick)[0][:, 0].min() < _NEAREST for tick in ticks):
        return False
    for other in cast:
        apart = np.linalg.norm(other.skeleton.origins[:, 0] - pelvis, axis=1)
        if any(apart[tick] < 2 * _REACH and gap(actor, other, tick) < _SMALLEST_GAP for tick in ticks):
            return False
    return True


def stage_of(scene: Scene, cast: Sequence[Actor]) -> Stage:
    """The scene behind the actors, with a map of shadows that is large enough for all of them."""
    paths = np.concatenate([actor.skeleton.origins[:, 0] for actor in cast]) * [1.0, 0.0, 1.0]
    middle = (paths.min(axis=0) + paths.max(axis=0)) / 2
    reach = float(np.linalg.norm(paths - middle, axis=1).max())
    return Stage(scene, middle, 0.0, scene.backdrop_distance + reach, shadow_metres=2 * reach + 6.0)

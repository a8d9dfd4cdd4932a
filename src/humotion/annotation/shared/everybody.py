"""The arrays of a layer of everybody, from the people of each frame: what tools share that follow nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float32]

SEEN = 0.1
"""Probability of a joint that counts for the box of a person."""


class People(Protocol):
    """N people of a frame, the surest first: see `humotion.models.common.people_maps.Found`."""

    @property
    def joints(self) -> Floats:
        """(N, J, 2) in pixels; NaN for a joint that was not found."""
        ...

    @property
    def joint_scores(self) -> Floats:
        """(N, J) probabilities; 0 for a joint that was not found."""
        ...


def arrays_of(people: Sequence[People], num_joints: int, width: int, height: int) -> Arrays:
    """Return the arrays of a video from the people of each of T frames; P is the most of any frame.

    ``landmarks`` (P, T, J, 3) relative to width and height of the frame, with z 0; ``visibility`` (P, T, J);
    ``boxes`` (P, T, 4) in pixels; ``found`` (P, T). What is not known is NaN.
    """
    arrays = empty(max((len(found.joints) for found in people), default=0), len(people), num_joints)
    for t, found in enumerate(people):
        num = len(found.joints)
        arrays["landmarks"][:num, t, :, :2] = (found.joints + 0.5) / np.array([width, height], np.float32)
        arrays["landmarks"][:num, t, :, 2] = np.where(np.isfinite(found.joints).all(axis=-1), 0, np.nan)
        arrays["visibility"][:num, t] = found.joint_scores
        arrays["boxes"][:num, t] = _boxes(found, width, height)
        arrays["found"][:num, t] = True
    return arrays


def empty(persons: int, frames: int, num_joints: int) -> Arrays:
    """Return the arrays of a video in which nobody is found in any frame."""
    shapes = {"landmarks": (num_joints, 3), "visibility": (num_joints,), "boxes": (4,)}
    values = {name: np.full((persons, frames, *shape), np.nan, np.float32) for name, shape in shapes.items()}
    return {**values, "found": np.zeros((persons, frames), np.bool_)}


def _boxes(found: People, width: int, height: int) -> Floats:
    """The part inside the frame of the extent (N, 4) of the joints that are seen; of all joints, if none is."""
    known = np.isfinite(found.joints).all(axis=-1)
    seen = known & (found.joint_scores >= SEEN)
    seen = np.where(seen.any(axis=1, keepdims=True), seen, known)[..., None]
    corners = [np.where(seen, found.joints, np.inf).min(axis=1), np.where(seen, found.joints, -np.inf).max(axis=1)]
    return np.clip(np.stack(corners, axis=1), 0, [width - 1, height - 1]).reshape(-1, 4).astype(np.float32)

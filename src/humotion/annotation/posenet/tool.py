"""PoseNet as an annotation tool: the joints of everybody in each frame.

Nobody is followed: person 0 of a frame is the surest one of that frame, whoever it is. A layer of ``person_tracks``
that reads this one knows who is who.

Arrays of a video (P persons: the most of any frame; T frames; NaN where there is none)::

    landmarks   (P, T, 17, 3) float32  x, y relative to width and height of the frame, not clipped; z is always 0
    visibility  (P, T, 17)    float32  probability of the joint at this place
    boxes       (P, T, 4)     float32  x0 y0 x1 y1 in pixels of the frame: the extent of the joints that are seen
    found       (P, T)        bool

The order of the joints is COCO's. Source: see `humotion.models.person_lab.posenet`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from humotion import choices
from humotion.annotation.posenet.weights import GRAPH, NUMBERS, find_weights
from humotion.annotation.shared.contract import Frames
from humotion.annotation.shared.one_thread import one_thread
from humotion.params.annotation.posenet import PoseNetParams
from humotion.store.skeleton import skeleton_of

_TREE: Any = choices.load("models", "person_lab", "tree")
_JOINTS: tuple[str, ...] = _TREE.JOINTS

VERSION = 1
SKELETON = skeleton_of("coco", _JOINTS, tuple((_JOINTS[a], _JOINTS[b]) for a, b in _TREE.EDGES), "labelled")
AT_ONCE = 8  # frames that go through the network together
SEEN = 0.1  # probability of a joint that counts for the box of a person

Arrays = dict[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float32]


class People(Protocol):
    """N people of a frame: see `humotion.models.common.people_maps.Found`."""

    @property
    def joints(self) -> Floats:
        """(N, J, 2) in pixels."""
        ...

    @property
    def joint_scores(self) -> Floats:
        """(N, J) probabilities."""
        ...


def nobody(num_frames: int) -> Arrays:
    """See `humotion.annotation.shared.contract.Tool`."""
    return _empty(0, num_frames)


def weights(settings: PoseNetParams) -> Mapping[str, Path]:
    """See `humotion.annotation.shared.contract.Tool`."""
    return find_weights(settings)


def open_tool(settings: PoseNetParams) -> Callable[[Frames], Arrays]:
    """See `humotion.annotation.shared.contract.Tool`."""
    files = find_weights(settings)
    decoding = choices.load("models", settings.backbone, "decoding").Decoding(
        min_joint=settings.min_joint, min_person=settings.min_person, radius=settings.radius, most=settings.most
    )
    published: Any = choices.load("models", settings.backbone, "published")
    people_in = published.PeopleReader(files[GRAPH], files[NUMBERS], settings.side, decoding)

    def annotate(video: Frames) -> Arrays:
        people: list[People] = []
        with one_thread():
            for start in range(0, video.num_frames, AT_ONCE):
                people += people_in(video.decode(np.arange(start, min(start + AT_ONCE, video.num_frames))))
        return _arrays(people, video.width, video.height)

    return annotate


def _arrays(people: list[People], width: int, height: int) -> Arrays:
    """The arrays of a video from the people of each frame."""
    arrays = _empty(max((len(found.joints) for found in people), default=0), len(people))
    for t, found in enumerate(people):
        num = len(found.joints)
        arrays["landmarks"][:num, t, :, :2] = (found.joints + 0.5) / np.array([width, height], np.float32)
        arrays["landmarks"][:num, t, :, 2] = 0
        arrays["visibility"][:num, t] = found.joint_scores
        arrays["boxes"][:num, t] = _boxes(found, width, height)
        arrays["found"][:num, t] = True
    return arrays


def _boxes(found: People, width: int, height: int) -> Floats:
    """The part inside the frame of the extent (N, 4) of the joints that are seen; of all joints, if none is."""
    seen = found.joint_scores >= SEEN
    seen = (seen | ~seen.any(axis=1, keepdims=True))[..., None]
    corners = [np.where(seen, found.joints, np.inf).min(axis=1), np.where(seen, found.joints, -np.inf).max(axis=1)]
    return np.clip(np.stack(corners, axis=1), 0, [width - 1, height - 1]).reshape(-1, 4).astype(np.float32)


def _empty(persons: int, frames: int) -> Arrays:
    shapes = {"landmarks": (len(_JOINTS), 3), "visibility": (len(_JOINTS),), "boxes": (4,)}
    values = {name: np.full((persons, frames, *shape), np.nan, np.float32) for name, shape in shapes.items()}
    return {**values, "found": np.zeros((persons, frames), np.bool_)}

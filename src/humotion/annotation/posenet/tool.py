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
from typing import Any

import numpy as np
import numpy.typing as npt

from humotion import choices
from humotion.annotation.posenet.weights import GRAPH, NUMBERS, find_weights
from humotion.annotation.shared.contract import Frames
from humotion.annotation.shared.everybody import People, arrays_of, empty
from humotion.annotation.shared.one_thread import one_thread
from humotion.params.annotation.posenet import PoseNetParams
from humotion.store.skeleton import skeleton_of

_TREE: Any = choices.load("models", "person_lab", "tree")
_JOINTS: tuple[str, ...] = _TREE.JOINTS

VERSION = 1
SKELETON = skeleton_of("coco", _JOINTS, tuple((_JOINTS[a], _JOINTS[b]) for a, b in _TREE.EDGES), "labelled")
AT_ONCE = 8  # frames that go through the network together

Arrays = dict[str, npt.NDArray[Any]]


def nobody(num_frames: int) -> Arrays:
    """See `humotion.annotation.shared.contract.Tool`."""
    return empty(0, num_frames, len(_JOINTS))


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
        return arrays_of(people, len(_JOINTS), video.width, video.height)

    return annotate

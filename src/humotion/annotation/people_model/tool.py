"""A trained or converted model of multi-person pose as an annotation tool: the joints of everybody in each frame.

    frame --> square with grey bars --> model --> people in pixels of the square --> in pixels of the frame

Nobody is followed: person 0 of a frame is the surest one of that frame, whoever it is. A layer of ``person_tracks``
that reads this one knows who is who. The arrays of a video are those of `humotion.annotation.shared.everybody`, with
the joints of the model. A joint that the model did not find is NaN, with visibility 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from humotion.annotation.people_model.folder import batch_of, described, files_of, open_network, thresholds
from humotion.annotation.shared.contract import Frames
from humotion.annotation.shared.everybody import People, arrays_of, empty
from humotion.annotation.shared.one_thread import one_thread
from humotion.params.annotation.people_model import PeopleModelLayerParams
from humotion.store.skeleton import Skeleton

VERSION = 1
SKELETON = None  # that of the model: see `skeleton`
AT_ONCE = 4  # frames that go through the network together
GREY = (128, 128, 128)
"""The bars around a picture, as in training."""

Arrays = dict[str, npt.NDArray[Any]]


def skeleton(settings: PeopleModelLayerParams, _: Skeleton | None) -> Skeleton:
    """The joints that the model finds; raise a HumotionError if the layer names no such model."""
    return described(settings).skeleton


def nobody(num_frames: int) -> Arrays:
    """See `humotion.annotation.shared.contract.Tool`; without a model, the number of joints is 0."""
    return empty(0, num_frames, 0)


def weights(settings: PeopleModelLayerParams) -> Mapping[str, Path]:
    """See `humotion.annotation.shared.contract.Tool`."""
    described(settings)
    return files_of(settings)


def open_tool(settings: PeopleModelLayerParams) -> Callable[[Frames], Arrays]:
    """See `humotion.annotation.shared.contract.Tool`."""
    import torch

    model = described(settings)
    decoding = thresholds(settings, model)
    network = open_network(settings, model)
    side = settings.side or model.side
    num_joints = len(model.skeleton.joints)

    def annotate(video: Frames) -> Arrays:
        longest = max(video.width, video.height)
        corner = np.array([(video.width - longest) // 2, (video.height - longest) // 2])
        people: list[People] = []
        with one_thread(), torch.inference_mode():
            for start in range(0, video.num_frames, AT_ONCE):
                frames = video.decode(np.arange(start, min(start + AT_ONCE, video.num_frames)))
                people += network.find(batch_of(np.stack([squared(frame, side) for frame in frames])), decoding)
        return arrays_of(
            [_in_frame(found, settings.most, longest / side, corner) for found in people],
            *(num_joints, video.width, video.height),
        )

    return annotate


def squared(frame: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """A frame (H, W, 3) in the middle of a grey square, scaled to (side, side, 3), as training shows it."""
    height, width = frame.shape[:2]
    longest = max(height, width)
    above, before = (longest - height) - (longest - height) // 2, (longest - width) - (longest - width) // 2
    edges = (above, longest - height - above, before, longest - width - before)
    square = cv2.copyMakeBorder(frame, *edges, cv2.BORDER_CONSTANT, value=GREY)
    way = cv2.INTER_AREA if longest > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (side, side), interpolation=way), np.uint8)


def _in_frame(found: Any, most: int, scale: float, corner: npt.NDArray[np.int64]) -> People:
    """The surest people of a square picture, in pixels of the frame whose ``corner`` is that of the square."""
    joints = (found.joints[:most] + 0.5) * scale - 0.5 + corner
    kept: People = found._replace(joints=joints.astype(np.float32), joint_scores=found.joint_scores[:most])
    return kept

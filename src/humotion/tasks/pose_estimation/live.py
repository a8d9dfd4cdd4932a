"""Joints of one person in frames that come one by one.

    frame --BlazePose--> box --crop--> model with its state --> joints --> those that are believed

The side of the crop is that of the largest box of the last seconds, so that the person does not change its size from
frame to frame. The model starts again when the person was lost, when another one is followed, and at a cut.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.crop import crop_geometry, cut, to_stored
from humotion.figures.overlay import draw_skeleton
from humotion.prediction.live.now import Glance, Now
from humotion.prediction.video_file import Frames

if TYPE_CHECKING:
    from humotion.tasks.pose_estimation.predictor import PosePredictor

REMEMBERED = 60
"""The boxes of so many frames decide the side of the crop."""
_NOBODY = "nobody is there"


class LivePose:
    """What a model says of one frame after the other. It remembers the state of the model, and boxes."""

    def __init__(self, predictor: PosePredictor) -> None:
        self._predictor, self._rule, self._skeleton = predictor, predictor.rule, predictor.skeleton
        self._boxes: deque[npt.NDArray[np.float32]] = deque(maxlen=REMEMBERED)
        self._state: Any = None

    def __call__(self, glance: Glance) -> Now:
        """Return the joints of the person in the next frame."""
        box = None if glance.found is None else glance.found["boxes"][0, 0]
        if box is None or not np.isfinite(box).all():
            self._start()
            return Now(_NOBODY, {"joints": None, "box": None, "believed": None}, None)
        if glance.is_cut or (self._boxes and not _touch(self._boxes[-1], box)):
            self._start()
        self._boxes.append(box.astype(np.float32))
        joints, scores = self._joints(glance.pixels)
        believed = np.ones(len(scores), bool) if self._rule is None else self._rule.believed(scores)
        points = np.column_stack([joints, scores]).astype(float).round(3).tolist()
        values = {"joints": points, "box": box.astype(float).round(1).tolist(), "believed": believed.tolist()}
        shown = np.where(believed[:, None], joints, np.nan)

        def draw(frame: Frames) -> Frames:
            return draw_skeleton(frame, shown, None, self._skeleton)

        return Now("a person is there", values, draw if believed.any() else None)

    def _start(self) -> None:
        self._state = None
        self._boxes.clear()

    def _joints(self, frame: Frames) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Joints (J, 2) in pixels of the frame, and scores (J,)."""
        predictor, task = self._predictor, self._predictor.task
        window = predictor.windows(np.stack(self._boxes))[-1]
        crop = torch.from_numpy(cut(frame, window, predictor.size)).permute(2, 0, 1)[None, None]
        with torch.inference_mode():
            maps, self._state = task.advance(crop, self._state)  # type: ignore[operator]
            joints, scores = predictor.checked(**dict(zip(("joints", "scores"), task.decode(maps), strict=True)))  # type: ignore[operator]
        placed = to_stored(joints[0].numpy(), crop_geometry(window[None], predictor.size))
        return np.asarray(placed[0], np.float32), scores[0, 0].numpy()


def _touch(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> bool:
    """Whether two boxes x1 y1 x2 y2 overlap: a person moves by less than its size from frame to frame."""
    return bool((np.maximum(one[:2], other[:2]) < np.minimum(one[2:], other[2:])).all())

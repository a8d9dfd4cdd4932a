"""Predict the joints in every frame of any video file."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.crop import clip_windows, crop_geometry, cut, to_stored
from humotion.clips.people import main_person_boxes
from humotion.figures.overlay import draw_skeleton
from humotion.prediction.predictor import Answer, Frames, Predictor, Video
from humotion.store.skeleton import Skeleton
from humotion.tasks.pose_estimation.training.module import FRAMES_AT_ONCE, PoseEstimation

Floats = npt.NDArray[np.float32]
_WITHOUT_BOX = "one person, found by a first pass over whole frames"


class PosePredictor(Predictor):
    """Joints of one person.

    The model needs the person's box. Without a box, a first pass uses the complete frame, and a second pass uses the
    box around the joints of the first. A person who fills a small part of the frame needs a detector.
    """

    @property
    def skeleton(self) -> Skeleton:
        """The joint set of the model."""
        return Skeleton.from_dict(self.description.meta["skeleton"])

    def joints(self, video: Video, boxes: Floats | None = None) -> tuple[Floats, Floats]:
        """Return joints (N, J, 2) in pixels of the video and scores (N, J), for boxes (N, 4) x1 y1 x2 y2."""
        if boxes is None:
            boxes = self._boxes_of_layer(video)
        if boxes is None:
            frame = np.array([0, 0, video.width - 1, video.height - 1], np.float32)
            whole = np.tile(frame, (video.num_frames, 1))
            joints, _ = self._joints_in(video, whole)
            boxes = boxes_around(joints)
        return self._joints_in(video, boxes)

    def _boxes_of_layer(self, video: Video) -> Floats | None:
        """The boxes (N, 4) of the layer with which the model was trained, if its crops came from there."""
        if self.description.preprocessing.get("boxes", "labels") == "labels":
            return None
        return main_person_boxes(self.seen(video))

    def _joints_in(self, video: Video, boxes: Floats) -> tuple[Floats, Floats]:
        """One pass over the video, with as many frames in memory as the model processes together."""
        settings, task = self.description.preprocessing, self.task
        assert isinstance(task, PoseEstimation)
        windows = clip_windows(boxes, self.size, settings["person_scale"], settings.get("pixel_scale"))
        pairs = zip(video, windows, strict=True)
        state: Any = None
        joints: list[Floats] = []
        scores: list[Floats] = []
        with torch.inference_mode():
            while piece := list(islice(pairs, FRAMES_AT_ONCE)):
                crops = np.stack([cut(frame, window, self.size) for frame, window in piece])  # (T, S, S, 3)
                maps, state = task.advance(torch.from_numpy(crops).permute(0, 3, 1, 2)[None], state)
                found, score = task.decode(maps)
                for parts, part in zip((joints, scores), self.checked(joints=found, score=score), strict=True):
                    parts.append(part[0].numpy())
        return to_stored(np.concatenate(joints), crop_geometry(windows, self.size)), np.concatenate(scores)

    def answer(self, video: Video) -> Answer:
        """Return the mean confidence of the joints; x, y, score of every joint in every frame; and their drawing."""
        joints, score = self.joints(video)
        skeleton = self.skeleton
        xy_score = np.concatenate([joints, score[..., None]], axis=-1).round(3).tolist()

        def draw(number: int, frame: Frames) -> Frames:
            return draw_skeleton(frame, joints[number], None, skeleton)

        text = f"{len(skeleton.joints)} joints, mean peak {score.mean():.2f} ({_WITHOUT_BOX})"
        return Answer(text, {"joints": {"names": skeleton.joints, "frames": xy_score}}, draw)


def boxes_around(joints: Floats, window: int = 5) -> Floats:
    """Boxes (N, 4) around joints (N, J, 2), smoothed by a running median over ``window`` frames."""
    boxes = np.concatenate([joints.min(axis=1), joints.max(axis=1)], axis=1)
    padded = np.pad(boxes, ((window // 2, window // 2), (0, 0)), mode="edge")
    steady = np.median(np.lib.stride_tricks.sliding_window_view(padded, window, axis=0), axis=-1)
    return steady.astype(np.float32)

"""Predict the joints in every frame of any video file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.crop import clip_windows, crop_geometry, cut, to_stored
from humotion.figures.overlay import draw_skeleton
from humotion.prediction.predictor import Answer, DecodedVideo, Frames, Predictor, read_video
from humotion.store.skeleton import Skeleton

Floats = npt.NDArray[np.float32]


class PosePredictor(Predictor):
    """Joints of one person.

    The model needs the person's box. Without a box, a first pass uses the complete frame, and a second pass uses the
    box around the joints of the first. A person who fills a small part of the frame needs a detector.
    """

    @property
    def skeleton(self) -> Skeleton:
        """The joint set of the model."""
        return Skeleton.from_dict(self.description.meta["skeleton"])

    def joints(self, video: DecodedVideo, boxes: Floats | None = None) -> tuple[Floats, Floats]:
        """Return joints (N, J, 2) in pixels of the video and scores (N, J), for boxes (N, 4) x1 y1 x2 y2."""
        if boxes is None:
            frame = np.array([0, 0, video.width - 1, video.height - 1], np.float32)
            whole = np.tile(frame, (video.num_frames, 1))
            joints, _ = self._joints_in(video, whole)
            boxes = boxes_around(joints)
        return self._joints_in(video, boxes)

    def _joints_in(self, video: DecodedVideo, boxes: Floats) -> tuple[Floats, Floats]:
        settings = self.description.preprocessing
        windows = clip_windows(boxes, self.size, settings["person_scale"], settings.get("pixel_scale"))
        crops = np.stack([cut(frame, window, self.size) for frame, window in zip(video.frames, windows, strict=True)])
        frames = torch.from_numpy(crops).permute(0, 3, 1, 2)[None, :, None]  # (1, N, 1, 3, S, S)
        with torch.inference_mode():
            joints, score = self.task.joints(frames)  # type: ignore[operator]
        joints, score = self.checked(joints=joints, score=score)
        return to_stored(joints[0].numpy(), crop_geometry(windows, self.size)), score[0].numpy()

    def row(self, path: str) -> dict[str, Any]:
        """Return ``video``, and ``joints`` as JSON: names, and x, y, score of every joint in every frame."""
        joints, score = self.joints(read_video(Path(path)))
        xy_score = np.concatenate([joints, score[..., None]], axis=-1).round(3).tolist()
        return {"video": path, "joints": json.dumps({"names": self.skeleton.joints, "frames": xy_score})}

    def answer(self, video: DecodedVideo, frames: Frames) -> Answer:
        """Return the mean confidence of the joints, and the frames with the joints drawn on them."""
        joints, score = self.joints(video)
        skeleton = self.skeleton
        drawn = [draw_skeleton(frame, xy, None, skeleton) for frame, xy in zip(frames, joints, strict=True)]
        return Answer(f"{len(skeleton.joints)} joints, mean peak {score.mean():.2f}", np.stack(drawn))


def boxes_around(joints: Floats, window: int = 5) -> Floats:
    """Boxes (N, 4) around joints (N, J, 2), smoothed by a running median over ``window`` frames."""
    boxes = np.concatenate([joints.min(axis=1), joints.max(axis=1)], axis=1)
    padded = np.pad(boxes, ((window // 2, window // 2), (0, 0)), mode="edge")
    steady = np.median(np.lib.stride_tricks.sliding_window_view(padded, window, axis=0), axis=-1)
    return steady.astype(np.float32)

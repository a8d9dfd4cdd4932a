"""Predictors: a model folder made ready for any video file, with the preprocessing it was trained with."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.crop import clip_windows, crop_geometry, cut, to_stored
from humotion.clips.sampling import uniform
from humotion.clips.views import neighbours
from humotion.errors import HumotionError
from humotion.inputs.whole_frames import ActionView
from humotion.store.skeleton import SKELETONS
from humotion.training.description import ModelDescription
from humotion.training.model_folder import load_task
from humotion.training.task import Task
from humotion.video.decode import decode_video
from humotion.video.images import decode_frames_folder

Frames = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DecodedVideo:
    """All frames of a video file (N, H, W, 3), read like a stored video."""

    frames: Frames
    fps: float

    @property
    def num_frames(self) -> int:
        """N."""
        return len(self.frames)

    @property
    def height(self) -> int:
        """H in pixels."""
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        """W in pixels."""
        return int(self.frames.shape[2])

    def decode(self, indices: npt.NDArray[np.integer[Any]]) -> Frames:
        """Frames at ``indices``."""
        return self.frames[np.asarray(indices)]


def read_video(path: Path) -> DecodedVideo:
    """Decode a video file, or a folder of frames as images.

    Raises:
        HumotionError: no frame of it can be read.
    """
    decoded = decode_frames_folder(path) if path.is_dir() else decode_video(path)
    frames = decoded.read_all()
    if not len(frames):
        raise HumotionError(f"{path} cannot be read: it is {decoded.status} ({decoded.error}).")
    return DecodedVideo(frames, decoded.fps or 30.0)


class Predictor(ABC):
    """A trained task that answers for one video at a time."""

    def __init__(self, task: Task, description: ModelDescription) -> None:
        self.task, self.description = task, description
        self.size: int = description.preprocessing["size"]

    @abstractmethod
    def row(self, path: str) -> dict[str, Any]:
        """The answer for one video as plain values: a row of the served model's output."""


class ActionPredictor(Predictor):
    """Which action is it?"""

    def probabilities(self, video: DecodedVideo) -> dict[str, float]:
        """Probability of every class, the likeliest first."""
        clip = uniform(video.num_frames, self.description.preprocessing["num_frames"])
        model: Any = self.task.model
        indices = neighbours(clip.frame_indices, model.num_neighbours, video.num_frames)
        batch = {
            "frames": ActionView(self.size)(video, indices, seed=0)["frames"][None],
            "is_padding": torch.from_numpy(clip.is_padding)[None],
            "clip_index": torch.zeros(1, dtype=torch.int64),
        }
        with torch.inference_mode():
            scores = self.task.predict_step(batch)["probabilities"][0].tolist()
        pairs = zip(self.description.meta["classes"], scores, strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    def row(self, path: str) -> dict[str, Any]:
        """``video``, ``label``, and ``probabilities`` as JSON."""
        probabilities = self.probabilities(read_video(Path(path)))
        return {"video": path, "label": next(iter(probabilities)), "probabilities": json.dumps(probabilities)}


class PosePredictor(Predictor):
    """Where is every joint in every frame?

    The model wants the person's box. Without one the whole frame is taken first, and then the box
    around the joints found there; a person who fills a small part of the frame wants a detector.
    """

    def joints(self, video: DecodedVideo, boxes: Floats | None = None) -> tuple[Floats, Floats]:
        """Joints (N, J, 2) in pixels of the video and their scores (N, J), for boxes (N, 4) x1 y1 x2 y2."""
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
        return to_stored(joints[0].numpy(), crop_geometry(windows, self.size)), score[0].numpy()

    def row(self, path: str) -> dict[str, Any]:
        """``video``, and ``joints`` as JSON: names, and x, y, score of every joint in every frame."""
        joints, score = self.joints(read_video(Path(path)))
        names = SKELETONS[self.description.meta["skeleton"]].joints
        xy_score = np.concatenate([joints, score[..., None]], axis=-1).round(3).tolist()
        return {"video": path, "joints": json.dumps({"names": names, "frames": xy_score})}


def boxes_around(joints: Floats, window: int = 5) -> Floats:
    """Boxes (N, 4) around joints (N, J, 2), steadied by a running median over ``window`` frames."""
    boxes = np.concatenate([joints.min(axis=1), joints.max(axis=1)], axis=1)
    padded = np.pad(boxes, ((window // 2, window // 2), (0, 0)), mode="edge")
    steady = np.median(np.lib.stride_tricks.sliding_window_view(padded, window, axis=0), axis=-1)
    return steady.astype(np.float32)


PREDICTORS: dict[str, type[Predictor]] = {
    "action_recognition": ActionPredictor,
    "pose_estimation": PosePredictor,
}


def load_predictor(folder: Path | str) -> Predictor:
    """The predictor of a model folder, on the CPU."""
    task, description = load_task(Path(folder))
    return PREDICTORS[description.task](task, description)

"""What the memory of a pose machine holds of a person in a video, with the figures of the evaluation."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import torch

from humotion.clips.crop import cut
from humotion.prediction.looks import Look
from humotion.prediction.predictor import Answer, Predictor, VideoFile
from humotion.prediction.shots import shot_starts, stretches
from humotion.prediction.video_file import USUAL_FPS
from humotion.tasks.pose_estimation.evaluation.lstm_memory import has_memory
from humotion.tasks.pose_estimation.evaluation.memory import draw, predicted, read_memory
from humotion.tasks.pose_estimation.predictor import PosePredictor

MOST_FRAMES = 64
"""So many frames are looked at: two seconds show how a memory fills, and all channels of each frame are in memory."""
_TEXT = (
    "The film shows the person as the network sees it, with all joints, believed or not; where its memory keeps what "
    "earlier frames told; and where it writes what is new. The figures show the cell that follows each joint best, and "
    "how much of the memory around each joint is from the past."
)


def look_of(predictor: Predictor, video: VideoFile, answer: Answer, folder: Path) -> Look | None:
    """See `humotion.prediction.looks.look_of`; the frames are the first ones of the longest stretch with a person."""
    if not isinstance(predictor, PosePredictor) or not has_memory(predictor.task.model):
        return None
    boxes = np.array(
        [[np.nan] * 4 if box is None else box for box in answer.values["joints"]["boxes"]], np.float32
    )  # (N, 4)
    parts = stretches(np.asarray(np.isfinite(boxes).all(axis=1)), shot_starts(video))
    if not parts:
        return None
    longest = max(parts, key=lambda part: part.stop - part.start)
    shown = slice(longest.start, min(longest.stop, longest.start + MOST_FRAMES))
    windows = predictor.windows(boxes[longest])[: shown.stop - shown.start]
    frames = islice(iter(video), shown.start, shown.stop)
    crops = np.stack([cut(frame, window, predictor.size) for frame, window in zip(frames, windows, strict=True)])
    sample = {"frames": torch.from_numpy(crops).permute(0, 3, 1, 2)[:, None]}  # (T, 1, 3, S, S)
    joints = predicted(predictor.task, sample, len(crops))
    # Nobody has labelled this video: the network's own joints say where each joint is.
    sample |= {"joints": torch.from_numpy(joints), "visibility": torch.full(joints.shape[:2], 2, dtype=torch.uint8)}
    name = predictor.description.experiment
    stem = folder / f"{name}.memory"
    memory, title = read_memory(predictor.task, sample), f"{name}, frames {shown.start} to {shown.stop - 1}"
    draw(memory, joints, title, predictor.skeleton, video.fps or USUAL_FPS, stem)
    figures = [folder / f"{stem.name}_{what}.png" for what in ("channels", "reliance")]
    return Look("What the memory holds", _TEXT, folder / f"{stem.name}.mp4", figures)

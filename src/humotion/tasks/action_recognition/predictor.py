"""Predict the action in any video file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from humotion.clips.input import SCENE, load_input, neighbours
from humotion.clips.sampling import uniform
from humotion.prediction.predictor import Answer, DecodedVideo, Frames, Predictor, read_video

SHOWN_CLASSES = 5


class ActionPredictor(Predictor):
    """Class probabilities of a clip of uniformly sampled frames, preprocessed as in training."""

    def probabilities(self, video: DecodedVideo) -> dict[str, float]:
        """Return the probability of every class, the most likely first."""
        settings = self.description.preprocessing
        shown = load_input(settings["input"]).for_prediction(settings)
        clip = uniform(video.num_frames, settings["num_frames"])
        model: Any = self.task.model
        indices = neighbours(clip.frame_indices, model.num_neighbours, video.num_frames)
        batch = {
            "frames": shown(video, SCENE, indices, seed=0)["frames"][None],
            "is_padding": torch.from_numpy(clip.is_padding)[None],
            "clip_index": torch.zeros(1, dtype=torch.int64),
        }
        with torch.inference_mode():
            (scores,) = self.checked(probabilities=self.task.predict_step(batch)["probabilities"][0])
        pairs = zip(self.description.meta["classes"], scores.tolist(), strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    def row(self, path: str) -> dict[str, Any]:
        """Return ``video``, ``label``, and ``probabilities`` as JSON."""
        probabilities = self.probabilities(read_video(Path(path)))
        return {"video": path, "label": next(iter(probabilities)), "probabilities": json.dumps(probabilities)}

    def answer(self, video: DecodedVideo, frames: Frames) -> Answer:
        """Return the most likely classes, and the frames without a drawing."""
        best = list(self.probabilities(video).items())[:SHOWN_CLASSES]
        return Answer(", ".join(f"{label} {probability:.0%}" for label, probability in best), frames)

"""Predict the action in any video file."""

from __future__ import annotations

from typing import Any

import torch

from humotion.clips.input import SCENE, load_input, neighbours
from humotion.clips.sampling import uniform
from humotion.prediction.predictor import Answer, Predictor, Video

SHOWN_CLASSES = 5


class ActionPredictor(Predictor):
    """Class probabilities of a clip of uniformly sampled frames, preprocessed as in training."""

    def probabilities(self, video: Video) -> dict[str, float]:
        """Return the probability of every class, the most likely first."""
        settings = self.description.preprocessing
        settings = {**settings, "skeleton": self.description.meta.get("skeleton")}
        shown = load_input(settings["input"]).for_prediction(settings)
        clip = uniform(video.num_frames, settings["num_frames"])
        model: Any = self.task.model
        indices = neighbours(clip.frame_indices, model.num_neighbours, video.num_frames)
        sample = shown(video, SCENE, indices, seed=0)
        batch = {
            **{name: tensor[None] for name, tensor in sample.items()},
            "is_padding": torch.from_numpy(clip.is_padding)[None],
            "clip_index": torch.zeros(1, dtype=torch.int64),
        }
        with torch.inference_mode():
            (scores,) = self.checked(probabilities=self.task.predict_step(batch)["probabilities"][0])
        pairs = zip(self.description.meta["classes"], scores.tolist(), strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    def answer(self, video: Video) -> Answer:
        """Return the most likely classes, and ``label`` and ``probabilities``; nothing is drawn."""
        probabilities = self.probabilities(video)
        best = list(probabilities.items())[:SHOWN_CLASSES]
        text = ", ".join(f"{label} {probability:.0%}" for label, probability in best)
        return Answer(text, {"label": best[0][0], "probabilities": probabilities})

"""Predict the action in any video file."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from humotion.clips.input import SCENE, load_input, neighbours
from humotion.clips.sampling import Sampled, consecutive_windows, uniform
from humotion.prediction.predictor import Answer, Predictor, Verdict, Video
from humotion.tasks.action_recognition.training.abstention import calibrated, read_abstention
from humotion.training.task import Batch

SHOWN_CLASSES = 5
LEAST_FOUND = 0.5
"""The share of a window's frames in which somebody must be found."""


class ActionPredictor(Predictor):
    """Class probabilities of a video: of uniformly sampled frames, or the mean over windows, as in training."""

    says_when = True

    def probabilities(self, video: Video) -> dict[str, float]:
        """Return the probability of every class, the most likely first."""
        video = self.seen(video)
        settings, length = self.description.preprocessing, self.description.preprocessing["num_frames"]
        windows = settings.get("sampling") == "windows"
        clips = (
            consecutive_windows(video.num_frames, length, length) if windows else [uniform(video.num_frames, length)]
        )
        scores = torch.stack([self.of_clip(video, clip) for clip in clips]).mean(0)
        pairs = zip(self.description.meta["classes"], scores.tolist(), strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    def of_clip(self, video: Video, clip: Sampled) -> Tensor:
        """Return the probabilities (classes,) of one clip."""
        batch = self.batch_of(video, clip)
        with torch.inference_mode():
            (scores,) = self.checked(probabilities=self.task.predict_step(batch)["probabilities"][0])
        return scores

    def batch_of(self, video: Video, clip: Sampled) -> Batch:
        """Return a batch of one clip of a video that the layer's tool has `seen`, as a loader gives it."""
        settings = {**self.description.preprocessing, "skeleton": self.description.meta.get("skeleton")}
        shown = load_input(settings["input"]).for_prediction(settings)
        model: Any = self.task.model
        indices = neighbours(clip.frame_indices, model.num_neighbours, video.num_frames)
        sample = shown(video, SCENE, indices, seed=0)
        return {
            **{name: tensor[None] for name, tensor in sample.items()},
            "is_padding": torch.from_numpy(clip.is_padding)[None],
            "clip_index": torch.zeros(1, dtype=torch.int64),
        }

    def answer(self, video: Video) -> Answer:
        """Return the most likely classes, and ``label`` and ``probabilities``; nothing is drawn."""
        return answer_of(self.probabilities(video))

    def check_live(self, min_confidence: float | None) -> str | None:
        """See `Predictor`; the sentence is about a threshold that is missing."""
        rule, name = read_abstention(self.description.abstention), self.description.experiment
        if min_confidence is not None or (rule is not None and rule.threshold is not None):
            return None
        if rule is None:
            return (
                f"{name} was trained by an earlier version and has no threshold, so it always says an action. Train it "
                "again, or set --min-confidence."
            )
        return (
            f"{name} always says none: on its validation clips, no confidence gave {rule.wanted:.0%} right answers. "
            "--min-confidence 0 shows its guesses."
        )

    def threshold(self, min_confidence: float | None = None) -> float | None:
        """See `Predictor`; a folder of an earlier version has no threshold, so its model always says an action."""
        if min_confidence is not None:
            return min_confidence
        rule = read_abstention(self.description.abstention)
        return 0.0 if rule is None else rule.threshold

    def verdict(self, video: Video, min_confidence: float | None = None) -> Verdict:
        """See `Predictor`: none if nobody is found in half of the frames, or if the confidence is too low."""
        video = self.seen(video)
        if "found" in video.annotation:
            somebody = np.asarray(video.annotation["found"], bool).any(axis=0)  # (T,) of (P, T)
            if somebody.mean() < LEAST_FOUND:
                return Verdict(None, "nobody is there")
        rule = read_abstention(self.description.abstention)
        found = self.probabilities(video)
        values = calibrated(np.array(list(found.values())), 1.0 if rule is None else rule.temperature)
        guess, confidence = list(found)[int(values.argmax())], float(values.max())
        probabilities = dict(zip(found, values.tolist(), strict=True))
        threshold = self.threshold(min_confidence)
        if threshold is None or confidence < threshold:
            return Verdict(None, "not sure", guess, confidence, probabilities)
        return Verdict(guess, "", guess, confidence, probabilities)


def answer_of(probabilities: dict[str, float]) -> Answer:
    """Return the answer for the probabilities of all classes, the most likely first."""
    best = list(probabilities.items())[:SHOWN_CLASSES]
    text = ", ".join(f"{label} {probability:.0%}" for label, probability in best)
    return Answer(text, {"label": best[0][0], "probabilities": probabilities})

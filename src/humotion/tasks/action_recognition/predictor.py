"""Predict the action in any video file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from humotion.clips.input import SCENE, load_input, neighbours
from humotion.clips.sampling import Sampled, consecutive_windows, uniform
from humotion.prediction.predictor import Answer, Video
from humotion.tasks.action_recognition.training.abstention import Abstention, read_abstention
from humotion.tasks.action_recognition.window_predictor import WindowPredictor, is_without_people
from humotion.training.task import Batch

SHOWN_CLASSES = 5
NOBODY = Answer("nobody was found, so there is no action", {"label": None, "probabilities": None})


class ActionPredictor(WindowPredictor):
    """Class probabilities of a video: of uniformly sampled frames, or the mean over windows, as in training."""

    @property
    def rule(self) -> Abstention | None:
        """See `WindowPredictor`."""
        return read_abstention(self.description.abstention)

    def seen_windows(self, windows: Sequence[Video]) -> list[Video]:
        """See `WindowPredictor`."""
        return [self.seen(window) for window in windows]

    def of_windows(self, seen: Sequence[Video]) -> dict[str, float]:
        """See `WindowPredictor`."""
        (window,) = seen
        return self.probabilities(window)

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
        """Return the most likely classes, and ``label`` and ``probabilities``; nothing is drawn.

        Both are None if the tool of the training found nobody: a model that is shown nobody says something, too.
        """
        seen = self.seen(video)
        return NOBODY if is_without_people(seen) else answer_of(self.probabilities(seen))


def answer_of(probabilities: dict[str, float]) -> Answer:
    """Return the answer for the probabilities of all classes, the most likely first."""
    best = list(probabilities.items())[:SHOWN_CLASSES]
    text = ", ".join(f"{label} {probability:.0%}" for label, probability in best)
    return Answer(text, {"label": best[0][0], "probabilities": probabilities})

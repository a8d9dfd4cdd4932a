"""What a model of actions says of a window of frames: an action if it is sure enough, or else none, and why."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from humotion.prediction.predictor import Predictor, Verdict, Video
from humotion.tasks.action_recognition.training.abstention import Abstention, calibrated

LEAST_FOUND = 0.5
"""The share of a window's frames in which somebody must be found."""


class WindowPredictor(Predictor):
    """A model of actions, or several that answer together."""

    says_when = True

    @property
    @abstractmethod
    def rule(self) -> Abstention | None:
        """When the model is sure enough; None if its folder does not say it, and it always says an action."""

    @abstractmethod
    def seen_windows(self, windows: Sequence[Video]) -> list[Video]:
        """Return the windows, one per part, each with what the layer of the part's training would say of it."""

    @abstractmethod
    def of_windows(self, seen: Sequence[Video]) -> dict[str, float]:
        """Return the probability of every class, as the model gives them, from what `seen_windows` returns."""

    def check_live(self, min_confidence: float | None) -> str | None:
        """See `Predictor`; the sentence is about a threshold that is missing."""
        rule, name = self.rule, self.description.experiment
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
        return 0.0 if self.rule is None else self.rule.threshold

    def verdict(self, windows: Sequence[Video], min_confidence: float | None = None) -> Verdict:
        """See `Predictor`: none if a part finds nobody in half of the frames, or if the confidence is too low."""
        seen = self.seen_windows(windows)
        if any(_is_empty(window) for window in seen):
            return Verdict(None, "nobody is there")
        found = self.of_windows(seen)
        values = calibrated(np.array(list(found.values())), 1.0 if self.rule is None else self.rule.temperature)
        guess, confidence = list(found)[int(values.argmax())], float(values.max())
        probabilities = dict(zip(found, values.tolist(), strict=True))
        threshold = self.threshold(min_confidence)
        if threshold is None or confidence < threshold:
            return Verdict(None, "not sure", guess, confidence, probabilities)
        return Verdict(guess, "", guess, confidence, probabilities)


def is_without_people(video: Video) -> bool:
    """Whether a tool looked for people and found nobody in any frame."""
    return "found" in video.annotation and not np.asarray(video.annotation["found"], bool).any()


def _is_empty(window: Video) -> bool:
    """Whether a tool looked for people and found somebody in too few frames."""
    if "found" not in window.annotation:
        return False
    somebody = np.asarray(window.annotation["found"], bool).any(axis=0)  # (T,) of (P, T)
    return bool(somebody.mean() < LEAST_FOUND)

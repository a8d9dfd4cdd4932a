"""Predict the action in any video file with a fusion: its members answer, and their log-probabilities are added."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np

from humotion.errors import HumotionError
from humotion.prediction.predictor import Answer, Predictor, Video, load_predictor
from humotion.tasks.action_recognition.fusion.mixture import mixed
from humotion.tasks.action_recognition.predictor import answer_of
from humotion.training.description import ModelDescription, read_description
from humotion.training.fusion import MEMBERS, members_of


class FusionPredictor(Predictor):
    """The members of a fusion, each with its own preprocessing.

    A layer's tool looks at the video once, even if several members need it.
    """

    def __init__(self, members: dict[str, Predictor], description: ModelDescription) -> None:
        self.members, self.description = members, description

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """See `Predictor.of_folder`."""
        description = read_description(folder)
        return cls({name: load_predictor(folder / MEMBERS / name) for name in members_of(description)}, description)

    def probabilities(self, video: Video) -> dict[str, float]:
        """Return the probability of every class, the most likely first."""
        classes = self.description.meta["classes"]
        answers = (member.answer(video).values["probabilities"] for member in self.members.values())
        found = [np.array([answer[label] for label in classes]) for answer in answers]
        scores = mixed(found, list(members_of(self.description).values()))
        return dict(sorted(zip(classes, scores.tolist(), strict=True), key=lambda pair: -pair[1]))

    def check_live(self, min_confidence: float | None) -> str | None:
        """See `Predictor`: there is no rule yet for when a fusion is sure."""
        raise HumotionError(
            f"{self.description.experiment} is a fusion, which has no --live. Name its members with --model: "
            f"{' and '.join(self.members)}."
        )

    def answer(self, video: Video) -> Answer:
        """Return the most likely classes, and ``label`` and ``probabilities``; nothing is drawn."""
        return answer_of(self.probabilities(video))

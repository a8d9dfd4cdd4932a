"""Predict the action in any video file with a fusion: its members answer, and their log-probabilities are added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from humotion.errors import HumotionError
from humotion.prediction.caution import joined
from humotion.prediction.predictor import Answer, Predictor, Video, load_predictor
from humotion.tasks.action_recognition.fusion.mixture import mixed
from humotion.tasks.action_recognition.fusion.rule import rule_of
from humotion.tasks.action_recognition.predictor import NOBODY, answer_of
from humotion.tasks.action_recognition.training.abstention import Abstention
from humotion.tasks.action_recognition.window_predictor import WindowPredictor
from humotion.training.description import VALIDATION, ModelDescription, read_description
from humotion.training.fusion import MEMBERS, members_of


class FusionPredictor(WindowPredictor):
    """The members of a fusion, each with its own preprocessing.

    A layer's tool looks at the video once, even if several members need it. When the fusion is sure is decided by its
    own answers for the validation clips, which its folder has; the thresholds of its members have no say.
    """

    def __init__(
        self, members: dict[str, WindowPredictor], description: ModelDescription, rule: Abstention | None
    ) -> None:
        self.members, self.description, self._rule = members, description, rule

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """See `Predictor.of_folder`."""
        description = read_description(folder)
        members = {name: _member(folder / MEMBERS / name) for name in members_of(description)}
        validation = folder / VALIDATION
        return cls(members, description, rule_of(pd.read_parquet(validation)) if validation.exists() else None)

    @property
    def caution(self) -> str:
        """See `Predictor`: what must be told of any member."""
        return joined(member.caution for member in self.members.values())

    @property
    def parts(self) -> tuple[Predictor, ...]:
        """The models that look at frames: its members, and those of a member that is a fusion."""
        return tuple(part for member in self.members.values() for part in member.parts)

    @property
    def rule(self) -> Abstention | None:
        """See `WindowPredictor`; None if the answers for the validation clips were taken out of the folder."""
        return self._rule

    def seen_windows(self, windows: Sequence[Video]) -> list[Video]:
        """See `WindowPredictor`."""
        shared = self._shared(windows)
        return [one for name, member in self.members.items() for one in member.seen_windows(shared[name])]

    def of_windows(self, seen: Sequence[Video]) -> dict[str, float]:
        """See `WindowPredictor`."""
        shared = self._shared(seen)
        return self._mixed([member.of_windows(shared[name]) for name, member in self.members.items()])

    def answer(self, video: Video) -> Answer:
        """See `ActionPredictor.answer`; there is nobody if a member sees nobody."""
        answers = [member.answer(video).values for member in self.members.values()]
        if any(one["label"] is None for one in answers):
            return NOBODY
        return answer_of(self._mixed([one["probabilities"] for one in answers]))

    def _mixed(self, answers: Sequence[Mapping[str, float]]) -> dict[str, float]:
        classes = self.description.meta["classes"]
        found = [np.array([answer[label] for label in classes]) for answer in answers]
        scores = mixed(found, list(members_of(self.description).values()))
        return dict(sorted(zip(classes, scores.tolist(), strict=True), key=lambda pair: -pair[1]))

    def _shared(self, windows: Sequence[Video]) -> dict[str, Sequence[Video]]:
        """Each member's windows: as many as it has parts."""
        rest = iter(windows)
        return {name: [next(rest) for _ in member.parts] for name, member in self.members.items()}


def _member(folder: Path) -> WindowPredictor:
    predictor: Any = load_predictor(folder)
    if not isinstance(predictor, WindowPredictor):
        raise HumotionError(f"{folder} is no model of actions, so its answers cannot be added.")
    return predictor

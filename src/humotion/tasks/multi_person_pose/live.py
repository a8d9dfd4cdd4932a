"""Joints of everybody in frames that come one by one, each with a number while a person is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from humotion.annotation.person_tracks.similarity import areas_of, deviations
from humotion.annotation.person_tracks.tracker import Track, Tracker
from humotion.clips.crop import cut
from humotion.inputs.whole_pictures import window_of
from humotion.params.annotation.person_tracks import PersonTracksParams
from humotion.prediction.live.now import Glance, Now
from humotion.prediction.video_file import Frames
from humotion.tasks.multi_person_pose.training.people import People

if TYPE_CHECKING:
    from humotion.tasks.multi_person_pose.predictor import PeoplePredictor

_KEPT = 8  # frames of a track that are remembered, at least as many as confirm it


class LivePeople:
    """What a model of whole pictures says of one frame after the other. It remembers who is followed."""

    def __init__(self, predictor: PeoplePredictor, follows: PersonTracksParams) -> None:
        self._predictor, self._follows = predictor, follows
        self._tracker = Tracker(
            deviations(predictor.skeleton.joints), follows.surely, follows.alike, follows.hits, follows.lost
        )
        self._alive: list[Track] = []
        self._numbers: dict[int, int] = {}  # of those who are followed, by the identity of their track
        self._next = self._frame = 0

    def __call__(self, glance: Glance) -> Now:
        """Return everybody in the next frame."""
        height, width = glance.pixels.shape[:2]
        shown = cut(glance.pixels, window_of(width, height), self._predictor.size)
        with torch.inference_mode():
            (people,) = self._predictor.in_pictures(shown[None], width, height)
        if glance.is_cut:
            self._alive.clear()
            self._numbers.clear()
        tracks = self._followed(people)
        numbered = People(people.joints, people.joint_scores, people.scores, people.boxes, tracks=tracks)
        believed = self._predictor.believed(numbered)
        count = int(believed.any(axis=1).sum())
        text = "nobody is there" if not count else "1 person" if count == 1 else f"{count} people"

        def draw(frame: Frames) -> Frames:
            return self._predictor.drawn(frame, numbered, believed)

        return Now(text, {"people": self._predictor.rows(numbered, believed)}, draw if count else None)

    def _followed(self, people: People) -> npt.NDArray[np.int64]:
        """The number of each person (N,), -1 for somebody who was not seen in enough frames yet."""
        t, everybody = self._frame, np.arange(len(people))
        self._frame += 1
        joints = np.nan_to_num(people.joints)
        self._tracker.step(self._alive, t, everybody, joints, people.joint_scores, areas_of(people.boxes))
        self._alive = [track for track in self._alive if t - track.last <= self._follows.lost]
        numbers = np.full(len(people), -1, np.int64)
        for track in self._alive:
            if id(track) not in self._numbers and len(track.seen) >= self._follows.hits:
                self._numbers[id(track)] = self._next
                self._next += 1
            if t in track.seen:
                numbers[track.seen[t]] = self._numbers.get(id(track), -1)
            while len(track.seen) > max(_KEPT, self._follows.hits):
                del track.seen[min(track.seen)]
        followed = {id(track) for track in self._alive}
        self._numbers = {key: number for key, number in self._numbers.items() if key in followed}
        return numbers

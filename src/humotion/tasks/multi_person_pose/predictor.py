"""Find all people in every frame of any video file, and follow them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from itertools import islice, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from humotion.annotation.person_tracks.similarity import deviations
from humotion.annotation.person_tracks.tracker import Tracker
from humotion.clips.crop import crop_geometry, cut
from humotion.errors import HumotionError
from humotion.figures.overlay import PEOPLE, draw_skeleton
from humotion.inputs.whole_pictures import window_of
from humotion.params.annotation.person_tracks import PersonTracksParams
from humotion.prediction.bars import frames_bar
from humotion.prediction.layer import everybody_tool, with_people
from humotion.prediction.live.now import Watcher
from humotion.prediction.predictor import Answer, Frames, Predictor, Video
from humotion.prediction.rows import Rows
from humotion.prediction.shots import shot_starts
from humotion.store.skeleton import Skeleton
from humotion.tasks.multi_person_pose.live import LivePeople
from humotion.tasks.multi_person_pose.training.abstention import PeopleAbstention, read_people_abstention
from humotion.tasks.multi_person_pose.training.joint_sets import sigmas_of
from humotion.tasks.multi_person_pose.training.outcomes import as_people, to_stored
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.person_boxes import boxes_of_layer
from humotion.tasks.multi_person_pose.training.top_down import Cutting, find_top_down

FRAMES_AT_ONCE = 8
_ADVICE = (
    "The model looks at one person at a time, and nothing here says where people are, so it looked at whole frames: "
    "run `humotion fetch posenet`"
)
_FOLLOWS = PersonTracksParams(dataset="", tool="person_tracks", lost=30)
"""How people are followed: as the tool does it, but lost people are waited for twice as long."""

_logger = logging.getLogger(__name__)


class PeoplePredictor(Predictor):
    """Joints of all people, each with a number that is the same in all frames."""

    @cached_property
    def skeleton(self) -> Skeleton:
        """The joint set of the model."""
        return Skeleton.from_dict(self.description.meta["skeleton"])

    def people(self, video: Video) -> tuple[list[People], str]:
        """Return the people in each frame, in pixels of the video, and a sentence about what would find them better.

        Raises:
            HumotionError: the tool of the training's layer, which says where people are, cannot run here.
        """
        with torch.inference_mode():
            if self.description.preprocessing["input"] == "whole_pictures":
                return self._bottom_up(video), ""
            return self._top_down(video)

    def _bottom_up(self, video: Video) -> list[People]:
        window = window_of(video.width, video.height)
        frames_left = iter(frames_bar(video, total=video.num_frames, desc="people"))
        found: list[People] = []
        while frames := list(islice(frames_left, FRAMES_AT_ONCE)):
            pictures = np.stack([cut(frame, window, self.size) for frame in frames])
            found += self.in_pictures(pictures, video.width, video.height)
        return found

    def in_pictures(self, pictures: Frames, width: int, height: int) -> list[People]:
        """Return the people in squares (N, S, S, 3) around frames, in pixels of the frames, for a model of those."""
        task: Any = self.task
        crop = crop_geometry(window_of(width, height), self.size)
        shown = torch.from_numpy(pictures).permute(0, 3, 1, 2)[:, None, None]
        found = task.people_model.find({"frames": shown}, task.decoding)
        return [as_people(to_stored(one, crop)) for one in found]

    def watcher(self) -> Watcher:
        """See `Predictor`.

        Raises:
            HumotionError: the model looks at one person at a time.
        """
        if self.description.preprocessing["input"] != "whole_pictures":
            raise HumotionError(
                f"{self.description.experiment} looks at one person at a time, and nothing says fast enough where "
                "everybody is. With --live, use a model of whole pictures, or a pose machine for one person."
            )
        return Watcher(LivePeople(self, _FOLLOWS), remark=". ".join(_sentences(self.rule)))

    def _top_down(self, video: Video) -> tuple[list[People], str]:
        task: Any = self.task
        settings = self.description.preprocessing
        cutting = Cutting(self.size, settings["person_scale"], settings.get("pixel_scale"))
        sigmas = sigmas_of(self.skeleton.name)
        annotation, advice = self._where(video)
        bar = frames_bar(video, total=video.num_frames, desc="people")
        found = [
            find_top_down(
                *(task.people_model, frame, boxes_of_layer(annotation, number), cutting, task.decoding, sigmas)
            )
            for number, frame in enumerate(bar)
        ]
        return found, advice

    def _where(self, video: Video) -> tuple[Mapping[str, npt.NDArray[Any]], str]:
        """Where people are, by the layer of the training, or else by PoseNet, or else the whole frame; and advice."""
        if self.description.preprocessing.get("layer") is not None:
            return self.seen(video).annotation, ""
        try:
            tool = everybody_tool()
        except HumotionError as error:
            _logger.info("PoseNet cannot look for people: %s", error)
            frame = np.array([0, 0, video.width - 1, video.height - 1], np.float32)
            return {
                "boxes": np.tile(frame, (1, video.num_frames, 1)),
                "found": np.ones((1, video.num_frames), bool),
            }, _ADVICE
        return with_people(video, tool, ("boxes", "found", "visibility")).annotation, ""

    @cached_property
    def rule(self) -> PeopleAbstention | None:
        """Whom the model believes; None if its folder does not say it, and everybody is drawn."""
        return read_people_abstention(self.description.abstention)

    def answer(self, video: Video) -> Answer:
        """Return who is where.

        ``people`` of the values has ``names`` (J), ``edges`` (pairs of their indices), and ``frames`` (N), each a list
        of people: ``track`` (a number, null for somebody who was seen only briefly), ``score``, ``box`` x1, y1, x2, y2,
        ``joints`` (J, 3): x, y, score, three zeros for a joint that was not found, and ``believed`` (J): which of them
        are drawn, all false for a person who is not. ``person_threshold`` and ``joint_threshold`` are the scores from
        which on they are. ``note`` is what a user must know of it.
        """
        skeleton, rule = self.skeleton, self.rule
        found, advice = self.people(video)
        people = followed(found, skeleton, shot_starts(video))
        believed = [self.believed(one) for one in people]

        def draw(number: int, frame: Frames) -> Frames:
            return self.drawn(frame, people[number], believed[number])

        notes = [*([advice] if advice else []), *_sentences(rule)]
        values = {
            "names": skeleton.joints,
            "edges": [list(edge) for edge in skeleton.edges],
            "frames": Rows(len(people), lambda number: self.rows(people[number], believed[number])),
            "person_threshold": None if rule is None else rule.person_threshold,
            "joint_threshold": None if rule is None else rule.joint_threshold,
            "note": " ".join(f"{note.rstrip('.')}." for note in notes),
        }
        text = ". ".join([_text(people, believed), *notes])
        return Answer(text, {"people": values}, draw if any(sure.any() for sure in believed) else None)

    def believed(self, people: People) -> npt.NDArray[np.bool_]:
        """Return which joints (N, J) are drawn: without a rule, all that were found."""
        rule = self.rule
        if rule is None:
            return np.asarray(np.isfinite(people.joints).all(axis=2))
        return rule.believed(people)[1]

    def drawn(self, frame: Frames, people: People, believed: npt.NDArray[np.bool_]) -> Frames:
        """Return a frame (H, W, 3) with the believed joints (N, J) of people, each in the colour of its track."""
        tracks = np.arange(len(people)) if people.tracks is None else people.tracks
        for joints, track, sure in zip(people.joints, tracks.tolist(), believed, strict=True):
            if sure.any():
                colour = (160, 160, 160) if track < 0 else PEOPLE[track % len(PEOPLE)]
                shown = np.where(sure[:, None], joints, np.nan)
                frame = draw_skeleton(frame, shown, None, self.skeleton, colour)
        return frame

    def rows(self, people: People, believed: npt.NDArray[np.bool_]) -> list[Mapping[str, Any]]:
        """Return people as `answer` has them in ``frames``."""
        points = np.nan_to_num(np.concatenate([people.joints, people.joint_scores[..., None]], axis=2)).round(3)
        tracks = np.full(len(people), -1) if people.tracks is None else people.tracks
        return [
            {
                "track": int(track) if track >= 0 else None,
                "score": round(float(score), 4),
                "box": box.round(1).tolist(),
                "joints": joints.tolist(),
                "believed": sure.tolist(),
            }
            for track, score, box, joints, sure in zip(
                tracks, people.scores, people.boxes, points, believed, strict=True
            )
        ]


def _text(people: list[People], believed: list[npt.NDArray[np.bool_]]) -> str:
    """How many people are shown, and how many of those that were found are not."""
    shown = [sure.any(axis=1) for sure in believed]
    num_found, num_shown = sum(map(len, people)), int(sum(one.sum() for one in shown))
    if not num_found:
        return "nobody was found"
    if not num_shown:
        return f"nobody is shown: {_counted(num_found)} found, but no score is high enough"
    most = max(int(one.sum()) for one in shown)
    text = _counted(most)
    if len(people) > 1:
        numbers = {
            int(track)
            for one, sure in zip(people, shown, strict=True)
            for track in ([] if one.tracks is None else one.tracks[sure])
            if track >= 0
        }
        text = f"{_counted(len(numbers))}, at most {most} at the same time"
    left = num_found - num_shown
    return f"{text}; {left} of {num_found} finds have too low a score to be shown" if left else text


def _counted(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


def _sentences(rule: PeopleAbstention | None) -> list[str]:
    """What a user must know of who is drawn."""
    if rule is None:
        return ["The model folder has no threshold of scores, so everybody who was found is drawn"]
    for threshold, who in ((rule.person_threshold, "people"), (rule.joint_threshold, "joints")):
        if threshold is None:
            return [f"Nobody is drawn: on the validation images, no score gave {rule.wanted:.0%} right {who}"]
    return []


def followed(people: list[People], skeleton: Skeleton, starts: npt.NDArray[np.bool_]) -> list[People]:
    """Return the people of successive frames with ``tracks``: -1 for somebody who was seen only briefly.

    Where a shot ``starts`` (N,), all people are new.
    """
    follows, joint_deviations = _FOLLOWS, deviations(skeleton.joints)
    numbered, first = [], 0
    edges = [0, *(int(at) for at in np.flatnonzero(starts) if at > 0), len(people)]
    for start, end in pairwise(edges):
        shot = people[start:end]
        # Whoever is seen in all of a shot is no brief find, also if the shot is a picture.
        hits = min(follows.hits, len(shot))
        tracker = Tracker(joint_deviations, follows.surely, follows.alike, hits, follows.lost)
        numbers = [np.full(len(one), -1, np.int64) for one in shot]
        tracks = tracker(*_as_arrays(shot, len(skeleton.joints)))
        for track, seen in enumerate(tracks):
            for frame, person in seen.items():
                numbers[frame][person] = first + track
        first += len(tracks)
        numbered += [
            People(one.joints, one.joint_scores, one.scores, one.boxes, tracks=number)
            for one, number in zip(shot, numbers, strict=True)
        ]
    return numbered


def _as_arrays(people: list[People], num_joints: int) -> tuple[Any, Any, Any, Any]:
    """Joints (P, T, J, 2), scores (P, T, J), boxes (P, T, 4) and who is there (P, T), with P the most in a frame."""
    most, frames = max(map(len, people), default=0), len(people)
    joints, scores = np.zeros((most, frames, num_joints, 2)), np.zeros((most, frames, num_joints))
    boxes, found = np.zeros((most, frames, 4)), np.zeros((most, frames), bool)
    for frame, one in enumerate(people):
        number = len(one)
        joints[:number, frame], scores[:number, frame] = np.nan_to_num(one.joints), one.joint_scores
        boxes[:number, frame], found[:number, frame] = one.boxes, True
    return joints, scores, boxes, found

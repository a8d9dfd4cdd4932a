"""Predict the joints in every frame of any video file."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.crop import clip_windows, crop_geometry, cut, to_stored
from humotion.clips.people import main_person_boxes
from humotion.errors import HumotionError
from humotion.figures.overlay import draw_skeleton
from humotion.prediction.bars import frames_bar
from humotion.prediction.layer import checked_settings, people_tool, with_person
from humotion.prediction.live.now import Watcher
from humotion.prediction.predictor import Answer, Frames, Predictor, Video
from humotion.prediction.rows import Rows
from humotion.prediction.shots import shot_starts, stretches
from humotion.store.people import found_frames, main_person
from humotion.store.skeleton import Skeleton
from humotion.tasks.pose_estimation.live import LivePose
from humotion.tasks.pose_estimation.training.abstention import JointAbstention, read_joint_abstention
from humotion.tasks.pose_estimation.training.module import FRAMES_AT_ONCE

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
_BY_LAYER = "one person, found by the tool of the model's layer"
_BY_TOOL = "one person, found by BlazePose"
_WITHOUT_BOX = "one person, found by a first pass over whole frames"
_ADVICE = (
    "Nothing here finds people, so joints may be drawn where nobody is: run `humotion fetch blazepose` and "
    "`pip install 'humotion[landmarks]'`."
)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where the person is.

    Attributes:
        boxes: (N, 4) x1 y1 x2 y2 in every frame, NaN where nobody was found.
        how: who says so.
        advice: a sentence about what would say it better; empty if nothing would.
    """

    boxes: Floats
    how: str
    advice: str = ""

    @property
    def known(self) -> Bools:
        """In which frames (N,) somebody was found."""
        return np.asarray(np.isfinite(self.boxes).all(axis=1))


class PosePredictor(Predictor):
    """Joints of one person.

    The model needs the person's box. The layer of its training says where it is, or else BlazePose. If that cannot run
    here, a first pass uses the complete frame, and a second pass uses the box around the joints of the first.
    """

    follows = True

    @property
    def skeleton(self) -> Skeleton:
        """The joint set of the model."""
        return Skeleton.from_dict(self.description.meta["skeleton"])

    @property
    def rule(self) -> JointAbstention | None:
        """Which joints the model believes; None if its folder does not say it, and all of them are drawn."""
        return read_joint_abstention(self.description.abstention)

    def joints(self, video: Video, boxes: Floats | None = None) -> tuple[Floats, Floats]:
        """Return joints (N, J, 2) in pixels of the video and scores (N, J), for boxes (N, 4) x1 y1 x2 y2.

        In frames where nobody was found (a box of NaN), joints are NaN and scores 0.
        """
        if boxes is None:
            boxes = self.place(video).boxes
            return self._joints_in(video, boxes, shot_starts(video))
        return self._joints_in(video, boxes)

    def place(self, video: Video) -> Place:
        """Return where the person is, by the layer of the training, by BlazePose, or by a pass over whole frames."""
        if self.description.preprocessing.get("boxes", "labels") == "layer":
            return Place(_boxes_of(self.seen(video)), _BY_LAYER)
        try:
            tool = people_tool(self.weights)
        except HumotionError as error:
            if self.weights is not None:  # they were named, so a user expects that they are used
                raise
            _logger.info("BlazePose cannot look for the person: %s", error)
            return Place(self._boxes_of_first_pass(video), _WITHOUT_BOX, _ADVICE)
        return Place(_boxes_of(with_person(video, tool)), _BY_TOOL)

    def watcher(self) -> Watcher:
        """See `Predictor`: the person is found as `place` finds it, but there is no first pass over whole frames."""
        settings = self.description.preprocessing
        by_layer = settings.get("boxes", "labels") == "layer"
        tool = checked_settings(settings["layer"], self.weights) if by_layer else people_tool(self.weights)
        return Watcher(LivePose(self), tool, " ".join(_about_rule(self.rule)))

    def _boxes_of_first_pass(self, video: Video) -> Floats:
        frame = np.array([0, 0, video.width - 1, video.height - 1], np.float32)
        joints, _ = self._joints_in(video, np.tile(frame, (video.num_frames, 1)), shot_starts(video))
        return boxes_around(joints)

    def _joints_in(self, video: Video, boxes: Floats, starts: Bools | None = None) -> tuple[Floats, Floats]:
        """One pass over the video; the model starts again where the person was lost, and where a shot ``starts``."""
        known = np.asarray(np.isfinite(boxes).all(axis=1))
        shape = (len(boxes), len(self.skeleton.joints))
        joints, scores = np.full((*shape, 2), np.nan, np.float32), np.zeros(shape, np.float32)
        frames, at = iter(frames_bar(video, total=video.num_frames, desc="joints")), 0
        with torch.inference_mode():
            for stretch in stretches(known, np.zeros(len(known), bool) if starts is None else starts):
                shown = islice(frames, stretch.start - at, stretch.stop - at)
                at = stretch.stop
                self._fill_stretch(shown, boxes[stretch], joints[stretch], scores[stretch])
        return joints, scores

    def _fill_stretch(self, frames: Iterable[Frames], boxes: Floats, joints: Floats, scores: Floats) -> None:
        """Write joints and scores of successive frames, with as many in memory as the model processes together."""
        task: Any = self.task
        windows = self.windows(boxes)
        crops_of_all = (cut(frame, window, self.size) for frame, window in zip(frames, windows, strict=True))
        state: Any = None
        at = 0
        while piece := list(islice(crops_of_all, FRAMES_AT_ONCE)):
            crops = np.stack(piece)  # (T, S, S, 3)
            maps, state = task.advance(torch.from_numpy(crops).permute(0, 3, 1, 2)[None], state)
            found, score = task.decode(maps)
            found, score = self.checked(joints=found, score=score)
            here = slice(at, at := at + len(piece))
            joints[here] = to_stored(found[0].numpy(), crop_geometry(windows[here], self.size))
            scores[here] = score[0].numpy()

    def windows(self, boxes: Floats) -> npt.NDArray[np.int64]:
        """Return the windows (N, 3) of successive frames that the model is shown, for boxes (N, 4)."""
        settings = self.description.preprocessing
        return clip_windows(boxes, self.size, settings["person_scale"], settings.get("pixel_scale"))

    def answer(self, video: Video) -> Answer:
        """Return the mean confidence of the joints; x, y, score of every joint in every frame; and their drawing.

        ``joints`` of the values has ``names`` (J), ``edges`` (pairs of their indices), and ``frames`` (N, J, 3): x, y,
        score, and three zeros where nobody was found. ``boxes`` (N, 4) are null there. ``believed`` (N, J) is which
        joints are drawn: those with a score of ``threshold`` at least. It is null if no score is enough, or if the
        model folder has none, which ``note`` says.
        """
        place, skeleton, rule = self.place(video), self.skeleton, self.rule
        joints, score = self._joints_in(video, place.boxes, shot_starts(video))
        believed = place.known[:, None] & (np.ones(score.shape, bool) if rule is None else rule.believed(score))

        def draw(number: int, frame: Frames) -> Frames:
            shown = np.where(believed[number, :, None], joints[number], np.nan)
            return draw_skeleton(frame, shown, None, skeleton)

        def points(number: int) -> list[list[float]]:
            found = np.column_stack([joints[number], score[number]]).astype(float)
            return [list(point) for point in np.nan_to_num(found).round(3).tolist()]

        def box(number: int) -> list[float] | None:
            found = place.boxes[number].astype(float)
            return list(found.round(1).tolist()) if np.isfinite(found).all() else None

        values = {
            "names": skeleton.joints,
            "edges": [list(edge) for edge in skeleton.edges],
            "frames": Rows(len(joints), points),
            "boxes": Rows(len(joints), box),
            "threshold": None if rule is None else rule.threshold,
            "believed": Rows(len(joints), lambda number: believed[number].tolist()),
            "note": " ".join(_sentences(place, rule)),
        }
        return Answer(_text(place, score, believed, rule), {"joints": values}, draw if believed.any() else None)


def _text(place: Place, score: Floats, believed: Bools, rule: JointAbstention | None) -> str:
    """What is found, how, and how much of it is believed, in one line."""
    known = place.known
    if not known.any():
        return f"nobody was found ({place.how})"
    text = f"{score.shape[1]} joints, mean peak {score[known].mean():.2f} ({place.how})"
    if not known.all():
        text += f" in {known.sum()} of {len(known)} frames"
    if rule is not None and rule.threshold is not None:
        text += f", {believed[known].mean():.0%} of them believed: a score of {rule.threshold:.2f} or more"
    return ". ".join([text, *(sentence.rstrip(".") for sentence in _sentences(place, rule))])


def _sentences(place: Place, rule: JointAbstention | None) -> Iterator[str]:
    """What a user must know of the drawing, as sentences."""
    if place.advice:
        yield place.advice
    yield from _about_rule(rule)


def _about_rule(rule: JointAbstention | None) -> Iterator[str]:
    """What a user must know of which joints are drawn, as sentences."""
    if rule is None:
        yield "The model folder has no threshold of the joints' scores, so all joints are drawn: train it again."
    elif rule.threshold is None:
        yield f"No joint is drawn: on the validation clips, no score gave {rule.wanted:.0%} right joints."


def _boxes_of(video: Video) -> Floats:
    """The boxes (N, 4) of the main person, NaN in frames where it was not found."""
    boxes, found = main_person_boxes(video), found_frames(video.annotation)
    if boxes is None:
        return np.full((video.num_frames, 4), np.nan, np.float32)
    return np.where(found[main_person(found)][:, None], boxes, np.float32(np.nan))


def boxes_around(joints: Floats, window: int = 5) -> Floats:
    """Boxes (N, 4) around joints (N, J, 2), smoothed by a running median over ``window`` frames."""
    boxes = np.concatenate([joints.min(axis=1), joints.max(axis=1)], axis=1)
    padded = np.pad(boxes, ((window // 2, window // 2), (0, 0)), mode="edge")
    steady = np.median(np.lib.stride_tricks.sliding_window_view(padded, window, axis=0), axis=-1)
    return steady.astype(np.float32)

"""`humotion predict --live`: look at the newest frame, again and again, and ask the models every so often.

Three threads, so that nobody waits for somebody slower::

    source   reads frames; the newest one waits in one place
    looking  (this thread) takes it, lets the tools look, runs models of joints, adds it to the windows, prints answers,
             and writes the copy
    asking   runs models of actions on a window; one question at a time, and a new one only when it is due

Nothing grows with time. A slow tool drops frames, and a slow model answers less often; neither answers later and later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from humotion.errors import HumotionError
from humotion.prediction.caution import joined, with_caution
from humotion.prediction.drawn_copy import check_out
from humotion.prediction.live.recording import Recording, recording_to, with_captions
from humotion.prediction.live.report import Report, Said
from humotion.prediction.live.source import Frame, Newest, reading
from humotion.prediction.live.watching import Eyes, WatchingJoints, WatchingModel
from humotion.prediction.models import model_folders
from humotion.prediction.predictor import Verdict, load_predictor

_POLL = 0.02  # seconds after which answers are printed even if no frame comes


class LiveSettings(NamedTuple):
    """Settings of the command.

    Attributes:
        every: seconds between two answers of a model, at least.
        seconds: how long to watch; None until the source ends, or Ctrl-C.
        span: seconds of a window; None for the length of the training clips.
        min_confidence: in place of the models' thresholds.
        weights: folder of the tools' weights.
        as_json: print JSON lines.
        out: a video that gets the frames that were looked at, with what was said.
    """

    every: float = 0.5
    seconds: float | None = None
    span: float | None = None
    min_confidence: float | None = None
    weights: Path | None = None
    as_json: bool = False
    out: Path | None = None


def predict_live(source: str, models: Sequence[str], settings: LiveSettings, say: Callable[[str], None]) -> None:
    """Print what models say of a source until it ends, the time is over, or Ctrl-C; then a summary.

    Models of actions are asked about windows, models of joints about each frame for which there is time.

    Args:
        source: the number of a camera, the address of a stream, or a video file, which is played at its own speed.
        models: see `humotion.prediction.predict_videos.predict_videos`.
        settings: see there.
        say: prints a line.

    Raises:
        HumotionError: there is no such source or model, one cannot be used live, or the copy cannot be written.
    """
    if settings.out is not None:
        check_out(settings.out, Path(source))
    eyes = Eyes(settings.weights)
    watching: list[WatchingModel] = []
    joints: list[WatchingJoints] = []
    for folder in model_folders(models):
        predictor = load_predictor(folder, settings.weights)
        if (watcher := predictor.watcher()) is None:
            watching.append(WatchingModel(predictor, eyes, settings.span, settings.min_confidence))
        else:
            joints.append(WatchingJoints(predictor, watcher, eyes))
    report = Report(len(watching) + len(joints), settings.as_json, say)
    _introduce(watching, joints, report)
    with ExitStack() as stack:
        copy = None if settings.out is None else stack.enter_context(recording_to(settings.out))
        newest = stack.enter_context(reading(source))
        asking = stack.enter_context(ThreadPoolExecutor(1, "humotion-asking"))
        caution = joined([*(model.predictor.caution for model in watching), *(one.predictor.caution for one in joints)])
        looking = _Looking(eyes, watching, joints, report, copy, caution)
        try:
            with suppress(KeyboardInterrupt):
                _watch(newest, looking, settings, asking)
        finally:
            asking.shutdown(cancel_futures=True)
            if newest.num_frames:
                report.end(newest)
    if settings.out is not None:
        report.note(f"annotated video: {settings.out}")


def _introduce(watching: Sequence[WatchingModel], joints: Sequence[WatchingJoints], report: Report) -> None:
    """Say what a user must know of the models."""
    for model in watching:
        report.note(f"{model.name}: {model.predictor.description.dataset}, a window of {model.seconds:.2f} s.")
        if model.remark is not None:
            report.note(model.remark)
    for one in joints:
        report.note(f"{one.name}: {one.predictor.description.dataset}, joints in each frame.")
        if one.remark:
            report.note(one.remark)
    for predictor in (*(model.predictor for model in watching), *(one.predictor for one in joints)):
        if predictor.caution:
            report.note(f"{predictor.description.experiment} was {predictor.caution}.")


class _Looking(NamedTuple):
    """Everybody who looks at a frame, the copy that gets it, and what must be known of the models."""

    eyes: Eyes
    watching: Sequence[WatchingModel]
    joints: Sequence[WatchingJoints]
    report: Report
    copy: Recording | None
    caution: str

    def at(self, frame: Frame, first: float) -> None:
        """Look at a frame, and tell and write what models of joints say of it."""
        self.eyes.look(frame)
        for model in self.watching:
            model.see(frame)
        drawn = frame.pixels
        for one in self.joints:
            now = one.see()
            self.report.now(one.name, frame.time - first, time.monotonic() - frame.captured, now)
            drawn = drawn if now.draw is None else now.draw(drawn)
        if self.copy is not None:
            self.copy.write(frame.time, with_caution(with_captions(drawn, self.report.captions()), self.caution))


class _Asked(NamedTuple):
    """A question about a window, whose last frame is ``frame``."""

    model: str
    frame: Frame
    answer: Future[Verdict]


def _watch(newest: Newest, looking: _Looking, settings: LiveSettings, asking: ThreadPoolExecutor) -> None:
    """Look, ask and tell until the source ends or the time is over."""
    asked: list[_Asked] = []
    start = due = time.monotonic()
    first: float | None = None
    while settings.seconds is None or time.monotonic() - start < settings.seconds:
        try:
            frame = newest.take(_POLL)
        except EOFError:
            break
        if frame is not None:
            first = frame.time if first is None else first
            looking.at(frame, first)
        asked = _told(asked, first or 0.0, looking.report)
        if frame is not None and not asked and time.monotonic() >= due:
            due = max(due + settings.every, time.monotonic())
            asked = [_Asked(model.name, frame, asking.submit(model.question())) for model in looking.watching]
    if newest.has_ended and not newest.num_frames:
        raise HumotionError("The source has no frames.")
    wait([one.answer for one in asked])
    _told(asked, first or 0.0, looking.report)


def _told(asked: list[_Asked], first: float, report: Report) -> list[_Asked]:
    """Report the answers that are there, and return the questions that wait for theirs."""
    waiting = []
    for one in asked:
        if not one.answer.done():
            waiting.append(one)
            continue
        latency = time.monotonic() - one.frame.captured
        report.answer(Said(one.model, one.frame.time - first, latency, one.answer.result()))
    return waiting

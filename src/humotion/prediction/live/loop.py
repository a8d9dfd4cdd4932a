"""`humotion predict --live`: look at the newest frame, again and again, and ask the models every so often.

Three threads, so that nobody waits for somebody slower::

    source   reads frames; the newest one waits in one place
    looking  (this thread) takes it, lets the tools look, adds it to the windows, prints answers
    asking   runs the models on a window; one question at a time, and a new one only when it is due

Nothing grows with time. A slow tool drops frames, and a slow model answers less often; neither answers later and later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from humotion.errors import HumotionError
from humotion.prediction.live.report import Report, Said
from humotion.prediction.live.source import Frame, Newest, reading
from humotion.prediction.live.watching import Eyes, WatchingModel
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
    """

    every: float = 0.5
    seconds: float | None = None
    span: float | None = None
    min_confidence: float | None = None
    weights: Path | None = None
    as_json: bool = False


def predict_live(source: str, models: Sequence[str], settings: LiveSettings, say: Callable[[str], None]) -> None:
    """Print what models say of a source until it ends, the time is over, or Ctrl-C; then a summary.

    Args:
        source: the number of a camera, the address of a stream, or a video file, which is played at its own speed.
        models: see `humotion.prediction.predict_videos.predict_videos`.
        settings: see there.
        say: prints a line.

    Raises:
        HumotionError: there is no such source or model, or one cannot be used live.
    """
    eyes = Eyes(settings.weights)
    watching = [
        WatchingModel(load_predictor(folder, settings.weights), eyes, settings.span, settings.min_confidence)
        for folder in model_folders(models)
    ]
    report = Report(len(watching), settings.as_json, say)
    for model in watching:
        report.note(f"{model.name}: {model.predictor.description.dataset}, a window of {model.seconds:.2f} s.")
        if model.remark is not None:
            report.note(model.remark)
    with reading(source) as newest, ThreadPoolExecutor(1, "humotion-asking") as asking:
        try:
            with suppress(KeyboardInterrupt):
                _watch(newest, eyes, watching, settings, report, asking)
        finally:
            asking.shutdown(cancel_futures=True)
            if newest.num_frames:
                report.end(newest)


class _Asked(NamedTuple):
    """A question about a window, whose last frame is ``frame``."""

    model: str
    frame: Frame
    answer: Future[Verdict]


def _watch(
    newest: Newest,
    eyes: Eyes,
    watching: Sequence[WatchingModel],
    settings: LiveSettings,
    report: Report,
    asking: ThreadPoolExecutor,
) -> None:
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
            eyes.look(frame)
            for model in watching:
                model.see(frame)
        asked = _told(asked, first or 0.0, report)
        if frame is not None and not asked and time.monotonic() >= due:
            due = max(due + settings.every, time.monotonic())
            asked = [_Asked(model.name, frame, asking.submit(model.question())) for model in watching]
    if newest.has_ended and not newest.num_frames:
        raise HumotionError("The source has no frames.")
    wait([one.answer for one in asked])
    _told(asked, first or 0.0, report)


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

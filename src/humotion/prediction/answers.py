"""The answers of models for one video, and what programs are told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from humotion.files import without_nan
from humotion.prediction.predictor import Answer, Predictor
from humotion.prediction.shots import Shots
from humotion.prediction.timeline.answer import answer_over_time
from humotion.prediction.timeline.bar import bar_of
from humotion.prediction.timeline.watch import WindowSettings, is_long, timelines_of
from humotion.prediction.video_file import Limits, VideoFile, read_video


def read_for(
    path: Path,
    predictors: Sequence[Predictor],
    limits: Limits | None = None,
    read: Callable[..., VideoFile] = read_video,
) -> VideoFile:
    """Read a video for some models, with what they need of each frame; see `humotion.prediction.video_file.VideoFile`.

    ``read`` takes the arguments of `VideoFile`.

    Raises:
        HumotionError: no frame can be read, or ``limits`` are exceeded.
    """
    if not any(predictor.follows for predictor in predictors):
        return read(path, limits)
    shots = Shots()
    video = read(path, limits, shots.see)
    shots.keep_for(video)
    return video


def answers_of(video: VideoFile, predictors: Sequence[Predictor], settings: WindowSettings) -> list[Answer]:
    """Return the answer of each model: over time, if the video is much longer than its training clips.

    Args:
        video: the video.
        predictors: the models.
        settings: of the windows of long videos.
    """
    times = video.shown_at
    long = [predictor for predictor in predictors if is_long(predictor, times[-1], settings.span)]
    lines = iter(timelines_of(video, times, long, settings) if long else ())
    answers: list[Answer] = []
    row = 0
    for predictor in predictors:
        if not any(predictor is one for one in long):
            answers.append(predictor.answer(video))
            continue
        line, name = next(lines), predictor.description.experiment if len(long) > 1 else ""
        draw = bar_of(line, times, name, row)
        answers.append(answer_over_time(predictor, line, draw, settings.min_confidence))
        row += 1
    return answers


def facts_of(video: VideoFile, predictors: Sequence[Predictor], answers: Sequence[Answer]) -> dict[str, Any]:
    """Return what is known of a video, as a JSON value; the names are those of ``humotion probe --json``."""
    facts = {
        "path": str(video.path),
        "status": video.status,
        "error": video.error,
        "num_frames": video.num_frames,
        "width": video.width,
        "height": video.height,
        "fps": video.fps,
        "seconds": round(video.shown_at[-1], 4),
        "predictions": [_prediction(*pair) for pair in zip(predictors, answers, strict=True)],
    }
    return dict(without_nan(facts))


def _prediction(predictor: Predictor, answer: Answer) -> Mapping[str, Any]:
    description = predictor.description
    return {
        "experiment": description.experiment,
        "dataset": description.dataset,
        "task": description.task,
        "caution": predictor.caution,
        "text": answer.text,
        **answer.values,
    }

"""What one or two models say of a clip, model after model, in files of a folder. It knows nothing of a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from humotion.app.progress import Report, Steps, WatchedVideo
from humotion.errors import HumotionError
from humotion.prediction.answers import answers_of, facts_of
from humotion.prediction.drawn_copy import drawn_frames, write_copy
from humotion.prediction.looks import Look, look_of
from humotion.prediction.predictor import Answer, Predictor
from humotion.prediction.results import write_results
from humotion.prediction.timeline.figure import plot_timeline
from humotion.prediction.timeline.watch import WindowSettings
from humotion.prediction.video_file import VideoFile
from humotion.serving.limits import Refused, ServeLimits, read_strange, told
from humotion.system.names import cut_to_bytes

_MOST_BYTES = 100  # of a file's name without its ending


class Asked(NamedTuple):
    """What to show.

    Attributes:
        looks: what the networks look at, too.
        min_confidence: of the actions of long clips, in place of the models' thresholds.
    """

    looks: bool = True
    min_confidence: float | None = None


@dataclass(frozen=True)
class Result:
    """What a model says of a clip.

    Attributes:
        name: of the model, as it was chosen.
        about: its task and dataset, in a few words.
        text: its answer, for users.
        notes: what a user must know of the model or the clip, as sentences.
        video: the annotated video.
        files: all files about the clip, the video included.
        probabilities: of each class, if one answer is given for all of the clip.
        timeline: a figure, if the clip is long.
        look: what the network looks at, once it is drawn.
    """

    name: str
    about: str
    text: str
    notes: list[str]
    video: Path
    files: list[Path]
    probabilities: Mapping[str, float] | None = None
    timeline: Path | None = None
    look: Look | None = field(default=None)


def results_of(
    path: Path,
    predictors: Mapping[str, Predictor],
    asked: Asked,
    folder: Path,
    limits: ServeLimits,
    report: Report,
) -> Iterator[Result]:
    """Yield the result of each model in order, then again those of models that show what their networks look at.

    Args:
        path: the clip, under the name that its sender knows.
        predictors: models by the names under which they were chosen.
        asked: what to show.
        folder: an existing folder for the files.
        limits: of a clip.
        report: is told how far the work is.

    Raises:
        Refused: the clip cannot be read, is too long or too large, or a model cannot look at it.
    """
    steps = Steps(1 + len(predictors) * (3 if asked.looks else 2), report)
    try:
        limits.check_size(path.stat().st_size)
        steps.start("The clip is read")
        video = read_strange(path, list(predictors.values()), limits, partial(WatchedVideo, steps=steps))
        given: list[tuple[Result, Answer]] = []
        for number, (name, predictor) in enumerate(predictors.items()):
            place = folder / str(number)
            place.mkdir()
            steps.start(f"{name} looks at the clip")
            (answer,) = answers_of(video, [predictor], WindowSettings(min_confidence=asked.min_confidence))
            steps.start(f"The answer of {name} is drawn")
            result = _written(name, video, predictor, answer, place)
            given.append((result, answer))
            yield result
        for (result, answer), predictor in zip(given, predictors.values(), strict=True):
            if not asked.looks:
                break
            steps.start(f"What {result.name} looks at is drawn")
            look = look_of(predictor, video, answer, result.video.parent)
            if look is not None:
                yield replace(result, look=look, files=[*result.files, look.film, *look.pictures])
    except HumotionError as error:
        raise Refused(told(error, path, path.name), 422) from error


def _written(name: str, video: VideoFile, predictor: Predictor, answer: Answer, folder: Path) -> Result:
    """A result with its files: the annotated video, everything as JSON, tables, and the figure of a timeline."""
    description = predictor.description
    stem = folder / cut_to_bytes(f"{video.path.stem}.{description.experiment}", _MOST_BYTES)
    copy = stem.with_name(f"{stem.name}.mp4")
    notes = write_copy(copy, drawn_frames(video, [predictor], [answer]), video)
    facts = {**facts_of(video, [predictor], [answer]), "path": video.path.name, "notes": notes}
    files = [copy, *write_results(stem, facts, video.shown_at)]
    timeline = None
    if "timeline" in answer.values:
        timeline = stem.with_name(f"{stem.name}.timeline.png")
        plot_timeline(timeline, answer.values["timeline"], description.meta["classes"])
        files.append(timeline)
    if video.error is not None:
        notes = [f"The clip is {video.status}: {video.error}. The answer is for what can be read.", *notes]
    if predictor.caution:
        notes = [f"This model was {predictor.caution}.", *notes]
    return Result(
        name=name,
        about=f"{description.task.replace('_', ' ')}, trained on {description.dataset}",
        text=answer.text,
        notes=notes,
        video=copy,
        files=files,
        probabilities=answer.values.get("probabilities") if timeline is None else None,
        timeline=timeline,
    )

"""The answer of a model for a long video: what happens when."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from humotion.prediction.predictor import Answer, Predictor
from humotion.prediction.timeline.segments import Timeline
from humotion.prediction.video_file import Frames

_MOST_LINES = 20
_MOST_CLASSES = 3


def answer_over_time(
    predictor: Predictor, timeline: Timeline, draw: Callable[[int, Frames], Frames], min_confidence: float | None
) -> Answer:
    """Return a line per action as text, and as values ``label``, ``probabilities`` and ``timeline``.

    ``label`` is the action that takes most of the time, or None. ``probabilities`` are the means over time.

    Args:
        predictor: the model.
        timeline: what it said.
        draw: draws the timeline.
        min_confidence: in place of the model's threshold.
    """
    segments = timeline.segments
    lines = [
        f"  {_clock(one.start)} to {_clock(one.end)}  {one.label} ({one.confidence:.0%})"
        for one in segments[:_MOST_LINES]
    ]
    if len(segments) > _MOST_LINES:
        lines.append(f"  and {len(segments) - _MOST_LINES} more; --json and --out FOLDER have all")
    if not segments:
        lines.append(f"  most likely in the mean: {_most_likely(timeline.means())}")
    if remark := predictor.check_live(min_confidence):
        lines.append(f"  {remark}")
    said = sum(one.end - one.start for one in segments)
    total = float(timeline.edges[-1] - timeline.edges[0])
    head = f'{len(segments)} actions in {_clock(said)} of {_clock(total)}, otherwise "none"'
    values = {"label": timeline.longest(), "probabilities": timeline.means(), "timeline": timeline.as_dict()}
    return Answer("\n".join([head, *lines]), values, draw)


def _most_likely(probabilities: Mapping[str, float]) -> str:
    """The most likely classes in one line; they come first in ``probabilities``."""
    return ", ".join(f"{label} {value:.0%}" for label, value in list(probabilities.items())[:_MOST_CLASSES])


def _clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are some: 1:02.5."""
    tenths = round(10 * seconds)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{minutes:02d}:{tenths / 10:04.1f}" if hours else f"{minutes}:{tenths / 10:04.1f}"
    return f"{hours}:{rest}" if hours else rest

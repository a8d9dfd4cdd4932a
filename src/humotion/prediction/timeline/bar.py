"""Draw a timeline below a video: a bar with its actions, where the video is now, and what is said of now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from PIL.ImageColor import getrgb

from humotion.figures.style import CYCLE
from humotion.prediction.text_box import text_box
from humotion.prediction.timeline.segments import Segment, Timeline
from humotion.prediction.video_file import Frames

_BACKGROUND, _CURSOR = (60, 60, 60), (255, 255, 255)
_SHARE = 0.045  # of the picture's height
_LEAST, _MOST, _SMALLEST = 8, 32, 11  # pixels; the last one is of text


def bar_of(timeline: Timeline, times: Sequence[float], name: str = "", row: int = 0) -> Callable[[int, Frames], Frames]:
    """Return a function that draws a timeline into a frame (H, W, 3) of the given number, without changing the frame.

    Args:
        timeline: of the video.
        times: when each frame is shown, in seconds.
        name: of the model, if there are several.
        row: 0 for the bar at the lower edge, 1 for the one above it, and so on: one per model.
    """
    segments, start, end = timeline.segments, float(timeline.edges[0]), float(timeline.edges[-1])
    colours = {label: getrgb(CYCLE[number % len(CYCLE)]) for number, label in enumerate(timeline.classes)}

    def draw(number: int, frame: Frames) -> Frames:
        canvas = np.ascontiguousarray(frame).copy()
        height, width = canvas.shape[:2]
        thick = int(np.clip(round(_SHARE * height), _LEAST, _MOST))
        bottom = height - row * 3 * thick
        top = max(0, bottom - thick)

        def column(time: float) -> int:
            return round((width - 1) * (time - start) / max(end - start, 1e-9))

        cv2.rectangle(canvas, (0, top), (width - 1, bottom - 1), _BACKGROUND, cv2.FILLED)
        for one in segments:
            colour = colours[one.label]
            cv2.rectangle(canvas, (column(one.start), top), (column(one.end), bottom - 1), colour, cv2.FILLED)
        now = column(times[number])
        cv2.line(canvas, (now, top), (now, bottom - 1), _CURSOR, max(1, thick // 8))
        _write(canvas, f"{name} {_caption(segments, times[number])}".strip(), (0, top), max(_SMALLEST, thick))
        return canvas

    return draw


def _caption(segments: Sequence[Segment], time: float) -> str:
    here = next((one for one in segments if one.start <= time <= one.end), None)
    return "none" if here is None else f"{here.label} {here.confidence:.0%}"


def _write(canvas: Frames, text: str, place: tuple[int, int], size: int) -> None:
    """Write white text in a dark box, ``size`` pixels high; ``place`` is the box's lower left corner."""
    label = text_box(text, canvas.shape[1], size)
    left, top = place[0], max(0, place[1] - label.shape[0])
    room = canvas[top : place[1], left : left + label.shape[1]]
    room[:] = label[: room.shape[0], : room.shape[1]]

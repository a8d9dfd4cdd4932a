"""What a model says of one frame of a source after the other: where joints are now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from humotion.params.layer import LayerParams
from humotion.prediction.video_file import Frames
from humotion.store.layers import Arrays


class Glance(NamedTuple):
    """A frame as a model of joints sees it.

    Attributes:
        pixels: RGB (H, W, 3) uint8.
        found: what the model's tool found in it, as a video of one frame; None if nobody, or without a tool.
        is_cut: whether a shot starts, so that nobody is where somebody was. The first frame of a source starts one.
    """

    pixels: Frames
    found: Arrays | None
    is_cut: bool


class Now(NamedTuple):
    """What a model says of a frame.

    Attributes:
        text: who is there, in a few words; a line is printed when it changes.
        values: the same for programs, as JSON.
        draw: returns a frame with the joints drawn; None if there is nothing to draw.
    """

    text: str
    values: Mapping[str, Any]
    draw: Callable[[Frames], Frames] | None


class Watcher(NamedTuple):
    """What a model gives for frames that come one by one.

    Attributes:
        see: returns what the model says of the next frame. It may remember the frames before.
        tool: finds the person for it; None if the model looks at complete frames.
        remark: what a user must know of whom the model believes; empty if there is nothing.
    """

    see: Callable[[Glance], Now]
    tool: LayerParams | None = None
    remark: str = ""

"""What an annotation tool is: the interface of ``annotation/<tool>/tool.py``.

A tool looks at all frames of one video, in order, and returns named arrays. It may read what another layer of the same
dataset has of the video (``layers.<name>.of``). A new tool is a folder with that file, and
``params/annotation/<tool>.py`` with its settings. No table lists the tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from humotion import choices
from humotion.params.layer import LayerParams
from humotion.store.layers import Arrays
from humotion.store.skeleton import Skeleton


class Frames(Protocol):
    """All frames of one video, and what is known of it: a stored video, or a video file for prediction.

    `humotion.annotation.shared.given.Given` makes it of either.
    """

    @property
    def width(self) -> int:
        """Width of a frame in pixels."""
        ...

    @property
    def height(self) -> int:
        """Height of a frame in pixels."""
        ...

    @property
    def num_frames(self) -> int:
        """T."""
        ...

    @property
    def fps(self) -> float | None:
        """Frames per second; None if unknown."""
        ...

    @property
    def boxes(self) -> npt.NDArray[np.float32] | None:
        """The labelled boxes (P, T, 4) x0 y0 x1 y1 in pixels, NaN where there is none; None without labels."""
        ...

    @property
    def joints(self) -> npt.NDArray[np.float32] | None:
        """The labelled joints (P, T, J, D) in pixels; (0, 0) is the middle of the first pixel. None without labels."""
        ...

    @property
    def visibility(self) -> npt.NDArray[np.uint8] | None:
        """Of the labelled joints (P, T, J): 0 unknown, 1 hidden, 2 visible; None without labels."""
        ...

    @property
    def annotation(self) -> Arrays:
        """What the layer that the tool reads has of the video, by name; nothing for labels in the frame store."""
        ...

    @property
    def skeleton(self) -> Skeleton | None:
        """The joint set of ``annotation``, or else of the labelled joints."""
        ...

    def decode(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Return RGB frames (len(indices), height, width, 3)."""
        ...

    def another(self) -> Frames:
        """Another video of the dataset, always the same one; raise a HumotionError if there is none."""
        ...


class Annotator(Protocol):
    """An opened tool: its networks are loaded."""

    def __call__(self, video: Frames) -> Arrays:
        """Return the arrays of a video, the same whatever videos came before."""
        ...


class Follower(Protocol):
    """What a tool gives for frames that come one by one, for example from a camera, if it has ``follow(settings)``."""

    def __call__(self, frame: npt.NDArray[np.uint8], seconds: float) -> Arrays | None:
        """Return the arrays of a video of this frame (H, W, 3) alone; None if nobody is found.

        ``seconds`` is the time since the frame before.
        """
        ...


class Tool(Protocol):
    """A file ``annotation/<tool>/tool.py``. It may also have ``follow(settings)``, which returns a `Follower`.

    Attributes:
        VERSION: a number that changes when the same settings give other numbers.
        SKELETON: the joint set of its joints; None if it has none. A tool whose joints are those of the layer that it
            reads has a function ``skeleton(settings, read)`` instead, from that layer's joint set.
    """

    VERSION: int
    SKELETON: Skeleton | None

    def nobody(self, num_frames: int) -> Arrays:
        """Return the arrays of a video in which nobody is found: P = 0 persons; ``found`` (0, T) is one of them."""
        ...

    def weights(self, settings: Any) -> Mapping[str, Path]:
        """Return the files of weights that these settings need, by name.

        Raises:
            HumotionError: one is missing, or is another file than its name says. The message says how to get it.
        """
        ...

    def open_tool(self, settings: Any) -> Annotator:
        """Load the networks.

        Raises:
            HumotionError: a file or a package is missing.
        """
        ...


def load_tool(name: str) -> Tool:
    """Return the tool with that name; raise a HumotionError that lists the tools if it does not exist."""
    return cast(Tool, choices.load("annotation", name, "tool"))


def skeleton_of(settings: LayerParams, read: Skeleton | None) -> Skeleton | None:
    """Return the joint set of a layer's joints, if it has any; ``read`` is that of the layer that its tool reads."""
    tool: Any = load_tool(settings.tool)
    found: Skeleton | None = tool.skeleton(settings, read) if hasattr(tool, "skeleton") else tool.SKELETON
    return found

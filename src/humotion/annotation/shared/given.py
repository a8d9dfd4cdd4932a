"""What a tool is given of a video: its frames, its labels, and what the layer that the tool reads has of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from humotion.annotation.shared.contract import Annotator, Frames, load_tool, skeleton_of
from humotion.errors import HumotionError
from humotion.params.layer import LABELS, LayerParams
from humotion.store.frames import FrameStore
from humotion.store.layers import Arrays
from humotion.store.skeleton import Skeleton

NO_LAYERS: Mapping[str, LayerParams] = MappingProxyType({})


class DamagedFrameError(Exception):
    """A stored frame that cannot be decoded."""


def _no_other() -> Frames:
    raise HumotionError("points: other_clip is a control for a dataset: this video has no others.")


@dataclass(frozen=True)
class Given:
    """See `humotion.annotation.shared.contract.Frames`.

    Attributes:
        source: what decodes the frames.
        other: returns the video that `another` returns.
    """

    source: Any
    width: int
    height: int
    num_frames: int
    fps: float | None
    boxes: npt.NDArray[np.float32] | None = None
    joints: npt.NDArray[np.float32] | None = None
    visibility: npt.NDArray[np.uint8] | None = None
    annotation: Arrays = field(default_factory=dict)
    skeleton: Skeleton | None = None
    other: Callable[[], Frames] = _no_other

    def decode(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """See `Frames`; a damaged frame has an error of its own, so that no fault of a tool looks like one."""
        try:
            frames: npt.NDArray[np.uint8] = self.source.decode(indices)
        except ValueError as error:  # simplejpeg's
            raise DamagedFrameError(
                f"one of frames {indices[0]} to {indices[-1]} cannot be decoded: {error}"
            ) from error
        return frames

    def another(self) -> Frames:
        """See `Frames`."""
        return self.other()


def stored(store: FrameStore, video_id: str) -> Given:
    """A video of a frame store, with what the store's layer has of it.

    Its `Given.another` is half of the dataset away in the order of the ids, which mostly is another class.
    """
    video = store[video_id]
    of_layer = None if store.layer is None else store.layer.skeleton

    def other() -> Frames:
        ids = sorted(store)
        return stored(store, ids[(ids.index(video_id) + len(ids) // 2) % len(ids)])

    return Given(
        source=video,
        width=video.width,
        height=video.height,
        num_frames=video.num_frames,
        fps=video.fps,
        boxes=video.boxes,
        joints=video.joints,
        visibility=video.visibility,
        annotation=video.annotation,
        skeleton=of_layer or store.skeleton,
        other=other,
    )


@lru_cache(maxsize=4)
def opened(settings: LayerParams) -> Annotator:
    """A tool with its networks, loaded once per process, whatever number of videos it looks at."""
    return load_tool(settings.tool).open_tool(settings)


def annotate(settings: LayerParams, video: Any, layers: Mapping[str, LayerParams] = NO_LAYERS) -> Arrays:
    """Return what a tool finds in one video that no dataset has, for example in a file to predict.

    The layers that it reads are made first, one after the other.

    Args:
        settings: the section of the layer.
        video: with ``width``, ``height``, ``num_frames``, ``fps`` and ``decode``; what it has as ``annotation`` stands
            for its labels.
        layers: the sections of the layers that ``settings`` names as ``of``, and those that they name.

    Raises:
        HumotionError: a layer that is read is not in ``layers``, or a file or a package is missing.
    """
    return _annotated(settings, video, layers)[0]


def _annotated(settings: LayerParams, video: Any, layers: Mapping[str, LayerParams]) -> tuple[Arrays, Skeleton | None]:
    """The arrays of a layer, and its joint set."""
    read: tuple[Arrays, Skeleton | None] = (getattr(video, "annotation", {}), getattr(video, "skeleton", None))
    if settings.of != LABELS:
        if settings.of not in layers:
            raise HumotionError(f"The layer {settings.of!r}, which {settings.tool} reads, is not known here.")
        read = _annotated(layers[settings.of], video, layers)
    facts = (video.width, video.height, video.num_frames, video.fps)
    given = Given(video, *facts, annotation=read[0], skeleton=read[1])
    return opened(settings)(given), skeleton_of(settings, read[1])

"""What the layer of a model's training would have said of a video: its tool looks at the frames of the video.

A model that reads landmarks, or that looks at people by the boxes of a tool, was trained with a layer. Its model folder
says which tool made the layer, with which settings and which files of weights. For a video of no dataset, the same tool
runs here, once per video, whatever number of models ask for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from humotion.annotation.shared.contract import load_tool
from humotion.annotation.shared.given import annotate, opened
from humotion.errors import HumotionError
from humotion.params.layer import LayerParams
from humotion.params.layers import layer_section
from humotion.prediction.video_file import Frames, Video
from humotion.store.layers import Arrays
from humotion.work import digest_of, digest_of_file

PEOPLE: Mapping[str, Any] = {"model": "lite"}
"""Settings of BlazePose where a model needs nothing but the place of the person."""

_logger = logging.getLogger(__name__)


class AnnotatedVideo(Video):
    """A video together with what a tool says of it."""

    def __init__(self, video: Video, annotation: Arrays) -> None:
        self._video, self.annotation = video, annotation
        self.num_frames, self.height, self.width, self.fps = video.num_frames, video.height, video.width, video.fps
        self.status, self.error = video.status, video.error

    def __iter__(self) -> Iterator[Frames]:
        """See `Video`."""
        return iter(self._video)

    def decode(self, indices: npt.NDArray[np.integer[Any]]) -> Frames:
        """See `Video`."""
        return self._video.decode(indices)


def annotated(video: Video, layer: Mapping[str, Any] | None) -> Video:
    """Return a video with the arrays of a layer.

    Args:
        video: a video that brings its own landmarks (a recording of them) is returned as it is.
        layer: ``preprocessing.layer`` of a model folder; None if the training had no layer.

    Raises:
        HumotionError: the tool's weights or its package are missing, or its weights are not those of the training.
    """
    if layer is None or video.annotation:
        return video
    key = digest_of(layer)
    if key not in video.annotations:
        video.annotations[key] = _arrays(video, layer)
    return AnnotatedVideo(video, video.annotations[key])


def people_tool() -> LayerParams:
    """Return the section of the tool that finds a person for models that were trained with labelled boxes.

    Raises:
        HumotionError: the tool's weights or its package are missing; the message says how to get them.
    """
    settings = layer_section("blazepose", PEOPLE)
    load_tool(settings.tool).weights(settings)  # an opened tool would not notice that they are of another checkout
    opened(settings)
    return settings


def with_people(video: Video, settings: LayerParams) -> Video:
    """Return a video with the arrays of a tool that finds people, as `annotated` does with those of a layer."""
    if video.annotation:
        return video
    key = digest_of({"tool": settings.tool, **settings.settings()})
    if key not in video.annotations:
        video.annotations[key] = _found(settings, video, {})
    return AnnotatedVideo(video, video.annotations[key])


def _arrays(video: Video, layer: Mapping[str, Any]) -> Arrays:
    settings, made = checked_settings(layer), layer
    read = {}
    while "reads" in made:
        name, made = made["settings"]["of"], made["reads"]
        read[name] = checked_settings(made)
    arrays = _found(settings, video, read)
    if not arrays["found"].any():
        _logger.warning("%s found nobody in this video, so the model has nothing to go by.", made["tool"])
    return arrays


def _found(settings: LayerParams, video: Video, read: Mapping[str, LayerParams]) -> Arrays:
    with tqdm(total=video.num_frames, desc=settings.tool, unit="frame", leave=False) as progress:
        return annotate(settings, _Watched(video, progress), read)


def checked_settings(layer: Mapping[str, Any], weights: Path | None = None) -> LayerParams:
    """Return the section of a layer, if its tool can make it here as it was made for the training.

    Args:
        layer: ``preprocessing.layer`` of a model folder.
        weights: another folder of the tool's weights than that of the training.

    Raises:
        HumotionError: see `annotated`.
    """
    here = _here(layer["settings"]) if weights is None else {**layer["settings"], "weights": weights}
    settings = layer_section(layer["tool"], here)
    tool = load_tool(settings.tool)
    if layer["version"] != tool.VERSION:
        _logger.warning(
            "%s %d looks at this video, but the model was trained with what version %d had found.",
            *(settings.tool, tool.VERSION, layer["version"]),
        )
    for name, path in tool.weights(settings).items():
        if digest_of_file(path) != layer["weights"].get(name):
            raise HumotionError(
                f"{path} is not the file with which the layer of the model's training was made. Get that one, for "
                "example with `humotion fetch`."
            )
    return settings


def _here(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without the folder of weights, if that folder is of another machine: then the usual place counts."""
    folder = settings.get("weights")
    if folder is None or Path(folder).exists():
        return dict(settings)
    return {**settings, "weights": None}


class _Watched(AnnotatedVideo):
    """A video whose progress bar shows how far a tool has looked; looking backwards does not count."""

    def __init__(self, video: Video, progress: tqdm[Any]) -> None:
        super().__init__(video, {})
        self._progress = progress

    def decode(self, indices: npt.NDArray[np.integer[Any]]) -> Frames:
        """See `Video`."""
        frames = super().decode(indices)
        self._progress.update(max(0, int(np.max(indices, initial=-1)) + 1 - self._progress.n))
        return frames

"""What the layer of a model's training would have said of a video: its tool looks at the frames of the video.

A model that reads landmarks, or that looks at people by the boxes of a tool, was trained with a layer. Its model folder
says which tool made the layer, with which settings and which files of weights. For a video of no dataset, the same tool
runs here, once per video, whatever number of models ask for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
from humotion.prediction.now_and_then import EVERY, NowAndThen, between_looks
from humotion.prediction.shots import shot_starts
from humotion.prediction.video_file import Frames, Video
from humotion.store.layers import Arrays
from humotion.work import digest_of, digest_of_file

PEOPLE_TOOL = "blazepose"
PEOPLE: Mapping[str, Any] = {"model": "lite"}
"""Settings of that tool where a model needs nothing but the place of the person."""
EVERYBODY_TOOL = "posenet"
EVERYBODY: Mapping[str, Any] = {"backbone": "person_lab"}
"""Settings of that tool, which finds all people for models that look at one person at a time."""

PIECE = 4096
"""Frames at which a tool looks together: two minutes."""

_logger = logging.getLogger(__name__)
_looking = threading.Lock()
"""The networks of a tool are loaded once and shared, and they cannot look at two videos at a time."""


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


def annotated(video: Video, layer: Mapping[str, Any] | None, weights: Path | None = None) -> Video:
    """Return a video with the arrays of a layer.

    Args:
        video: a video that brings its own landmarks (a recording of them) is returned as it is.
        layer: ``preprocessing.layer`` of a model folder; None if the training had no layer.
        weights: see `checked_settings`.

    Raises:
        HumotionError: the tool's weights or its package are missing, or its weights are not those of the training.
    """
    if layer is None or video.annotation:
        return video
    return _once(video, digest_of(layer), lambda: _arrays(video, layer, weights))


def people_tool(weights: Path | None = None) -> LayerParams:
    """Return the section of the tool that finds a person for models that were trained with labelled boxes.

    Args:
        weights: folder of its weights; None for the usual place.

    Raises:
        HumotionError: the tool's weights or its package are missing; the message says how to get them.
    """
    return _ready(layer_section(PEOPLE_TOOL, {**PEOPLE, "weights": weights}))


def everybody_tool() -> LayerParams:
    """Return the section of the tool that finds all people; see `people_tool`."""
    return _ready(layer_section(EVERYBODY_TOOL, EVERYBODY))


def _ready(settings: LayerParams) -> LayerParams:
    load_tool(settings.tool).weights(settings)  # an opened tool would not notice that they are of another checkout
    opened(settings)
    return settings


def with_people(video: Video, settings: LayerParams, names: Collection[str]) -> Video:
    """Return a video with the named arrays of a tool that finds people, as `annotated` does with those of a layer."""
    if video.annotation:
        return video
    # Unlike that of a layer, which has all arrays.
    key = digest_of({"tool": settings.tool, "names": sorted(names), **settings.settings()})
    return _once(video, key, lambda: _found(settings, video, {}, names))


def with_person(video: Video, settings: LayerParams, every: int = EVERY) -> Video:
    """Return a video with ``boxes`` and ``found`` of a tool that looks at every few frames; see `with_people`."""
    if video.annotation:
        return video
    key = digest_of({"tool": settings.tool, "every": every, **settings.settings()})

    def found() -> Arrays:
        looked = NowAndThen(video, every)
        return between_looks(_found(settings, looked, {}, ("boxes", "found")), looked.at, shot_starts(video))

    return _once(video, key, found)


def _once(video: Video, key: str, found: Callable[[], Arrays]) -> Video:
    """Return a video with what a tool finds in it, which the video keeps for the next model that asks."""
    if key not in video.annotations:
        video.annotations[key] = found()
    return AnnotatedVideo(video, video.annotations[key])


def _arrays(video: Video, layer: Mapping[str, Any], weights: Path | None) -> Arrays:
    settings, made = checked_settings(layer, weights), layer
    read = {}
    while "reads" in made:
        name, made = made["settings"]["of"], made["reads"]
        read[name] = checked_settings(made, weights)
    arrays = _found(settings, video, read)
    if not arrays["found"].any():
        _logger.warning("%s found nobody in this video, so the model has nothing to go by.", made["tool"])
    return arrays


def _found(settings: LayerParams, video: Video, read: Mapping[str, LayerParams], names: Collection[str] = ()) -> Arrays:
    """What a tool finds in a video, of which only the named arrays are kept; all, if none is named.

    A tool remembers every pose until its end, which are 2 kB per frame. So it looks at pieces of a long video, and the
    person is looked for again where the next one starts.
    """
    pieces: list[Arrays] = []
    with tqdm(total=video.num_frames, desc=settings.tool, unit="frame", leave=False) as progress:
        for start in range(0, video.num_frames, PIECE):
            with _looking:
                found = annotate(settings, _Watched(video, progress, start), read)
            pieces.append({name: values for name, values in found.items() if not names or name in names})
    return pieces[0] if len(pieces) == 1 else _joined(pieces)


def _joined(pieces: Sequence[Arrays]) -> Arrays:
    """The arrays (P, T, ...) of successive pieces; a person whom a piece lacks was not found there."""
    most = max(len(piece["found"]) for piece in pieces)

    def filled(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        missing = (most - len(values), *values.shape[1:])
        nothing = np.zeros(missing, bool) if values.dtype == bool else np.full(missing, np.nan, values.dtype)
        return np.concatenate([values, nothing])

    return {name: np.concatenate([filled(piece[name]) for piece in pieces], axis=1) for name in pieces[0]}


def checked_settings(layer: Mapping[str, Any], weights: Path | None = None) -> LayerParams:
    """Return the section of a layer, if its tool can make it here as it was made for the training.

    Args:
        layer: ``preprocessing.layer`` of a model folder.
        weights: another folder of BlazePose's weights than that of the training; other tools have their own.

    Raises:
        HumotionError: see `annotated`.
    """
    is_other = weights is not None and layer["tool"] == PEOPLE_TOOL
    here = {**layer["settings"], "weights": weights} if is_other else _here(layer["settings"])
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
    """A piece of a video; the progress bar shows how far a tool has looked, and looking backwards does not count."""

    def __init__(self, video: Video, progress: tqdm[Any], start: int) -> None:
        super().__init__(video, {})
        self._progress, self._start = progress, start
        self.num_frames = min(PIECE, video.num_frames - start)

    def decode(self, indices: npt.NDArray[np.integer[Any]]) -> Frames:
        """See `Video`."""
        there = np.asarray(indices) + self._start
        frames = super().decode(there)
        self._progress.update(max(0, int(np.max(there, initial=-1)) + 1 - self._progress.n))
        return frames

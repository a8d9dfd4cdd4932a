"""Features of a frozen network as facts of every frame, read at the joints of another layer.

    frame --> picture --> frozen network --> map (C, h, w) --> read between its cells at J points --> features
                                         \\-> its class token, or the mean of the map ---------------> frame

Arrays of a video (P persons of the layer that is read, T frames, J joints, C channels; NaN where nothing is known)::

    features    (P, T, J, C) float16  of the map at the joints that lie in the picture
    frame       (T, C)       float16  of the complete frame
    landmarks   (P, T, J, 3) float32  x, y relative to width and height of the frame, z in the unit of x, as read
    visibility  (P, T, J)    float32  as read
    found       (P, T)       bool     as read

A frame that is not read (``every``) has NaN in ``features`` and ``frame``: what to do between frames is for whoever
uses the layer. The landmarks are there in every frame.

Source: the feature pooling of M. Liu et al., "Heatmap Pooling Network for Action Recognition from RGB Videos", 2025.
Other than there, the joints come from a layer, and a point's value is exact at the middle of a cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from humotion.annotation.joint_features.backbone import Frozen, load_backbone
from humotion.annotation.joint_features.pictures import cut, of_frame, of_person
from humotion.annotation.joint_features.places import Places, chosen_joints, places_in, points_to_read
from humotion.annotation.joint_features.reading import Floats, Window, in_window, read_at
from humotion.annotation.shared.contract import Frames
from humotion.annotation.shared.one_thread import one_thread
from humotion.params.annotation.joint_features import JointFeaturesParams
from humotion.store.skeleton import Skeleton

VERSION = 1
SKELETON = None  # that of the layer that is read: see `skeleton`
AT_ONCE = 16
"""Frames that go through the network together."""

Arrays = dict[str, npt.NDArray[Any]]
Bytes = npt.NDArray[np.uint8]


def skeleton(settings: JointFeaturesParams, read: Skeleton | None) -> Skeleton:
    """The joint set of this layer, from that of the layer that it reads; raise a HumotionError if that has none."""
    return chosen_joints(read, settings.joints)


def nobody(num_frames: int) -> Arrays:
    """See `humotion.annotation.shared.contract.Tool`; without a network, the number of channels is 0."""
    return {
        "features": np.zeros((0, num_frames, 0, 0), np.float16),
        "frame": np.zeros((num_frames, 0), np.float16),
        "landmarks": np.zeros((0, num_frames, 0, 3), np.float32),
        "visibility": np.zeros((0, num_frames, 0), np.float32),
        "found": np.zeros((0, num_frames), np.bool_),
    }


def weights(settings: JointFeaturesParams) -> Mapping[str, Path]:
    """See `humotion.annotation.shared.contract.Tool`."""
    path = load_backbone(settings.backbone).weights(settings.weights)
    return {path.name: path}


def open_tool(settings: JointFeaturesParams) -> Callable[[Frames], Arrays]:
    """See `humotion.annotation.shared.contract.Tool`."""
    backbone = load_backbone(settings.backbone)
    path = backbone.weights(settings.weights)
    network = backbone.open_frozen(path, settings.side, settings.depth, settings.mean, settings.std)

    def annotate(video: Frames) -> Arrays:
        places = places_in(video, settings.joints)
        points = points_to_read(places, settings.points, video, settings.joints)
        reader = _Reader(settings, network, places, points)
        num_persons, num_frames, num_joints = places.visibility.shape
        features = np.full((num_persons, num_frames, num_joints, network.channels), np.nan, np.float16)
        frame = np.full((num_frames, network.channels), np.nan, np.float16)
        read = frames_to_read(num_frames, settings.every)
        with one_thread():
            for start in range(0, len(read), AT_ONCE):
                some = read[start : start + AT_ONCE]
                features[:, some], frame[some] = reader(video, some)
        return {
            **{"features": features, "frame": frame, "landmarks": places.landmarks},
            **{"visibility": places.visibility, "found": places.found},
        }

    return annotate


def frames_to_read(num_frames: int, every: int) -> npt.NDArray[np.int64]:
    """Every n-th frame from the first on, and the last one, so that all others lie between two that are read."""
    return np.union1d(np.arange(0, num_frames, every), np.arange(num_frames)[-1:]).astype(np.int64)


class _Reader:
    """Reads some frames of one video."""

    def __init__(self, settings: JointFeaturesParams, network: Frozen, places: Places, points: Floats) -> None:
        self.settings, self.network, self.places, self.points = settings, network, places, points
        red, green, blue = (round(255 * value) for value in settings.mean)
        self.fill = (red, green, blue)  # outside a frame: zero for the network

    def __call__(self, video: Frames, some: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Features (P, N, J, C) and frame (N, C) of N frames by their numbers."""
        frames = video.decode(some)
        window = of_frame(video.width, video.height, self.settings.fit)
        maps, vectors = self._maps(frames, [window] * len(some))
        points = self.points[:, some]  # (P, N, J, 2)
        features = np.full((*points.shape[:-1], self.network.channels), np.nan, np.float32)
        for person in range(len(points)):
            mine, windows, seen = maps, [window] * len(some), np.arange(len(some))
            if self.settings.crop == "person":
                squares = [of_person(self.places.pixels[person, t]) for t in some]
                seen = np.flatnonzero([square is not None for square in squares])
                windows = [square for square in squares if square is not None]
                if not len(seen):
                    continue
                mine, _ = self._maps(frames[seen], windows)
            features[person, seen] = self._read(mine, points[person, seen], windows, video)
        return features, vectors.numpy()

    def _maps(self, frames: Bytes, windows: list[Window]) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps (N, C, h, w) and vectors (N, C) of windows of frames (N, H, W, 3)."""
        side = self.settings.side
        cuts = [cut(frame, window, side, self.fill) for frame, window in zip(frames, windows, strict=True)]
        return self.network(torch.from_numpy(np.stack(cuts)).permute(0, 3, 1, 2).contiguous())

    def _read(self, maps: torch.Tensor, points: Floats, windows: list[Window], video: Frames) -> Floats:
        """Values (N, J, C) at points (N, J, 2) in pixels of the frames."""
        inside = np.asarray(((points >= 0) & (points <= [video.width, video.height])).all(-1))
        if self.settings.points == "global":
            everywhere = maps.mean((2, 3)).numpy()[:, None]
            return np.where(inside[..., None], everywhere, np.float32(np.nan))
        relative = np.stack([in_window(mine, window) for mine, window in zip(points, windows, strict=True)])
        return read_at(maps, np.where(inside[..., None], relative, np.float32(np.nan)))  # bars are not the frame

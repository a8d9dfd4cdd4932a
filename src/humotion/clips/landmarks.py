"""Landmarks of one person over time as tensors: what all inputs share that show them.

layer or labels -> main person -> gaps filled -> T times -> coordinates of the body -> turned -> tensors
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.geometry import Turn, draw
from humotion.clips.input import SCENE, Floats, Footage, Ints, Sample
from humotion.clips.tracks import Track, at_times, bridged, has_torso, on_body
from humotion.errors import HumotionError
from humotion.params.inputs import GeometryParams, LandmarkParams
from humotion.store.body import body_joints
from humotion.store.frames import FrameStore
from humotion.store.people import found_frames, main_person
from humotion.store.skeleton import Skeleton

TIMES = 2  # separates the random numbers of time from those of geometry, which start from the same seed
VALUES = {"xy": 2, "xyz": 3, "xyz_visibility": 4}
STILL = Turn(1.0, 0.0, False)


def people_with_joints(store: FrameStore, video_id: str) -> list[int]:
    """Return the scene, of which the main person is shown; nobody if the dataset's own joints lack this video."""
    video = store[video_id]
    return [] if not video.annotation and video.joints is None else [SCENE]


def joint_set(store: FrameStore) -> Skeleton | None:
    """Return the joint set of the layer, or else that of the dataset."""
    of_layer = None if store.layer is None else store.layer.skeleton
    return of_layer or store.skeleton


def make_landmarks(settings: LandmarkParams, skeleton: Skeleton | None, training: bool, needed_by: str) -> Landmarks:
    """Return the converter from clips to landmarks, of the chosen joints of a joint set.

    Args:
        settings: the section ``augment``.
        skeleton: the joint set that videos have.
        training: whether samples are augmented.
        needed_by: name of the input.

    Raises:
        HumotionError: there are no joints, or they lack what the settings need.
    """
    if skeleton is None:
        raise HumotionError(
            f"input: {needed_by} needs joints, but neither the dataset nor the experiment's layer has any. Make a "
            "layer of landmarks (`layers:` in params.yaml), and name it in the experiment's `layer`."
        )
    if settings.placement != "raw" and not has_torso(skeleton):
        raise HumotionError(
            f"The joint set {skeleton.name!r} has no shoulders and hips, so landmarks cannot be placed by the body. "
            "Set augment.placement: raw."
        )
    chosen = skeleton if settings.joints == "all" else body_joints(skeleton)
    order = tuple(skeleton.joints.index(joint) for joint in chosen.joints)
    return Landmarks(settings, skeleton, chosen, order, training)


@dataclass(frozen=True)
class Landmarks:
    """Landmarks of a clip; see the module docstring.

    Attributes:
        settings: the section ``augment``.
        source: the joint set that videos have.
        skeleton: the joint set of the samples.
        order: for each of its joints, the index in ``source``.
        training: whether samples are augmented.
    """

    settings: LandmarkParams
    source: Skeleton
    skeleton: Skeleton
    order: tuple[int, ...]
    training: bool = False

    def __call__(self, video: Footage, person: int, indices: Ints, seed: int) -> Sample:
        """Return ``landmarks`` (T, J, D) float32, zero where they are not known, and ``known`` (T, J) bool."""
        frames = indices[:, indices.shape[1] // 2]  # (T,)
        turn = draw(self.settings.geometry or GeometryParams(), seed) if self.training else STILL
        first, last = int(frames.min()), int(frames.max())
        # A clip does not see what is before and after it: a neighbour may be a test clip.
        track = person_track(video, person, self.settings, first, last + 1, len(self.source.joints))
        track = bridged(track, self.settings.longest_gap)
        track = at_times(track, self.times(frames, seed) - first)
        if self.settings.placement != "raw":
            track = on_body(track, self.source, per_frame=self.settings.placement == "frame")
        points, visibility, known = self._turned(track, turn)
        values = np.concatenate([points, visibility[..., None]], axis=-1)
        if self.settings.values != "xyz_visibility":
            values = points[..., : VALUES[self.settings.values]]
        values = np.where(known[..., None], values, 0).astype(np.float32)
        return {"landmarks": torch.from_numpy(values), "known": torch.from_numpy(known)}

    def times(self, frames: Ints, seed: int) -> npt.NDArray[np.float64]:
        """Times (T,) at which landmarks are read: the frames, in training moved by a share of the step between them.

        A frame that repeats its neighbours (padding) stays.
        """
        times = frames.astype(np.float64)
        if not self.training or self.settings.time_jitter == 0 or len(frames) < 2:
            return times
        before, after = np.abs(np.diff(times, prepend=times[:1])), np.abs(np.diff(times, append=times[-1:]))
        moves = np.random.default_rng([seed, TIMES]).uniform(-0.5, 0.5, len(times)) * self.settings.time_jitter
        moved = times + moves * np.where(moves < 0, before, after)
        return np.clip(moved, times.min(), times.max())

    def _turned(self, track: Track, turn: Turn) -> Track:
        """The chosen joints, turned, scaled and mirrored about the origin, or about the middle of a picture."""
        order = list(self.order)
        points, visibility, known = track.points[:, order], track.visibility[:, order], track.known[:, order]
        if turn != STILL:
            in_picture = self.settings.placement == "raw" and self.settings.coordinates == "image"
            centre = np.float32(0.5 if in_picture else 0)
            cosine, sine = np.cos(turn.angle), np.sin(turn.angle)
            linear = turn.scale * np.array([[cosine, -sine], [sine, cosine]], np.float32)
            if turn.mirrored:
                linear[0] *= -1
            flat = (points[..., :2] - centre) @ linear.T + centre
            points = np.concatenate([flat, points[..., 2:] * np.float32(turn.scale)], axis=-1)
        if turn.mirrored:
            flip = list(self.skeleton.flip)
            points, visibility, known = points[:, flip], visibility[:, flip], known[:, flip]
        return Track(points, visibility, known)


def person_track(video: Any, person: int, settings: LandmarkParams, start: int, stop: int, num_joints: int) -> Track:
    """The landmarks of a person in the frames from ``start`` to ``stop``, with three coordinates.

    Positions in a picture are in units of its height, so that angles are right; with ``placement: raw``, x is in units
    of its width, as tools give it. Without a depth, z is 0.

    Args:
        video: `Footage` with ``annotation`` or labelled joints.
        person: its index, or `SCENE` for the one who is found in most frames.
        num_joints: J, for a video in which nobody is found.
    """
    shape = np.array([video.width, video.height, video.width], np.float32)
    unit = np.float32(video.height)
    if video.annotation:
        found = found_frames(video.annotation)
        if len(found) == 0:
            return nobody(stop - start, num_joints, 3)
        span = (main_person(found) if person == SCENE else person, slice(start, stop))
        points = video.annotation[_array_of(settings, video.annotation)][span]
        visibility = np.asarray(video.annotation["visibility"][span], np.float32)
        if settings.coordinates == "image" and settings.placement != "raw":
            points = points * shape / unit
        known = found[span][:, None] & np.isfinite(points).all(-1)
    else:
        if getattr(video, "joints", None) is None:
            raise HumotionError(
                "The model reads landmarks of a person, but this video comes without any. A model that was trained on "
                "labels (layer: labels) answers for recordings of landmarks (.txt)."
            )
        if settings.coordinates == "world":
            raise HumotionError("augment.coordinates is world, but labelled joints are in pixels of the frame.")
        span = (0 if person == SCENE else person, slice(start, stop))
        flags, points = video.visibility[span], video.joints[span]
        scale = shape if settings.placement == "raw" else np.full(3, unit)
        points = points / scale[: points.shape[-1]]
        visibility, known = flags.astype(np.float32) / 2, (flags > 0) & np.isfinite(points).all(-1)
    depth = np.zeros((*points.shape[:2], 3 - points.shape[-1]), np.float32)
    return Track(np.concatenate([points, depth], axis=-1).astype(np.float32), visibility, known)


def _array_of(settings: LandmarkParams, annotation: Mapping[str, npt.NDArray[Any]]) -> str:
    """The name of the array of positions.

    Raises:
        HumotionError: the layer has no such array.
    """
    name = {"image": "landmarks", "world": "world"}[settings.coordinates]
    if name not in annotation:
        raise HumotionError(
            f"augment.coordinates is {settings.coordinates}, for which the experiment's layer needs the array "
            f"{name!r}; it has {', '.join(sorted(annotation))}."
        )
    return name


def nobody(num_frames: int, num_joints: int, values: int) -> Track:
    """The track of a video in which nobody is found."""
    empty: Floats = np.zeros((num_frames, num_joints, values), np.float32)
    return Track(empty, empty[..., 0], np.zeros((num_frames, num_joints), bool))

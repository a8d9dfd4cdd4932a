"""Landmarks of one person over time: gaps, positions between frames, and coordinates that move with the body."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.store.skeleton import Skeleton

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
VISIBLE = 0.5  # the mean visibility of the hips from which they are the origin
TORSO_OVER_SHOULDERS = 1.25  # length of a torso over the distance between shoulders, of an adult from the front
SMALLEST_SCALE = 0.1  # of the extent of the person, so that a profile without hips is not blown up


class Track(NamedTuple):
    """One person in T frames.

    Attributes:
        points: (T, J, D) float32 positions, D = 2 or 3, in units that are the same in all directions.
        visibility: (T, J) float32, from 0 to 1.
        known: (T, J) bool; where it is false, the other two mean nothing.
    """

    points: Floats
    visibility: Floats
    known: Flags


def bridged(track: Track, longest: int | None = None) -> Track:
    """Fill gaps between two known frames of a landmark on a straight line; what is before or after stays unknown.

    Args:
        track: may have NaN where it is not known.
        longest: the largest number of frames in a gap that is filled; None for any number.
    """
    frames = np.arange(len(track.known))[:, None]  # (T, 1)
    before = np.maximum.accumulate(np.where(track.known, frames, -1), axis=0)
    after = np.minimum.accumulate(np.where(track.known, frames, len(frames))[::-1], axis=0)[::-1]
    known = (before >= 0) & (after < len(frames))
    if longest is not None:
        known &= after - before - 1 <= longest
    share = (frames - before) / np.maximum(after - before, 1)  # 0 in a known frame
    first, second = (np.where(known, one, 0) for one in (before, after))
    return _between(track, first, second, share, known)


def at_times(track: Track, times: npt.NDArray[np.floating]) -> Track:
    """The track at ``times`` (N,), between frames on a straight line; next to an unknown landmark, the nearest frame.

    ``track`` has no NaN.
    """
    whole = np.floor(times).astype(np.int64)
    share = np.repeat((times - whole)[:, None], track.known.shape[1], axis=1)  # (N, J)
    first = np.repeat(whole[:, None], track.known.shape[1], axis=1)
    second = np.minimum(first + 1, len(track.known) - 1)
    columns = np.arange(track.known.shape[1])
    both = track.known[first, columns] & track.known[second, columns]
    share = np.where(both, share, np.round(share))
    nearest = np.where(share < 0.5, first, second)
    return _between(track, first, second, share, track.known[nearest, columns] | both)


def _between(
    track: Track,
    first: npt.NDArray[np.int64],
    second: npt.NDArray[np.int64],
    share: npt.NDArray[np.floating],
    known: Flags,
) -> Track:
    """Values between the frames ``first`` and ``second`` (N, J) of each landmark; zero where they are not known."""
    columns = np.arange(known.shape[1])

    def mixed(values: Floats) -> Floats:
        weight = share.reshape(*share.shape, *(1,) * (values.ndim - 2))
        start, end = values[first, columns], values[second, columns]
        # A frame with the weight 0 may have NaN.
        start, end = np.where(weight == 1, end, start), np.where(weight == 0, start, end)
        is_known = known.reshape(weight.shape)
        return np.where(is_known, start + weight * (end - start), 0).astype(np.float32)

    return Track(mixed(track.points), mixed(track.visibility), known)


def on_body(track: Track, skeleton: Skeleton, per_frame: bool) -> Track:
    """The track with the middle of the hips as origin and the length of the torso as unit.

    Somebody at a desk has no hips in the picture, and what a tool says of them is a guess. So if their visibility is
    below 0.5 on average, origin and unit come from the shoulders. Unit and choice are the same in the whole clip.

    Args:
        track: of the joint set ``skeleton``, which has shoulders and hips.
        per_frame: each frame has its own origin; otherwise all have the clip's (the median of those of its frames).
    """
    shoulders, hips = (_pair(skeleton, part) for part in ("shoulder", "hip"))
    of_hips = track.known[:, hips].all(1)
    seen = track.visibility[of_hips][:, hips]
    use_hips = seen.size > 0 and float(seen.mean()) >= VISIBLE
    pair = hips if use_hips else shoulders
    located = np.asarray(track.known[:, pair].all(1))
    if not located.any():
        return track
    origins = track.points[:, pair].mean(1)  # (T, D)
    middle = np.median(origins[located], axis=0)
    # A frame without its own origin takes that of the nearest frame which has one.
    nearest = np.abs(np.arange(len(located))[:, None] - np.flatnonzero(located)).argmin(1)
    origin = origins[np.flatnonzero(located)[nearest]] if per_frame else np.broadcast_to(middle, origins.shape)
    points = (track.points - origin[:, None]) / _unit(track, shoulders, hips, use_hips)
    return Track(np.where(track.known[..., None], points, 0).astype(np.float32), track.visibility, track.known)


def _unit(track: Track, shoulders: list[int], hips: list[int], use_hips: bool) -> float:
    """The length of the torso, by hips or shoulders, in the units of the track."""
    complete = track.known[:, shoulders].all(1) & (track.known[:, hips].all(1) | (not use_hips))
    unit = 0.0
    if complete.any():
        left, right = track.points[complete][:, shoulders].transpose(1, 0, 2)[..., :2]
        if use_hips:
            lengths = np.linalg.norm((left + right) / 2 - track.points[complete][:, hips].mean(1)[..., :2], axis=1)
        else:
            lengths = TORSO_OVER_SHOULDERS * np.linalg.norm(left - right, axis=1)
        unit = float(np.median(lengths))
    points = track.points[track.known & (track.visibility >= VISIBLE)][:, :2]  # others are guesses
    extent = float(np.ptp(points, axis=0).max()) if len(points) else 0.0
    return max(unit, SMALLEST_SCALE * extent) or 1.0


def has_torso(skeleton: Skeleton) -> bool:
    """Whether a joint set has the shoulders and hips that `on_body` needs."""
    return {f"{side}_{part}" for side in "lr" for part in ("shoulder", "hip")} <= set(skeleton.joints)


def _pair(skeleton: Skeleton, part: str) -> list[int]:
    return [skeleton.joints.index(f"{side}_{part}") for side in "lr"]

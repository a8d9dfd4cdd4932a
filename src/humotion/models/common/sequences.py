"""Sequences of landmarks with gaps: what every model of landmarks does before its own part.

A clip has ``landmarks`` (B, T, J, D), and ``known`` (B, T, J), false where a landmark was never found. A model must not
see what stands in an unknown place, and a frame without any known landmark is no frame at all: the tutorial's recorder
writes no row for it. So unknown values become zero, and the frames with something known move to the front.
"""

from __future__ import annotations

import torch
from torch import Tensor


def without_gaps(landmarks: Tensor, known: Tensor, is_padding: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Leave out padding and frames without a known landmark, and set unknown values to zero.

    Args:
        landmarks: (B, T, J, D); values where ``known`` is false have no effect, even NaN.
        known: (B, T, J) bool.
        is_padding: (B, T) bool, frames that only repeat others.

    Returns:
        Landmarks (B, T, J, D) and known (B, T, J) with the remaining frames first and zeros after them, and the
        number of these frames (B,). It is at least 1: a clip in which nobody was found is one frame of zeros.
    """
    known = known & ~is_padding[..., None]
    remains = known.any(2)  # (B, T)
    order = torch.argsort((~remains).to(torch.uint8), dim=1, stable=True)  # (B, T)
    known = known.gather(1, order[..., None].expand_as(known))
    moved = landmarks.gather(1, order[..., None, None].expand_as(landmarks))
    return moved.where(known[..., None], 0.0), known, remains.sum(1).clamp(min=1)


def resampled(landmarks: Tensor, known: Tensor, lengths: Tensor, num_frames: int) -> tuple[Tensor, Tensor]:
    """Stretch the first ``lengths`` frames of each clip to ``num_frames``, first to first and last to last.

    Between two frames, known landmarks are interpolated. If only one of the two is known, its value holds.

    Args:
        landmarks: (B, T, J, D), zero where they are unknown.
        known: (B, T, J) bool.
        lengths: (B,) frames that count, from 1 to T.
        num_frames: F.

    Returns:
        Landmarks (B, F, J, D), zero where they are unknown, and known (B, F, J).
    """
    steps = torch.linspace(0, 1, num_frames, device=landmarks.device, dtype=landmarks.dtype)
    places = (lengths - 1).to(landmarks.dtype)[:, None] * steps  # (B, F)
    before = places.floor().long()
    after = torch.minimum(before + 1, (lengths - 1)[:, None])
    share = (places - before)[..., None]  # (B, F, 1)
    of_first, of_second = (1 - share) * _at(known, before), share * _at(known, after)  # (B, F, J)
    total = of_first + of_second  # 0 where both are unknown
    first, second = _at(landmarks, before), _at(landmarks, after)
    mixed = first + (of_second / total.clamp(min=1e-6))[..., None] * (second - first)  # exact where nothing moves
    seen = total > 0
    return mixed * seen[..., None], seen


def resampled_persons(landmarks: Tensor, known: Tensor, is_padding: Tensor, num_frames: int) -> tuple[Tensor, Tensor]:
    """Leave out the gaps of every person's sequence (`without_gaps`), and stretch it (`resampled`).

    Args:
        landmarks: (B, M, T, J, D) of M persons, or (B, T, J, D) of one.
        known: the same without D, bool.
        is_padding: (B, T) bool.
        num_frames: F.

    Returns:
        Landmarks (B, M, F, J, D), zero where they are unknown, and known (B, M, F, J); M is 1 for one person.
    """
    if landmarks.ndim == 4:
        landmarks, known = landmarks[:, None], known[:, None]
    people = landmarks.shape[:2]
    is_padding = is_padding.repeat_interleave(people[1], dim=0)
    each = without_gaps(landmarks.flatten(0, 1), known.flatten(0, 1), is_padding)
    places, seen = resampled(*each, num_frames)
    return places.unflatten(0, people), seen.unflatten(0, people)


def motion(landmarks: Tensor, known: Tensor) -> Tensor:
    """Differences (B, T - 1, J, D) of neighbouring frames, zero where one of the two is unknown."""
    both = known[:, 1:] & known[:, :-1]
    return (landmarks[:, 1:] - landmarks[:, :-1]) * both[..., None]


def _at(values: Tensor, frames: Tensor) -> Tensor:
    """Frames (B, F) of values (B, T, ...)."""
    index = frames.reshape(*frames.shape, *(1,) * (values.ndim - 2))
    return values.gather(1, index.expand(*frames.shape, *values.shape[2:]))

"""What stands in unknown places changes nothing, and known landmarks are stretched correctly."""

from __future__ import annotations

import torch
from torch import Tensor

from humotion.models.common.sequences import motion, resampled, without_gaps


def clip(*values: float) -> Tensor:
    """(1, T, 1, 1)."""
    return torch.tensor(values, dtype=torch.float32)[None, :, None, None]


def flags(*values: int) -> Tensor:
    """(1, T, 1)."""
    return torch.tensor(values, dtype=torch.bool)[None, :, None]


def test_frames_without_a_known_landmark_and_padding_are_left_out() -> None:
    padding = torch.tensor([[False, False, False, False, True]])
    found, known, lengths = without_gaps(clip(5, 7, torch.nan, 9, 9), flags(0, 1, 0, 1, 1), padding)
    assert found.flatten().tolist() == [7, 9, 0, 0, 0]
    assert known.flatten().tolist() == [True, True, False, False, False]
    assert lengths.tolist() == [2]


def test_a_clip_in_which_nobody_was_found_is_one_frame_of_zeros() -> None:
    found, known, lengths = without_gaps(clip(5, torch.nan), flags(0, 0), torch.zeros(1, 2, dtype=torch.bool))
    assert not found.any()
    assert lengths.tolist() == [1]
    places, seen = resampled(found, known, lengths, 4)
    assert not places.any()
    assert not seen.any()


def test_known_frames_are_stretched_first_to_first_and_last_to_last() -> None:
    places, seen = resampled(clip(0, 6, 0, 0), flags(1, 1, 0, 0), torch.tensor([2]), 4)
    torch.testing.assert_close(places.flatten(), torch.tensor([0.0, 2.0, 4.0, 6.0]))
    assert seen.all()
    same, _ = resampled(clip(3, 1, 2), flags(1, 1, 1), torch.tensor([3]), 3)
    torch.testing.assert_close(same, clip(3, 1, 2))


def test_a_landmark_next_to_an_unknown_one_holds() -> None:
    two = torch.tensor([[[[1.0], [10.0]], [[2.0], [0.0]], [[3.0], [30.0]]]])  # (1, 3 frames, 2 joints, 1)
    known = torch.tensor([[[True, True], [True, False], [True, True]]])
    places, seen = resampled(two, known, torch.tensor([3]), 5)
    assert places[0, :, 0, 0].tolist() == [1, 1.5, 2, 2.5, 3]
    assert places[0, :, 1, 0].tolist() == [10, 10, 0, 30, 30]
    assert seen[0, :, 1].tolist() == [True, True, False, True, True]


def test_there_is_no_motion_to_and_from_unknown_places() -> None:
    assert motion(clip(1, 4, 0, 5), flags(1, 1, 0, 1)).flatten().tolist() == [3, 0, 0]

from __future__ import annotations

import av
import numpy as np
import pytest

from humotion.prediction.planes import planes_of

COLOURS = [(255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (230, 159, 0), (90, 60, 200)]


def by_ffmpeg(frame: np.ndarray) -> np.ndarray:
    return av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuv420p").to_ndarray()


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("shape", [(2, 2), (48, 64)])
def test_a_colour_is_that_of_ffmpeg(colour: tuple[int, int, int], shape: tuple[int, int]) -> None:
    frame = np.full((*shape, 3), colour, np.uint8)
    np.testing.assert_allclose(planes_of(frame).astype(int), by_ffmpeg(frame).astype(int), atol=1)


def test_the_colour_of_a_thin_line_is_the_mean_of_four_pixels() -> None:
    frame = np.full((8, 16, 3), 30, np.uint8)
    frame[:, 7] = (250, 30, 30)  # one of two columns
    planes = planes_of(frame)
    red = planes[10:].reshape(4, 8)[:, 3]  # V
    only, none = (planes_of(np.full((2, 2, 3), colour, np.uint8))[2, 1] for colour in ((250, 30, 30), (30, 30, 30)))
    np.testing.assert_allclose(red, (int(only) + int(none)) / 2, atol=1)


def test_a_picture_is_nearly_that_of_ffmpeg() -> None:
    rows, columns = np.mgrid[:48, :64]
    frame = np.stack([4 * columns, 5 * rows, 255 - 4 * columns], axis=-1).astype(np.uint8)
    difference = planes_of(frame).astype(int) - by_ffmpeg(frame)
    assert np.abs(difference[:48]).max() <= 1 and np.abs(difference).max() <= 6
    assert np.abs(difference[48:]).mean() < 2

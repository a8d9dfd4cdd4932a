"""Frames of a camera of this machine, or of a stream, by OpenCV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from humotion.errors import HumotionError


class Camera(NamedTuple):
    """An opened camera.

    Attributes:
        fps: frames per second; 0 if it does not say.
        frames: RGB (H, W, 3) uint8, until it ends. Each is read when it is asked for.
    """

    fps: float
    frames: Iterator[npt.NDArray[np.uint8]]


@contextmanager
def opened_camera(camera: str) -> Iterator[Camera]:
    """Open the camera with this number, 0 for the first, or the stream at this address (rtsp://, http://).

    Raises:
        HumotionError: there is no such camera.
    """
    capture = cv2.VideoCapture(int(camera) if camera.isdigit() else camera)
    try:
        if not capture.isOpened():
            raise HumotionError(f"The camera {camera} cannot be opened. Name another one, for example --camera 1.")
        yield Camera(capture.get(cv2.CAP_PROP_FPS), _frames(capture))
    finally:
        capture.release()


def _frames(capture: cv2.VideoCapture) -> Iterator[npt.NDArray[np.uint8]]:
    while True:
        is_there, frame = capture.read()
        if not is_there:
            return
        yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)

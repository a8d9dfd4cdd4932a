"""A labelled image as a video of one frame, for layouts of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from humotion.video.decoded import Decoded, Picture
from humotion.video.images import image_size, read_image
from humotion.video.listing import failure, suffix_of
from humotion.video.probe import Probe

Check = Callable[[Path, int, int], None]
"""Raises ValueError if the labels do not fit an image of this width and height."""


def any_size(path: Path, width: int, height: int) -> None:
    """The `Check` of labels that state no size."""


def probe_image(path: Path, check: Check = any_size) -> Probe:
    """See `humotion.datasets.shared.base.Layout.own_probe`: the size in the image's header."""
    try:
        width, height = image_size(path.read_bytes())
        check(path, width, height)
    except (OSError, ValueError) as error:
        return Probe("corrupt", failure(error) if isinstance(error, OSError) else str(error))
    return Probe("ok", None, "image", suffix_of(path.name)[1:], None, width, height, 1, False)


def image_frames(path: Path, check: Check = any_size) -> Decoded:
    """See `humotion.datasets.shared.base.Layout.own_frames`: one frame.

    A JPEG keeps its bytes, unless EXIF data may turn it.
    """
    decoded = Decoded("images")
    decoded.start(_picture(path, check, decoded))
    return decoded


def _picture(path: Path, check: Check, decoded: Decoded) -> Iterator[Picture]:
    data = path.read_bytes()
    try:
        pixels = read_image(data)
        check(path, pixels.shape[1], pixels.shape[0])
    except ValueError as error:
        return decoded.fail(str(error))
    yield Picture(pixels, data if data.startswith(b"\xff\xd8") and b"Exif\0\0" not in data else None)

"""The frames of one video while they are read, and what is known about them at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Picture:
    """One frame: RGB ``pixels`` (H, W, 3) uint8, and the bytes of its file if that is a JPEG."""

    pixels: npt.NDArray[np.uint8]
    jpeg: bytes | None = None


class Decoded:
    """The frames of one video, an iterator that is read once; its attributes are complete at the end.

    ``method`` names the reader: "torchcodec", "torchcodec-cuda", "pyav" or "images". Two names joined
    by a plus sign mean that the second reader took over midway. ``status`` is "ok", "truncated" (``num_frames``
    frames, then the file ends too early), "damaged" (``num_frames`` frames, then damage, and more behind it),
    "corrupt" (damaged, and no frame can be read), "empty" (no frames in it) or "missing"; ``error`` describes
    the first error. Every frame that is given is whole and has its own index: reading ends before the first
    damage. ``fps`` is None if the source does not state it. ``remarks`` are what else a user should know.
    """

    def __init__(self, method: str) -> None:
        self.method = method
        self.fps: float | None = None
        self.error: str | None = None
        self.num_frames = 0
        self.remarks: list[str] = []
        self._without_frames, self._with_frames = "empty", "truncated"
        self._pictures: Iterator[Picture] = iter(())

    @property
    def status(self) -> str:
        """The state of the source, as far as it was read."""
        if self.num_frames:
            return self._with_frames if self.error else "ok"
        return self._without_frames

    @property
    def said(self) -> str | None:
        """The error and the remarks in one line; None if there are none."""
        return "; ".join([*([self.error] if self.error else []), *self.remarks]) or None

    def start(self, pictures: Iterator[Picture]) -> None:
        """Set the source of frames."""
        self._pictures = pictures

    def read_by(self, reader: str) -> None:
        """Record which reader gives the next frames."""
        if not self.num_frames:
            self.method = reader
        elif self.method.split("+")[-1] != reader:
            self.method += f"+{reader}"

    def fail(self, error: str, status: str = "corrupt", partial: str = "truncated") -> None:
        """Record the first error; ``status`` counts only if no frame was read, ``partial`` only if one was."""
        if self.error is None:
            self.error, self._without_frames, self._with_frames = error, status, partial

    def pictures(self) -> Iterator[Picture]:
        """The frames, with the JPEG bytes of those that were JPEG files."""
        for picture in self._pictures:
            self.num_frames += 1
            yield picture

    def __iter__(self) -> Iterator[npt.NDArray[np.uint8]]:
        """The frames as RGB (H, W, 3) uint8."""
        return (picture.pixels for picture in self.pictures())

    def read_all(self) -> npt.NDArray[np.uint8]:
        """All frames at once, (N, H, W, 3) uint8; (0, 0, 0, 3) if there are none."""
        frames = list(self)
        return np.stack(frames) if frames else np.empty((0, 0, 0, 3), np.uint8)

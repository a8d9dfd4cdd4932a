"""Read a video file again, of which torchcodec gave all frames: without its packets, and from any frame on.

What was found out in the first reading holds as long as the file is the same. Its outline is made once: that of an hour
takes a second, and 35 MB while it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from humotion.video.decode import Decoded, Picture
from humotion.video.outline import read_outline
from humotion.video.torchcodec_reader import READ_ERRORS, torchcodec_frames

State = tuple[int, int, int]


def state_of(path: Path) -> State | None:
    """Return the identity, size and time of a file, by which a change is noticed; None if there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


class Rereading:
    """Reads a file again and again.

    Args:
        path: of the file.
        state: `state_of` it before the first reading.
    """

    def __init__(self, path: Path, state: State | None) -> None:
        self._path, self._state = path, state
        self._outline = read_outline(path)

    def __call__(self, start: int) -> Decoded:
        """Open the file for a reading from frame ``start`` on, which ends early if the file is another one now."""
        decoded = Decoded("torchcodec")
        decoded.num_frames = start  # a reader continues after the frames that were given: here, by nobody
        decoded.start(self._pictures(decoded))
        return decoded

    def _pictures(self, decoded: Decoded) -> Iterator[Picture]:
        if state_of(self._path) != self._state:
            return
        try:
            yield from map(Picture, torchcodec_frames(self._path, self._outline, decoded, "cpu"))
        except READ_ERRORS as error:
            decoded.fail(str(error))

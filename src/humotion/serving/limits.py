"""What a server accepts from strangers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import av

from humotion.errors import HumotionError
from humotion.prediction.answers import read_for
from humotion.prediction.predictor import Predictor
from humotion.prediction.video_file import Limits, VideoFile, read_video
from humotion.video.container import FILE_ERRORS, DamagedVideo, open_container, video_stream

_PROBED = 1 << 16
_TEXT = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}


class Refused(Exception):
    """A request that is not answered: a sentence for the client, and the HTTP status."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class ServeLimits(NamedTuple):
    """Limits of a server.

    Attributes:
        bytes: of a file.
        frames: of a video.
        pixels: of a frame.
        waiting: requests that wait while others are answered; further ones are refused.
        batch: videos that are read at a time, and clips that a model sees together.
        seconds: for a download.
        redirects: of a download.
        root: folder whose videos may be named by path; None: no path may be.
        private: whether addresses of private networks and of this machine may be read.
        minutes: of a video.
    """

    bytes: int = 500_000_000
    frames: int = 20_000
    pixels: int = 3840 * 2160
    waiting: int = 16
    batch: int = 4
    seconds: float = 60.0
    redirects: int = 3
    root: Path | None = None
    private: bool = False
    minutes: float = 30.0

    def check_size(self, num_bytes: int) -> None:
        """Refuse a file of at least so many bytes if it is too large."""
        if num_bytes > self.bytes:
            raise Refused(f"The file is larger than {self.bytes} bytes, which is the limit.", 413)

    def check_length(self, seconds: float) -> None:
        """Refuse a video of so many seconds if it is too long."""
        if seconds > 60 * self.minutes:
            raise Refused(f"The video lasts {seconds:.0f} s; the limit is {60 * self.minutes:g} s.", 413)

    @property
    def of_video(self) -> Limits:
        """Those of a video."""
        return Limits(self.frames, self.pixels)


def read_strange(
    path: Path,
    predictors: Sequence[Predictor],
    limits: ServeLimits,
    read: Callable[..., VideoFile] = read_video,
) -> VideoFile:
    """Read a stranger's video for some models, as `humotion.prediction.answers.read_for` does.

    Raises:
        Refused: it is text, for example a playlist, by which FFmpeg would read other files of this machine; or it is
            too long or too large.
        HumotionError: no frame can be read, or it has too many.
    """
    _check_header(path, limits)
    video = read_for(path, predictors, limits.of_video, read)
    limits.check_length(video.shown_at[-1])  # a header may be silent
    return video


def _check_header(path: Path, limits: ServeLimits) -> None:
    """Refuse a file that names other files, or whose header already says too much, before a frame takes memory.

    What cannot be read is not refused here; reading it says why.
    """
    if path.is_dir():  # of images
        return
    with path.open("rb") as file:
        start = file.read(_PROBED)
    if _is_text(start[:512]) or b"<MPD" in start:
        raise Refused("This is text and not a video.", 422)
    try:
        with open_container(path) as container:
            context = video_stream(container).codec_context
            width, height, seconds = context.width, context.height, (container.duration or 0) / av.time_base
    except (*FILE_ERRORS, DamagedVideo):
        return
    limits.check_length(seconds)
    try:
        limits.of_video.check(0, (height, width))
    except HumotionError as error:
        raise Refused(str(error), 413) from None


def told(error: HumotionError, path: Path, name: str) -> str:
    """Return an error about a file as its sender may read it: by the sender's name, without this machine's folders."""
    return str(error).replace(str(path), name).replace(str(path.parent), "")


def _is_text(start: bytes) -> bool:
    """Whether a file starts with text; the header of raw video (y4m) is text, too, and names no files."""
    return bool(start) and not start.startswith(b"YUV4MPEG2") and _TEXT.issuperset(start.removeprefix(b"\xef\xbb\xbf"))


def inside(root: Path | None, name: str) -> Path:
    """Return the path of a video below ``root``.

    Raises:
        Refused: the server has no root, or the name leads out of it, also through a link, or to nothing.
    """
    if root is None:
        raise Refused("This server reads no paths (it was started without --root). Upload the video.", 403)
    top = root.resolve()
    try:
        path = (top / name).resolve()
        is_there = path.is_relative_to(top) and path.exists()
    except (OSError, ValueError, RuntimeError):  # a name with a zero byte, too long a name, links in a circle
        is_there = False
    if not is_there:
        raise Refused("There is no such video below the root of this server.", 404)
    return path

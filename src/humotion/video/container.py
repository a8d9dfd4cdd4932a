"""Open a video file, and choose the stream to read."""

from __future__ import annotations

from pathlib import Path

import av
import av.stream

from humotion.video.ffmpeg_log import pyav_errors
from humotion.video.length import is_cut_short

FILE_ERRORS = (av.error.FFmpegError, OSError, ValueError)
MAX_PIXELS = 2**26
"""The most pixels in a frame: twice those of 8K video. A header that states more is damaged, and would fill memory."""
_DEFAULT_BONUS = 5_000_000  # pixels that a stream marked as default counts more, in the ffmpeg command


class DamagedVideo(Exception):
    """A file that cannot be opened as video; ``status`` is what the tables record."""

    def __init__(self, text: str, status: str) -> None:
        super().__init__(text)
        self.status = status


def ffmpeg_name(path: Path) -> str:
    """The name under which FFmpeg opens ``path`` as a file; ``a:b.mp4`` alone would be a protocol named ``a``."""
    return str(path.absolute())


def open_container(path: Path, said: list[str] | None = None) -> av.container.InputContainer:
    """Open a file that contains a video; raises DamagedVideo, which has the status to record.

    The errors that the demuxer logs about the headers are appended to ``said``.
    """
    if not path.is_file():
        raise DamagedVideo("the file does not exist", "missing")
    if path.stat().st_size == 0:
        raise DamagedVideo("the file has no bytes", "empty")
    try:
        with pyav_errors() as heard:
            container = av.open(ffmpeg_name(path))
    except FILE_ERRORS as error:
        raise DamagedVideo(_cut(path) + error_text(error), "corrupt") from error
    if not _streams(container):
        missing = "decoder for the video" if _moving(container) else "video stream"
        container.close()
        raise DamagedVideo(f"{_cut(path)}there is no {missing} in it", "corrupt")
    if said is not None:
        said += [text.strip() for _, name, text in heard if name == container.format.name]
    return container


def video_stream(container: av.container.InputContainer) -> av.video.stream.VideoStream:
    """The stream to read: the one with the most pixels, where the mark "default" counts as 5 million pixels.

    This is the rule of the ffmpeg command. It never chooses the cover picture of an audio file, and of equal
    streams it takes the first. The stream is decoded in one thread, so that each line of FFmpeg's log has its file.

    Raises:
        DamagedVideo: its header says that frames have more than `MAX_PIXELS`.
    """
    stream = max(_streams(container), key=lambda s: s.width * s.height + _DEFAULT_BONUS * _has(s, "default"))
    if stream.width * stream.height > MAX_PIXELS:
        raise DamagedVideo(f"its header says that frames have {stream.width} x {stream.height} pixels", "corrupt")
    stream.codec_context.thread_count = 1
    return stream


def number_of_videos(container: av.container.InputContainer) -> int:
    """The video streams in a file, also those that cannot be decoded, without cover pictures."""
    return len(_moving(container))


def _cut(path: Path) -> str:
    return "the file ends too early, and its index is missing: " if is_cut_short(path) else ""


def _streams(container: av.container.InputContainer) -> list[av.video.stream.VideoStream]:
    return [stream for stream in _moving(container) if stream.codec_context]


def _moving(container: av.container.InputContainer) -> list[av.video.stream.VideoStream]:
    """The video streams, without the cover picture of an audio file."""
    return [stream for stream in container.streams.video if not _has(stream, "attached_pic")]


def _has(stream: av.video.stream.VideoStream, name: str) -> bool:
    return bool(stream.disposition & av.stream.Disposition[name])


def error_text(error: Exception) -> str:
    """The text of a decoder's exception, without the path that it repeats."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

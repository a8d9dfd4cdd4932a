"""Write a drawn copy of a video that plays like the original: at its times, and with its sound.

The picture is encoded and the sound copied in step, so that neither waits in memory for the other.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
from av.container import OutputContainer

from humotion.errors import HumotionError
from humotion.figures.overlay import even_picture
from humotion.files import MOST_BYTES, atomic_path
from humotion.prediction.bars import frames_bar
from humotion.prediction.caution import joined, with_caution
from humotion.prediction.planes import planes_of
from humotion.prediction.predictor import Answer, Predictor
from humotion.prediction.sound import Sound
from humotion.prediction.video_file import USUAL_FPS, Frames, Video, VideoFile
from humotion.video.container import error_text
from humotion.video.listing import is_image

TICKS = 90_000
"""Ticks per second of the copy: whole numbers for 24, 25, 30, 50, 60 and 29.97 frames per second."""
_MOST_TICKS = 2**30  # of one frame, which are 3 hours: containers have 31 bits


class Format(NamedTuple):
    """How a container is written: its name in FFmpeg, and the encoder and options of the picture."""

    container: str
    encoder: str
    encoding: dict[str, str]
    options: dict[str, str] = {}  # noqa: RUF012 (never changed)


# A third of the work of the usual preset; and a fifth less by a coarser search for motion, with files 8 % larger.
_H264 = "libx264", {"crf": "20", "preset": "veryfast", "x264-params": "subme=1"}
_VP9 = "libvpx-vp9", {"crf": "30", "b": "0", "deadline": "realtime", "cpu-used": "8"}
FORMATS = {
    ".mp4": Format("mp4", *_H264, {"movflags": "faststart"}),
    ".m4v": Format("mp4", *_H264, {"movflags": "faststart"}),
    ".mov": Format("mov", *_H264, {"movflags": "faststart"}),
    ".mkv": Format("matroska", *_H264),
    ".webm": Format("webm", *_VP9),
}

PICTURES = (".png", ".jpg", ".jpeg")
"""How a copy of one picture ends."""


def endings_of(source: Path) -> tuple[str, ...]:
    """Return how the copy of a source may end if nobody says it; which one is right, `ending_of` knows."""
    return (".png", ".mp4") if _may_be_picture(source) else (".mp4",)


def ending_of(video: VideoFile) -> str:
    """Return how the copy of a video ends if nobody says it: a picture for a picture, whatever its name promises."""
    return endings_of(video.path)[0] if video.num_frames == 1 else ".mp4"


def _may_be_picture(source: Path) -> bool:
    return is_image(source.name) and not source.is_dir()


def check_out(out: Path, source: Path) -> None:
    """Refuse a copy that cannot be written or that would replace its source, before any work.

    Raises:
        HumotionError: ``out`` is the source, also through a link, or in a folder of frames that is the source; its
            ending is no container that keeps the times of frames; it is a folder, or its name is too long.
    """
    possible = (*PICTURES, *FORMATS) if _may_be_picture(source) else tuple(FORMATS)
    if out.suffix.lower() not in possible:
        raise HumotionError(f"--out {out}: its ending must be one of {' '.join(possible)}. Choose another name.")
    if len(os.fsencode(out.name)) > MOST_BYTES:
        raise HumotionError(f"--out {out}: the name is longer than {MOST_BYTES} bytes. Choose a shorter one.")
    if out.is_dir():
        raise HumotionError(f"--out {out} is a folder. Name a file.")
    if source.exists() and ((out.exists() and out.samefile(source)) or out.resolve() == source.resolve()):
        raise HumotionError(f"--out {out} is the video itself, which would be lost. Choose another name.")
    if source.is_dir() and source.resolve() in out.resolve().parents:
        raise HumotionError(f"--out {out} is in the folder of frames that is read. Choose another folder.")


def drawn_frames(video: Video, predictors: Sequence[Predictor], answers: Sequence[Answer]) -> Iterator[Frames]:
    """Yield the frames with the drawings of all models, one at a time, and with what must be known of the models."""
    draws = [answer.draw for answer in answers if answer.draw is not None]
    caution = joined(predictor.caution for predictor in predictors)
    for number, frame in enumerate(video):
        for draw in draws:
            frame = draw(number, frame)
        yield with_caution(frame, caution)


def write_copy(out: Path, frames: Iterable[Frames], video: VideoFile) -> list[str]:
    """Write ``frames``, one for each of ``video``, with the times and the sound of the video.

    Return what differs from the original, as sentences; none if the copy plays like it.

    Raises:
        HumotionError: ``out`` cannot be written.
    """
    if out.suffix.lower() in PICTURES:
        if video.num_frames != 1:
            raise HumotionError(f"--out {out}: {video.path} has {video.num_frames} frames. Name a video, such as .mp4.")
        (drawn,) = frames
        _write_picture(out, drawn)
        return []
    times, notes = video.timing
    form = FORMATS[out.suffix.lower()]
    try:
        with atomic_path(out) as temporary, ExitStack() as stack:
            picture, sound = _open(stack, temporary, form, video, times)
            timed = zip(times, frames, strict=True)
            for time, frame in frames_bar(timed, total=len(times), desc=out.name):
                sound.copy_until(time)
                picture.write(frame)
            picture.end()
            sound.copy_until(math.inf)
    except (av.error.FFmpegError, OSError) as error:
        raise HumotionError(f"{out} cannot be written: {error_text(error)}") from error
    return [*notes, *sound.notes]


def _write_picture(out: Path, picture: Frames) -> None:
    is_written, content = cv2.imencode(out.suffix, picture[..., ::-1])
    if not is_written:
        raise HumotionError(f"{out} cannot be written: OpenCV does not encode this picture.")
    try:
        with atomic_path(out) as temporary:
            temporary.write_bytes(content.tobytes())
    except OSError as error:
        raise HumotionError(f"{out} cannot be written: {error_text(error)}") from error


def _open(
    stack: ExitStack, path: Path, form: Format, video: VideoFile, times: Sequence[float]
) -> tuple[Picture, Sound]:
    """A container whose header is written without the sound if it refuses that."""
    refusal: str | None = None
    while True:
        container = stack.enter_context(av.open(str(path), "w", format=form.container, options=form.options))
        picture = Picture(container, form, video, times)
        sound = Sound(stack, video.path, container, times[0], refusal)
        picture.start = sound.start
        try:
            container.start_encoding()
            return picture, sound
        except av.error.FFmpegError as error:
            if refusal is not None or not sound.is_copied:
                raise
            container.close()
            refusal = error_text(error)


def picture_stream(container: OutputContainer, form: Format, size: tuple[int, int], rate: Fraction, ticks: int) -> Any:
    """Return a new stream of pictures of an even ``size`` (width, height), with times in 1 / ``ticks`` seconds."""
    stream: Any = container.add_stream(form.encoder, rate=rate)
    stream.width, stream.height = size
    stream.pix_fmt, stream.options = "yuv420p", dict(form.encoding)
    stream.codec_context.time_base = Fraction(1, ticks)
    return stream


def encodable(picture: Frames, at: int, ticks: int) -> av.VideoFrame:
    """Return a picture (H, W, 3) of even sides for a `picture_stream`, shown ``at`` so many ticks."""
    frame = av.VideoFrame.from_ndarray(planes_of(picture), format="yuv420p")
    frame.pts, frame.time_base = at, Fraction(1, ticks)
    return frame


class Picture:
    """The picture of a copy: every frame at its time, and as long as it is shown in the original.

    Attributes:
        start: the time of the source, in seconds, at which the copy starts.
    """

    def __init__(self, container: OutputContainer, form: Format, video: VideoFile, times: Sequence[float]) -> None:
        span = times[-1] - times[0]
        fps = (len(times) - 1) / span if span > 0 else video.fps or USUAL_FPS
        rate = Fraction(max(fps, 1.0)).limit_denominator(1001)  # a hint for the encoder: times decide the speed
        longest = max((after - before for before, after in pairwise(times)), default=0.0)
        self._ticks = TICKS if longest * TICKS < _MOST_TICKS else max(1, int(_MOST_TICKS / longest))
        size = video.width + video.width % 2, video.height + video.height % 2
        self._stream = picture_stream(container, form, size, rate, self._ticks)
        self._container, self.start = container, times[0]
        self._times, self._ends = iter(times), iter([*times[1:], times[-1] + 1 / fps])
        self._lengths: dict[int, int] = {}  # of the frames in the encoder, by their ticks

    def write(self, frame: Frames) -> None:
        """Encode the next frame (H, W, 3)."""
        start, end = (round((next(times) - self.start) * self._ticks) for times in (self._times, self._ends))
        self._lengths[start] = end - start
        self._mux(self._stream.encode(encodable(even_picture(frame), start, self._ticks)))

    def end(self) -> None:
        """Write what is still in the encoder."""
        self._mux(self._stream.encode())

    def _mux(self, packets: Iterable[av.Packet]) -> None:
        for packet in packets:
            packet.duration = self._lengths.pop(packet.pts or 0, 0)
            self._container.mux(packet)

"""Copy the sound of a video into another container, as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer

from humotion.video.container import FILE_ERRORS, error_text, open_container

_DELAY = 0.1  # seconds: encoders of sound need less as a start, which is not to be heard
_ISO = frozenset({"aac", "ac3", "alac", "eac3", "mp2", "mp3"})
TAKEN: dict[str, Set[str]] = {
    "mp4": _ISO | {"flac", "opus"},
    "mov": _ISO | {"pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le"},
}
"""The kinds of sound that can be read back from these containers; FFmpeg says that they take more."""


class Sound:
    """The sound of a source, which is copied into a container packet by packet.

    Args:
        stack: closes the source.
        path: the source; a folder of frames has no sound.
        target: the container, before its first packet.
        start: the time of the first frame of the source, in seconds.
        refusal: why the container did not take the sound, if that is known.

    Attributes:
        start: the time of the source at which the copy starts: that of the sound, if it starts well before the frames.
        notes: what the copy lacks, as sentences.
    """

    def __init__(
        self, stack: ExitStack, path: Path, target: OutputContainer, start: float, refusal: str | None = None
    ) -> None:
        self.notes: list[str] = []
        self.start = start
        self._target = target
        self._copies: dict[int, Any] = {}
        self._packets: Iterator[av.Packet] = iter(())
        self._next: av.Packet | None = None
        if path.is_dir():
            return
        source = stack.enter_context(open_container(path))
        fitting = []
        for stream in source.streams.audio:
            name = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
            if refusal is None and name in _codecs(target):
                fitting.append(stream)
                self._copies[stream.index] = target.add_stream_from_template(stream)
            else:
                self._note(_lack(name, target.format.name, refusal))
        if fitting:
            self._packets = self._read(source, fitting)
            self._next = next(self._packets, None)
        if self._next is not None and _seconds(self._next) < start - _DELAY:
            self.start = _seconds(self._next)

    @property
    def is_copied(self) -> bool:
        """Whether there is sound to copy."""
        return bool(self._copies)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def copy_until(self, time: float) -> None:
        """Copy the packets up to a time of the source, in seconds."""
        while self._next is not None and _seconds(self._next) <= time:
            packet, base = self._next, self._next.time_base
            shift = round(self.start / base) if base else 0
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            packet.stream = self._copies[packet.stream_index]
            self._target.mux(packet)
            self._next = next(self._packets, None)

    def _read(self, source: InputContainer, streams: Sequence[Any]) -> Iterator[av.Packet]:
        try:
            yield from (packet for packet in source.demux(*streams) if packet.size)
        except FILE_ERRORS as error:
            self._note(f"The sound is damaged, and ends early: {error_text(error)}.")


def _seconds(packet: av.Packet) -> float:
    ticks = packet.pts if packet.dts is None else packet.dts
    return 0.0 if ticks is None or packet.time_base is None else float(ticks * packet.time_base)


def _lack(codec: str, container: str, refusal: str | None) -> str:
    why = f" ({refusal})" if refusal else ""
    advice = "" if container == "matroska" else " Write a file that ends in .mkv to keep it."
    return f"The copy has no sound: {container} does not take {codec}{why}.{advice}"


def _codecs(target: OutputContainer) -> Set[str]:
    """The kinds of sound that a container takes."""
    return TAKEN.get(target.format.name, target.supported_codecs)

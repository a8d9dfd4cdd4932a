"""What a video file's header says about it, for the video table: quick to read, but not always correct.

Frame counts in headers are often wrong (JHMDB's state 36, but only 30 frames can be decoded). So the count
here is a hint; the frame table has the real count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from humotion.video.container import FILE_ERRORS, DamagedVideo, error_text, open_container, video_stream
from humotion.video.images import list_frames, read_image
from humotion.video.orientation import swaps_sides, turn_filters
from humotion.video.outline import read_outline


@dataclass(frozen=True)
class Probe:
    """Header facts; one that the source does not state is None. ``status`` is ok, or what is wrong (see `Decoded`)."""

    status: str
    error: str | None = None
    container: str | None = None
    codec: str | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    num_frames: int | None = None
    has_b_frames: bool | None = None


def probe(path: Path, all_packets: bool = False) -> Probe:
    """Read the header of a video file or a folder of frame images; a bad one gets a status and an error text.

    Sizes are as displayed, after the rotation that phones record. The first frame is decoded, so "ok" means
    that there is at least one frame. With ``all_packets``, the packets of a video file are examined too, without
    decoding: they may show that the file is truncated or damaged.
    """
    if path.is_dir():
        return _probe_folder(path)
    facts = _probe_file(path)
    return _with_damage(path, facts) if all_packets and facts.status == "ok" else facts


def _with_damage(path: Path, facts: Probe) -> Probe:
    outline = read_outline(path)
    if outline.ends_early:
        return replace(facts, status="truncated", error="the file ends before its last frame")
    if outline.damage:
        return replace(facts, status="damaged", error=f"at packet {outline.damage.number}: {outline.damage.text}")
    return facts


def _probe_file(path: Path) -> Probe:
    try:
        with open_container(path) as container:
            stream = video_stream(container)
            first = next(container.decode(stream), None)
            if first is None:
                return Probe("empty", "there are no frames in it")
            turned = swaps_sides(turn_filters(first))
            return Probe(
                status="ok",
                container=container.format.name,
                codec=stream.codec_context.name,
                fps=float(stream.average_rate) if stream.average_rate else None,
                width=first.height if turned else first.width,
                height=first.width if turned else first.height,
                num_frames=stream.frames or None,
                has_b_frames=bool(stream.codec_context.has_b_frames),
            )
    except DamagedVideo as error:
        return Probe(error.status, str(error))
    except FILE_ERRORS as error:
        return Probe("corrupt", error_text(error))


def _probe_folder(folder: Path) -> Probe:
    paths = list_frames(folder)
    if not paths:
        return Probe("empty", "there are no images in the folder")
    try:
        height, width, _ = read_image(paths[0].read_bytes()).shape
    except (ValueError, OSError) as error:
        return Probe("corrupt", f"{paths[0].name}: {error}")
    codec = "png" if paths[0].suffix.lower() == ".png" else "jpeg"
    return Probe("ok", None, "images", codec, None, width, height, len(paths), False)

"""Record the landmarks of one person from a camera or a video, as a table that the layout ``landmarks`` reads.

The table is ``OUT/LABEL/NAME.txt``: what ``DataFrame.to_csv`` writes, with a header ``,0,1,...,131`` and one row per
frame in which somebody is found: the number of the frame, and x, y, z and visibility of each of 33 landmarks. A class
has one file per recording, so that whole recordings can be kept apart in training and validation.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import dropwhile, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from humotion.annotation.blazepose.tool import USUAL_FPS, Arrays, follow
from humotion.annotation.shared.camera import opened_camera
from humotion.errors import HumotionError
from humotion.files import atomic_path
from humotion.params.annotation.blazepose import BlazePoseParams
from humotion.store.blazepose import NUM_LANDMARKS
from humotion.system.names import file_stem
from humotion.video.decode import decode_video

COLUMNS = NUM_LANDMARKS * 4


class _NobodyFound(HumotionError):
    """There is nothing to record."""


class Recorded(NamedTuple):
    """What was written: the file, the number of frames, and in how many of them somebody was found."""

    path: Path
    num_frames: int
    num_found: int

    def __str__(self) -> str:
        return f"{self.path}: somebody in {self.num_found} of {self.num_frames} frames"


def record_videos(label: str, videos: Sequence[Path], out: Path, settings: BlazePoseParams) -> Iterator[Recorded]:
    """Record several videos of a class; one that cannot be recorded does not keep the others from it.

    Raises:
        HumotionError: at the end, with what is wrong with each of those that were not recorded.
    """
    wrong = []
    for video in videos:
        try:
            yield record_video(label, video, out, settings)
        except HumotionError as error:
            wrong.append(str(error))
    if wrong:
        many = f"{len(wrong)} of {len(videos)} videos are not recorded:\n" if len(videos) > 1 else ""
        raise HumotionError(many + "\n".join(wrong))


def record_video(label: str, video: Path, out: Path, settings: BlazePoseParams) -> Recorded:
    """Write ``out``/``label``/<name of the video>.txt. Of several people, one is followed (see `Tracker`).

    Raises:
        HumotionError: the video cannot be read, nobody is found in it, or the file is there already.
    """
    path = _path(out, label, video.stem)
    decoded = decode_video(video)
    try:
        recorded = _record(path, decoded, decoded.fps or USUAL_FPS, settings, None)
    except _NobodyFound as error:
        if not decoded.num_frames:
            raise HumotionError(f"{video} cannot be read: it is {decoded.status} ({decoded.said}).") from None
        raise HumotionError(f"{video}: {error}") from None
    if decoded.status != "ok":
        tqdm.write(f"{video} is {decoded.status}: {decoded.error}. {recorded.num_frames} frames are recorded.")
    return recorded


def record_camera(
    label: str, camera: str, out: Path, settings: BlazePoseParams, seconds: float, wait: float
) -> Recorded:
    """Write ``out``/``label``/<date and time>.txt from a camera, for a number of seconds or until Ctrl-C.

    Args:
        label: the class.
        camera: the number of a camera of this machine, or the address of a stream (rtsp://, http://).
        out: the folder of the dataset.
        settings: of the tool.
        seconds: length of the recording.
        wait: seconds before it starts, to take one's place.

    Raises:
        HumotionError: there is no such camera, or nobody is found.
    """
    with opened_camera(camera) as opened:
        fps = opened.fps or USUAL_FPS
        path = _path(out, label, time.strftime("%Y-%m-%d_%H%M%S"))
        return _record(path, _after(opened.frames, wait), fps, settings, round(seconds * fps))


def _after(frames: Iterator[npt.NDArray[np.uint8]], wait: float) -> Iterator[npt.NDArray[np.uint8]]:
    """Frames without those that a camera shows while one waits."""
    start = time.monotonic()
    return dropwhile(lambda _: time.monotonic() - start < wait, frames)


def _path(out: Path, label: str, name: str) -> Path:
    path = out / file_stem(label) / f"{file_stem(name)}.txt"
    if path.exists():
        raise HumotionError(f"{path} is there already. Move it away, or use another --out.")
    return path


def _record(
    path: Path, frames: Iterable[npt.NDArray[np.uint8]], fps: float, settings: BlazePoseParams, most: int | None
) -> Recorded:
    """Write the rows of at most so many frames. Ctrl-C ends the recording, and what was recorded is kept."""
    followed = follow(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    num_frames = num_found = 0
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["", *range(COLUMNS)])
        with tqdm(total=most, desc="record", unit="frame") as progress, suppress(KeyboardInterrupt):
            for frame in islice(frames, most):
                arrays = followed(frame, 1 / fps)
                if arrays is not None:
                    table.writerow([num_frames, *_values(arrays)])
                    num_found += 1
                num_frames += 1
                progress.set_postfix_str(f"somebody in {num_found}", refresh=False)
                progress.update()
        if not num_found:
            raise _NobodyFound(f"Nobody was found in {num_frames} frames, so nothing is recorded.")
    return Recorded(path, num_frames, num_found)


def _values(arrays: Arrays) -> list[float]:
    values = np.concatenate([arrays["landmarks"][0, 0], arrays["visibility"][0, 0][:, None]], axis=1)  # (33, 4)
    return [round(float(value), 6) for value in values.reshape(-1)]

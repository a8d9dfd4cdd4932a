"""How other tools extract frames, and the bound: only decoding plus only encoding."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import simplejpeg
from joblib import Parallel, delayed

from benchmarks.measure import Work
from humotion.extraction.pack import stored_size

_FFMPEG_QUALITY = "2"  # ffmpeg's best without more options, slightly below simplejpeg's 90


class Settings(NamedTuple):
    """Settings of the stored frames."""

    short_side: int
    quality: int


def ffmpeg_once_a_clip(run: Parallel, clips: list[Path], settings: Settings, folder: Path) -> Work:
    """Run one `ffmpeg` process per clip, which writes JPEG files."""
    return _one_job_a_clip(run, _ffmpeg, clips, settings, folder)


def opencv_loop(run: Parallel, clips: list[Path], settings: Settings, folder: Path) -> Work:
    """Run `VideoCapture.read`, resize and `imwrite` in a loop."""
    return _one_job_a_clip(run, _opencv, clips, settings, folder)


def opencv_one_thread(run: Parallel, clips: list[Path], settings: Settings, folder: Path) -> Work:
    """The same with one decoding thread, because OpenCV's decoder starts one thread per core by default."""
    return _one_job_a_clip(run, partial(_opencv, options=(cv2.CAP_PROP_N_THREADS, 1)), clips, settings, folder)


def bound(run: Parallel, processes: int, clips: list[Path], settings: Settings) -> Work:
    """Only decode with torchcodec and encode with simplejpeg; the time of the slowest worker counts."""
    shares = [clips[number::processes] for number in range(processes)]
    found = run(delayed(_decode_and_encode)(share, settings) for share in shares)
    frames, sizes, seconds = zip(*found, strict=True)
    return Work(sum(frames), sum(sizes), wall=max(seconds))


def _one_job_a_clip(run: Parallel, job: Any, clips: list[Path], settings: Settings, folder: Path) -> Work:
    if folder.exists():
        shutil.rmtree(folder)
    start = time.perf_counter()
    run(delayed(job)(clip, folder / f"{number:04d}", settings) for number, clip in enumerate(clips))
    wall = time.perf_counter() - start
    sizes = [path.stat().st_size for path in folder.rglob("*.jpg")]
    return Work(len(sizes), sum(sizes), wall)


def _ffmpeg(clip: Path, folder: Path, settings: Settings) -> None:
    folder.mkdir(parents=True)
    side = settings.short_side
    shrink = f"scale='if(gt(iw,ih),-2,min(iw,{side}))':'if(gt(iw,ih),min(ih,{side}),-2)':flags=area"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(clip), "-fps_mode", "passthrough", "-vf", shrink]
    subprocess.run([*command, "-q:v", _FFMPEG_QUALITY, str(folder / "%06d.jpg")], check=True)


def _opencv(clip: Path, folder: Path, settings: Settings, options: Sequence[int] = ()) -> None:
    folder.mkdir(parents=True)
    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG, options)
    number = 0
    while True:
        read, frame = capture.read()
        if not read:
            return
        size = stored_size(frame.shape[1], frame.shape[0], settings.short_side)
        if size != (frame.shape[1], frame.shape[0]):
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{number:06d}.jpg"), frame, [cv2.IMWRITE_JPEG_QUALITY, settings.quality])
        number += 1


def _decode_and_encode(clips: list[Path], settings: Settings) -> tuple[int, int, float]:
    """Frames, JPEG bytes, and the seconds in the decoder and the encoder; resizing is not counted."""
    from torchcodec.decoders import VideoDecoder

    num_frames = num_bytes = 0
    seconds = 0.0
    for clip in clips:
        start = time.perf_counter()
        decoder = VideoDecoder(str(clip), dimension_order="NHWC")
        frames = list(decoder.get_frames_in_range(0, decoder.metadata.num_frames).data.numpy())
        seconds += time.perf_counter() - start
        size = stored_size(frames[0].shape[1], frames[0].shape[0], settings.short_side)
        if size != (frames[0].shape[1], frames[0].shape[0]):
            frames = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]
        start = time.perf_counter()
        jpegs = [
            simplejpeg.encode_jpeg(frame, settings.quality, colorspace="RGB", colorsubsampling="420")
            for frame in frames
        ]
        seconds += time.perf_counter() - start
        num_frames, num_bytes = num_frames + len(jpegs), num_bytes + sum(map(len, jpegs))
    return num_frames, num_bytes, seconds

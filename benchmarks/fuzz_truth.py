"""Ask whether the status of damaged videos is true: `python -m benchmarks.fuzz_truth --count 2000`.

Small whole videos of six containers are damaged, and read as extraction reads them. For each damaged file there is
one of five verdicts:

  whole        status ok, and every frame is that of the whole file
  as ffmpeg    status ok, and the frames are others, but exactly those of the ffmpeg command for the damaged file: the
               damage left a valid video (for example another colour), which no decoder can notice
  caught       the status is not ok, and every frame that was kept is that of the whole file at the same index
  caught late  the status is not ok, but a kept frame is another picture than in the whole file
  LIE          the status is ok, and a frame is neither the whole file's nor FFmpeg's; the command exits with 1
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.mutations import mutate
from humotion.inspection.reference import TOLERANCE, find_ffmpeg, reference_frames
from humotion.video.container import DamagedVideo
from humotion.video.decode import decode_video

VERDICTS = ("whole", "as ffmpeg", "caught", "caught late", "LIE")
_X264 = "libx264 -pix_fmt yuv420p -preset veryfast -g 12"
KINDS = {
    "mpeg4.avi": "mpeg4 -bf 0 -g 12",
    "mpeg4_b.avi": "mpeg4 -bf 2 -g 12",
    "h264.mp4": _X264,
    "h264.mkv": _X264,
    "vp9.webm": "libvpx-vp9 -pix_fmt yuv420p -deadline realtime -cpu-used 8 -g 12",
    "h264.ts": _X264,
    "mpeg2.mpg": "mpeg2video -bf 2 -g 12",
    "mjpeg.mov": "mjpeg -q:v 8",
}
Frames = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Whole:
    """A whole video: the bytes of its file, its name and its frames (N, H, W, 3)."""

    name: str
    data: bytes
    frames: Frames


def make_whole(folder: Path, name: str) -> Whole:
    """Encode 24 frames of ffmpeg's test pattern as ``name``, one of `KINDS`."""
    path = folder / name
    source = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=24:duration=1")
    command = [find_ffmpeg(), "-v", "error", "-nostdin", "-y", *source, "-c:v", *KINDS[name].split(), str(path)]
    subprocess.run(command, check=True)
    video = decode_video(path)
    frames = video.read_all()
    assert video.status == "ok", f"{name}: {video.error}"
    assert len(frames) == 24
    return Whole(name, path.read_bytes(), frames)


def judge(whole: Whole, data: bytes, folder: Path) -> tuple[str, str]:
    """The verdict on a damaged copy of ``whole``, and the status and error that were reported."""
    path = folder / whole.name
    path.write_bytes(data)
    video = decode_video(path)
    same, num_frames = True, 0
    for num_frames, frame in enumerate(video, 1):
        same = same and num_frames <= len(whole.frames) and _is_same(frame, whole.frames[num_frames - 1])
    said = f"{video.status}, {num_frames} frames: {video.error}"
    if video.status != "ok":
        return ("caught" if same else "caught late"), said
    if same and num_frames == len(whole.frames):
        return "whole", said
    return ("as ffmpeg" if _is_as_ffmpeg(path) else "LIE"), said


def _is_as_ffmpeg(path: Path) -> bool:
    ours = decode_video(path)
    try:
        with closing(reference_frames(path)) as theirs:
            for frame in ours:
                expected = next(theirs, None)
                if expected is None or not _is_same(frame, expected):
                    return False
            return next(theirs, None) is None
    except DamagedVideo:
        return False


def _is_same(first: Frames, second: Frames) -> bool:
    return first.shape == second.shape and int(np.abs(first.astype(np.int16) - second).max()) <= TOLERANCE


def main() -> None:
    """Damage files, judge them, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="number of damaged files (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed damages the same bytes (%(default)s)")
    parser.add_argument("--keep", type=Path, help="a folder for the files that are LIE or caught late")
    settings = parser.parse_args()
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for name, verdict in tqdm(_verdicts(settings, Path(folder)), total=settings.count, desc="fuzz", unit="file"):
            found[name][verdict] += 1
    print(table(found))
    sys.exit(any(counts["LIE"] for counts in found.values()))


def _verdicts(settings: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str]]:
    wholes = [make_whole(folder, name) for name in KINDS]
    for number in range(settings.count):
        whole = wholes[number % len(wholes)]
        rng = np.random.default_rng([settings.seed, number])
        data, damage = mutate(whole.data, wholes[rng.integers(len(wholes))].data, rng)
        verdict, said = judge(whole, data, folder)
        if verdict in ("LIE", "caught late"):
            tqdm.write(f"{number}: {whole.name}, {damage}: {verdict}: {said}")
            if settings.keep:
                settings.keep.mkdir(parents=True, exist_ok=True)
                (settings.keep / f"{number:05d}_{whole.name}").write_bytes(data)
        yield whole.name, verdict


def table(found: dict[str, Counter[str]]) -> str:
    """One line per kind of file: the number of each verdict, and the share of the changed files that was caught."""
    total = sum(found.values(), Counter[str]())
    lines = [f"{'file':<14}{'count':>7}" + "".join(f"{verdict:>13}" for verdict in VERDICTS) + f"{'share caught':>14}"]
    for name, counts in [*sorted(found.items()), ("all", total)]:
        caught = counts["caught"] + counts["caught late"]
        changed = caught + counts["as ffmpeg"] + counts["LIE"]
        share = f"{caught / changed:.1%}" if changed else "-"
        cells = "".join(f"{counts[verdict]:>13}" for verdict in VERDICTS)
        lines.append(f"{name:<14}{counts.total():>7}{cells}{share:>14}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

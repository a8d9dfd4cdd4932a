"""Measure which codecs and pixel formats torchcodec reads exactly: `python -m benchmarks.trusted_kinds`.

Every video encoder of the ffmpeg command writes a short film in each of its pixel formats, into each container that
torchcodec may read. torchcodec and the ffmpeg command read it, and every frame is compared. A kind (codec, pixel
format) is trusted if it was equal in all containers. The table that this prints is `TRUSTED` in
`humotion/video/trust.py`; what differed, and by how much, is printed below it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from humotion.inspection.reference import TOLERANCE, reference_frames
from humotion.video.container import DamagedVideo
from humotion.video.decoded import Decoded
from humotion.video.outline import read_outline
from humotion.video.torchcodec_reader import READ_ERRORS, torchcodec_frames

CONTAINERS = ("mp4", "mov", "mkv", "avi")
COMMON = (
    *("mpeg4", "libxvid", "msmpeg4", "msmpeg4v2", "wmv1", "wmv2", "flv", "h263", "mjpeg", "libx264", "libx264rgb"),
    *("libx265", "libvpx", "libvpx-vp9", "libsvtav1", "ffv1", "huffyuv", "ffvhuff", "utvideo", "prores_ks", "dnxhd"),
    *("png", "qtrle", "cinepak", "svq1", "mpeg2video", "rawvideo"),
)
SIZES = ("96x64", "97x65", "720x576", "176x144", "1280x720")
"""Tried one after another: some encoders take few sizes."""
_FAST = {
    **{"libx264": "-preset ultrafast", "libx265": "-preset ultrafast -x265-params log-level=0"},
    **{"libvpx": "-deadline realtime -cpu-used 8", "libvpx-vp9": "-deadline realtime -cpu-used 8"},
    **{"libaom-av1": "-usage realtime -cpu-used 8", "libsvtav1": "-preset 12", "librav1e": "-speed 10"},
}
_SKIPPED = re.compile("_(v4l2m2m|vaapi|nvenc|qsv|amf|vulkan|omx|mf)$|^wrapped|^rawvideo$")
_RAW = ("pal8", "bgr24", "rgb24", "gray", "yuv420p", "yuyv422", "uyvy422", "bgra", "rgb555le", "monob", "yuv422p")
_ALWAYS = "-strict -2 -frames:v 4"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoders", nargs="+", default=COMMON, help="or 'all' that ffmpeg has, which takes hours")
    wanted = parser.parse_args().encoders
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    encoders = [name for name in _encoders() if wanted == ["all"] or name in wanted]
    with tempfile.TemporaryDirectory() as folder:
        for encoder in tqdm(encoders, desc="measure", unit="encoder"):
            for wanted_format in _formats(encoder):
                for container in CONTAINERS:
                    path = _film(Path(folder) / f"a.{container}", encoder, wanted_format)
                    if path is not None and (result := _compare(path)) is not None:
                        kind, verdict = result
                        found[kind][f"{encoder} {container}"] = verdict
    print(table(found))


def _encoders() -> list[str]:
    listing = _run("-hide_banner", "-encoders")
    names = re.findall(r"^ V\S{5} (\S+)", listing, re.MULTILINE)
    return [*(name for name in names if name != "=" and not _SKIPPED.search(name)), "rawvideo"]


def _formats(encoder: str) -> list[str]:
    if encoder == "rawvideo":
        return list(_RAW)
    known = re.search(r"Supported pixel formats: (.*)", _run("-hide_banner", "-h", f"encoder={encoder}"))
    return known.group(1).split() if known else ["yuv420p"]


def _run(*arguments: str) -> str:
    return subprocess.run(["ffmpeg", *arguments], capture_output=True, text=True).stdout


def _film(path: Path, encoder: str, pixel_format: str) -> Path | None:
    """Encode four frames of ffmpeg's test pattern; None if this encoder, format and container do not go together."""
    options = [*_FAST.get(encoder, "").split(), *_ALWAYS.split(), "-c:v", encoder, "-pix_fmt", pixel_format]
    palette = "split[a][b];[a]palettegen[p];[b][p]paletteuse" if pixel_format == "pal8" else "null"
    for size in SIZES:
        path.unlink(missing_ok=True)
        source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25", "-filter_complex", palette]
        command = ["ffmpeg", "-v", "quiet", "-nostdin", "-y", *source, *options, str(path)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=20)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode == 0 and path.exists() and path.stat().st_size:
            return path
    return None


def _compare(path: Path) -> tuple[tuple[str, str], str] | None:
    """The kind of a file, and "equal" or how torchcodec differs; None if it would not be tried."""
    try:
        outline = read_outline(path)
    except DamagedVideo:
        return None
    if outline.times is None or outline.turn is None:
        return None
    kind = (outline.codec, str(outline.pixel_format))
    try:
        ours = list(torchcodec_frames(path, outline, Decoded("pyav"), "cpu"))
    except READ_ERRORS as error:
        return kind, f"refused ({str(error).splitlines()[0][:70]})"  # no wrong frame is given: PyAV continues
    theirs = list(reference_frames(path))
    if len(ours) != len(theirs):
        return kind, f"another number of frames: {len(ours)} of {len(theirs)}"
    if any(a.shape != b.shape for a, b in zip(ours, theirs, strict=True)):
        return kind, "another size"
    largest = max(int(np.abs(a.astype(np.int16) - b).max()) for a, b in zip(ours, theirs, strict=True))
    return kind, "equal" if largest <= TOLERANCE else f"differs by {largest}"


def table(found: dict[tuple[str, str], dict[str, str]]) -> str:
    """The kinds that were equal everywhere, by codec, and a line for each that was not."""
    trusted: dict[str, list[str]] = defaultdict(list)
    for (codec, pixel_format), verdicts in sorted(found.items()):
        found_results = {verdict.split()[0] for verdict in verdicts.values()}
        if "equal" in found_results and "differs" not in found_results and "another" not in found_results:
            trusted[codec].append(pixel_format)
    lines = [f'    "{codec}": "{" ".join(formats)}",' for codec, formats in trusted.items()]
    return "\n".join([*lines, "", *_differences(found)])


def _differences(found: dict[tuple[str, str], dict[str, str]]) -> Iterator[str]:
    for (codec, pixel_format), verdicts in sorted(found.items()):
        wrong = [f"{where}: {verdict}" for where, verdict in verdicts.items() if verdict != "equal"]
        if wrong:
            yield f"# {codec} {pixel_format}: {'; '.join(wrong)}"


if __name__ == "__main__":
    main()

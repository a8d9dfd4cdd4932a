"""The cost of extracting a large dataset: one long clip and DVC's md5 are measured, the rest is computed."""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dvc.fs import localfs
from dvc_data.hashfile.hash import file_md5

from benchmarks.extraction import prepare
from benchmarks.footage import UNTRIMMED, clips_in
from benchmarks.measure import Work, compare, hardware, use_cores, write_report
from benchmarks.peers import Settings

DESCRIPTION = """\
The cost of extracting Kinetics-400. Measured: the extract stage, in one process on one core, on clips like those of
Kinetics (10 s, 340x256, 30 fps, H.264, made with ffmpeg from the real untrimmed clips), and DVC's md5 on a file.
Computed from these, for several numbers of machines: hours and terabytes. The computation assumes that shared storage
is not slower than the workers.

  python -m benchmarks.scale --data ../shared/data --machines 1 4 16 --cores 16
"""
SECONDS, RATE, SIZE, SHORT_SIDE = 10, 30, "340:256", 240
MD5_BYTES = 2**28


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, compute and print."""
    options = _parser().parse_args(arguments)
    print(f"{(machine := hardware())}")
    with tempfile.TemporaryDirectory() as folder:
        clips = _like_kinetics(clips_in(options.data, UNTRIMMED), options.clips, Path(folder))
        use_cores(1)
        extract = prepare(Path(folder), clips, Settings(SHORT_SIDE, 90), workers=1)
        cost = compare({"extract": extract, "md5": lambda: _md5(Path(folder))}, options.repeats, "scale")
    found = {
        "seconds_per_clip": cost["extract"].wall / len(clips),
        "frames_per_clip": cost["extract"].num_units / len(clips),
        "bytes_per_clip": cost["extract"].num_bytes / len(clips),
        "md5_bytes_per_second": cost["md5"].rate,
    }
    print(
        f"measured, one core: {found['seconds_per_clip']:.3f} s per clip of {found['frames_per_clip']:.0f} frames, "
        f"{found['bytes_per_clip'] / 1e6:.2f} MB stored; md5 {found['md5_bytes_per_second'] / 1e6:.0f} MB/s"
    )
    report = {"hardware": machine, "measured": found, "computed": _project(found, options)}
    write_report(options.json, report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="the folder with hmdb51/untrimmed (%(default)s)"
    )
    parser.add_argument("--clips", type=int, default=4, help="number of clips to measure (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="timed repetitions (%(default)s)")
    parser.add_argument("--total", type=int, default=300_000, help="number of clips of the dataset (%(default)s)")
    parser.add_argument("--machines", type=int, nargs="+", default=[1, 4, 16], help="numbers of machines")
    parser.add_argument("--cores", type=int, default=16, help="cores per machine (%(default)s)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser


def _like_kinetics(sources: list[Path], count: int, folder: Path) -> list[Path]:
    clips = []
    for number in range(count):
        clip = folder / "made" / f"{number}.mp4"
        clip.parent.mkdir(exist_ok=True)
        source = str(sources[number % len(sources)])
        endless = f"loop=loop=-1:size=500,setpts=N/{RATE}/TB,scale={SIZE}"
        encoder = ["-frames:v", str(SECONDS * RATE), "-r", str(RATE), "-c:v", "libx264", "-crf", "23", str(clip)]
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", source, "-vf", endless, *encoder], check=True)
        clips.append(clip)
    return clips


def _md5(folder: Path) -> Work:
    path = folder / "md5"
    if not path.exists():
        path.write_bytes(os.urandom(MD5_BYTES))
    file_md5(str(path), localfs)
    return Work(MD5_BYTES)


def _project(found: dict[str, float], options: argparse.Namespace) -> list[dict[str, Any]]:
    terabytes = options.total * found["bytes_per_clip"] / 1e12
    md5_hours = terabytes * 1e12 / found["md5_bytes_per_second"] / 3600
    print(f"computed for {options.total} clips: {terabytes:.2f} TB of frames, md5 on one core {md5_hours:.1f} h")
    rows = []
    for machines in options.machines:
        hours = options.total * found["seconds_per_clip"] / (machines * options.cores) / 3600
        rate = terabytes * 1e6 / (hours * 3600)
        rows.append({"machines": machines, "cores": options.cores, "hours": hours, "written_mb_per_second": rate})
        print(f"  {machines:3d} machines of {options.cores} cores: {hours:6.2f} h, writing {rate:6.0f} MB/s in total")
    return rows


if __name__ == "__main__":
    main()

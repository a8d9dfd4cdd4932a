"""Peak memory of extraction by number of videos: it must not grow with them."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.extraction import prepare
from benchmarks.footage import JHMDB, clips_in
from benchmarks.measure import hardware, most_resident, write_report
from benchmarks.peers import Settings

DESCRIPTION = """\
Peak resident memory of the extract stage, with one process, on 50, 100, 200 and 400 real clips. Every number of
videos is measured in a separate process. The first one, with one video, shows what the libraries alone need.

  python -m benchmarks.memory --data ../shared/data --videos 50 100 200 400
"""
_MEASURE = "import sys; from benchmarks.memory import peak; peak(sys.argv[1], sys.argv[2])"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="the folder with jhmdb/ (%(default)s)"
    )
    parser.add_argument("--videos", type=int, nargs="+", default=[50, 100, 200, 400], help="numbers of videos")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    clips_in(options.data, JHMDB)  # exits with a message if there are none
    report: dict[str, Any] = {"hardware": hardware(), "peak_mib": {}}
    print(report["hardware"])
    for count in tqdm([1, *options.videos], desc="memory", unit="run", leave=False):
        command = [sys.executable, "-c", _MEASURE, str(options.data), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        num_frames, megabytes, seconds = (float(value) for value in done.stdout.split()[-3:])
        report["peak_mib"][count] = megabytes
        print(f"{count:5d} videos {num_frames:7.0f} frames: peak {megabytes:5.0f} MiB, {seconds:.1f} s", flush=True)
    write_report(options.json, report)


def peak(data: str, count: str) -> None:
    """Extract ``count`` clips in this process; print the frames, the peak in MiB, and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        run = prepare(Path(folder), clips_in(Path(data), JHMDB, int(count)), Settings(240, 90), workers=1)
        start = time.perf_counter()
        work = run()
        seconds = time.perf_counter() - start
    print(work.num_units, most_resident(), seconds)


if __name__ == "__main__":
    main()

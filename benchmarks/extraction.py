"""Extraction to the frame store, compared with ffmpeg, OpenCV, and the bound of the same decoder and encoder."""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel

from benchmarks.footage import JHMDB, clips_in, link_dataset, params_for
from benchmarks.measure import Target, Work, as_json, compare, hardware, table, use_cores, write_report
from benchmarks.peers import Settings, bound, ffmpeg_once_a_clip, opencv_loop, opencv_one_thread
from humotion.stages import extract, index

OURS, FFMPEG, BOUND = "humotion extract", "ffmpeg once a clip", "decoding + encoding"
OPENCV, OPENCV_TUNED = "OpenCV read + imwrite", "OpenCV, one thread"
TARGETS = (Target(FFMPEG, 4.0), Target(OPENCV, 1.3), Target(OPENCV_TUNED, 1.3), Target(BOUND, 0.85))

DESCRIPTION = """\
Extraction of real clips to the frame store, timed in turns with

  ffmpeg once a clip      `ffmpeg -i CLIP -q:v 2 %06d.jpg`, only on every fourth clip, because it is slow
  OpenCV read + imwrite   VideoCapture.read, resize, imwrite at the same size and quality
  OpenCV, one thread      the same with one decoding thread; by default OpenCV starts one per core
  decoding + encoding     the bound: torchcodec only decodes the same clips, then simplejpeg only encodes the same
                          frames; nothing is written, no label is read, and nothing is checked

`humotion extract` is the complete stage: it decodes, checks, encodes, fingerprints and writes shards and tables.
N processes use exactly N cores, for every contender. The workers are warm: the time to start Python and to import its
libraries is not counted. All contenders write below --work.

  python -m benchmarks.extraction --data ../shared/data --processes 1 2
  python -m benchmarks.extraction --clips 20 --repeats 3 --short-side 160 --json extraction.json
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison and print it."""
    options = _parser().parse_args(arguments)
    clips = clips_in(options.data, JHMDB, options.clips)
    report: dict[str, Any] = {"hardware": hardware(), "clips": len(clips), "short_side": options.short_side}
    print(
        f"{report['hardware']}\n{len(clips)} clips of JHMDB, short side {options.short_side}, "
        f"median of {options.repeats}"
    )
    for processes in options.processes:
        use_cores(processes)
        with tempfile.TemporaryDirectory(dir=options.work) as folder:
            contenders = _contenders(clips, options, processes, Path(folder))
            timings = compare(contenders, options.repeats, f"{processes} processes")
        print(f"\n{processes} process{'es' if processes > 1 else ''}")
        print(table(timings, TARGETS, OURS, "frame"))
        report[f"processes_{processes}"] = as_json(timings, TARGETS, OURS)
    write_report(options.json, report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="the folder with jhmdb/ (%(default)s)"
    )
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], help="numbers of processes to measure")
    parser.add_argument("--clips", type=int, default=100, help="number of clips, spread over all (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="timed repetitions (%(default)s)")
    parser.add_argument("--short-side", type=int, default=240, help="of the stored frames (%(default)s: native size)")
    parser.add_argument("--quality", type=int, default=90, help="quality of the JPEGs (%(default)s)")
    parser.add_argument("--work", type=Path, help="folder for output (the system's temporary folder)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser


def _contenders(
    clips: list[Path], options: argparse.Namespace, processes: int, folder: Path
) -> dict[str, Callable[[], Work]]:
    run = Parallel(n_jobs=processes)
    settings = Settings(options.short_side, options.quality)
    return {
        OURS: prepare(folder / "ours", clips, settings, processes),
        OPENCV: partial(opencv_loop, run, clips, settings, folder / "opencv"),
        OPENCV_TUNED: partial(opencv_one_thread, run, clips, settings, folder / "opencv_tuned"),
        FFMPEG: partial(ffmpeg_once_a_clip, run, clips[::4], settings, folder / "ffmpeg"),
        BOUND: partial(bound, run, processes, clips, settings),
    }


def prepare(folder: Path, clips: list[Path], settings: Settings, workers: int, copies: int = 1) -> Callable[[], Work]:
    """Index the clips below ``folder``; the returned function runs the extract stage on them."""
    params = params_for(link_dataset(folder / "root", clips, copies).resolve(), *settings, workers)
    prepared = folder / "prepared" / "clips"

    def run() -> Work:
        if (prepared / "frames").exists():  # of the previous run; this time is not counted, as for the other contenders
            shutil.rmtree(prepared / "frames")
            (prepared / "frames.parquet").unlink()
        start = time.perf_counter()
        with contextlib.chdir(folder), contextlib.redirect_stderr(io.StringIO()):
            extract.run("clips", params)
        wall = time.perf_counter() - start
        stored = pd.read_parquet(prepared / "frames.parquet", columns=["num_frames"])["num_frames"].sum()
        size = sum(path.stat().st_size for path in (prepared / "frames").iterdir())
        return Work(int(stored), size, wall)

    with contextlib.chdir(folder), contextlib.redirect_stderr(io.StringIO()):
        index.run("clips", params)
    return run


if __name__ == "__main__":
    main()

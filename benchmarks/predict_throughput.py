"""Throughput of `humotion predict` beside that of the model alone, and its peak memory by length of the video."""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tqdm import tqdm

from benchmarks.measure import Target, Work, as_json, compare, hardware, table, write_report
from humotion.prediction.predict_videos import predict_videos
from humotion.prediction.predictor import DecodedVideo, Predictor, load_predictor
from humotion.prediction.timeline.watch import WindowSettings, is_long, timelines_of
from humotion.prediction.video_file import open_video, read_video

DESCRIPTION = """\
Frames per second of three contenders, in turns, on one video that is long for the model:

  predict          the command with --out FOLDER: decoding, looking, drawing, encoding, JSON, tables
  tool and model   the tool that finds the person, and the model, on decoded frames in memory
  model alone      the model, with what the tool found already known

And the peak memory of the command, each time in a process of its own, for videos of several lengths. They are made of
the video by repeating it, without encoding it again.

  python -m benchmarks.predict_throughput --model models/lstm_pm --video clip.mp4 --memory 10 600
"""
_MEASURE = """
import sys, time
from benchmarks.measure import most_resident
from humotion.cli.main import main
try:
    main()
finally:
    print(most_resident(), time.process_time(), file=sys.stderr)
"""
PREDICT, BARE, ALONE = "predict", "tool and model", "model alone"
AT_LEAST = 0.8  # of the bare model's throughput
GROWTH = 0.1  # of the memory, at most


def contenders(
    predictor: Predictor, folder: Path, video: Path, out: Path, weights: Path | None
) -> dict[str, Callable[[], Work]]:
    """The contenders, by name."""
    settings = WindowSettings(weights=weights)
    decoded = open_video(video)
    frames = decoded.read_all()
    times = read_video(video).shown_at

    def whole() -> Work:
        shutil.rmtree(out, ignore_errors=True)
        with contextlib.redirect_stdout(io.StringIO()):
            predict_videos([str(video)], [str(folder)], out, settings=settings)
        return Work(len(frames), sum(path.stat().st_size for path in out.iterdir()))

    def fresh() -> DecodedVideo:
        return DecodedVideo(frames, decoded.fps)

    bare, alone = (of_windows if predictor.says_when else of_joints)(predictor, fresh, times)
    return {name: timed(call, len(frames)) for name, call in ((BARE, bare), (ALONE, alone))} | {PREDICT: whole}


def timed(call: Callable[[], Any], count: int) -> Callable[[], Work]:
    """A contender of ``count`` frames."""

    def run() -> Work:
        call()
        return Work(count)

    return run


def of_windows(
    predictor: Predictor, fresh: Callable[[], DecodedVideo], times: Sequence[float]
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A model of actions: with its tool, and on windows that are known."""
    if not is_long(predictor, times[-1]):
        raise SystemExit(f"{predictor.description.experiment}: the video is too short for a timeline.")
    windows: list[Any] = []
    verdict = predictor.verdict

    def remembered(seen: Any, least: float | None = None) -> Any:
        windows.append(seen)
        return verdict(seen, least)

    with patch.object(predictor, "verdict", remembered):
        timelines_of(fresh(), times, [predictor], WindowSettings())
    return (
        lambda: timelines_of(fresh(), times, [predictor], WindowSettings()),
        lambda: [verdict(seen) for seen in windows],
    )


def of_joints(
    predictor: Any, fresh: Callable[[], DecodedVideo], _: Sequence[float]
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A pose model: with the tool that finds the person, and in boxes that are known."""
    boxes = predictor.place(fresh()).boxes

    def both() -> Any:
        video = fresh()
        return predictor.joints(video, predictor.place(video).boxes)

    return both, lambda: predictor.joints(fresh(), boxes)


def lasting(video: Path, seconds: int, folder: Path) -> Path:
    """The video, repeated until it is that long."""
    path = folder / f"{seconds}s{video.suffix}"
    command: list[object] = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-stream_loop", "-1", "-i", video]
    command += ["-t", seconds, "-c", "copy", path]
    subprocess.run([str(part) for part in command], check=True)
    return path


def peak_of(video: Path, model: Path, out: Path, weights: Path | None) -> dict[str, float]:
    """Peak memory in MiB of the command in a process of its own, its seconds, and its CPU seconds."""
    more = [] if weights is None else ["--weights", str(weights)]
    command = [sys.executable, "-c", _MEASURE, "predict", str(video), "--model", str(model), "--out", str(out), *more]
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"humotion {' '.join(command[3:])} failed:\n{done.stderr}")
    megabytes, cpu_seconds = (float(value) for value in done.stderr.split()[-2:])
    return {"mib": megabytes, "seconds": time.perf_counter() - start, "cpu_seconds": cpu_seconds}


def memory(args: argparse.Namespace, model: Path, folder: Path) -> dict[str, dict[str, float]]:
    """Print and return the peak memory by length of the video."""
    found: dict[str, dict[str, float]] = {}
    for seconds in tqdm(args.memory, desc="memory", unit="run", leave=False):
        video = lasting(args.video, seconds, folder)
        found[str(seconds)] = peak = peak_of(video, model, folder / f"out{seconds}", args.weights)
        print(
            f"{model.name}, {seconds} s of video: peak {peak['mib']:.0f} MiB, {peak['seconds']:.0f} s, "
            f"{peak['cpu_seconds']:.0f} CPU s",
            flush=True,
        )
        video.unlink()
    peaks = [one["mib"] for one in found.values()]
    if len(peaks) > 1:
        growth = max(peaks) / peaks[0] - 1
        verdict = "reached" if growth <= GROWTH else "missed"
        print(f"  at most {growth:+.1%} above the shortest, target {GROWTH:+.0%}: {verdict}")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, nargs="+", required=True, help="model folders")
    parser.add_argument("--video", type=Path, required=True, help="a video file; it is repeated")
    parser.add_argument("--seconds", type=int, default=15, help="of the video of the throughput (%(default)s); 0: none")
    parser.add_argument("--memory", type=int, nargs="*", default=[], help="lengths of videos in seconds")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--weights", type=Path, help="folder of BlazePose's weights")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    args = parser.parse_args(arguments)
    report: dict[str, Any] = {"hardware": hardware(), "models": {}}
    print(report["hardware"])
    targets = [Target(BARE, AT_LEAST), Target(ALONE, AT_LEAST)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in args.model:
            row: dict[str, Any] = {}
            if args.seconds:
                video = lasting(args.video, args.seconds, folder)
                predictor = load_predictor(model, args.weights)
                runs = contenders(predictor, model, video, folder / "out", args.weights)
                timings = compare(runs, args.repeats, model.name)
                print(f"{model.name}\n{table(timings, targets, PREDICT, 'frame')}", flush=True)
                row["throughput"] = as_json(timings, targets, PREDICT)
            if args.memory:
                row["memory"] = memory(args, model, folder)
            report["models"][model.name] = row
    write_report(args.json, report)


if __name__ == "__main__":
    main()

"""Time several contenders in turns: interleaved repetitions, medians, wall-clock and CPU time.

Every repetition runs every contender once, so a machine that becomes slower affects all of them. Ratios
are computed from medians. CPU time includes all child processes. It varies less on a machine that others
use too; wall-clock time is what the user waits for.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

from humotion.files import atomic_path


@dataclass(frozen=True)
class Work:
    """What a contender did: units of work (frames, clips) and bytes written; ``wall`` in seconds if it timed itself."""

    num_units: int
    num_bytes: int = 0
    wall: float | None = None


@dataclass(frozen=True)
class Timing:
    """Medians over the repetitions; ``walls`` has the time of each repetition."""

    num_units: int
    num_bytes: int
    wall: float
    cpu: float
    walls: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Units per second."""
        return self.num_units / self.wall

    def row(self) -> dict[str, float]:
        """The figures of the table and the JSON report."""
        return {
            "units": self.num_units,
            "seconds": round(self.wall, 4),
            "fastest": round(min(self.walls), 4),
            "slowest": round(max(self.walls), 4),
            "units_per_second": round(self.rate, 1),
            "cpu_us_per_unit": round(self.cpu / self.num_units * 1e6, 1),
            "bytes_per_unit": round(self.num_bytes / self.num_units),
        }


def compare(contenders: Mapping[str, Callable[[], Work]], repeats: int, title: str) -> dict[str, Timing]:
    """Run each contender once to warm up, then ``repeats`` times in turns."""
    runs: dict[str, list[tuple[Work, float, float]]] = {name: [] for name in contenders}
    with tqdm(total=len(contenders) * (repeats + 1), desc=title, unit="run", leave=False) as progress:
        for repeat in range(repeats + 1):
            for name, contender in contenders.items():
                progress.set_postfix_str(name)
                run = _timed(contender)
                if repeat:
                    runs[name].append(run)
                progress.update()
    return {name: _summary(found) for name, found in runs.items()}


def _timed(contender: Callable[[], Work]) -> tuple[Work, float, float]:
    os.sync()  # flush what the previous contender wrote, so that this one does not pay for it
    cpu, start = _cpu_seconds(), time.perf_counter()
    work = contender()
    wall = time.perf_counter() - start
    return work, wall if work.wall is None else work.wall, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    """User and system time of this process and all its children, past and present."""
    me = psutil.Process()
    return sum(sum(process.cpu_times()[:4]) for process in [me, *me.children(recursive=True)])


def _summary(runs: Sequence[tuple[Work, float, float]]) -> Timing:
    walls = tuple(wall for _, wall, _ in runs)
    work = runs[0][0]
    cpu = statistics.median(cpu for _, _, cpu in runs)
    return Timing(work.num_units, work.num_bytes, statistics.median(walls), cpu, walls)


def most_resident() -> float:
    """Peak resident memory of this program in MiB. (The ru_maxrss of a child starts at its parent's value.)"""
    return next(float(line.split()[1]) / 1024 for line in _lines(Path("/proc/self/status")) if line.startswith("VmHWM"))


def use_cores(count: int) -> None:
    """Keep this process and its children on ``count`` cores, so that all contenders have equally many."""
    usable = sorted(_ALL_CORES)
    if count > len(usable):
        raise SystemExit(f"{count} processes need {count} cores, but only {len(usable)} are available.")
    os.sched_setaffinity(0, usable[:count])


_ALL_CORES = os.sched_getaffinity(0)


def hardware() -> str:
    """One line about this machine and its load."""
    model = next(
        (line.split(":")[1].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")),
        platform.processor(),
    )
    gigabytes = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    return f"{model}, {len(_ALL_CORES)} cores, {gigabytes:.0f} GiB, {platform.system()}, load {load:.1f} at the start"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@dataclass(frozen=True)
class Target:
    """The smallest acceptable ratio of humotion's rate to that of contender ``against``."""

    against: str
    at_least: float


def table(timings: Mapping[str, Timing], targets: Sequence[Target], ours: str, unit: str) -> str:
    """The timings as text, then each target with the measured ratio."""
    lines = [f"{'':30} {unit + '/s':>10} {'seconds':>9} {'spread':>15} {'CPU us/' + unit:>14} {'bytes/' + unit:>14}"]
    for name, timing in timings.items():
        row = timing.row()
        spread = f"{row['fastest']:.2f}-{row['slowest']:.2f}"
        lines.append(
            f"{name:30} {timing.rate:10.0f} {timing.wall:9.2f} {spread:>15} "
            f"{row['cpu_us_per_unit']:14.0f} {row['bytes_per_unit']:14.0f}"
        )
    for target in targets:
        wall, cpu = ratios(timings, ours, target.against)
        verdict = "reached" if wall >= target.at_least else "missed"
        by_cpu = f" ({cpu:.2f} by CPU time)" if cpu else ""
        lines.append(f"  {ours} over {target.against}: {wall:.2f}{by_cpu}, target {target.at_least:.2f}: {verdict}")
    return "\n".join(lines)


def ratios(timings: Mapping[str, Timing], ours: str, against: str) -> tuple[float, float]:
    """The speed-up of ``ours`` over ``against``, by wall-clock time and by CPU time."""
    mine, other = timings[ours], timings[against]
    per_unit = other.cpu / other.num_units
    return mine.rate / other.rate, per_unit / (mine.cpu / mine.num_units) if mine.cpu else 0.0


def as_json(timings: Mapping[str, Timing], targets: Sequence[Target], ours: str) -> dict[str, Any]:
    """The same as `table`, for the JSON report."""
    reached = [
        {"against": target.against, "asked": target.at_least, "ratio": round(wall, 3), "cpu_ratio": round(cpu, 3)}
        for target in targets
        for wall, cpu in [ratios(timings, ours, target.against)]
    ]
    return {"timings": {name: timing.row() for name, timing in timings.items()}, "ratios": reached}


def write_report(path: Path | None, report: dict[str, Any]) -> None:
    """Write the JSON report, if a path was given."""
    if path is not None:
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(report, indent=2) + "\n")

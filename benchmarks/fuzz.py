"""Run the stages on damaged files: `python -m benchmarks.fuzz --count 2000`.

Each damaged copy of a small video, frame, label or split file is placed in a tiny dataset of its kind. The
real stages index and extract read it, in a separate process with a limit on memory and time. A status in
the tables, or an error text for the user, is right. Anything else is a failure: another exception, a crash,
a timeout, or memory above the limit. The command exits with 1 if there is a failure.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks.fuzz_seeds import Seed, make_seeds
from benchmarks.mutations import mutate
from humotion.errors import HumotionError
from humotion.params.document import Params
from humotion.stages import extract, index

MEMORY = 2 * 2**30
"""Largest memory for reading one small damaged file, in bytes."""
CPU_SECONDS, SECONDS = 60, 600
"""Largest time for it: of the processor, and on the clock. The latter is long, because the machine may be busy."""
STATUSES = frozenset({"ok", "truncated", "damaged", "corrupt", "empty", "missing"})


@dataclass(frozen=True)
class Outcome:
    """The result for one damaged file: the status in the frame table, "error text", or a failure."""

    result: str
    is_failure: bool
    seconds: float = 0
    memory: int = 0


def main() -> None:
    """Parse the command line, read damaged files, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="number of damaged files (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed damages the same bytes (%(default)s)")
    parser.add_argument("--only", default="", help="only kinds of files whose name contains this text")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="real footage, labels and splits")
    parser.add_argument("--keep", type=Path, help="write the files that failed to this folder")
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seeds = [seed for seed in make_seeds(settings.data, Path(folder)) if settings.only in seed.kind]
        is_clean = fuzz(seeds, settings.count, settings.seed, settings.keep)
    sys.exit(not is_clean)


def fuzz(seeds: list[Seed], count: int, seed: int, keep: Path | None = None) -> bool:
    """Read ``count`` damaged files, equally many of each kind, and print the table; return whether none failed."""
    importlib.import_module("torchcodec.decoders")  # once here, instead of in each process
    _check_sound(seeds)
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    for number in tqdm(range(count), desc="fuzz", unit="file"):
        source = seeds[number % len(seeds)]
        rng = np.random.default_rng([seed, number])
        peers = [other.data for other in seeds if other.target == source.target]
        data, damage = mutate(source.data, peers[rng.integers(len(peers))], rng)
        outcome = run_apart(source, data)
        outcomes[source.kind].append(outcome)
        if outcome.is_failure:
            tqdm.write(f"{number}: {source.kind}, {damage}: {outcome.result}")
            if keep:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{number:05d}{Path(source.target).suffix}").write_bytes(data)
    print(table(outcomes))
    return not any(outcome.is_failure for found in outcomes.values() for outcome in found)


def _check_sound(seeds: list[Seed]) -> None:
    """Check that undamaged files are read. Too few frames for a label, or clips for a split, are no damage.

    Otherwise the limits here are wrong: all files would be "corrupt", and there would be no failures.
    """
    for seed in seeds:
        result = run_apart(seed, seed.data).result
        assert result in ("ok", "truncated", "missing"), f"{seed.kind}, undamaged: {result}"


def run_apart(seed: Seed, data: bytes) -> Outcome:
    """Read one damaged file in a separate process."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=_read, args=(seed, data, Path(folder), theirs))
        start = time.perf_counter()
        process.start()
        theirs.close()
        try:
            outcome = ours.recv() if ours.poll(SECONDS) else Outcome(f"no answer within {SECONDS} s", True)
        except EOFError:
            process.join()
            outcome = Outcome(f"crashed with exit code {process.exitcode}", True)
        process.kill()
        process.join()
    return replace(outcome, seconds=outcome.seconds or time.perf_counter() - start)


def _read(seed: Seed, data: bytes, folder: Path, answer: Connection) -> None:
    os.chdir(folder)
    logging.disable()
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)  # hides FFmpeg's warnings and progress bars
    seed.build(folder / "root", data)
    before = _memory("VmRSS")
    limit = _memory("VmSize") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    try:
        result, is_failure = _run_stages(seed.layout, folder / "root"), False
    except HumotionError:
        result, is_failure = "error text", False
    except BaseException as error:
        result, is_failure = f"{type(error).__name__}: {error}"[:300], True
    answer.send(Outcome(result, is_failure, time.process_time(), max(0, _memory("VmHWM") - before)))


def _run_stages(layout: str, root: Path) -> str:
    dataset = {"layout": layout, "root": str(root), "frames": {"shards": 1}}
    params = Params.model_validate({"datasets": {"data": dataset}, "experiments": {}, "machine": {"workers": 1}})
    index.run("data", params)
    extract.run("data", params)
    statuses = set(pd.read_parquet("prepared/data/frames.parquet")["status"])
    assert statuses <= STATUSES, statuses
    return next(
        (status for status in ("truncated", "damaged", "corrupt", "empty", "missing") if status in statuses), "ok"
    )


def _memory(field: str) -> int:
    """A memory field of this process's own status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


def table(outcomes: dict[str, list[Outcome]]) -> str:
    """One line per kind of file: the number of each result, the longest time, and the most memory."""
    results = ("ok", "truncated", "damaged", "corrupt", "empty", "missing", "error text")
    header = ["file", "count", *results, "failures", "max CPU s", "max MiB"]
    rows = [[kind, *_row(found, results)] for kind, found in outcomes.items()]
    rows.append(["all", *_row([outcome for found in outcomes.values() for outcome in found], results)])
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [[f"{row[0]:<{widths[0]}}", *map(str.rjust, row[1:], widths[1:])] for row in [header, *rows]]
    return "\n".join("  ".join(cells) for cells in lines)


def _row(found: list[Outcome], results: tuple[str, ...]) -> list[str]:
    counts = Counter(outcome.result for outcome in found if not outcome.is_failure)
    failures = sum(outcome.is_failure for outcome in found)
    slowest, largest = max(o.seconds for o in found), max(o.memory for o in found) / 2**20
    return [str(len(found)), *(str(counts[r]) for r in results), str(failures), f"{slowest:.1f}", f"{largest:.0f}"]


if __name__ == "__main__":
    main()

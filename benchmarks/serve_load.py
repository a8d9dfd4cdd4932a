"""How many videos a server answers, how long each waits, and whether its memory grows."""

from __future__ import annotations

import argparse
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil

from benchmarks.leash import leashed
from benchmarks.measure import hardware
from benchmarks.serve_clients import REFUSED_AT, Clients

DESCRIPTION = """\
Starts `humotion serve` with a model, and sends it one clip again and again from several clients. A share of the
requests are odd: broken files, too large ones, clients that are slow or hang up. Prints a line per tenth of the
requests, then by how much the server's memory grew per request after the first fifth: the slope of a line through its
memory over the number of requests, and by how much the two halves differ.

  python -m benchmarks.serve_load clip.mp4 --requests 20000 --clients 4 --odd 0.1
"""
PARTS = 10
WARM_UP = 0.2
SECONDS_BETWEEN = 0.5


class Watch:
    """Memory, threads and open files of a server, by the number of requests, until it is stopped.

    Args:
        server: its process.
    """

    def __init__(self, server: psutil.Process) -> None:
        self.num_done = 0
        self.rows: list[tuple[int, int]] = []
        self._server, self._stop = server, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def now(self) -> tuple[int, int, int]:
        """Bytes of memory, threads, and open files."""
        return self._server.memory_info().rss, self._server.num_threads(), self._server.num_fds()

    def cpu(self) -> float:
        """Seconds of all cores until now."""
        times = self._server.cpu_times()
        return float(times.user + times.system)

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def growth(self) -> tuple[float, float, float]:
        """Bytes per request after the warm-up, over all of the rest, over its first half, and over its second."""
        rows = np.array([row for row in self.rows if row[0] > WARM_UP * self.num_done], float)
        parts = [rows, *np.array_split(rows, 2)]
        return tuple(float(np.polyfit(part[:, 0], part[:, 1], 1)[0]) for part in parts)  # type: ignore[return-value]

    def _look(self) -> None:
        while not self._stop.wait(SECONDS_BETWEEN):
            self.rows.append((self.num_done, self._server.memory_info().rss))


def main() -> None:
    """Parse the command line, send the requests, print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, help=f"smaller than {REFUSED_AT} bytes")
    parser.add_argument("--model", default="models/ls_vit")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--odd", type=float, default=0.0, help="share of the requests that are odd (%(default)s)")
    parser.add_argument("--serve", default="", help="further options of `humotion serve`, as one argument")
    options = parser.parse_args()
    content = options.clip.read_bytes()
    print(hardware())
    limits = ["--max-megabytes", str(REFUSED_AT // 1_000_000), "--max-waiting", str(2 * options.clients)]
    with leashed(["serve", "--model", options.model, "--port", "0", *limits, *options.serve.split()]) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
        if found is None:
            raise SystemExit("The server did not start.")
        clients = Clients(int(found[1]), content, options.clip.name)
        load(clients, options.requests, options.clients, options.odd, Watch(psutil.Process(process.pid)))


def load(clients: Clients, num_requests: int, num_clients: int, share: float, watch: Watch) -> None:
    """Send requests and print what is measured; the same ones are odd in every run."""
    kinds = list(clients.odd.items())
    odd = np.random.default_rng(0).random(num_requests) < share
    errors: Counter[str] = Counter()
    seconds: list[float] = []

    def send(number: int) -> None:
        name, ask = kinds[number % len(kinds)] if odd[number] else ("good", clients.good)
        start = time.perf_counter()
        _counted(name, ask, errors)
        if name == "good":
            seconds.append(time.perf_counter() - start)
        watch.num_done += 1

    print("| requests | per second | CPU ms each | p50, ms | p95 | p99 | memory, MB | threads | files |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    try:
        with ThreadPoolExecutor(num_clients) as pool:
            for part in range(PARTS):
                first, last = (num_requests * edge // PARTS for edge in (part, part + 1))
                start, cpu, before = time.perf_counter(), watch.cpu(), len(seconds)
                list(pool.map(send, range(first, last)))
                rate = (last - first) / (time.perf_counter() - start)
                p50, p95, p99 = np.percentile(1000 * np.array(seconds[before:]), [50, 95, 99])
                memory, num_threads, num_files = watch.now()
                each = 1000 * (watch.cpu() - cpu) / (last - first)
                row = f"{last} | {rate:.1f} | {each:.1f} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {memory / 1e6:.0f}"
                print(f"| {row} | {num_threads} | {num_files} |", flush=True)
    finally:
        watch.stop()
    all_of_it, first_half, second_half = watch.growth()
    print(f"growth: {all_of_it:.0f} bytes per request ({first_half:.0f} in the first half, {second_half:.0f} after it)")
    print(f"odd requests: {odd.sum()} of {len(kinds)} kinds; wrong answers: {errors.total()}")
    for text, count in errors.most_common():
        print(f"  {count} x {text}")


def _counted(name: str, ask: Callable[[], None], errors: Counter[str]) -> None:
    try:
        ask()
    except Exception as error:
        errors[f"{name}: {type(error).__name__}: {str(error)[:200]}"] += 1


if __name__ == "__main__":
    main()

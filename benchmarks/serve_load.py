"""How many videos a server answers, how long each waits, and whether its memory grows."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import requests

DESCRIPTION = """\
Starts `humotion serve` with a model, and sends it one clip again and again from several clients.

  python -m benchmarks.serve_load clip.mp4 --requests 20000 --clients 4
"""
PARTS = 10


def main() -> None:
    """Parse the command line, send the requests, print a table: one line per tenth of them."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--model", default="models/ls_vit")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    command = [sys.executable, "-m", "humotion", "serve", "--model", options.model, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        if found is None:
            raise SystemExit("The server did not start.")
        content = options.clip.read_bytes()
        measure(found[0], content, options.clip.name, options.requests, options.clients, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait()


def measure(url: str, content: bytes, name: str, num_requests: int, num_clients: int, server: psutil.Process) -> None:
    """Print requests per second, latencies in milliseconds and memory of the server, by tenths of the requests."""
    print("| requests | per second | p50, ms | p95, ms | memory of the server, MB |\n| --- | --- | --- | --- | --- |")
    sessions = [requests.Session() for _ in range(num_clients)]

    def send(number: int) -> float:
        start = time.perf_counter()
        answer = sessions[number % num_clients].post(f"{url}/predict", params={"name": name}, data=content, timeout=300)
        answer.raise_for_status()
        return time.perf_counter() - start

    with ThreadPoolExecutor(num_clients) as clients:
        for part in range(PARTS):
            first, last = (num_requests * edge // PARTS for edge in (part, part + 1))
            start = time.perf_counter()
            seconds = np.array(list(clients.map(send, range(first, last))))
            rate = (last - first) / (time.perf_counter() - start)
            p50, p95 = np.percentile(1000 * seconds, [50, 95])
            memory = server.memory_info().rss / 1e6
            print(f"| {last} | {rate:.1f} | {p50:.0f} | {p95:.0f} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()

"""Whether the memory of the page in the browser grows with the number of predictions."""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from pathlib import Path

import numpy as np
import psutil
import requests

from benchmarks.leash import leashed
from benchmarks.measure import hardware

DESCRIPTION = """\
Starts `humotion app`, and asks it about one clip again and again, as the page's JavaScript does, with what the network
looks at. Prints the server's memory by the number of predictions, then the slope of a line through the second half.

  python -m benchmarks.app_load clip.mp4 --model models/ls_vit --predictions 200
"""
LINES = 10


def main() -> None:
    """Parse the command line, ask, print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--model", default="models/ls_vit")
    parser.add_argument("--predictions", type=int, default=200, help="(%(default)s)")
    parser.add_argument("--without-looks", action="store_true", help="without what the network looks at")
    options = parser.parse_args()
    print(hardware())
    with leashed(["app", "--model", options.model, "--port", "0"]) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        if found is None:
            raise SystemExit("The page did not start.")
        server, rows = psutil.Process(process.pid), []
        print("| predictions | seconds each | memory, MB | threads | files |\n| --- | --- | --- | --- | --- |")
        for part in range(LINES):
            first, last = (options.predictions * edge // LINES for edge in (part, part + 1))
            start = time.perf_counter()
            for number in range(first, last):
                ask(found[0], options.clip, not options.without_looks)
                rows.append((number + 1, server.memory_info().rss))
            each = (time.perf_counter() - start) / max(1, last - first)
            row = f"{last} | {each:.2f} | {rows[-1][1] / 1e6:.0f} | {server.num_threads()} | {server.num_fds()}"
            print(f"| {row} |", flush=True)
    later = np.array(rows[len(rows) // 2 :], float)
    print(f"growth in the second half: {np.polyfit(later[:, 0], later[:, 1], 1)[0] / 1000:.0f} kB per prediction")


def ask(address: str, clip: Path, with_looks: bool) -> None:
    """Upload the clip and wait for its answer, in a session that ends then."""
    events = requests.get(f"{address}/config", timeout=60).json()["dependencies"]
    (event,) = [one["id"] for one in events if len(one["inputs"]) > 2]
    model = next(
        one["props"]["value"]
        for one in requests.get(f"{address}/config", timeout=60).json()["components"]
        if one["props"].get("label") == "Model"
    )
    with clip.open("rb") as file:
        (path,) = requests.post(f"{address}/gradio_api/upload", files={"files": file}, timeout=60).json()
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}}, model, "none", with_looks, False]
    session = os.urandom(5).hex()
    body = {"data": data, "fn_index": event, "session_hash": session}
    requests.post(f"{address}/gradio_api/queue/join", json=body, timeout=60).raise_for_status()
    with (
        requests.get(f"{address}/gradio_api/heartbeat/{session}", stream=True, timeout=300),
        requests.get(f"{address}/gradio_api/queue/data?session_hash={session}", stream=True, timeout=300) as answer,
    ):
        for line in answer.iter_lines(chunk_size=1):  # else the last one waits in a buffer
            message = json.loads(line[6:]) if line.startswith(b"data: ") else {}
            if message.get("msg") == "process_completed":
                if not message["success"]:
                    raise SystemExit(f"The page failed: {message['output']}")
                return


if __name__ == "__main__":
    main()

"""Clips per second of a model that sees several clips at once, compared with one after the other."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import Timing, Work, compare, hardware, write_report
from humotion.figures.tables import markdown_table
from humotion.training.task import task_class

DESCRIPTION = """\
Whether a server gains by asking a model about several clips at once: the forward pass of 1, 2, 4 and 8 clips, per clip,
compared with a pass per clip. Weights are random. Contenders run in turns; the figures are medians.

  python -m benchmarks.serve_batches --threads 1 2
"""
BATCHES = (1, 2, 4, 8)
CLIPS = 8
VIT = {"family": "vit", "name": "ls_vit", "num_classes": 51, "num_frames": 8, "image_size": 112}
MODELS: dict[str, dict[str, Any]] = {
    "ls_vit, tiny (16 wide, 32 px)": {
        **VIT,
        **{"patch_size": 16, "dim": 16, "depth": 1, "heads": 2, "num_frames": 4, "image_size": 32},
    },
    "ls_vit, ViT-S/14 (112 px)": {**VIT, "patch_size": 14, "dim": 384, "depth": 12, "heads": 6},
    "ddnet (32 filters)": {
        **{"family": "ddnet", "name": "ddnet", "num_classes": 21, "filters": 32, "frames": 32},
        **{"channel_dropout": 0.1, "dropout": 0.5, "num_joints": 13, "dimensions": 2},
    },
}


def clips_of(task: Any, architecture: dict[str, Any]) -> dict[str, Tensor]:
    """Random clips for a model, as a loader gives them."""
    times = architecture.get("num_frames", architecture.get("frames"))
    batch = {"is_padding": torch.zeros(CLIPS, times, dtype=torch.bool), "clip_index": torch.arange(CLIPS)}
    if "image_size" in architecture:
        shape = (CLIPS, times, task.model.num_neighbours, 3, architecture["image_size"], architecture["image_size"])
        return {**batch, "frames": torch.randint(0, 256, shape, dtype=torch.uint8)}
    joints = (CLIPS, times, architecture["num_joints"])
    return {**batch, "landmarks": torch.randn(*joints, architecture["dimensions"]), "known": torch.ones(joints) > 0}


def contenders_of(name: str, device: str) -> dict[str, Callable[[], Work]]:
    """Ask a model about all clips, so many at a time."""
    architecture = MODELS[name]
    torch.manual_seed(0)
    task: Any = task_class("action_recognition")(architecture).eval().to(device)
    clips = {key: values.to(device) for key, values in clips_of(task, architecture).items()}

    def ask(size: int) -> Work:
        with torch.inference_mode():
            for start in range(0, CLIPS, size):
                piece = {key: values[start : start + size] for key, values in clips.items()}
                task.predict_step(piece)["probabilities"].cpu()
        return Work(CLIPS)

    return {f"{size} at once": lambda size=size: ask(size) for size in BATCHES}  # type: ignore[misc]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of torch (%(default)s)")
    parser.add_argument("--repeats", type=int, default=20, help="(%(default)s)")
    parser.add_argument("--device", default="cpu", help="(%(default)s)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    report: dict[str, Any] = {"hardware": hardware()}
    print(report["hardware"])
    rows = []
    for threads in options.threads:
        torch.set_num_threads(threads)
        for name in MODELS:
            timings = compare(contenders_of(name, options.device), options.repeats, f"{name}, {threads} threads")
            report[f"{name}, {threads} threads"] = {key: timing.row() for key, timing in timings.items()}
            rows.append(_row(name, threads, timings))
    print(
        markdown_table(["model", "threads", "ms per clip, alone", *(f"{size} at once" for size in BATCHES[1:])], rows)
    )
    write_report(options.json, report)


def _row(name: str, threads: int, timings: dict[str, Timing]) -> list[str]:
    """Milliseconds per clip, and how many times as many clips per second at once."""
    alone = timings["1 at once"]
    gains = [timings[f"{size} at once"].rate / alone.rate for size in BATCHES[1:]]
    return [name, str(threads), f"{1000 / alone.rate:.2f}", *(f"{gain:.2f}" for gain in gains)]


if __name__ == "__main__":
    main()

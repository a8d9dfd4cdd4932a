"""Clips per second of LS-ViT in training and inference, compared with the plain ViT and `transformers`' models."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.action_models import BUILD, DEFAULT, PLAIN, Sizes, Steps, operations
from benchmarks.measure import Timing, Work, compare, hardware, most_resident, use_cores, write_report
from humotion.figures.tables import markdown_table

DESCRIPTION = """\
Clips per second in training steps (forward, backward, clipped gradients, AdamW) and in inference, from uint8 frames
in memory to logits. Weights are random. LS-ViT's default also gets the raw neighbours that it reads.

  vit, ls_vit default, ls_vit reference     of this project: each frame separately, N tokens per frame
  TimeSformer                               of transformers: divided space-time attention, N tokens per frame
  VideoMAE                                  of transformers: joint attention over tubelets of two frames

All have the same width, depth, heads, patches and frames. Contenders run in turns, and figures are medians. "Of peak"
compares the products of a training step (forward and backward, counted, not measured) with the rate of large matrix
products in the same run, with the same precision and threads. "Over vit" is the time over the time of the plain ViT in
the same round, as the median over rounds.

Memory is what a training step needs in addition to the libraries. On a CPU it is the peak resident memory of a separate
process, minus its peak before the model was built. On a GPU it is the most memory that was allocated.

  python -m benchmarks.action_throughput --threads 2
  python -m benchmarks.action_throughput --device cuda --dtype bf16 --batch 32
"""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
MATMUL = "matrix product"
TRAIN, INFER = "train", "infer"
AT_MOST, CPU_SHARE, GPU_SHARE = 1.05, 0.70, 0.55  # targets
_PEAK = "import sys; from benchmarks.action_throughput import peak; peak(sys.argv[1:])"


def matmul(device: str, dtype: torch.dtype) -> tuple[Callable[[], Work], float]:
    """A contender that computes large matrix products, and its FLOPs."""
    size, times = (8192, 50) if device == "cuda" else (2048, 4)
    one, other = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    product = torch.empty_like(one)

    def run() -> Work:
        for _ in range(times):
            torch.mm(one, other, out=product)
        if device == "cuda":
            torch.cuda.synchronize()
        return Work(times)

    return run, 2.0 * size**3 * times


def timed(call: Callable[[], None], clips: int) -> Callable[[], Work]:
    """A contender that makes this call."""

    def run() -> Work:
        call()
        return Work(clips)

    return run


def over_plain(timings: dict[str, Timing], name: str, way: str) -> float:
    """Median over rounds of a model's time over that of the plain ViT in the same round."""
    pairs = zip(timings[f"{way} {name}"].walls, timings[f"{way} {PLAIN}"].walls, strict=True)
    return statistics.median(mine / plain for mine, plain in pairs)


def time_all(names: list[str], sizes: Sizes, args: argparse.Namespace) -> dict[str, Any]:
    """Time all models in turns and return their figures per model."""
    steps = {name: Steps(name, sizes, args.device, DTYPES[args.dtype]) for name in names}
    product, flops = matmul(args.device, DTYPES[args.dtype])
    contenders = {MATMUL: product}
    for name, step in steps.items():
        contenders[f"{TRAIN} {name}"] = timed(step.train, sizes.batch)
        contenders[f"{INFER} {name}"] = timed(step.infer, sizes.batch)
    timings = compare(contenders, args.repeats, "throughput")
    peak_rate = flops / timings[MATMUL].wall
    report: dict[str, Any] = {"peak_gflops": peak_rate / 1e9, "models": {}}
    for name in names:
        forward, whole = operations(name, sizes)
        training, inference = timings[f"{TRAIN} {name}"], timings[f"{INFER} {name}"]
        report["models"][name] = {
            "parameters": sum(p.numel() for p in steps[name].model.parameters()),
            "gflop_clip": forward / 1e9,
            "train_clips_per_second": training.rate,
            "infer_clips_per_second": inference.rate,
            "share_of_peak": whole * training.rate / peak_rate,
            "train_over_vit": over_plain(timings, name, TRAIN),
            "infer_over_vit": over_plain(timings, name, INFER),
            "train_seconds": training.walls,
            "infer_seconds": inference.walls,
        }
    return report


def memory_of(names: list[str], command_line: Sequence[str]) -> dict[str, dict[str, float]]:
    """Peak MiB of a training step per model, without and with checkpointing, each in a separate process."""
    found: dict[str, dict[str, float]] = {name: {} for name in names}
    jobs = [(name, kind) for name in names for kind in ("plain", "checkpointing")]
    for name, kind in tqdm(jobs, desc="memory", unit="run", leave=False):
        command = [sys.executable, "-c", _PEAK, *command_line, "--models", name]
        command += ["--checkpointing"] if kind == "checkpointing" else []
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[name][kind] = float(done.stdout.split()[-1])
    return found


def peak(command_line: Sequence[str]) -> None:
    """Take two training steps of one model in this process and print the peak in MiB."""
    args = parser().parse_args(command_line)
    torch.set_num_threads(args.threads)
    before = most_resident()
    steps = Steps(args.models[0], sizes_of(args), args.device, DTYPES[args.dtype], args.checkpointing)
    for _ in range(2):  # the optimiser's state exists from the second step on
        steps.train()
    if args.device == "cuda":
        print(torch.cuda.max_memory_allocated() / 2**20)
    else:
        print(most_resident() - before)


def markdown(report: dict[str, Any]) -> str:
    """The report as a table."""
    header = (
        "model",
        "parameters",
        "GFLOP per clip",
        "train clips/s",
        "of peak",
        "over vit",
        "infer clips/s",
        "over vit",
    )
    rows = []
    for name, row in report["models"].items():
        memory = [f"{row['memory'][kind]:.0f}" if "memory" in row else "" for kind in ("plain", "checkpointing")]
        figures = [
            f"{row['parameters']:,}",
            f"{row['gflop_clip']:.1f}",
            f"{row['train_clips_per_second']:.3g}",
            f"{row['share_of_peak']:.0%}",
            f"{row['train_over_vit'] - 1:+.1%}",
            f"{row['infer_clips_per_second']:.3g}",
            f"{row['infer_over_vit'] - 1:+.1%}",
        ]
        rows.append([name, *figures, *memory])
    return markdown_table([*header, "step MiB", "checkpointed"], rows)


def verdicts(models: dict[str, Any], share: float) -> list[str]:
    """One line per target: the measured value, and whether it reaches the target."""
    lines = []
    if {PLAIN, DEFAULT} <= models.keys():
        for way, text in ((INFER, "a forward pass"), (TRAIN, "a training step")):
            ratio = models[DEFAULT][f"{way}_over_vit"]
            verdict = "reached" if ratio <= AT_MOST else "missed"
            lines.append(f"SMIF and LMI add {ratio - 1:+.1%} to {text}, target at most 5 %: {verdict}")
        reached = models[DEFAULT]["share_of_peak"]
        verdict = "reached" if reached >= share else "missed"
        lines.append(f"a training step reaches {reached:.0%} of the peak, target {share:.0%}: {verdict}")
    return lines


def parser() -> argparse.ArgumentParser:
    """The parser of the command line; the defaults are ViT-S/16 on 8 frames of 224 pixels."""
    made = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"dim": 384, "depth": 12, "heads": 6, "patch-size": 16, "image-size": 224}.items():
        made.add_argument(f"--{name}", type=int, default=default)
    made.add_argument("--frames", type=int, default=8, help="sampled frames per clip (%(default)s)")
    made.add_argument("--batch", type=int, default=2, help="clips per step (%(default)s)")
    made.add_argument("--models", nargs="+", choices=list(BUILD), default=list(BUILD))
    made.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    made.add_argument("--dtype", choices=list(DTYPES), default="fp32", help="bf16 is mixed precision (%(default)s)")
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--repeats", type=int, default=5)
    made.add_argument("--no-memory", dest="memory", action="store_false", help="do not measure memory")
    made.add_argument("--checkpointing", action="store_true", help=argparse.SUPPRESS)
    made.add_argument("--json", type=Path, help="where to write the report")
    return made


def sizes_of(args: argparse.Namespace) -> Sizes:
    """The sizes given on the command line."""
    return Sizes(args.dim, args.depth, args.heads, args.patch_size, args.image_size, args.frames, args.batch)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a Markdown table."""
    command_line = list(sys.argv[1:] if arguments is None else arguments)
    args = parser().parse_args(command_line)
    if PLAIN not in args.models:
        parser().error(f"--models needs {PLAIN}, because the others are compared with it")
    where = torch.cuda.get_device_name() if args.device == "cuda" else hardware()
    if args.device == "cpu":
        use_cores(args.threads)
    torch.set_num_threads(args.threads)
    print(f"{where}; torch {torch.__version__}, {args.dtype}, {args.threads} threads")
    report = time_all(args.models, sizes_of(args), args)
    if args.memory:
        for name, found in memory_of(args.models, command_line).items():
            report["models"][name]["memory"] = found
    print(f"matrix products: {report['peak_gflops']:.0f} GFLOP/s; {sizes_of(args)}\n")
    print(markdown(report) + "\n")
    print("\n".join(verdicts(report["models"], GPU_SHARE if args.device == "cuda" else CPU_SHARE)))
    write_report(args.json, {"machine": where, "sizes": vars(sizes_of(args)), **report})


if __name__ == "__main__":
    main()

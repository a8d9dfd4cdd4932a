"""Latency of a frame in each pose machine: with direct convolutions, and in the way that inference uses."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measure import Target, Timing, Work, as_json, compare, hardware, table, use_cores, write_report
from humotion.models.common.build import build_model
from humotion.models.common.fast_conv import fast_for_inference

DESCRIPTION = """\
Latency of one frame, batch 1, with random weights (the speed does not depend on them):

  lstm_pm step     a steady step of the LSTM Pose Machine: every frame except the first
  lstm_pm first    its first frame, with ConvNet1
  rpm step         the same machine without LSTM
  cpm frame        the convolutional pose machine with 6 stages, which has no memory of earlier frames

On a CPU each is timed in float32: "direct" with channels last, "contiguous" with the other layout, and "fast" with
large convolutions in the frequency domain, as `humotion predict` runs them. On a GPU: float32, and bfloat16 compiled
into CUDA graphs.

  python -m benchmarks.pose_latency --threads 1 2
  python -m benchmarks.pose_latency --device cuda
"""
STEP, FIRST, RPM, CPM = "lstm_pm step", "lstm_pm first", "rpm step", "cpm frame"
AGAINST_CPM, AGAINST_DIRECT = 2.3, 1.7  # target ratios
Way = Callable[[nn.Module], nn.Module]


def direct(model: nn.Module) -> nn.Module:
    """Direct convolutions, channels last."""
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def fast(model: nn.Module) -> nn.Module:
    """The way in which a loaded model runs."""
    return fast_for_inference(direct(model))


def compiled(model: nn.Module) -> nn.Module:
    """bfloat16, channels last, as CUDA graphs."""
    model = direct(model).bfloat16()
    model.step = torch.compile(model.step, mode="reduce-overhead")
    return model


CPU_WAYS: dict[str, Way] = {"direct": direct, "contiguous": lambda model: model, "fast": fast}
CUDA_WAYS: dict[str, Way] = {"direct": direct, "compiled bf16": compiled}


def steps(model: Any, frame: Tensor, is_steady: bool) -> Callable[[], Tensor]:
    """A call that runs the model on one frame, after other frames or as the first."""
    frame = frame.to(model.centre_map.dtype).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        _, state = model.step(frame, model.start(frame))
        # CUDA graphs own the memory of their outputs and overwrite it at the next call
        state = type(state)(*(None if part is None else part.clone() for part in state)) if state else state

    def run() -> Tensor:
        with torch.inference_mode():
            return model.step(frame, state if is_steady else model.start(frame))[0]

    return run


def timed(call: Callable[[], Tensor], frames: int) -> Callable[[], Work]:
    """A contender that makes ``frames`` calls."""

    def run() -> Work:
        for _ in range(frames):
            maps = call()
        if maps.is_cuda:
            torch.cuda.synchronize()
        return Work(frames)

    return run


def machines(size: int, width: float) -> dict[str, tuple[Any, bool]]:
    """The model of each contender, and whether its timed frame follows another frame."""
    torch.manual_seed(0)
    names = {STEP: ("lstm_pm", True), FIRST: ("lstm_pm", False), RPM: ("rpm", True), CPM: ("cpm", True)}
    sizes = {"num_joints": 14, "input_size": size, "width": width, "init": "he"}
    built = {name: build_model("pose_machine", name, **sizes) for name in MODELS_TIMED}
    return {label: (built[name], is_steady) for label, (name, is_steady) in names.items()}


MODELS_TIMED = ("lstm_pm", "rpm", "cpm")


def multiplications(model: Any, is_steady: bool, size: int) -> float:
    """GMAC of a pass with direct convolutions, counted without running it."""
    model = deepcopy(model).to("meta").eval()
    frame = torch.empty(1, 3, size, size, device="meta")
    with torch.no_grad():
        state = model.step(frame, model.start(frame))[1]
        with FlopCounterMode(display=False) as counter:
            model.step(frame, state if is_steady else model.start(frame))
    return counter.get_total_flops() / 2e9


def largest_difference(calls: dict[str, Callable[[], Tensor]]) -> float:
    """Largest difference between the maps of the direct way and the fast way, over all models."""
    pairs = [(call, calls["fast " + name[7:]]) for name, call in calls.items() if name.startswith("direct ")]
    return max(float((one() - other()).abs().max()) for one, other in pairs)


def targets(labels: list[str], way: str) -> list[Target]:
    """The targets of the steady step when it runs in this way."""
    wanted = [Target(f"{way} {CPM}", AGAINST_CPM)] if CPM in labels else []
    return [*wanted, Target(f"direct {STEP}", AGAINST_DIRECT)] if way == "fast" else wanted


def compare_ways(args: argparse.Namespace, threads: int) -> dict[str, Any]:
    """Time all contenders in turns, print the tables and return the report."""
    torch.set_num_threads(threads)
    ways = CUDA_WAYS if args.device == "cuda" else CPU_WAYS
    frame = torch.rand(1, 3, args.size, args.size, device=args.device) - 0.5
    models = machines(args.size, args.width)
    calls: dict[str, Callable[[], Tensor]] = {}
    for way, prepare in ways.items():
        ready = {id(model): prepare(deepcopy(model).to(args.device).eval()) for model, _ in models.values()}
        calls |= {f"{way} {name}": steps(ready[id(model)], frame, steady) for name, (model, steady) in models.items()}
    difference = largest_difference(calls) if "fast" in ways else None
    contenders = {name: timed(call, args.frames) for name, call in calls.items()}
    timings = compare(contenders, args.repeats, f"{threads} threads")
    gmac = {name: multiplications(model, steady, args.size) for name, (model, steady) in models.items()}
    print(f"\n{args.device}, {threads} threads, {args.size} pixels, width {args.width}")
    for name, timing in timings.items():
        print(latency(name, timing, gmac[name.removeprefix(way_of(name, ways) + " ")]))
    report: dict[str, Any] = {"threads": threads, "gmac": gmac, "largest_difference": difference, "ways": {}}
    if difference is not None:
        print(f"largest difference between direct and fast maps: {difference:.1e}")
    for way in ways:
        wanted = targets(list(models), way)
        print("\n".join(table(timings, wanted, f"{way} {STEP}", "frame").splitlines()[len(timings) + 1 :]))
        report["ways"][way] = as_json(timings, wanted, f"{way} {STEP}")
    return report


def way_of(name: str, ways: dict[str, Way]) -> str:
    """The way of a contender, from its name."""
    return next(way for way in ways if name.startswith(way + " "))


def latency(name: str, timing: Timing, gmac: float) -> str:
    """A line of the table: milliseconds per frame (wall-clock and CPU time), spread, and arithmetic."""
    each = 1e3 / timing.num_units
    spread = f"{min(timing.walls) * each:.1f}-{max(timing.walls) * each:.1f}"
    return (
        f"{name:30} {timing.wall * each:9.1f} ms {spread:>16} {timing.cpu * each:9.1f} ms CPU {gmac:8.2f} GMAC direct"
    )


def main() -> None:
    """Parse the command line and compare."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=368, help="side of the crop in pixels (%(default)s)")
    parser.add_argument("--width", type=float, default=1.0, help="factor on the official channels (%(default)s)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="numbers of threads, one comparison each")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--frames", type=int, default=1, help="frames per repetition (%(default)s)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    where = torch.cuda.get_device_name() if args.device == "cuda" else hardware()
    print(f"{where}; torch {torch.__version__}")
    runs = []
    for threads in args.threads:
        if args.device == "cpu":
            use_cores(threads)
        runs.append(compare_ways(args, threads))
    write_report(args.json, {"machine": where, "size": args.size, "width": args.width, "runs": runs})


if __name__ == "__main__":
    main()

"""Size, latency and accuracy of a trained model in every form in which it can run on a CPU."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.exported_scores import SCORES, Call, Form, clips_of
from benchmarks.measure import hardware, write_report
from humotion.clips.datamodule import ClipDataModule
from humotion.export import aoti_format, onnx_format, torch_format
from humotion.export.export_model import export_model
from humotion.export.exporter import Exporter, load_exporter
from humotion.params.document import load_params
from humotion.training.description import WEIGHTS

DESCRIPTION = """\
A table per model folder, on one thread: size on disk, median latency of a call with batch 1, accuracy on the test clips
of the model's experiment, and the largest difference of an output from eager on these clips.

  eager          the Lightning model's network, as `humotion predict` runs it: large convolutions of a pose machine
                 in the frequency domain
  torch.compile  the same network with direct convolutions, compiled by inductor
  torch.export   the file of `humotion export --to torch-export`
  AOTInductor    the file of `humotion export --to aoti`: the same, compiled before
  ONNX Runtime   the file of `humotion export --to onnx`
  int8           that file with weights in 8 bits (ONNX Runtime's dynamic quantisation)

Run it in a checkout with trained models:

  python -m benchmarks.exported models/ls_vit models/lstm_pm
"""


def eager(exporter: Exporter, folder: Path) -> Form:
    """The network of the Lightning module."""
    graphs = {graph.name: graph for graph in exporter.graphs()}
    for graph in graphs.values():
        graph.module.model = exporter.task.model  # type: ignore[assignment]
    return Form(_modules({name: graph.module for name, graph in graphs.items()}, exporter), size_of(folder / WEIGHTS))


def compiled(exporter: Exporter) -> Form:
    """The network compiled for this machine."""
    modules = {graph.name: torch.compile(graph.module, dynamic=False) for graph in exporter.graphs()}
    return Form(_modules(modules, exporter), None)


def _modules(modules: Mapping[str, Any], exporter: Exporter) -> Call:
    graphs = {graph.name: graph for graph in exporter.graphs()}

    def call(name: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        with torch.no_grad():
            outputs = modules[name](*(inputs[key] for key in graphs[name].inputs))
        return dict(zip(graphs[name].outputs, outputs, strict=True))

    return call


def of_files(exporter: Exporter, written: Any, folder: Path) -> Form:
    """The files of a folder in one format."""
    graphs = exporter.graphs()
    paths = {graph.name: folder / f"{graph.name}{written.SUFFIX}" for graph in graphs}
    runs = {
        graph.name: written.runner(paths[graph.name], list(graph.inputs), list(graph.outputs), num_threads=1)
        for graph in graphs
    }
    return Form(lambda name, inputs: runs[name](inputs), sum(size_of(path) for path in paths.values()))


def quantised(exporter: Exporter, folder: Path, out: Path) -> Form:
    """ONNX files with weights in 8 bits."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    out.mkdir()
    for path in folder.glob("*.onnx"):
        ready = out / f"ready_{path.name}"
        quant_pre_process(path, ready, skip_symbolic_shape=True)
        quantize_dynamic(ready, out / path.name, weight_type=QuantType.QUInt8)
        ready.unlink()
    return of_files(exporter, onnx_format, out)


def size_of(path: Path) -> int:
    """Bytes of a file."""
    return path.stat().st_size


def latency(form: Form, examples: Mapping[str, Mapping[str, Tensor]], runs: int) -> str:
    """Median milliseconds per call of each graph, after three calls to warm up."""
    texts = []
    for name, inputs in examples.items():
        seconds = []
        for _ in range(runs + 3):
            start = time.perf_counter()
            form.call(name, inputs)
            seconds.append(time.perf_counter() - start)
        prefix = f"{name} " if len(examples) > 1 else ""
        texts.append(f"{prefix}{statistics.median(seconds[3:]) * 1e3:.1f} ms")
    return ", ".join(texts)


def furthest(outputs: list[dict[str, Tensor]], reference: list[dict[str, Tensor]]) -> str:
    """The largest difference of each output over all calls."""
    worst: dict[str, float] = {}
    for ours, theirs in zip(outputs, reference, strict=True):
        for name, value in ours.items():
            worst[name] = max(worst.get(name, 0.0), float((value - theirs[name]).abs().max()))
    return ", ".join(f"{name} {value:.1e}" for name, value in worst.items())


def compare(folder: Path, runs: int, most: int | None) -> list[list[str]]:
    """The rows of a model folder's table."""
    exporter = load_exporter(folder)
    model: Any = exporter.task.model
    data = ClipDataModule(exporter.description.experiment, load_params(), model.num_neighbours)
    score = SCORES[exporter.description.task]
    first = next(clips_of(data, 1))
    examples = exporter.examples(first)
    rows, reference = [], None
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for to in ("torch-export", "aoti", "onnx"):
            export_model(folder, to, root / to)
        forms: dict[str, Callable[[], Form]] = {
            "eager": lambda: eager(exporter, folder),
            "torch.compile": lambda: compiled(exporter),
            "torch.export": lambda: of_files(exporter, torch_format, root / "torch-export"),
            "AOTInductor": lambda: of_files(exporter, aoti_format, root / "aoti"),
            "ONNX Runtime": lambda: of_files(exporter, onnx_format, root / "onnx"),
            "ONNX Runtime int8": lambda: quantised(exporter, root / "onnx", root / "int8"),
        }
        for label, make in forms.items():
            try:
                form = make()
                speed = latency(form, examples, runs)
                accuracy, outputs = score(form, exporter, data, most)
            except Exception as error:  # a form that this model or machine does not support is a row, not an end
                why = f"{type(error).__name__}: {str(error).splitlines()[0][:80]}"
                rows.append([label, "-", "not supported", why, "-"])
            else:
                reference = outputs if reference is None else reference
                size = "-" if form.num_bytes is None else f"{form.num_bytes / 1e6:.2f} MB"
                far = "-" if outputs is reference else furthest(outputs, reference)
                rows.append([label, size, speed, accuracy, far])
            print(" | ".join(rows[-1]), flush=True)
    return rows


def main() -> None:
    """Parse the command line and compare."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="model folders, whose experiments' clips are here")
    parser.add_argument("--runs", type=int, default=50, help="timed calls (%(default)s)")
    parser.add_argument("--clips", type=int, help="score only the first test clips (default: all)")
    parser.add_argument("--json", type=Path, help="also write the tables to this file")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{hardware()}; torch {torch.__version__}; one thread; p50 of {args.runs} calls")
    tables = {}
    for folder in args.folders:
        print(f"\n{folder}\nform | size | p50 | accuracy | largest difference from eager")
        tables[str(folder)] = compare(folder, args.runs, args.clips)
    write_report(args.json, {"machine": hardware(), "runs": args.runs, "tables": tables})


if __name__ == "__main__":
    main()

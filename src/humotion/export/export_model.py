"""`humotion export`: write the graphs of a model folder, check them, and describe them in a JSON."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from humotion.errors import HumotionError
from humotion.export.check import Samples, differences, samples_of
from humotion.export.exporter import Difference, Exporter, load_exporter
from humotion.export.graph import BATCH, TIME, Graph, Traced, dtype_name, trace
from humotion.export.preprocessing import preprocessing_of
from humotion.files import atomic_folder, write_json
from humotion.prediction.models import EXPORTED
from humotion.training.description import DESCRIPTION, WEIGHTS
from humotion.work import digest_of_file

FORMATS = {"onnx": "onnx_format", "torch-export": "torch_format", "aoti": "aoti_format"}


def export_model(folder: Path, to: str, out: Path | None = None) -> str:
    """Export a model folder, and return a text that says what was written and how far it is from the model.

    Args:
        folder: the model folder.
        to: a format of `FORMATS`.
        out: the new folder (default: ``exported/<name of the folder>-<format>``). It replaces an older export.

    Raises:
        HumotionError: the format is unknown or its packages are missing, ``out`` holds something else, the model is a
            fusion, or the exported model differs from it.
    """
    if to not in FORMATS:
        raise HumotionError(f"There is no format {to!r}. --to is one of {', '.join(FORMATS)}.")
    written = import_module(f"humotion.export.{FORMATS[to]}")
    written.check_installed()
    out = out or Path("exported") / f"{folder.resolve().name}-{to}"
    if out.exists() and not (out / EXPORTED).exists():
        raise HumotionError(f"{out} exists and is not an exported model. Remove it, or name another folder with --out.")
    exporter = load_exporter(folder)
    samples = samples_of(exporter)
    with atomic_folder(out) as temporary:
        traced = _write_graphs(exporter, written, samples, temporary)
        runs = {
            one.graph.name: written.runner(
                temporary / _file(one, written), list(one.graph.inputs), list(one.graph.outputs)
            )
            for one in traced
        }

        def run(name: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
            try:
                return dict(runs[name](inputs))
            except Exception as error:  # each format has its own exceptions
                sizes = ", ".join(f"{key} {tuple(value.shape)}" for key, value in inputs.items())
                raise HumotionError(f"The exported graph {name!r} does not run on {sizes}: {error}") from error

        least_time = max((one.least_time for one in traced if one.any_time), default=None)
        found = differences(exporter, run, samples, least_time)
        document = _document(exporter, folder, to, written, traced, samples, found, run)
        write_json(temporary / EXPORTED, document)
        shutil.copyfile(folder / DESCRIPTION, temporary / DESCRIPTION)  # for `humotion predict`
        size = sum(path.stat().st_size for path in temporary.iterdir()) / 1e6
        files = ", ".join(sorted(path.name for path in temporary.iterdir()))
    listed = ", ".join(f"{name} {one.largest:.1e}" for name, one in found.items())
    return "\n".join(
        [
            f"{out}: {files} ({size:.1f} MB)",
            f"largest difference from the Lightning model: {listed}",
            f"checked on {samples.what}",
        ]
    )


def _write_graphs(exporter: Exporter, written: ModuleType, samples: Samples, folder: Path) -> list[Traced]:
    frames = exporter.description.preprocessing["num_frames"]
    traced = [_traced(exporter, graph, samples, frames) for graph in exporter.graphs()]
    for one in traced:
        written.write(one, folder / _file(one, written))
    return traced


def _traced(exporter: Exporter, graph: Graph, samples: Samples, frames: int) -> Traced:
    """Trace a graph with fewer frames, which shows if any number works; if it does not, with the right number."""
    has_time = any(TIME in axes for axes in graph.inputs.values())
    if has_time and frames > 2:
        fewer = trace(graph, exporter.examples(exporter.shortened(samples.batch, frames - 1))[graph.name])
        if fewer.any_time:
            return fewer
    return trace(graph, exporter.examples(samples.batch)[graph.name])


def _file(traced: Traced, written: ModuleType) -> str:
    return f"{traced.graph.name}{written.SUFFIX}"


def _document(
    exporter: Exporter,
    folder: Path,
    to: str,
    written: ModuleType,
    traced: list[Traced],
    samples: Samples,
    found: Mapping[str, Difference],
    run: Any,
) -> dict[str, Any]:
    """The content of export.json."""
    description = exporter.description
    examples = exporter.examples(samples.batch)
    return {
        "format": to,
        "model": {
            "experiment": description.experiment,
            "dataset": description.dataset,
            "task": description.task,
            "architecture": f"{description.architecture['family']}/{description.architecture['name']}",
            "run_id": description.run_id,
            "weights_md5": digest_of_file(folder / WEIGHTS),
        },
        "graphs": {
            one.graph.name: {
                "file": _file(one, written),
                "inputs": _inputs(one),
                "outputs": _outputs(one.graph, run(one.graph.name, examples[one.graph.name]), one.symbols),
                "state": dict(one.graph.state),
            }
            for one in traced
        },
        **exporter.answer(),
        "preprocessing": preprocessing_of(description, exporter.task.model),
        "check": {
            "inputs": samples.what,
            "largest_difference": {name: one.largest for name, one in found.items()},
            "largest_value": {name: one.value for name, one in found.items()},
            "tolerance": {name: exporter.tolerance[name] for name in found},
        },
        "versions": {"humotion": version("humotion"), "torch": torch.__version__, **written.versions()},
    }


def _inputs(traced: Traced) -> list[dict[str, Any]]:
    """Name, type, axes and shape of every input; an axis with any size has its name in place of a number."""
    described = []
    for name, axes in traced.graph.inputs.items():
        one = {"name": name, "dtype": traced.dtypes[name], "axes": list(axes), "shape": traced.shapes[name]}
        bounds = {"most": traced.most, "least": traced.least}
        limits = {name: {axis: sizes[axis] for axis in axes if axis in sizes} for name, sizes in bounds.items()}
        described.append(one | {name: sizes for name, sizes in limits.items() if sizes})
    return described


def _outputs(graph: Graph, values: Mapping[str, Tensor], symbols: Mapping[str, str]) -> list[dict[str, Any]]:
    """The same of every output, from its values for the example."""
    open_axes = {BATCH, TIME} & set(symbols.values())
    return [
        {
            "name": name,
            "dtype": dtype_name(values[name]),
            "axes": list(axes),
            "shape": [axis if axis in open_axes else size for axis, size in zip(axes, values[name].shape, strict=True)],
        }
        for name, axes in graph.outputs.items()
    ]

"""An exported folder whose graphs run in the place of the trained model, for `humotion predict` and others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from humotion.errors import HumotionError
from humotion.export import onnx_format
from humotion.export.exporter import Run
from humotion.files import read_json
from humotion.prediction.models import EXPORTED


class ExportedFolder(NamedTuple):
    """The content of ``export.json``, and a function that runs a graph by its name."""

    about: Mapping[str, Any]
    run: Run


def open_exported(folder: Path) -> ExportedFolder:
    """Open a folder of `humotion export --to onnx`.

    Raises:
        HumotionError: it has another format, a file is missing or damaged, or ONNX Runtime is not installed.
    """
    about = read_json(folder / EXPORTED)
    if about["format"] != "onnx":
        # A .pt2 file may hold pickled objects or compiled code, so opening one runs whatever its author wrote.
        raise HumotionError(
            f"{folder} was exported to {about['format']}. Only the format onnx is opened here, because files of the "
            "others can contain code: use `humotion export --to onnx`."
        )
    onnx_format.check_runtime()
    runs = {name: _runner(folder, graph) for name, graph in about["graphs"].items()}

    def run(name: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return runs[name](inputs)

    return ExportedFolder(about, run)


def _runner(folder: Path, graph: Mapping[str, Any]) -> Any:
    inputs, outputs = ([tensor["name"] for tensor in graph[side]] for side in ("inputs", "outputs"))
    # The name comes from a file that a stranger may have written: nothing outside the folder is opened.
    path = folder / Path(graph["file"]).name
    if not path.is_file():
        raise HumotionError(f"{path} is missing. Export the model again, and copy the whole folder.")
    try:
        return onnx_format.runner(path, inputs, outputs)
    except Exception as error:  # ONNX Runtime has an exception for each of its statuses
        raise HumotionError(f"{path} cannot be opened: {error}") from error

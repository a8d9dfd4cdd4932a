"""Run the published TFLite files: by LiteRT (``pip install 'humotion[landmarks]'``), or by OpenCV's dnn module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from humotion.annotation.blazepose.pruning import without_other_outputs
from humotion.errors import HumotionError

Floats = npt.NDArray[np.float32]
Network = Callable[[Floats], list[Floats]]
"""Takes an image (1, S, S, 3), and returns the outputs that were asked for, which the next call may overwrite."""
Runtime = Literal["litert", "opencv"]


def open_network(path: Path, outputs: Sequence[str], runtime: Runtime) -> Network:
    """Load a network that returns the named outputs, on one thread: several processes work on several videos.

    Raises:
        HumotionError: the package of the runtime is not installed, or the file cannot be read.
    """
    return _litert(path, outputs) if runtime == "litert" else _opencv(path, outputs)


def _litert(path: Path, outputs: Sequence[str]) -> Network:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise HumotionError(
            "BlazePose runs by LiteRT, which is not installed: pip install 'humotion[landmarks]'. Where boxes are "
            "labelled, it runs without: regions: labels, runtime: opencv."
        ) from None
    try:
        content = without_other_outputs(path.read_bytes(), outputs)
        interpreter: Any = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise HumotionError(f"{path} cannot be read: {error}") from error
    (image,) = interpreter.get_input_details()
    places = {output["name"]: output["index"] for output in interpreter.get_output_details()}
    if missing := [name for name in outputs if name not in places]:
        raise HumotionError(f"{path} has no output {missing[0]}; it has {', '.join(places)}.")

    def run(images: Floats) -> list[Floats]:
        interpreter.set_tensor(image["index"], images)
        interpreter.invoke()
        return [interpreter.get_tensor(places[name]) for name in outputs]

    return run


def _opencv(path: Path, outputs: Sequence[str]) -> Network:
    import cv2

    dnn: Any = cv2.dnn
    try:
        # The newer engine of OpenCV 5 returns only one of the outputs. OpenCV 4 has no other engine than this one.
        engine = {"engine": dnn.ENGINE_CLASSIC} if hasattr(dnn, "ENGINE_CLASSIC") else {}
        network = dnn.readNetFromTFLite(str(path), **engine)
    except (cv2.error, AttributeError) as error:
        raise HumotionError(f"OpenCV {cv2.__version__} cannot read {path}: {error}") from error

    def run(images: Floats) -> list[Floats]:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            network.setInput(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
            return [_channels_last(found) for found in network.forward(list(outputs))]
        finally:
            cv2.setNumThreads(threads)

    return run


def _channels_last(output: Floats) -> Floats:
    return output.transpose(0, 2, 3, 1) if output.ndim == 4 else output

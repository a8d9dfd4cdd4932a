"""What every registered model is in its official configurations: built without memory, and counted.

Models are built and run on PyTorch's meta device, which knows shapes alone. A GMAC is 1e9 multiplications of the
convolutions, linear layers, matrix products and attention, as `torch.utils.flop_counter` counts them (half of its
FLOPs); norms, activations, pooling, resizing and differences of frames are not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from humotion.models.common.build import MODELS, Task, build_model

CLIP_FRAMES = 16  # of an action model's clip, as LS-ViT's public re-implementation samples them


@dataclass(frozen=True)
class Counted:
    """A model in one configuration.

    Attributes:
        model: its registered name.
        configuration: the official configuration's name.
        task: what it is for.
        parameters: their number.
        inputs: shape of each input, by name.
        outputs: shape of each output, by name.
        gmacs: of one person or clip, by what is computed.
    """

    model: str
    configuration: str
    task: Task
    parameters: int
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    gmacs: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def count_models() -> Iterator[Counted]:
    """Every registered model, in each of its configurations."""
    for name, entry in MODELS.items():
        for configuration, arguments in entry.official.items():
            with torch.device("meta"), torch.no_grad():
                model = build_model(name, **arguments).eval()
                inputs, outputs, gmacs = RUNS[entry.task](model)
            parameters = sum(parameter.numel() for parameter in model.parameters())
            yield Counted(name, configuration, entry.task, parameters, inputs, outputs, gmacs)


def describe(counted: list[Counted]) -> str:
    """The table for people, numbers to the right, and below it what is counted."""
    header = ("model", "configuration", "parameters", "GMACs", "input", "output")
    rows = [
        (
            entry.model,
            entry.configuration,
            f"{entry.parameters:,}",
            ", ".join(f"{value:.2f} {of}" for of, value in entry.gmacs.items()),
            _shapes(entry.inputs),
            _shapes(entry.outputs),
        )
        for entry in counted
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if column == "parameters" else cell.ljust(width)
            for column, cell, width in zip(header, row, widths, strict=True)
        ).rstrip()
        for row in (header, *rows)
    ]
    note = (
        "GMACs: 1e9 multiplications of convolutions, linear layers, matrix products and attention; one person or clip."
    )
    return "\n".join([*lines, "", note])


def _shapes(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items())


Run = tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]], dict[str, float]]


def _run_pose(model: Any) -> Run:
    """A stream's first frame, which begins the state, and a later one."""
    frame = torch.empty(1, 3, model.input_size, model.input_size)
    first, (_, state) = _gmacs(model.init, frame)
    later, (maps, _) = _gmacs(model.step, frame, state)
    return {"frame": tuple(frame.shape)}, {"maps": tuple(maps.shape)}, {"first frame": first, "later frame": later}


def _run_action(model: Any) -> Run:
    """A whole clip without padding."""
    side = model.backbone.image_size
    frames = torch.empty(1, CLIP_FRAMES, model.num_neighbours, 3, side, side)
    is_padding = torch.zeros(1, CLIP_FRAMES, dtype=torch.bool)
    clip, logits = _gmacs(model, frames, is_padding)
    inputs = {"frames": tuple(frames.shape), "is_padding": tuple(is_padding.shape)}
    return inputs, {"logits": tuple(logits.shape)}, {"clip": clip, "frame": clip / CLIP_FRAMES}


RUNS: dict[Task, Callable[[Any], Run]] = {"pose_estimation": _run_pose, "action_recognition": _run_action}


def _gmacs(function: Callable[..., Any], *inputs: Any) -> tuple[float, Any]:
    """GMACs of a call, and what it returns."""
    with FlopCounterMode(display=False) as counter:
        result = function(*inputs)
    return counter.get_total_flops() / 2e9, result

"""A pose machine as graphs of one frame, whose state is inputs and outputs.

    frame 1 --> init --> joints, scores, state
                                          |
    frame 2 ----------------------------> step --> joints, scores, state --> frame 3 ...

A machine without a memory has no state, and one graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from humotion.export.direct import with_direct_convolutions
from humotion.export.exporter import Difference, Exporter, Run, difference
from humotion.export.graph import BATCH, Graph
from humotion.poses.decoding import Decoding, decode_heatmaps
from humotion.training.task import Batch

CHECKED_FRAMES = 5
MAP = (BATCH, "channel", "row", "column")
OUTPUTS = {"joints": (BATCH, "joint", "xy"), "scores": (BATCH, "joint"), "heatmaps": MAP}
LAST = "last_"
"""What the name of a part of the state has before it where it is an input."""


class PoseGraph(nn.Module):
    """Joints of one frame: the first one of a video, or one that follows a state."""

    def __init__(self, model: nn.Module, decoding: Decoding, state_class: type | None) -> None:
        super().__init__()
        self.model: Any = model
        self.decoding, self.state_class = decoding, state_class

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return what `OUTPUTS` names and the parts of the state, for a frame of bytes and the state before it."""
        frame, *state = tensors
        shown = self.model.normalise(frame)
        if state and self.state_class is not None:
            maps, after = self.model.step(shown, self.state_class(*state))
        else:
            maps, after = self.model.init(shown)
        decoded = self.model.joints_of_skeleton(*decode_heatmaps(maps, self.model.stride, self.decoding))
        return (*decoded, maps, *(part for part in after[1:] if part is not None))


class PoseExporter(Exporter):
    """See `Exporter`."""

    tolerance: ClassVar[Mapping[str, float]] = {
        "joints": 1e-3,  # 0.06 pixels of a crop of 64
        "scores": 1e-4,
        "heatmaps": 1e-4,
        "hidden": 1e-3,
        "cell": 1e-3,
    }

    def __init__(self, *loaded: Any) -> None:
        super().__init__(*loaded)
        side = self.description.preprocessing["size"]
        with torch.inference_mode():
            _, state = self.task.advance(torch.zeros(1, 1, 3, side, side, dtype=torch.uint8))  # type: ignore[operator]
        self.state_class = type(state) if state else None
        self.parts = tuple(name for name in getattr(state, "_fields", ()) if getattr(state, name) is not None)

    def graphs(self) -> list[Graph]:
        """See `Exporter`: ``init`` and ``step``, or ``model`` without a state."""
        model, decoding = with_direct_convolutions(self.task.model), self.task.decoding
        module = PoseGraph(model, decoding, self.state_class).eval()  # type: ignore[arg-type]
        frame = {"frame": MAP}
        if not self.parts:
            return [Graph("model", module, frame, OUTPUTS, {})]
        outputs = OUTPUTS | dict.fromkeys(self.parts, MAP)
        state = {LAST + part: part for part in self.parts}
        return [
            Graph("init", module, frame, outputs, {}),
            Graph("step", module, frame | dict.fromkeys(state, MAP), outputs, state),
        ]

    def answer(self) -> dict[str, Any]:
        """See `Exporter`."""
        skeleton, model = self.description.meta["skeleton"], self.task.model
        stride: Any = model.stride
        names = "the joints" if model.official_joints is None else "the 14 published joints, from which joints are made"
        return {
            "joints": skeleton["joints"],
            "edges": skeleton["edges"],
            "outputs": {
                "joints": "x and y in pixels of the crop; the centre of its first pixel is 0, 0",
                "scores": "the peak of each joint's map: near 1 is sure, near 0 is not",
                "heatmaps": f"maps of {names}, and the background; a cell is {stride} pixels wide",
            },
        }

    def seeded(self) -> Batch:
        """See `Exporter`."""
        side = self.description.preprocessing["size"]
        random = torch.Generator().manual_seed(0)
        shape = (2, CHECKED_FRAMES, 1, 3, side, side)
        return {"frames": torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)}

    def shortened(self, batch: Batch, num_frames: int) -> Batch:
        """See `Exporter`."""
        return {"frames": batch["frames"][:, :num_frames]}

    def examples(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        """See `Exporter`."""
        frame = batch["frames"][:, 0, 0].contiguous()
        if not self.parts:
            return {"model": {"frame": frame}}
        with torch.inference_mode():
            _, state = self.task.advance(frame[:, None])  # type: ignore[operator]
        # torch.export refuses tensors of the inference mode, but not their copies
        before = {LAST + part: getattr(state, part).clone().contiguous() for part in self.parts}
        return {"init": {"frame": frame}, "step": {"frame": frame, **before}}

    def differences(self, run: Run, batch: Batch) -> dict[str, Difference]:
        """See `Exporter`: of every frame, each program with the state that it made itself."""
        task: Any = self.task
        state = None
        found: dict[str, Tensor] = {}
        worst: dict[str, Difference] = {}
        for frame in batch["frames"][:, :, 0].unbind(1):
            with torch.inference_mode():
                maps, state = task.advance(frame[:, None], state)
                joints, scores = task.decode(maps[:, 0])
            expected = {"joints": joints, "scores": scores, "heatmaps": maps[:, 0]}
            expected |= {part: getattr(state, part) for part in self.parts}
            name = "model" if not self.parts else "step" if found else "init"
            before = {LAST + part: found[part] for part in self.parts if found}
            found = run(name, {"frame": frame.contiguous(), **before})
            for output, value in expected.items():
                one = difference(found[output], value)
                worst[output] = one.joined(worst.get(output, one))
        return worst

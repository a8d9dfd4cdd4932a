"""An action model as one graph, from the tensors that its input makes to the probabilities of the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from humotion.export.direct import with_direct_convolutions
from humotion.export.exporter import Difference, Exporter, Run, difference
from humotion.export.graph import BATCH, TIME, Graph
from humotion.tasks.action_recognition.training.model import FRAMES, shown_to
from humotion.training.task import Batch

PADDING = "is_padding"
PROBABILITIES = "probabilities"


class ActionGraph(nn.Module):
    """Class probabilities of what a model reads. Frames are bytes: normalising them is a part of the graph."""

    def __init__(self, model: nn.Module, reads: Sequence[str]) -> None:
        super().__init__()
        self.model, self.reads = model, tuple(reads)

    def forward(self, *tensors: Tensor) -> tuple[Tensor]:
        """Return the probabilities (B, classes) for the tensors of a batch, the last of which is ``is_padding``."""
        batch = dict(zip((*self.reads, PADDING), tensors, strict=True))
        return (torch.softmax(self.model(*shown_to(self.model, batch)).float(), dim=1),)


class ActionExporter(Exporter):
    """See `Exporter`."""

    tolerance: ClassVar[Mapping[str, float]] = {PROBABILITIES: 1e-4}

    def __init__(self, *loaded: Any) -> None:
        super().__init__(*loaded)
        self.reads: tuple[str, ...] = getattr(self.task.model, "reads", (FRAMES,))
        self.people = int(getattr(self.task.model, "persons", 1))

    def _inputs(self) -> dict[str, tuple[str, ...]]:
        """The axes of each input, by its name."""
        person = ("person",) if self.people > 1 else ()
        axes: dict[str, tuple[str, ...]] = {
            FRAMES: (BATCH, TIME, "neighbour", "channel", "row", "column"),
            "features": (BATCH, *person, TIME, "joint", "feature"),
            "frame": (BATCH, TIME, "feature"),
            "landmarks": (BATCH, *person, TIME, "joint", "value"),
            "known": (BATCH, *person, TIME, "joint"),
            PADDING: (BATCH, TIME),
        }
        return {name: axes[name] for name in (*self.reads, PADDING)}

    def graphs(self) -> list[Graph]:
        """See `Exporter`: one graph."""
        module = ActionGraph(with_direct_convolutions(self.task.model), self.reads).eval()
        return [Graph("model", module, self._inputs(), {PROBABILITIES: (BATCH, "class")}, {})]

    def answer(self) -> dict[str, Any]:
        """See `Exporter`: the classes, and the temperature and threshold at which `humotion predict` says none."""
        found: dict[str, Any] = {"classes": self.description.meta["classes"]}
        if self.description.abstention:
            names = ("temperature", "threshold")
            found["abstention"] = {name: self.description.abstention.get(name) for name in names}
        return found

    def seeded(self) -> Batch:
        """See `Exporter`: the second clip ends with a repeated frame."""
        random = torch.Generator().manual_seed(0)
        model: Any = self.task.model
        settings, made = self.description.preprocessing, self.task.architecture
        times, people = settings["num_frames"], (self.people,) * (self.people > 1)
        joints = (2, *people, times, made.get("num_joints", 0))
        padding = torch.zeros(2, times, dtype=torch.bool)
        padding[1, -1] = times > 1
        batch = {PADDING: padding, "clip_index": torch.arange(2)}
        known = torch.rand(joints, generator=random) < 0.9
        for name in self.reads:
            if name == FRAMES:
                shape = (2, times, model.num_neighbours, 3, settings["size"], settings["size"])
                batch[name] = torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)
            elif name == "frame":
                batch[name] = torch.randn(2, times, made["channels"], generator=random)
            elif name == "known":
                batch[name] = known
            else:
                values = made["channels" if name == "features" else "dimensions"]
                batch[name] = torch.randn(*joints, values, generator=random) * known[..., None]
        return batch

    def shortened(self, batch: Batch, num_frames: int) -> Batch:
        """See `Exporter`."""
        places = {name: axes.index(TIME) for name, axes in self._inputs().items()}
        return {
            name: tensor.narrow(places[name], 0, num_frames) if name in places else tensor
            for name, tensor in batch.items()
        }

    def examples(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        """See `Exporter`."""
        return {"model": {name: batch[name] for name in (*self.reads, PADDING)}}

    def differences(self, run: Run, batch: Batch) -> dict[str, Difference]:
        """See `Exporter`."""
        with torch.inference_mode():
            expected = self.task.predict_step(batch)[PROBABILITIES]
        found = run("model", self.examples(batch)["model"])
        return {PROBABILITIES: difference(found[PROBABILITIES], expected)}

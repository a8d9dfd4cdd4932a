"""A model of several people as one graph, from bytes to what its decoder reads.

    picture --> graph --> fields: heatmaps and what joins joints --decoder--> people     (bottom-up)
    crop    --> graph --> joints, scores, person                                         (one person per crop)

The number of people is open, so the decoder of a bottom-up model is no part of its graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from humotion.export.direct import with_direct_convolutions
from humotion.export.exporter import Difference, Exporter, Run, difference
from humotion.export.graph import BATCH, Graph
from humotion.training.task import Batch

MAP = (BATCH, "channel", "row", "column")
OF_CROP = {"joints": (BATCH, "joint", "xy"), "scores": (BATCH, "joint"), "person": (BATCH,), "heatmaps": MAP}


class FieldsGraph(nn.Module):
    """The fields of the last stack of a bottom-up model."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model: Any = model
        self.names = names

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the fields (B, c, h, w) of pictures of bytes (B, 3, S, S), in the order of their names."""
        (pictures,) = tensors
        fields = self.model.fields(self.model(self.model.normalise(pictures))[-1])
        return tuple(fields[name] for name in self.names)


class CropGraph(nn.Module):
    """The joints of the person in a crop."""

    def __init__(self, model: nn.Module, decoding: Any) -> None:
        super().__init__()
        self.model: Any = model
        self.decoding = decoding

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return what `OF_CROP` names, for crops of bytes (B, 3, S, S)."""
        (crops,) = tensors
        found, maps = self.model.read(crops, self.decoding)
        return found.joints, found.scores, found.person, maps


class PeopleExporter(Exporter):
    """See `Exporter`."""

    tolerance: ClassVar[Mapping[str, float]] = {
        **dict.fromkeys(("heat", "tags", "limbs", "short", "forward", "backward", "long", "mask", "heatmaps"), 1e-4),
        **dict.fromkeys(("joints", "scores", "person"), 1e-3),
    }

    @property
    def _in_crops(self) -> bool:
        return bool(self.description.preprocessing["input"] == "person_crops")

    def _graph(self, model: nn.Module) -> nn.Module:
        task: Any = self.task
        return CropGraph(model, task.decoding) if self._in_crops else FieldsGraph(model, self._names())

    def _names(self) -> tuple[str, ...]:
        """The outputs, in their order."""
        if self._in_crops:
            return tuple(OF_CROP)
        model: Any = self.task.model
        return tuple(model.meaning()["outputs"])

    def graphs(self) -> list[Graph]:
        """See `Exporter`: one graph."""
        outputs = OF_CROP if self._in_crops else dict.fromkeys(self._names(), MAP)
        module = self._graph(with_direct_convolutions(self.task.model)).eval()
        return [Graph("model", module, {"picture": MAP}, outputs, {})]

    def answer(self) -> dict[str, Any]:
        """See `Exporter`: joints, what the outputs mean, and the settings of the decoder."""
        task: Any = self.task
        skeleton, model = self.description.meta["skeleton"], task.model
        about = {
            "joints": skeleton["joints"],
            "edges": skeleton["edges"],
            **model.meaning(),
            "cells": {"stride": model.stride, "centre": "stride * i + (stride - 1) / 2 pixels, for cell i"},
        }
        settings = task.decoding.model_dump()
        return about | {"decoding": settings | {"in_graph": self._in_crops}}

    def seeded(self) -> Batch:
        """See `Exporter`."""
        side = self.description.preprocessing["size"]
        random = torch.Generator().manual_seed(0)
        return {"frames": torch.randint(0, 256, (2, 1, 1, 3, side, side), dtype=torch.uint8, generator=random)}

    def shortened(self, batch: Batch, num_frames: int) -> Batch:
        """See `Exporter`: there is one frame."""
        return batch

    def examples(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        """See `Exporter`."""
        return {"model": {"picture": batch["frames"][:, 0, 0].contiguous()}}

    def differences(self, run: Run, batch: Batch) -> dict[str, Difference]:
        """See `Exporter`."""
        inputs = self.examples(batch)["model"]
        with torch.inference_mode():
            expected = self._graph(self.task.model)(inputs["picture"])
        found = run("model", inputs)
        return {name: difference(found[name], one) for name, one in zip(self._names(), expected, strict=True)}

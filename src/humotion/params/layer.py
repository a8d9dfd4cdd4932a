"""The sections ``layers.<name>`` of params.yaml: what every layer has, whatever its tool."""

from __future__ import annotations

from typing import Any, Literal

from humotion.params.section import Section

LABELS = "labels"
"""The layer of an experiment or a tool that uses no other: what the dataset itself shipped."""
NO_BACKBONE = "none"
"""The backbone of a tool that runs no network of ``models/``; an empty room of that name stands for it in dvc.yaml."""
WRITTEN_OUT = {"of": LABELS, "backbone": NO_BACKBONE}
"""Settings that params.yaml has for every layer, with their usual values: dvc.yaml names folders by them."""


class LayerParams(Section):
    """A fact of every frame of a dataset, made by one tool. The class of a tool is in ``params/annotation/``.

    ``of`` is the layer of the same dataset that the tool reads, next to the frames. ``backbone`` is the family (a
    folder of ``models/``) of the frozen network that the tool runs; a tool that can run one says which.
    """

    dataset: str
    tool: str
    of: str = LABELS
    backbone: Literal["none"] = "none"

    def settings(self) -> dict[str, Any]:
        """What the tool is told: all but the names of the dataset and the tool, as JSON has it."""
        return self.model_dump(mode="json", exclude={"dataset", "tool"})

"""The sections ``layers.<name>`` of params.yaml: what every layer has, whatever its tool."""

from __future__ import annotations

from typing import Any

from humotion.params.section import Section

LABELS = "labels"
"""The layer of an experiment that uses no other: what the dataset itself shipped."""


class LayerParams(Section):
    """A fact of every frame of a dataset, made by one tool. The class of a tool is in ``params/annotation/``."""

    dataset: str
    tool: str

    def settings(self) -> dict[str, Any]:
        """What the tool is told: all but the names of the dataset and the tool, as JSON has it."""
        return self.model_dump(mode="json", exclude={"dataset", "tool"})

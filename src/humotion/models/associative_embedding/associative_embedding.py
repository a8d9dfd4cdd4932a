"""Associative embedding: heatmaps say where joints are, tags say which of them belong together.

    picture --stacked hourglass--> per stack  heat (J, h, w)   a Gaussian at each joint of each person
                                              tags (J, h, w)   about the same number at all joints of a person

The tags are compared with each other only, so the network chooses them. Source: A. Newell, Z. Huang, J. Deng,
"Associative Embedding: End-to-End Learning for Joint Detection and Grouping", NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor, nn

from humotion.models.associative_embedding.decoding import decode
from humotion.models.associative_embedding.joint_order import COCO, joint_order
from humotion.models.associative_embedding.losses import joint_cells, tag_losses
from humotion.models.associative_embedding.plain_hourglass import PlainStackedHourglass
from humotion.models.common.people_maps import BottomUp, Fields, Found, Labels, Maps, gaussians
from humotion.models.common.stacked_hourglass import StackedHourglass

if TYPE_CHECKING:
    from humotion.params.models.associative_embedding import TagDecodingParams


class AssociativeEmbedding(BottomUp):
    """The model.

    Args:
        joint_names: of the joint set.
        network: "hourglass", or "official", the published one. The latter has four maps per joint, and two of them are
            not used.
        width: channels of a stack.
        stacks: number of hourglasses.
        depth: how often each halves its map.
        sigma: of the heatmaps' Gaussians, in pixels.
        pull: weight of the loss that draws the tags of a person together.
        push: weight of the loss that drives the tags of two people apart.
        foreground: how much more a cell of a heatmap counts where its target is 1.
    """

    def __init__(
        self,
        joint_names: Sequence[str] = COCO,
        network: Literal["hourglass", "official"] = "hourglass",
        width: int = 64,
        stacks: int = 1,
        depth: int = 3,
        sigma: float = 4.0,
        pull: float = 1e-3,
        push: float = 1e-3,
        foreground: float = 0.0,
    ) -> None:
        num = len(joint_names)
        channels = {"heat": num, "tags": num}
        if network == "official":
            channels["spare"] = 2 * num
        kind: type[nn.Module] = PlainStackedHourglass if network == "official" else StackedHourglass
        super().__init__(kind(sum(channels.values()), width, stacks, depth), channels)
        self.sigma, self.pull, self.push, self.foreground = sigma, pull, push, foreground
        self._order = joint_order(joint_names)

    def targets(self, labels: Labels, height: int, width: int) -> Maps:
        """The heatmaps (B, J, h, w), the cells in which tags are read, and the joints that have one, (B, J, P)."""
        cells, known = joint_cells(labels, height, width, self.stride)
        return {"heat": gaussians(labels, height, width, self.stride, self.sigma), "cells": cells, "known": known}

    def stack_losses(self, maps: Maps, targets: Maps, weight: Tensor) -> Maps:
        """Squared error of the heatmaps, ``pull`` and ``push``. A joint in a cell that teaches nothing has no tag."""
        cells = targets["cells"]
        teaches = weight.flatten(2).expand(-1, cells.shape[1], -1).gather(2, cells) > 0
        pull, push = tag_losses(maps["tags"], cells, targets["known"] & teaches)
        heat = (weight * (1 + self.foreground * targets["heat"]) * (maps["heat"] - targets["heat"]) ** 2).mean()
        return {"heat": heat, "pull": self.pull * pull, "push": self.push * push}

    def fields(self, maps: Maps) -> Maps:
        """The maps themselves."""
        return {name: maps[name] for name in ("heat", "tags")}

    def decode(self, fields: Fields, decoding: TagDecodingParams) -> Found:
        """See `humotion.models.associative_embedding.decoding`."""
        return decode(fields["heat"], fields["tags"], self._order, self.stride, decoding)

    def meaning(self) -> dict[str, Any]:
        """What an exported graph says: of each output, what it is; and the order in which joints are grouped."""
        return {
            "outputs": {
                "heat": "a map per joint, about 1 at that joint of each person",
                "tags": "a map per joint: at the joints of one person, the tags are about equal",
            },
            "grouping_order": list(self._order),
        }

"""PersonLab on a stacked hourglass: joints of several people, and whose each pixel is.

    picture --> stacked hourglass --> heat J | short 2 J | forward 2 E | backward 2 E | long 2 J | mask 1

``humotion.models.person_lab.targets`` says what the maps mean. Offsets are y first, then x, as in the published
PoseNet; the network gives them in units of the disc's radius. Source: G. Papandreou et al., "PersonLab: Person Pose
Estimation and Instance Segmentation with a Bottom-Up, Part-Based, Geometric Embedding Model", ECCV 2018, with this
network in place of their ResNet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from humotion.models.common.people_maps import BottomUp, Found, Labels, Maps
from humotion.models.common.people_maps import Fields as Arrays
from humotion.models.common.stacked_hourglass import StackedHourglass
from humotion.models.person_lab.cells import centred
from humotion.models.person_lab.decoding import Decoding, Fields, decode
from humotion.models.person_lab.losses import stack_losses
from humotion.models.person_lab.targets import encode
from humotion.models.person_lab.tree import JOINTS, tree_of

PUBLISHED = {"heat": 4.0, "mask": 2.0, "short": 1.0, "mid": 0.25, "long": 0.125}
"""The weights of the losses."""


class PersonLab(BottomUp):
    """The model.

    Args:
        joint_names: the joints; the tree is made of their names.
        width: channels of an hourglass.
        stacks: number of hourglasses.
        depth: how often an hourglass halves its map.
        radius: pixels of the discs around joints.
        loss_weights: of the parts of the loss: heat, mask, short, mid, long.
    """

    def __init__(
        self,
        joint_names: Sequence[str] = JOINTS,
        width: int = 256,
        stacks: int = 2,
        depth: int = 4,
        radius: float = 32.0,
        loss_weights: Mapping[str, float] = PUBLISHED,
    ) -> None:
        edges = tree_of(joint_names)
        joints, mids = 2 * len(joint_names), 2 * len(edges)
        channels = {"heat": len(joint_names), "short": joints, "forward": mids, "backward": mids}
        channels |= {"long": joints, "mask": 1}
        super().__init__(StackedHourglass(sum(channels.values()), width, stacks, depth), channels)
        self.edges, self.radius, self.loss_weights = edges, radius, dict(loss_weights)
        self.grid = centred(self.stride)

    def targets(self, labels: Labels, height: int, width: int) -> Maps:
        """See `humotion.models.person_lab.targets.encode`."""
        return encode(labels, height, width, self.grid, self.radius, self.edges)

    def stack_losses(self, maps: Maps, targets: Maps, weight: Tensor) -> Maps:
        """See `humotion.models.person_lab.losses.stack_losses`."""
        return stack_losses(maps, targets, weight, self.radius, self.loss_weights)

    def fields(self, maps: Maps) -> Maps:
        """Return probabilities, and offsets (B, 2 J or 2 E, h, w) in pixels."""
        scaled = {name: one * self.radius for name, one in maps.items()}
        return scaled | {name: torch.sigmoid(maps[name]) for name in ("heat", "mask")}

    def meaning(self) -> dict[str, Any]:
        """What an exported graph says: of each output, what it is; and the tree, from parent to child."""
        offsets = "y of each, then x of each, in pixels"
        return {
            "outputs": {
                "heat": "a map per joint: the probability that this joint of somebody is within radius pixels",
                "short": f"from the cell to joint j of the person there; {offsets}",
                "forward": f"at the parent of an edge of tree, to its child; {offsets}",
                "backward": f"at the child of an edge of tree, to its parent; {offsets}",
                "long": f"at any cell of a person, to joint j of this person; {offsets}",
                "mask": "the probability that the cell shows somebody",
            },
            "tree": [list(edge) for edge in self.edges],
            "radius": self.radius,
        }

    def decode(self, fields: Arrays, decoding: Any) -> Found:
        """Return the people of one picture with their masks.

        Args:
            fields: of one picture.
            decoding: see `humotion.params.models.person_lab.PersonLabDecodingParams`.
        """
        shape = fields["heat"].shape[1:]
        names = ("short", "forward", "backward", "long")
        offsets = {name: fields[name].reshape(2, -1, *shape) for name in names}
        maps = Fields(heat=fields["heat"], mask=fields["mask"][0], **offsets)
        settings = Decoding(
            decoding.min_joint,
            decoding.min_person,
            decoding.radius,
            decoding.most,
            decoding.refinements,
            decoding.bridges,
            self.radius if decoding.start == "votes" else None,
            decoding.min_votes,
            decoding.min_mask,
            decoding.farthest,
        )
        return decode(maps, settings, self.grid, self.edges)

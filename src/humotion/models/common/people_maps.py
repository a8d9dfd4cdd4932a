"""What a model of several people is shown, what it returns, and the frame that the bottom-up models share.

    pictures --network--> maps (one tensor of all channels per stack) --split--> named maps
    labels --targets()--> named maps        losses() compares the two; decode() reads people from the last stack's maps

A bottom-up model is three things over the same network: an encoder of targets, a loss, and a decoder. Its decoder must
find the true people in maps that its own encoder made.

Positions are x, y in pixels of the picture that the model is shown, with pixel centres at integers. The centre of cell
i lies at ``stride * i + (stride - 1) / 2``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from humotion.errors import DivergedError
from humotion.store.owners import UNKNOWN

Floats = npt.NDArray[np.float32]
Maps = dict[str, Tensor]
Fields = Mapping[str, Floats]


class Labels(NamedTuple):
    """The people of B pictures, P at most.

    Attributes:
        joints: (B, P, J, 2) positions.
        known: (B, P, J) bool; false for all joints of a place that nobody has.
        owners: (B, S, S) uint8, whose each pixel is: n + 1 for person n, or a value of `humotion.store.owners`.
    """

    joints: Tensor
    known: Tensor
    owners: Tensor


class Found(NamedTuple):
    """N people in one picture, the surest first.

    Attributes:
        joints: (N, J, 2); NaN for a joint that was not found.
        joint_scores: (N, J); 0 for a joint that was not found.
        scores: (N,).
        masks: (N, h, w) bool in cells, of a method that has them.
    """

    joints: Floats
    joint_scores: Floats
    scores: Floats
    masks: npt.NDArray[np.bool_] | None = None


def nobody(num_joints: int) -> Found:
    """No people."""
    return Found(np.zeros((0, num_joints, 2), "f4"), np.zeros((0, num_joints), "f4"), np.zeros(0, "f4"))


class FindsPeople(Protocol):
    """A model that finds people: what the training and the scores of it need."""

    num_neighbours: int

    def losses(self, batch: Mapping[str, Tensor]) -> Maps:
        """Return the parts of the loss of a batch as its input made it; the loss is their sum."""
        ...

    def find(self, batch: Mapping[str, Tensor], decoding: Any) -> list[Found]:
        """Return the people in each sample of a batch, in pixels of what the sample shows."""
        ...


def labels_of(batch: Mapping[str, Tensor]) -> Labels:
    """Return the labels of a batch of complete pictures (``inputs/whole_pictures.py``)."""
    return Labels(batch["joints"], batch["visibility"] > 0, batch["owners"])


class BottomUp(nn.Module, ABC):
    """The frame of the bottom-up models.

    Args:
        network: from pictures (B, 3, H, W) to the maps (B, C, h, w) of each stack; it has a ``stride``.
        channels: name and number of channels of each kind of maps, in the order of C.
    """

    reads: ClassVar[tuple[str, ...]] = ("pictures",)
    num_neighbours = 1

    def __init__(self, network: nn.Module, channels: Mapping[str, int]) -> None:
        super().__init__()
        self.network = network
        self.channels = dict(channels)

    @property
    def stride(self) -> int:
        """Pixels per cell."""
        return int(self.network.stride)  # type: ignore[arg-type]

    def normalise(self, pictures: Tensor) -> Tensor:
        """Uint8 RGB (B, 3, H, W) from -0.5 to 0.5."""
        return pictures.float() / 255 - 0.5

    def forward(self, pictures: Tensor) -> list[Maps]:
        """The named maps (B, c, h, w) of every stack, for normalised pictures (B, 3, H, W)."""
        names, sizes = list(self.channels), list(self.channels.values())
        return [dict(zip(names, maps.split(sizes, dim=1), strict=True)) for maps in self.network(pictures)]

    @abstractmethod
    def targets(self, labels: Labels, height: int, width: int) -> Maps:
        """Return what the loss needs of labelled people, for maps of ``height`` x ``width`` cells, on their device."""

    @abstractmethod
    def stack_losses(self, maps: Maps, targets: Maps, weight: Tensor) -> Maps:
        """Return the parts of the loss of one stack; ``weight`` (B, 1, h, w) is 0 in cells that teach nothing."""

    @abstractmethod
    def fields(self, maps: Maps) -> Maps:
        """Return the maps of the last stack as the decoder reads them: probabilities, for example, for logits."""

    @abstractmethod
    def decode(self, fields: Fields, decoding: Any) -> Found:
        """Return the people of one picture from its fields (c, h, w), with the thresholds of ``decoding``."""

    def losses(self, batch: Mapping[str, Tensor]) -> Maps:
        """See `FindsPeople`; every part is the mean over the stacks."""
        stacks = self(self.normalise(batch["frames"][:, 0, 0]))
        labels = labels_of(batch)
        height, width = next(iter(stacks[0].values())).shape[-2:]
        targets = self.targets(labels, height, width)
        weight = cells_that_teach(labels.owners, height, width)
        found = [self.stack_losses({name: m.float() for name, m in maps.items()}, targets, weight) for maps in stacks]
        return {name: torch.stack([parts[name] for parts in found]).mean() for name in found[0]}

    def find(self, batch: Mapping[str, Tensor], decoding: Any) -> list[Found]:
        """See `FindsPeople`."""
        return [self.decode(fields, decoding) for fields in self.fields_of(batch["frames"][:, 0, 0])]

    def fields_of(self, pictures: Tensor) -> list[Fields]:
        """Return the fields of each uint8 picture (B, 3, H, W), as arrays.

        Raises:
            DivergedError: a value is NaN or infinite: it would only look as if nobody were there.
        """
        maps = self.fields(self(self.normalise(pictures))[-1])
        if not torch.stack([one.isfinite().all() for one in maps.values()]).all():
            raise DivergedError("The model's maps are NaN or infinite: it diverged, or its training did.")
        arrays = {name: one.float().cpu().numpy() for name, one in maps.items()}
        return [{name: one[number] for name, one in arrays.items()} for number in range(len(pictures))]


def cells_that_teach(owners: Tensor, height: int, width: int) -> Tensor:
    """Return 0 in cells whose middle is of unknown people, else 1; (B, 1, height, width) of (B, S, S)."""
    return (of_cells(owners, height, width) != UNKNOWN).float()[:, None]


def of_cells(owners: Tensor, height: int, width: int) -> Tensor:
    """Return the pixels (B, height, width) of ``owners`` (B, S, S) at the middle of each cell."""
    rows, columns = (
        ((torch.arange(cells, device=owners.device) + 0.5) * (size / cells)).long()
        for cells, size in zip((height, width), owners.shape[-2:], strict=True)
    )
    return owners[:, rows[:, None], columns]


def cell_centres(height: int, width: int, stride: int, device: Any = None) -> Tensor:
    """Return the positions (height, width, 2) x, y of the centres of cells, in pixels."""
    rows, columns = (
        torch.arange(cells, device=device, dtype=torch.float32) * stride + (stride - 1) / 2 for cells in (height, width)
    )
    return torch.stack([columns[None].expand(height, -1), rows[:, None].expand(-1, width)], dim=-1)


def gaussians(labels: Labels, height: int, width: int, stride: int, sigma: float) -> Tensor:
    """Return heatmaps (B, J, height, width): at each cell the largest Gaussian of all people's joints, 1 at its top.

    ``sigma`` is in pixels.
    """
    centres = cell_centres(height, width, stride, labels.joints.device)
    x = torch.exp(-((labels.joints[..., 0, None] - centres[0, :, 0]) ** 2) / (2 * sigma**2))  # (B, P, J, w)
    y = torch.exp(-((labels.joints[..., 1, None] - centres[:, 0, 1]) ** 2) / (2 * sigma**2))  # (B, P, J, h)
    x = x.where(labels.known[..., None], 0.0)
    heat = torch.zeros(*labels.known.shape[:1], labels.known.shape[2], height, width, device=x.device)
    for person in range(labels.known.shape[1]):  # one at a time: all together would need P times the memory
        heat = torch.maximum(heat, y[:, person, :, :, None] * x[:, person, :, None, :])
    return heat

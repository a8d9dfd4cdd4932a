"""The stacked hourglass for one person: a crop in, a map per joint out of every stack.

    crop (3, S, S) --StackedHourglass--> maps (J, S / 4, S / 4) per stack; the last stack's are read

The person is in the middle of the crop, and others may be in it, too: which of them is meant, the crop says. Source: A.
Newell, K. Yang, J. Deng, "Stacked Hourglass Networks for Human Pose Estimation", ECCV 2016.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from humotion.errors import HumotionError
from humotion.models.common.people_maps import Found, Maps
from humotion.models.common.stacked_hourglass import STRIDE, StackedHourglass
from humotion.models.hourglass.decoding import Read, decode, read
from humotion.models.hourglass.targets import Unlabelled, squared_error, targets

if TYPE_CHECKING:
    from humotion.params.models.hourglass import HourglassDecoding

MPII_FLIP = (5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10)
"""The 16 joints of the published model, mirrored."""


class PersonHourglass(nn.Module):
    """The joints of one person per crop; see `humotion.models.common.people_maps.FindsPeople`.

    With 16 joints and 1, 2 or 8 stacks it has 3,426,448, 6,570,400 or 25,434,112 parameters.

    Args:
        num_joints: J.
        flip: (J,) ``flip[j]`` is joint j after mirroring the picture.
        width: channels of an hourglass.
        stacks: number of hourglasses.
        depth: how often an hourglass halves its map.
        sigma: standard deviation of the Gaussians that are learned, in pixels of the crop.
        unlabelled: see `humotion.models.hourglass.targets.targets`.
        foreground: how much more a cell counts where its target is 1.

    Raises:
        ValueError: ``flip`` does not exchange ``num_joints`` joints in pairs.
    """

    reads: ClassVar[tuple[str, ...]] = ("crops",)
    num_neighbours = 1
    stride = STRIDE

    flip: Tensor

    def __init__(
        self,
        num_joints: int = 16,
        flip: Sequence[int] = MPII_FLIP,
        width: int = 256,
        stacks: int = 2,
        depth: int = 4,
        sigma: float = 4.0,
        unlabelled: Unlabelled = "zero",
        foreground: float = 0.0,
    ) -> None:
        super().__init__()
        if len(flip) != num_joints or any(not 0 <= j < num_joints or flip[j] != i for i, j in enumerate(flip)):
            raise ValueError(f"flip must exchange the {num_joints} joints in pairs, but it is {list(flip)}")
        self.sigma, self.unlabelled, self.foreground = sigma, unlabelled, foreground
        self.network = StackedHourglass(num_joints, width, stacks, depth)
        exchanged = torch.tensor(flip, dtype=torch.long)
        self.register_buffer("flip", exchanged, persistent=False)  # a fact of the joint set, not a weight

    def normalise(self, crops: Tensor) -> Tensor:
        """Uint8 RGB (B, 3, S, S) from -0.5 to 0.5, so that the grey around a picture is nearly 0."""
        return crops.float() / 255 - 0.5

    def forward(self, crops: Tensor) -> list[Tensor]:
        """The maps (B, J, S / 4, S / 4) of every stack, for normalised crops (B, 3, S, S)."""
        return self.network(crops)

    def losses(self, batch: Mapping[str, Tensor]) -> Maps:
        """See `FindsPeople`; ``heat`` is the mean over the stacks.

        Raises:
            HumotionError: the side of the crops is not a multiple of 4.
        """
        stacks = self(self.normalise(self._crops(batch)))
        cells = stacks[0].shape[-1]
        labels = batch["joints"][:, 0], batch["visibility"][:, 0]
        wanted = targets(*labels, cells, self.stride, self.sigma, self.unlabelled)
        return {"heat": torch.stack([squared_error(maps.float(), wanted, self.foreground) for maps in stacks]).mean()}

    def find(self, batch: Mapping[str, Tensor], decoding: HourglassDecoding) -> list[Found]:
        """See `FindsPeople`: one person per crop, in pixels of the crop.

        Raises:
            HumotionError: the side of the crops is not a multiple of 4.
        """
        return decode(self.maps(self._crops(batch), decoding.flip_test), decoding, self.stride, self.sigma)

    def read(self, crops: Tensor, decoding: HourglassDecoding) -> tuple[Read, Tensor]:
        """The joints of the person in each of uint8 crops (B, 3, S, S), and the maps from which they are read."""
        maps = self.maps(crops, decoding.flip_test)
        return read(maps, decoding, self.stride, self.sigma), maps

    def meaning(self) -> dict[str, Any]:
        """What an exported graph says: of each output, what it is."""
        return {
            "outputs": {
                "joints": "x and y in pixels of the crop; the centre of its first pixel is 0, 0",
                "scores": "the highest value of each joint's map: near 1 is sure, near 0 is not",
                "person": "the score of the person: the mean of the scores above decoding.joint_threshold",
                "heatmaps": "a map per joint",
            }
        }

    def maps(self, crops: Tensor, flip_test: bool = False) -> Tensor:
        """The last stack's maps (B, J, S / 4, S / 4) of uint8 crops (B, 3, S, S).

        With ``flip_test`` they are the mean of these and of those of the mirrored crops, mirrored back. Cell i then
        meets cell w - 1 - i. No shift is needed, because targets and decoder have the centre of a cell in its middle.
        """
        maps: Tensor = self(self.normalise(crops))[-1].float()
        if not flip_test:
            return maps
        mirrored = self(self.normalise(crops.flip(-1)))[-1].float()
        return (maps + mirrored.flip(-1)[:, self.flip]) / 2

    def _crops(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The crops (B, 3, S, S) of a batch of one frame each."""
        crops = batch["frames"][:, 0, 0]
        side = crops.shape[-1]
        if side % self.stride:
            raise HumotionError(
                f"The hourglass needs crops whose side is a multiple of {self.stride} pixels, but augment.size is "
                f"{side}. Choose {max(side // self.stride, 1) * self.stride} or another multiple."
            )
        return crops

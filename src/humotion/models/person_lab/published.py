"""The published PoseNet as a reader of pictures: from frames of any size to people in their pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from humotion.models.common.people_maps import Found
from humotion.models.person_lab.decoding import Decoding, Fields, decode
from humotion.models.person_lab.posenet import STRIDE
from humotion.models.person_lab.tfjs import open_posenet


class PeopleReader:
    """Finds people in frames.

    Args:
        graph: ``posenet.json``.
        numbers: ``posenet.bin``.
        side: pixels of the long side of what the network sees.
        decoding: how people are read from the maps.

    Raises:
        HumotionError: see `humotion.models.person_lab.tfjs.open_posenet`.
    """

    def __init__(self, graph: Path, numbers: Path, side: int, decoding: Decoding) -> None:
        self._network = open_posenet(graph, numbers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._side, self._decoding = side, decoding

    def __call__(self, frames: npt.NDArray[np.uint8]) -> list[Found]:
        """The people in each of N RGB frames (N, H, W, 3). Joints are in pixels of the frames, middles at integers.

        With one thread of torch, the same frames give the same bytes, however they are grouped.
        """
        height, width = frames.shape[1:3]
        return [self.people(fields, width, height) for fields in self.maps(frames)]

    def people(self, fields: Fields, width: int, height: int) -> Found:
        """Return the people in the maps of one frame, in pixels of a frame of this size."""
        size = picture_size(width, height, self._side)
        scale = np.array([width, height], np.float32) / np.array(size, np.float32)
        found = decode(fields, self._decoding)
        return found._replace(joints=((found.joints + 0.5) * scale - 0.5).astype(np.float32))

    def maps(self, frames: npt.NDArray[np.uint8]) -> Iterator[Fields]:
        """Return the maps of each of N RGB frames (N, H, W, 3)."""
        size = picture_size(frames.shape[2], frames.shape[1], self._side)
        shrinks = size[0] < frames.shape[2]  # the network was trained on pictures without aliasing
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        pictures = np.stack([cv2.resize(frame, size, interpolation=way) for frame in frames])
        with torch.inference_mode():
            shown = torch.from_numpy(pictures).permute(0, 3, 1, 2)
            maps = self._network(self._network.normalise(shown).contiguous(memory_format=torch.channels_last))
            every = [part.contiguous().numpy() for part in maps._replace(heat=maps.heat.sigmoid())]
        for number in range(len(frames)):
            yield Fields(*(part[number] for part in every))


def picture_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height of what the network sees of a frame: sides of 16 n + 1 pixels, the longer one about ``side``."""
    scale = side / max(width, height)

    def fitting(pixels: int) -> int:
        return max(1, round((pixels * scale - 1) / STRIDE)) * STRIDE + 1

    return fitting(width), fitting(height)

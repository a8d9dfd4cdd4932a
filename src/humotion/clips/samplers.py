"""Which clips each device gets, and when: the global batches are the same for any number of devices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.utils.data import Dataset, DistributedSampler


class EpochSampler(DistributedSampler[Any]):
    """Shuffles by seed and epoch, divides each batch among the devices, and yields (epoch, index) pairs.

    For any number of devices, the global batch is the same section of one shuffled order. If the last batch cannot be
    divided evenly, some devices have one clip less. All devices must make the same steps, so a device without a clip
    gets one that does not count (see `counts`).

    Args:
        dataset: the dataset to shuffle.
        num_devices: number of devices that share it.
        rank: number of this device.
        batch_size: the global batch size, a multiple of ``num_devices``.
        seed: seed of the order.
        smallest_batch: a last batch with fewer clips is left out, unless it is the only one. The order is new in each
            epoch, so each epoch leaves out other clips.
    """

    def __init__(
        self, dataset: Dataset[Any], num_devices: int, rank: int, batch_size: int, seed: int, smallest_batch: int = 1
    ) -> None:
        super().__init__(dataset, num_devices, rank, shuffle=True, seed=seed)
        self.batch_size = batch_size
        self.num_clips = len(dataset)  # type: ignore[arg-type]
        rest = self.num_clips % batch_size
        if rest < min(smallest_batch, self.num_clips):
            self.num_clips -= rest
        last = (self.num_clips - 1) // batch_size
        in_last = self.counts(last)[0]
        self.length = last * batch_size // num_devices + max(1, in_last)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        # The base class pads with clips from the start of the epoch.
        indices = list(super().__iter__())
        return iter([(self.epoch, int(index)) for index in indices[: self.length]])

    def __len__(self) -> int:
        return self.length

    def counts(self, batch: int) -> tuple[int, int]:
        """Return how many clips of a batch count: on this device, and on all devices."""
        together = min(self.batch_size, self.num_clips - batch * self.batch_size)
        return len(range(self.rank, together, self.num_replicas)), together


class InTurn(DistributedSampler[Any]):
    """Divides the clips among the devices in order, each exactly once; some devices may have one more than others."""

    def __init__(self, dataset: Dataset[Any], num_devices: int, rank: int) -> None:
        super().__init__(dataset, num_devices, rank, shuffle=False)
        self.indices = range(rank, len(dataset), num_devices)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)

"""Which clips a device is given, and when: the global batches are the same for any number of devices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.utils.data import Dataset, DistributedSampler


class EpochSampler(DistributedSampler[Any]):
    """Shuffles by seed and epoch, shares each batch out over the devices, and gives (epoch, index) pairs.

    The global batch of any number of devices is a run of the one shuffled order. Where the last one cannot be shared
    out evenly, some devices have a clip less; one that would have none at all has a clip that counts for nothing
    (see `counts`), because all devices must make the same steps.

    Args:
        dataset: what is shuffled.
        num_devices: how many share it.
        rank: which of them this one is.
        batch_size: the global one, a multiple of ``num_devices``.
        seed: of the order.
    """

    def __init__(self, dataset: Dataset[Any], num_devices: int, rank: int, batch_size: int, seed: int) -> None:
        super().__init__(dataset, num_devices, rank, shuffle=True, seed=seed)
        self.batch_size = batch_size
        self.num_clips = len(dataset)  # type: ignore[arg-type]
        last = (self.num_clips - 1) // batch_size
        in_last = self.counts(last)[0]
        self.length = last * batch_size // num_devices + max(1, in_last)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        # The base class fills up with clips of the epoch's beginning.
        indices = list(super().__iter__())
        return iter([(self.epoch, int(index)) for index in indices[: self.length]])

    def __len__(self) -> int:
        return self.length

    def counts(self, batch: int) -> tuple[int, int]:
        """How many clips of a batch of the epoch count, of this device's and of all."""
        together = min(self.batch_size, self.num_clips - batch * self.batch_size)
        return len(range(self.rank, together, self.num_replicas)), together


class InTurn(DistributedSampler[Any]):
    """Deals out the clips to the devices in order, each exactly once: some devices may have one more than others."""

    def __init__(self, dataset: Dataset[Any], num_devices: int, rank: int) -> None:
        super().__init__(dataset, num_devices, rank, shuffle=False)
        self.indices = range(rank, len(dataset), num_devices)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)

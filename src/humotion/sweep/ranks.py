"""Several processes that train one trial together (``torchrun``): they follow what rank 0 says.

Rank 0 alone talks to the study and to MLflow.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch.distributed as dist


@dataclass(frozen=True)
class Ranks:
    """The processes of one training.

    Attributes:
        rank: which of them this one is.
        world_size: how many there are.
    """

    rank: int = 0
    world_size: int = 1

    def share(self, value: Any = None) -> Any:
        """What rank 0 gives, to every rank; all must call it."""
        if self.world_size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]


ALONE = Ranks()


def join_ranks() -> Ranks:
    """Meet the other processes if ``torchrun`` started several of this one."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1 or "TORCHELASTIC_RUN_ID" not in os.environ:
        return ALONE
    if not dist.is_initialized():
        dist.init_process_group()  # gloo for what lies on the CPU, NCCL on the GPU: Lightning goes on with it
    return Ranks(dist.get_rank(), world_size)

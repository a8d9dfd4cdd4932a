"""Several processes that train one trial together (``torchrun``): they follow what rank 0 says.

Rank 0 alone talks to the study and to MLflow.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from humotion.params.machine import MachineParams


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


def join_ranks(machine: MachineParams) -> Ranks:
    """Meet the other processes if ``torchrun`` started several of this one; Lightning goes on with their group."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1 or "TORCHELASTIC_RUN_ID" not in os.environ:
        return ALONE
    if not dist.is_initialized():
        on_gpu = machine.accelerator != "cpu" and torch.cuda.is_available()
        if on_gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        # One backend by name: with PyTorch's mixed default Lightning averages in a way that gloo cannot.
        dist.init_process_group("nccl" if on_gpu else "gloo")
    return Ranks(dist.get_rank(), world_size)

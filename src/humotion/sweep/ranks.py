"""Several processes that train one trial together (``torchrun``): rank 0 sends them what to do.

Only rank 0 uses the study and MLflow.
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
        rank: the number of this process.
        world_size: the number of processes.
    """

    rank: int = 0
    world_size: int = 1

    def share(self, value: Any = None) -> Any:
        """Send the value of rank 0 to every rank; all ranks must call it."""
        if self.world_size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]


ALONE = Ranks()


def join_ranks(machine: MachineParams) -> Ranks:
    """Join the process group if ``torchrun`` started several processes; Lightning then uses the same group."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1 or "TORCHELASTIC_RUN_ID" not in os.environ:
        return ALONE
    if not dist.is_initialized():
        on_gpu = machine.accelerator != "cpu" and torch.cuda.is_available()
        if on_gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        # One explicit backend: with PyTorch's mixed default, Lightning averages in a way that gloo does not support.
        dist.init_process_group("nccl" if on_gpu else "gloo")
    return Ranks(dist.get_rank(), world_size)

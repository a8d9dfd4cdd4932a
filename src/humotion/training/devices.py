"""Which devices a training runs on: those of this machine, or what ``torchrun`` or SLURM has started.

Everything is Lightning's own: its environments find the launcher, its DDP strategy shares the gradients.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import torch
from pytorch_lightning.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities import rank_zero_only

from humotion.errors import HumotionError
from humotion.params.experiment import TrainerParams
from humotion.params.machine import MachineParams

_logger = logging.getLogger(__name__)


def on_gpu(machine: MachineParams) -> bool:
    """Whether a training on this machine has a CUDA device."""
    return machine.accelerator != "cpu" and torch.cuda.is_available()


def is_lead() -> bool:
    """Whether this process writes what the training gives; the others of a distributed training only train."""
    return int(rank_zero_only.rank) == 0  # type: ignore[attr-defined]


def check_precision(params: TrainerParams, machine: MachineParams) -> None:
    """Refuse what Lightning would replace in silence, and warn of what this machine can only emulate.

    Raises:
        HumotionError: half precision without a GPU.
    """
    if params.precision == "bf16-mixed" and not on_gpu(machine) and not cpu_has_bfloat16():
        _logger.warning(
            "trainer.precision is bf16-mixed, which this CPU can only emulate: training takes several times as long as "
            "with 32-true."
        )
    if params.precision == "16-mixed" and not on_gpu(machine):
        raise HumotionError(
            "trainer.precision is 16-mixed, which needs a GPU, and this machine offers none. "
            "Set it to bf16-mixed, which a CPU can do too, or to 32-true."
        )


def cpu_has_bfloat16() -> bool:
    """Whether PyTorch's CPU library has fast code for bfloat16 on this processor (AVX-512, AMX or the like)."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def one_device(machine: MachineParams) -> dict[str, Any]:
    """What a Lightning trainer is told to run in this process alone."""
    return {"accelerator": machine.accelerator, "devices": 1, "plugins": cluster()}


def all_devices(machine: MachineParams) -> dict[str, Any]:
    """What a Lightning trainer is told to train on: as many processes as were started, or as ``machine`` says."""
    num_devices, num_nodes = launched() or (machine.devices, 1)
    if num_devices == "auto" and on_gpu(machine):
        num_devices = torch.cuda.device_count()
    chosen = {
        "accelerator": machine.accelerator,
        "devices": num_devices,
        "num_nodes": num_nodes,
        "plugins": cluster(),
    }
    if num_nodes == 1 and num_devices in ("auto", 1):
        return chosen
    # No model has buffers that training changes. Sent around at every step, they would make devices wait for each
    # other in validation, where one may have a clip more.
    return chosen | {"strategy": DDPStrategy(forward_sync_buffers=False)}


def launched() -> tuple[int, int] | None:
    """Processes a node and nodes that a launcher has started; None if this process was started alone."""
    if TorchElasticEnvironment.detect():
        local = int(os.environ["LOCAL_WORLD_SIZE"])
        return local, int(os.environ["WORLD_SIZE"]) // local
    if SLURMEnvironment.detect():
        num_nodes = int(os.environ.get("SLURM_NNODES", "1"))
        return int(os.environ["SLURM_NTASKS"]) // num_nodes, num_nodes
    return None


def cluster() -> list[Any]:
    """SLURM without Lightning's re-queueing, which would resume in the middle of an epoch; the same command resumes."""
    on_slurm = SLURMEnvironment.detect() and not TorchElasticEnvironment.detect()
    return [SLURMEnvironment(auto_requeue=False)] if on_slurm else []

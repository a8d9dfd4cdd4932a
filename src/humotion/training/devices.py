"""The devices of a training: those of this machine, or the processes that ``torchrun`` or SLURM has started.

Lightning does the work: its environments find the launcher, and its DDP strategy shares the gradients.
"""

from __future__ import annotations

import logging
import os
from typing import Any, Literal

import torch
from pytorch_lightning.accelerators import AcceleratorRegistry
from pytorch_lightning.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities import rank_zero_only

from humotion.errors import HumotionError
from humotion.params.experiment import TrainerParams
from humotion.params.machine import MachineParams

_logger = logging.getLogger(__name__)


def on_gpu(machine: MachineParams) -> bool:
    """Return whether a training on this machine has a CUDA device."""
    return machine.accelerator != "cpu" and torch.cuda.is_available()


def check_devices(machine: MachineParams) -> None:
    """Refuse devices that this machine does not have; Lightning would raise its own errors after the run has started.

    Raises:
        HumotionError: the accelerator is absent, or there are fewer of it than ``machine.devices``.
    """
    wanted = machine.accelerator
    if wanted == "cpu" or (wanted == "auto" and _gpu() is None):
        return  # a CPU takes any number of processes
    accelerator = _gpu() if wanted in ("auto", "gpu") else AcceleratorRegistry[wanted]["accelerator"]
    if accelerator is None or not accelerator.is_available():
        raise HumotionError(
            f"machine.accelerator is {wanted}, but torch {torch.__version__} finds none on this machine. Set it to "
            "auto or cpu in params.yaml, or install PyTorch for your device. `humotion doctor` shows what torch finds."
        )
    by_launcher = launched()
    asked = machine.devices if by_launcher is None else by_launcher[0]
    if isinstance(asked, int) and asked > (present := int(accelerator.auto_device_count())):
        who = "machine.devices is" if by_launcher is None else "processes per machine, by its launcher:"
        raise HumotionError(f"{who} {asked}, but this machine shows {present} of accelerator {wanted}. Use fewer.")


def _gpu() -> Any:
    """The accelerator that Lightning takes for ``gpu``: CUDA, else Apple's MPS; None if there is neither."""
    found = (AcceleratorRegistry[name]["accelerator"] for name in ("cuda", "mps"))
    return next((accelerator for accelerator in found if accelerator.is_available()), None)


def is_lead() -> bool:
    """Return whether this process writes the training's results; other processes of a training only train."""
    return int(rank_zero_only.rank) == 0  # type: ignore[attr-defined]


def usable_precision(params: TrainerParams, machine: MachineParams) -> Literal["32-true", "bf16-mixed", "16-mixed"]:
    """Return the precision of a training on this machine; warn about one that this machine can only emulate.

    Raises:
        HumotionError: the precision is 16-mixed, and there is no GPU. Lightning would silently replace it.
    """
    if params.precision == "auto":
        return "bf16-mixed" if has_bfloat16(machine) else "32-true"
    if params.precision == "bf16-mixed" and not has_bfloat16(machine):
        _logger.warning(
            "trainer.precision is bf16-mixed, which this machine can only emulate. Training takes several times as "
            "long as with 32-true. With auto, humotion chooses."
        )
    if params.precision == "16-mixed" and not on_gpu(machine):
        raise HumotionError(
            "trainer.precision is 16-mixed, which needs a GPU, but this machine has none. "
            "Set it to bf16-mixed, which also works on a CPU, or to 32-true."
        )
    return params.precision


def has_bfloat16(machine: MachineParams) -> bool:
    """Return whether the GPU, or PyTorch's CPU library on this processor (AVX-512, AMX), computes with bfloat16."""
    if on_gpu(machine):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def one_device(machine: MachineParams) -> dict[str, Any]:
    """Return the arguments of a Lightning trainer that runs only in this process.

    Raises:
        HumotionError: this machine does not have the accelerator.
    """
    check_devices(machine.model_copy(update={"devices": "auto"}))
    return {"accelerator": machine.accelerator, "devices": 1, "plugins": cluster()}


def all_devices(machine: MachineParams) -> dict[str, Any]:
    """Return a Lightning trainer's device arguments: the processes that were started, or the ``machine`` settings.

    Raises:
        HumotionError: this machine does not have the devices.
    """
    check_devices(machine)
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
    # No model has buffers that training changes. Sending them at every step would make devices wait for each other in
    # validation, in which one device may have one clip more.
    return chosen | {"strategy": DDPStrategy(forward_sync_buffers=False)}


def launched() -> tuple[int, int] | None:
    """Return processes per node and number of nodes that a launcher has started; None if there is no launcher."""
    if TorchElasticEnvironment.detect():
        local = int(os.environ["LOCAL_WORLD_SIZE"])
        return local, int(os.environ["WORLD_SIZE"]) // local
    if SLURMEnvironment.detect():
        num_nodes = int(os.environ.get("SLURM_NNODES", "1"))
        return int(os.environ["SLURM_NTASKS"]) // num_nodes, num_nodes
    return None


def cluster() -> list[Any]:
    """Use SLURM without Lightning's re-queueing, which would resume within an epoch; the same command resumes."""
    on_slurm = SLURMEnvironment.detect() and not TorchElasticEnvironment.detect()
    return [SLURMEnvironment(auto_requeue=False)] if on_slurm else []

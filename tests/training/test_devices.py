"""What a launcher has started, by the variables that it sets."""

from __future__ import annotations

import os

import pytest
from pytorch_lightning.strategies import DDPStrategy

from humotion.errors import HumotionError
from humotion.params.machine import MachineParams
from humotion.training.devices import all_devices, check_devices, launched, one_device
from humotion.training.prepare import prepare
from tests.support.tiny_project import tiny_params

TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8", "RANK": "5", "LOCAL_RANK": "1"}
SLURM = {
    "SLURM_JOB_ID": "17",
    "SLURM_JOB_NAME": "train",
    "SLURM_NTASKS": "8",
    "SLURM_NTASKS_PER_NODE": "4",
    "SLURM_NNODES": "2",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
}
CPU = MachineParams(accelerator="cpu")


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SLURM_") or name in TORCHRUN:
            monkeypatch.delenv(name)


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_a_batch_that_devices_cannot_share_is_refused_before_there_is_a_run() -> None:
    params = tiny_params()
    odd = params.experiment("action").trainer.batch_size + 1
    machine = params.machine.model_copy(update={"accelerator": "cpu", "devices": odd})
    with pytest.raises(HumotionError, match=f"training uses {odd} devices"):
        prepare("action", params.model_copy(update={"machine": machine}))


def test_alone_the_machine_says_what_to_train_on() -> None:
    assert launched() is None
    assert all_devices(CPU) == {"accelerator": "cpu", "devices": "auto", "num_nodes": 1, "plugins": []}
    two = all_devices(MachineParams(accelerator="cpu", devices=2))
    assert two["devices"] == 2
    assert isinstance(two["strategy"], DDPStrategy)
    assert one_device(MachineParams(accelerator="cpu", devices=2))["devices"] == 1


@pytest.mark.parametrize("variables", [TORCHRUN, SLURM], ids=["torchrun", "srun"])
def test_processes_of_a_launcher_are_what_is_trained_on(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    set_all(monkeypatch, variables)
    assert launched() == (4, 2)
    for machine in (CPU, MachineParams(accelerator="cpu", devices=1)):
        found = all_devices(machine)
        assert (found["devices"], found["num_nodes"]) == (4, 2)
        assert isinstance(found["strategy"], DDPStrategy)
    assert one_device(CPU)["devices"] == 1


def test_slurm_does_not_requeue_in_the_middle_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, SLURM)
    (environment,) = all_devices(CPU)["plugins"]
    assert not environment.auto_requeue
    assert (environment.world_size(), environment.global_rank(), environment.local_rank()) == (8, 5, 1)


def test_an_interactive_allocation_is_no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, SLURM | {"SLURM_JOB_NAME": "interactive"})
    assert launched() is None
    assert all_devices(CPU)["plugins"] == []


def test_torchrun_inside_slurm_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, SLURM | TORCHRUN | {"LOCAL_WORLD_SIZE": "8"})
    assert launched() == (8, 1)
    assert all_devices(CPU)["plugins"] == []


@pytest.mark.parametrize("accelerator", ["gpu", "cuda", "mps", "tpu"])
def test_an_absent_accelerator_is_refused_wherever_a_trainer_is_made(
    monkeypatch: pytest.MonkeyPatch, accelerator: str
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("pytorch_lightning.accelerators.mps.MPSAccelerator.is_available", lambda: False)
    machine = MachineParams.model_validate({"accelerator": accelerator})
    for refuses in (check_devices, all_devices, one_device):
        with pytest.raises(
            HumotionError, match=rf"machine\.accelerator is {accelerator}, but torch .* finds none.*auto"
        ):
            refuses(machine)


def test_more_gpus_than_there_are_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("pytorch_lightning.accelerators.cuda.num_cuda_devices", lambda: 2)
    for accelerator in ("auto", "gpu", "cuda"):
        check_devices(MachineParams.model_validate({"accelerator": accelerator, "devices": 2}))
        with pytest.raises(HumotionError, match=r"machine\.devices is 3, but this machine shows 2 of accelerator"):
            check_devices(MachineParams.model_validate({"accelerator": accelerator, "devices": 3}))
    set_all(monkeypatch, TORCHRUN)
    with pytest.raises(HumotionError, match="processes per machine, by its launcher: 4, but this machine shows 2"):
        check_devices(MachineParams.model_validate({"accelerator": "gpu"}))
    check_devices(MachineParams.model_validate({"accelerator": "cpu", "devices": 16}))

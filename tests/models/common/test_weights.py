"""Weights of an earlier training in a new one: all of them, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from humotion.errors import HumotionError
from humotion.models.common.build import build_model
from humotion.models.common.weights import read_weights
from humotion.models.pose_machine.checkpoint import load_pose_weights


def machine(name: str = "lstm_pm", seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    return build_model("pose_machine", name, **({"num_joints": 3, "input_size": 32, "width": 0.0625} | options)).eval()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_file(machine(seed=1).state_dict(), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_all_weights_are_taken_whatever_the_input_size(saved: Path) -> None:
    model, frames = machine(seed=2), torch.randn(1, 2, 3, 32, 32)
    before = model(frames)
    load_pose_weights(model, saved)
    torch.testing.assert_close(model(frames), machine(seed=1)(frames))
    assert not torch.allclose(before, model(frames))
    load_pose_weights(machine(input_size=48), saved)


def test_weights_of_another_model_are_refused_by_name_and_shapes(saved: Path) -> None:
    with pytest.raises(HumotionError, match=r"unexpected lstm\.gate_bias"):
        load_pose_weights(machine("rpm"), saved)
    with pytest.raises(HumotionError, match=r"missing refine\.0\.0\.bias"):
        load_pose_weights(machine("cpm"), saved)
    with pytest.raises(HumotionError, match=r"convnet1\.17\.bias is \(4,\), the model has \(6,\).*joints: official"):
        load_pose_weights(machine(num_joints=5), saved)


def test_weights_that_are_not_there_or_cut_short(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="no checkpoint"):
        read_weights(tmp_path / "absent.safetensors")
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(HumotionError, match="not a complete safetensors file"):
        read_weights(saved)


class Foreign:
    """Something that a checkpoint may hold beside weights, and that pickle would import code for."""


def test_a_pickle_is_read_for_its_weights_alone(tmp_path: Path) -> None:
    path = tmp_path / "pytorch_model.bin"
    torch.save({"a": torch.ones(2), "b": Foreign()}, path)
    with pytest.raises(HumotionError, match=r"is incomplete or has content other than weights.*safetensors"):
        read_weights(path)
    torch.save({"a": torch.ones(2)}, path)
    assert read_weights(path)["a"].tolist() == [1, 1]
    for size in (0, 300):
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(HumotionError, match="is incomplete or has content other than weights"):
            read_weights(path)
        torch.save({"a": torch.ones(2)}, path)
    torch.save([torch.ones(2)], path)
    with pytest.raises(HumotionError, match="no named weights"):
        read_weights(path)

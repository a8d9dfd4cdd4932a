from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from humotion.errors import HumotionError
from humotion.training.description import read_description
from humotion.training.model_folder import load_task
from tests.support.tiny_models import make_task, write_model_folder

KINDS = ["action_recognition", "pose_estimation"]


def batch(kind: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (2, 4, 3, 3, 32, 32), dtype=torch.uint8, generator=generator)
    padding = torch.tensor([[False] * 4, [False, False, True, True]])
    crop = torch.tensor([5.0, 6.0, 2.0]).expand(2, 4, 3)
    frames = frames if kind == "action_recognition" else frames[:, :, :1]
    return {"frames": frames, "is_padding": padding, "crop": crop, "clip_index": torch.arange(2)}


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_task(kind).eval()
    with torch.no_grad():
        expected = task.predict_step(batch(kind))
    write_model_folder(tmp_path / "model", task, kind, run_id="abc")
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, None)  # nothing of it may be needed
    loaded, description = load_task(tmp_path / "model")
    assert description.run_id == "abc"
    assert description.meta["classes"] == ["jump", "walk"]
    assert not loaded.training
    with torch.no_grad():
        actual = loaded.predict_step(batch(kind))
    assert actual.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(actual[name], tensor), name


def test_a_model_folder_replaces_the_older_one_whole(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "stale").touch()
    write_model_folder(folder, make_task("action_recognition"), "action_recognition")
    names = {path.name for path in folder.iterdir()}
    assert names == {"model.json", "model.safetensors", "model.ckpt", "validation.parquet"}
    assert {path.name for path in tmp_path.iterdir()} == {"model"}


def test_another_folder_is_refused(tmp_path: Path) -> None:
    for load in (read_description, load_task):
        with pytest.raises(HumotionError, match=r"is not a model folder.*dvc pull"):
            load(tmp_path)


def test_a_model_of_another_version_of_humotion_is_told_as_such(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_model_folder(folder, make_task("action_recognition"), "action_recognition")
    weights = load_file(folder / "model.safetensors")
    weights["lmi.0.kernel"] = weights.pop("head.bias")
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(HumotionError, match=r"ls_vit that this version .* 2 parameters .*missing head\.bias.*train it"):
        load_task(folder)

"""A training that diverged is no success: what every stage and command says about it, and what is left of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from humotion.comparison.compare import compare
from humotion.errors import DivergedError
from humotion.params.document import Params
from humotion.prediction.predict_videos import predict_videos
from humotion.prediction.predictor import load_predictor
from humotion.stages import augment, evaluate, register, sample, train
from humotion.tracking.store import connect
from tests.support.tiny_project import build_project, tiny_params

EXPERIMENTS = ("action", "pose")
BOTH = pytest.mark.parametrize("name", EXPERIMENTS)
VIDEO = Path("data/tiny/v08.avi")


def diverging() -> Params:
    optimizer = {"lr": 1e12, "weight_decay": 0.0}
    return tiny_params(optimizer=optimizer, trainer={"epochs": 2, "batch_size": 3, "gradient_clip": None})


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = build_project(tmp_path_factory.mktemp("diverged"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with contextlib.chdir(folder):
            for name in EXPERIMENTS:
                for stage in (sample, augment):
                    stage.run(name, tiny_params())
            yield folder


@pytest.fixture(scope="module")
def finished(prepared: Path) -> Path:
    for name in EXPERIMENTS:
        for stage in (train, evaluate):
            stage.run(name, tiny_params())
    return prepared


def runs() -> list[Any]:
    client = connect()
    return list(client.search_runs([found.experiment_id for found in client.search_experiments()]))


def break_weights(folder: Path) -> str:
    """Make one value of one tensor NaN, and return the tensor's name."""
    weights = load_file(folder / "model.safetensors")
    name = sorted(weights)[3]
    weights[name].view(-1)[-1] = torch.nan
    save_file(weights, folder / "model.safetensors")
    return name


def break_outputs(folder: Path, name: str) -> None:
    """Weights that are finite, and whose outputs are not."""
    weights = load_file(folder / "model.safetensors")
    last = [key for key in weights if key.endswith("weight")][-1] if name == "pose" else "head.weight"
    for key, value in weights.items():
        if key == last or name == "pose":
            value.fill_(3e38)
    save_file(weights, folder / "model.safetensors")


@BOTH
def test_the_training_fails_and_leaves_no_model(prepared: Path, name: str) -> None:
    before = {run.info.run_id for run in runs()}
    with pytest.raises(
        DivergedError, match=r"(?s)diverged: .*(batch|epoch) \d.*optimizer\.lr \(now 1e\+12\).*gradient_clip"
    ):
        train.run(name, diverging())
    (run,) = [run for run in runs() if run.info.run_id not in before]
    assert run.info.status == "FAILED"
    assert run.data.tags["humotion.failed"] == "diverged"
    assert "optimizer.lr (now 1e+12)" in run.data.tags["error"]
    assert not (prepared / "models" / name).exists()
    assert not (prepared / "metrics" / name).exists()
    checkpoints = (prepared / ".humotion").rglob("*.ckpt")
    states = [torch.load(path, weights_only=True)["state_dict"] for path in checkpoints]
    assert all(value.isfinite().all() for state in states for value in state.values())


@BOTH
def test_a_model_of_nan_weights_is_refused_everywhere(own_project: Path, name: str) -> None:
    """As an older version made it, and left with reports and scores that look like those of a model."""
    params, tensor = tiny_params(), break_weights(Path("models") / name)
    said = rf"models/{name} has NaN or infinite weights in 1 tensors \(first: {tensor}\)"
    num_runs, report = len(runs()), (Path("reports") / name / "clips.parquet").read_bytes()
    with pytest.raises(DivergedError, match=said):
        evaluate.run(name, params)
    with pytest.raises(DivergedError, match=said):
        register.run(name, params)
    with pytest.raises(DivergedError, match=said):
        predict_videos([str(VIDEO)], [f"models/{name}"], None)
    with pytest.raises(DivergedError, match=said):
        compare(list(EXPERIMENTS), num_resamples=100)
    assert (Path("reports") / name / "clips.parquet").read_bytes() == report
    assert len(runs()) == num_runs
    assert not connect().search_registered_models()


@BOTH
def test_a_model_of_infinite_outputs_is_refused(own_project: Path, name: str) -> None:
    break_outputs(Path("models") / name, name)
    said = r"answers with NaN or infinite (probabilities|joints)"
    with pytest.raises(DivergedError, match=said):
        evaluate.run(name, tiny_params())
    with pytest.raises(DivergedError, match=said):
        predict_videos([str(VIDEO)], [f"models/{name}"], None)
    with pytest.raises(DivergedError, match=said):  # the served model
        load_predictor(Path("models") / name).row(str(VIDEO))


@BOTH
def test_scores_that_are_no_numbers_are_neither_registered_nor_compared(own_project: Path, name: str) -> None:
    validation = pd.read_parquet(path := Path("models") / name / "validation.parquet")
    validation.loc[0, "score"] = float("nan")
    validation.to_parquet(path, index=False)
    with pytest.raises(DivergedError, match=rf"1 of \d+ validation scores of {name} are NaN"):
        register.run(name, tiny_params())
    assert not connect().search_registered_models()
    clips = pd.read_parquet(path := Path("reports") / name / "clips.parquet")
    clips.loc[clips["weight"] > 0, "score"] = float("inf")
    clips.to_parquet(path, index=False)
    with pytest.raises(DivergedError, match=f"{name} cannot be compared: scores in reports/{name}/clips.parquet"):
        compare(list(EXPERIMENTS), num_resamples=100)

"""rebalance on a tiny project with a trained model and a real MLflow store."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from humotion.clips.datamodule import ClipDataModule
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.document import Params
from humotion.stages import augment, evaluate, rebalance, sample, train
from humotion.tasks.action_recognition.rebalancing import embeddings
from humotion.tasks.action_recognition.rebalancing.comparison import HEADS
from humotion.tasks.action_recognition.training.outcomes import action_outcome
from humotion.tracking.store import connect
from humotion.training.description import read_description
from humotion.training.model_folder import load_task
from tests.support.tiny_project import build_project, tiny_params


def make_params(**settings: object) -> Params:
    raw = tiny_params(epochs=1).model_dump(by_alias=True)
    return Params.model_validate(raw | {"rebalance": {"action": {"bootstrap": 100, "l2": [0.1, 1.0], **settings}}})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_project(tmp_path_factory.mktemp("rebalance"))
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for stage in (sample, augment, train, evaluate, rebalance):
            stage.run("action", make_params())
    return folder


def test_files(project: Path) -> None:
    written = {path.name for path in Path("rebalanced/action").iterdir()}
    assert written == {f"{name}.csv" for name in ("table", "selection", "class_counts", "predictions")} | {
        "recall.png",
        "report.md",
    }
    assert not [path for path in project.rglob(".*") if path.is_file()], "no litter"


def test_table_metrics_and_predictions_say_the_same(project: Path) -> None:
    table = pd.read_csv("rebalanced/action/table.csv").set_index("head")
    predictions = pd.read_csv("rebalanced/action/predictions.csv")
    metrics = read_json(Path("metrics/action/rebalance.json"))
    assert list(table.index) == list(metrics) == list(HEADS)
    for head in HEADS:
        right = predictions[head] == predictions["label"]
        assert table.loc[head, "top1"] == metrics[head]["top1"] == right.mean()
        expected = f1_score(predictions["label"], predictions[head], average="macro")
        assert table.loc[head, "macro_f1"] == pytest.approx(expected)
        assert table.loc[head, "recall/jump"] == right[predictions["label"] == "jump"].mean()
        if head != "linear":
            gain = metrics[head]["gain"]["top1"]["difference"]
            assert gain == pytest.approx(metrics[head]["top1"] - metrics["linear"]["top1"])
            assert table.loc[head, "top1/verdict"] in ("better", "worse", "not distinguishable")
    assert "gain" not in metrics["linear"]
    # The model's own head is the one that `evaluate` scored.
    assert metrics["own"]["top1"] == read_json(Path("metrics/action/test.json"))["test"]["top1"]


def test_test_clips_are_the_official_ones_and_only_training_rows_are_resampled(project: Path) -> None:
    predictions = pd.read_csv("rebalanced/action/predictions.csv")
    assert set(predictions["clip_id"]) == set(pd.read_parquet("clips/action/test.parquet")["clip_id"])
    counts = pd.read_csv("rebalanced/action/class_counts.csv").set_index("label")
    train_counts = pd.read_parquet("clips/action/train.parquet")["label"].value_counts()
    assert counts["linear"].to_dict() == train_counts.to_dict()
    assert (counts["random_oversample"] == train_counts.max()).all()


def test_what_was_chosen_is_the_best_of_what_was_tried(project: Path) -> None:
    table = pd.read_csv("rebalanced/action/table.csv").set_index("head")
    tried = pd.read_csv("rebalanced/action/selection.csv")
    assert tried["head"].value_counts().to_dict() == {
        name: 11 if name == "tau_normalised" else 2 for name in HEADS if name != "own"
    }
    for head, rows in tried.groupby("head"):
        best = rows[rows["macro_f1"] == rows["macro_f1"].max()]
        assert table.loc[head, "l2"] in best["l2"].tolist()
        assert head != "tau_normalised" or table.loc[head, "tau"] == best["tau"].min()


def test_report(project: Path) -> None:
    report = Path("rebalanced/action/report.md").read_text()
    for head, what in HEADS.items():
        assert f"| `{head}`: {what} |" in report
    assert "4 test clips" in report
    assert "neighbours (at most 5" in report


def test_run(project: Path) -> None:
    client, run_id = connect(), read_description(Path("models/action")).run_id
    run = client.get_run(run_id)
    metrics = read_json(Path("metrics/action/rebalance.json"))
    assert run.data.metrics["rebalance/smote/macro_f1"] == metrics["smote"]["macro_f1"]
    assert run.data.tags["rebalance.k_neighbors"] == "5"
    assert "rebalance/report.md" in {entry.path for entry in client.list_artifacts(run_id, "rebalance")}


def test_embeddings_are_those_of_each_training_clip_once(project: Path) -> None:
    task, _ = load_task(Path("models/action"))
    params = make_params()
    data = ClipDataModule("action", params, task.model.num_neighbours)  # type: ignore[arg-type]
    outcome = action_outcome(task, data, "train", params.machine)
    assert outcome.clips["clip_id"].tolist() == pd.read_parquet("clips/action/train.parquet")["clip_id"].tolist()
    weight, bias = (tensor.numpy() for tensor in task.model.head.state_dict().values())  # type: ignore[operator]
    logits = outcome.embeddings @ weight.T + bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert outcome.probabilities == pytest.approx(expected, abs=1e-5)


def test_embeddings_are_kept_until_the_weights_change(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Path("metrics/action/rebalance.json").read_bytes()
    cache = Path(".humotion/work/rebalance/action/embeddings.safetensors")
    calls: list[str] = []

    def counting(*arguments: object) -> object:
        calls.append(str(arguments[2]))
        return action_outcome(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(embeddings, "action_outcome", counting)
    rebalance.run("action", make_params())
    assert not calls
    assert Path("metrics/action/rebalance.json").read_bytes() == before
    weights = Path("models/action/model.safetensors")
    content = weights.read_bytes()
    try:
        weights.write_bytes(content[:-4] + b"\x00\x00\x00\x3f")
        rebalance.run("action", make_params())
    finally:
        weights.write_bytes(content)
    assert calls == ["train", "val", "test"]
    cache.unlink()


def test_errors_say_what_to_do(project: Path) -> None:
    with pytest.raises(HumotionError, match=r"no rebalance\.pose"):
        rebalance.run("pose", make_params())

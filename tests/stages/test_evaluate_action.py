"""Everything that an action evaluation can be asked for, on a tiny model that began at weights of its own."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from humotion.clips.crop import cut
from humotion.clips.datamodule import ClipDataModule
from humotion.comparison.compare import compare
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.models.vit.vit import ViT
from humotion.params.document import Params
from humotion.stages import augment, evaluate, sample, train
from humotion.tasks.action_recognition.evaluation.variants import variant_probabilities
from humotion.tasks.action_recognition.training import linear_probe
from humotion.tracking.store import connect
from humotion.training.description import read_description
from humotion.training.model_folder import load_task
from tests.support.tiny_project import build_project, tiny_settings

NAME = "action"
WEIGHTS = "weights.safetensors"
ASKED = {"views": {"temporal": 2, "spatial": 3}, "frame_orders": ["reversed", "shuffled"], "linear_probe": True}
SIZES = {"patch_size": 16, "dim": 16, "depth": 1, "heads": 2}


def params(asked: dict[str, Any]) -> Params:
    settings = tiny_settings(only=NAME)
    experiment = settings["experiments"][NAME]
    experiment["model"] = {"family": "vit", "name": "ls_vit", **SIZES, "weights": WEIGHTS}
    experiment["evaluate"] |= asked
    return Params.model_validate(settings)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_project(tmp_path_factory.mktemp("finished"))
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        torch.manual_seed(0)
        save_file(ViT(image_size=32, **SIZES).state_dict(), WEIGHTS)  # type: ignore[arg-type]
        for stage in (sample, augment, train, evaluate):
            stage.run(NAME, params(ASKED))
    return folder


def test_every_score_that_was_asked_for_is_there(project: Path) -> None:
    test = read_json(Path("metrics/action/test.json"))
    assert {"top1", "top1_2x3", "top1_reversed", "top1_shuffled", "macro_f1_2x3", "ece_reversed"} <= set(test["test"])
    assert set(test["baseline"]) == {"chance", "majority", "linear_probe"}
    differences = {name: gain["difference"] for name, gain in test["more_gains"].items()}
    scores = test["test"]
    assert differences == {
        "top1_over_linear_probe": pytest.approx(scores["top1"] - test["baseline"]["linear_probe"]["top1"]),
        **{
            f"top1_{name}_over_top1": pytest.approx(scores[f"top1_{name}"] - scores["top1"])
            for name in ("2x3", "reversed", "shuffled")
        },
    }
    logged = connect().get_run(read_description(Path("models/action")).run_id).data.metrics
    assert logged["test/top1_2x3"] == pytest.approx(scores["top1_2x3"])
    assert logged["test_baseline/linear_probe/top1"] == pytest.approx(test["baseline"]["linear_probe"]["top1"])
    assert logged["test/gain/top1_over_linear_probe"] == pytest.approx(differences["top1_over_linear_probe"])


def test_the_report_has_its_tables_figures_and_text(project: Path) -> None:
    report = Path("reports/action")
    found = {path.name for path in report.iterdir()}
    assert {"calibration.png", "calibration.csv", "confused_pairs.csv", "linear_probe.json", "scores.md"} <= found
    assert not found & {"by_field.csv", "by_field.png"}, "the names tell nothing of the footage"
    text = (report / "scores.md").read_text()
    for row in ("| model, 1x1 |", "| model, 2x3 views |", "| model, frames reversed |", "| linear probe on the"):
        assert row in text
    wrong = (pd.read_csv(report / "predictions.csv").eval("label != predicted")).sum()
    pairs = pd.read_csv(report / "confused_pairs.csv")
    assert pairs["count"].sum() == wrong
    assert ("confused_pairs.jpg" in found) == (wrong > 0)


def test_views_are_the_mean_of_what_the_model_says_of_each(project: Path) -> None:
    """The six views by hand: frames cut out of the stored ones, through the model itself."""
    task, _ = load_task(Path("models/action"))
    data = ClipDataModule(NAME, params(ASKED), task.model.num_neighbours)  # type: ignore[arg-type]
    table, expected = data.clips("test"), []
    for row in table.to_dict("records"):
        video, seen = data.store[row["video_id"]], []
        last = video.num_frames - 1
        for shift in (-last / 8, last / 8):  # three frames: a step is half the video
            centres = np.clip(np.floor(np.array([0, last / 2, last]) + shift + 0.5).astype(int), 0, last)
            raw = np.clip(centres[:, None] + np.array([-1, 0, 1]), 0, last)
            frames = video.decode(raw.ravel())
            for left in (0, 11, 22):  # 64 x 48 pixels, a crop of 42
                crops = np.stack([cut(frame, np.array([left, 3, 42]), 32) for frame in frames])
                batch = torch.from_numpy(crops).permute(0, 3, 1, 2).unflatten(0, (1, 3, 3)) / 127.5 - 1
                with torch.inference_mode():
                    seen.append(task.model(batch, torch.zeros(1, 3, dtype=torch.bool)).softmax(1)[0].numpy())
        expected.append(np.mean(seen, axis=0))
    found = variant_probabilities(task, data, params(ASKED).machine)
    assert found["2x3"] == pytest.approx(np.stack(expected), abs=1e-6)
    assert abs(found["2x3"] - found["reversed"]).max() > 1e-5
    assert abs(found["shuffled"] - found["reversed"]).max() > 1e-6


def test_the_probe_is_fitted_on_the_plain_vit_alone(project: Path) -> None:
    vit = ViT(image_size=32, **SIZES).eval()  # type: ignore[arg-type]
    vit.load_state_dict(load_file(WEIGHTS))
    data = ClipDataModule(NAME, params(ASKED), num_neighbours=1)
    features, labels = {}, {}
    for split in ("train", "val", "test"):
        dataset = data.clip_dataset(split)
        samples = [dataset[index] for index in range(len(dataset))]
        assert not any(bool(sample["is_padding"].any()) for sample in samples)
        with torch.inference_mode():
            features[split] = np.stack(
                [vit(vit.normalise(sample["frames"][:, 0])[None])[0].mean(0).numpy() for sample in samples]
            )
        labels[split] = np.array([sample["label"] for sample in samples])
    probe = linear_probe.fit(features["train"], labels["train"], features["val"], labels["val"], 2)
    told = read_json(Path("reports/action/linear_probe.json"))
    assert (told["l2"], told["val_top1"]) == (probe.l2, probe.top1)
    right = probe.probabilities(features["test"]).argmax(axis=1) == labels["test"]
    baseline = read_json(Path("metrics/action/test.json"))["baseline"]["linear_probe"]
    assert baseline["top1"] == pytest.approx(right.mean())


def test_weights_that_are_gone_or_others_are_refused(own_project: Path) -> None:
    before = Path("reports/action/scores.md").read_text()
    save_file(ViT(image_size=32, **SIZES).state_dict(), WEIGHTS)  # type: ignore[arg-type]
    with pytest.raises(HumotionError, match="training of models/action started from other weights"):
        evaluate.run(NAME, params({"linear_probe": True}))
    Path(WEIGHTS).unlink()
    with pytest.raises(HumotionError, match=r"weights.safetensors does not exist"):
        evaluate.run(NAME, params({"linear_probe": True}))
    assert Path("reports/action/scores.md").read_text() == before


def test_what_was_not_asked_for_is_not_there_and_both_can_be_compared(own_project: Path) -> None:
    before = read_json(Path("metrics/action/test.json"))
    shutil.copytree("reports/action", "reports/asked")
    evaluate.run(NAME, params({}))
    after = read_json(Path("metrics/action/test.json"))
    assert "more_gains" not in after
    assert after["test"] == {
        metric: before["test"][metric] for metric in ("top1", "mean_class_accuracy", "macro_f1", "ece")
    }
    assert after["gain"] == before["gain"]
    text = compare(["asked", "action"], num_resamples=100)
    assert "not all experiments have top1_2x3, top1_linear_probe, top1_reversed, top1_shuffled" in text

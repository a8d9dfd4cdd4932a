"""The protocol of action recognition: one view of every test clip, compared with chance and the majority class.

Several views, other orders of the frames, and a linear probe on the pretrained weights are optional. They do not
replace the main scores and choose nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.clips.datamodule import ClipDataModule
from humotion.clips.notices import within_notices
from humotion.evaluation.bootstrap import BootstrapResult, paired_bootstrap
from humotion.evaluation.result import Evaluation, Gain
from humotion.figures.bars import plot_recall
from humotion.figures.confusion import plot_confusion
from humotion.figures.intervals import plot_by_field
from humotion.figures.reliability import plot_reliability
from humotion.params.document import Params
from humotion.params.tasks.action_recognition import ActionExperiment
from humotion.tasks.action_recognition.evaluation.details import accuracy_by_field, calibration_table, confused_pairs
from humotion.tasks.action_recognition.evaluation.footage import draw_overlays, draw_pairs
from humotion.tasks.action_recognition.evaluation.motion import draw_motion
from humotion.tasks.action_recognition.evaluation.probe import PROBE, probe_probabilities
from humotion.tasks.action_recognition.evaluation.report import action_report
from humotion.tasks.action_recognition.evaluation.scores import (
    action_scores,
    baseline_scores,
    confusion,
    per_class_table,
)
from humotion.tasks.action_recognition.evaluation.variants import variant_probabilities
from humotion.tasks.action_recognition.training.abstention import read_abstention
from humotion.tasks.action_recognition.training.outcomes import action_probabilities
from humotion.training.task import Task

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MAIN, AGAINST = "top1", "majority"


def evaluate(task: Task, data: ClipDataModule, params: Params, folder: Path) -> Evaluation:
    """Score the test clips and write figures, tables, overlays and ``scores.md`` into ``folder``."""
    experiment, classes = data.experiment, data.meta["classes"]
    assert isinstance(experiment, ActionExperiment)
    clips, probabilities = action_probabilities(task, data, "test", params.machine)
    labels = clips["label_id"].to_numpy(copy=True)  # torch warns about a read-only view
    systems = {"": probabilities, **variant_probabilities(task, data, params.machine)}
    train_labels = data.clips("train")["label_id"].to_numpy()
    baselines = baseline_scores(train_labels, labels, len(classes))
    rights = {name: found.argmax(axis=1) == labels for name, found in systems.items()}

    def gain(right: npt.NDArray[np.bool_], over: npt.NDArray[np.bool_]) -> BootstrapResult:
        groups = clips["group"].tolist()
        return paired_bootstrap(right, over, groups, experiment.seed, experiment.evaluate.bootstrap)

    more_gains = [Gain(named(MAIN, name), MAIN, gain(rights[name], rights[""])) for name in systems if name]
    by_clip = dict(systems)
    if experiment.evaluate.linear_probe:
        by_clip[PROBE] = probe = probe_probabilities(data, params, folder)
        baselines[PROBE] = action_scores(probe, labels)
        more_gains.insert(0, Gain(MAIN, PROBE, gain(rights[""], probe.argmax(axis=1) == labels)))
    majority = int(np.bincount(train_labels, minlength=len(classes)).argmax())
    by_field = accuracy_by_field(data.fields(clips), clips["group"].to_numpy(), rights[""])
    table = per_class_table(probabilities, labels, classes)
    rule = read_abstention(task.abstention)
    result = Evaluation(
        scores=all_scores(systems, labels),
        baselines=baselines,
        main=MAIN,
        against=AGAINST,
        gain=gain(rights[""], labels == majority),
        num_clips=len(clips),
        num_groups=clips["group"].nunique(),
        breakdown=table[["label", "recall"]].rename(columns={"label": "name", "recall": "score"}),
        clips=clip_table(clips, by_clip, labels),
        more_gains=more_gains,
        details={} if by_field is None else field_metrics(by_field),
        over_all_clips=("mean_class_accuracy", "macro_f1", "ece"),
        abstention={} if rule is None else rule.on(probabilities, labels, clips["group"].nunique()).as_dict(),
    )
    pairs = confused_pairs(clips, probabilities, classes)
    write_predictions(folder / "predictions.csv", clips, probabilities, classes)
    write_details(folder, probabilities, labels, table, pairs, by_field, result.scores)
    draw_pairs(folder / "confused_pairs.jpg", data, clips, probabilities, pairs)
    said = draw_overlays(folder, data, clips, probabilities, experiment.evaluate.overlays)
    draw_motion(task, data, said, folder / "motion")
    title = f"{experiment.model.name} on {experiment.dataset}: actions"
    text = action_report(title, result, table, pairs, by_field, within_notices(data.meta["split"]))
    (folder / "scores.md").write_text(text, encoding="utf-8")
    return result


def named(metric: str, variant: str) -> str:
    """The name of a metric of a variant, for example ``top1_2x3``; the main view has no suffix."""
    return f"{metric}_{variant}" if variant else metric


def all_scores(systems: Mapping[str, Floats], labels: Ints) -> dict[str, float]:
    """The scores of the main view, and those of every variant under their own names."""
    return {
        named(metric, variant): value
        for variant, probabilities in systems.items()
        for metric, value in action_scores(probabilities, labels).items()
    }


def field_metrics(by_field: pd.DataFrame) -> dict[str, float]:
    """Top-1 by field for MLflow, with one chart per field, for example ``test_by_camera/moving``."""
    values = zip(by_field["field"], by_field["value"], by_field["top1"], strict=True)
    return {f"test_by_{field}/{value.replace(' ', '_')}": top1 for field, value, top1 in values}


def write_details(
    folder: Path,
    probabilities: Floats,
    labels: Ints,
    table: pd.DataFrame,
    pairs: pd.DataFrame,
    by_field: pd.DataFrame | None,
    scores: Mapping[str, float],
) -> None:
    """Write tables with the details of the scores, and their figures."""
    classes = table["label"].tolist()
    table.to_csv(folder / "per_class.csv", index=False)
    plot_recall(folder / "recall.png", table, "Recall by class, test split")
    counts = confusion(probabilities, labels)
    plot_confusion(folder / "confusion.png", counts, classes, "Confusion, test split")
    pairs.to_csv(folder / "confused_pairs.csv", index=False)
    calibration = calibration_table(probabilities, labels)
    calibration.to_csv(folder / "calibration.csv", index=False)
    plot_reliability(folder / "calibration.png", calibration, f"Calibration, test split: ECE {scores['ece']:.1%}")
    if by_field is not None:
        by_field.to_csv(folder / "by_field.csv", index=False)
        plot_by_field(folder / "by_field.png", by_field, scores[MAIN], "Top-1 by footage")


def clip_table(clips: pd.DataFrame, systems: Mapping[str, Floats], labels: Ints) -> pd.DataFrame:
    """The table `Evaluation.clips`: is the label the most likely class or, with more than 5, among the best 5?"""
    hits = {}
    for variant, probabilities in systems.items():
        order = np.argsort(-probabilities, axis=1, kind="stable")
        for k in (1, 5) if probabilities.shape[1] > 5 else (1,):
            hits[named(f"top{k}", variant)] = (order[:, :k] == labels[:, None]).any(axis=1)
    identity = clips[["clip_id", "group"]]
    return pd.concat(
        [
            identity.assign(metric=metric, score=hit.astype(float), weight=1.0, direction=direction_of(metric))
            for metric, hit in hits.items()
        ],
        ignore_index=True,
    )


def direction_of(metric: str) -> str:
    """The better direction: higher, except for metrics that only describe.

    A model that needs the order of time has lower scores without it, and the probe's score is not the model's own.
    """
    return "neither" if metric.endswith(("_reversed", "_shuffled", f"_{PROBE}")) else "higher"


def write_predictions(path: Path, clips: pd.DataFrame, probabilities: Floats, classes: list[str]) -> None:
    """Write one row per test clip: its label, its predicted class, and every probability as JSON."""
    pd.DataFrame(
        {
            "clip_id": clips["clip_id"],
            "label": clips["label"],
            "predicted": [classes[index] for index in probabilities.argmax(axis=1)],
            "confidence": probabilities.max(axis=1).round(6),
            "probabilities": [json.dumps(np.round(row, 6).tolist()) for row in probabilities],
        }
    ).to_csv(path, index=False)

"""From the answers of a model for the test clips to its scores, gains, figures and tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
from humotion.params.experiment import EvaluateParams
from humotion.tasks.action_recognition.evaluation.details import accuracy_by_field, calibration_table, confused_pairs
from humotion.tasks.action_recognition.evaluation.footage import draw_overlays, draw_pairs
from humotion.tasks.action_recognition.evaluation.report import action_report
from humotion.tasks.action_recognition.evaluation.scores import (
    action_scores,
    baseline_scores,
    confusion,
    per_class_table,
)
from humotion.tasks.action_recognition.training.abstention import Abstention

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MAIN, AGAINST = "top1", "majority"
ORDERS = ("_reversed", "_shuffled")


@dataclass(frozen=True)
class Answers:
    """The answers of a model, of variants of it, and of other models, for the same test clips.

    Attributes:
        clips: (N rows) the clips.
        systems: probabilities (N, classes) by variant; those of the main view have the name "".
        peers: probabilities (N, classes) of other models, with which the main view is compared.
        rule: when the model says "none"; None if it always answers.
    """

    clips: pd.DataFrame
    systems: Mapping[str, Floats]
    peers: Mapping[str, Floats] = field(default_factory=dict)
    rule: Abstention | None = None

    def when_none(self, labels: Ints) -> dict[str, Any]:
        """What the rule is worth for clips with these labels (N,); empty without a rule."""
        groups = self.clips["group"].nunique()
        return {} if self.rule is None else self.rule.on(self.systems[""], labels, groups).as_dict()


def assess(
    answers: Answers, data: ClipDataModule, title: str, settings: EvaluateParams, seed: int, folder: Path
) -> tuple[Evaluation, dict[str, str]]:
    """Score the answers and write figures, tables, overlays and ``scores.md`` into ``folder``.

    Args:
        answers: for all test clips.
        data: the clips with their frames.
        title: heading of the text.
        settings: number of overlays, and of resamples.
        seed: of the bootstrap.
        folder: for the results.

    Returns:
        The result, and the text on each clip that was drawn, by its id.
    """
    clips, classes = answers.clips, data.meta["classes"]
    probabilities = answers.systems[""]
    labels = clips["label_id"].to_numpy(copy=True)  # torch warns about a read-only view
    train_labels = data.clips("train")["label_id"].to_numpy()
    rights = {name: found.argmax(axis=1) == labels for name, found in answers.systems.items()}
    majority = int(np.bincount(train_labels, minlength=len(classes)).argmax())

    def gain(right: npt.NDArray[np.bool_], over: npt.NDArray[np.bool_]) -> BootstrapResult:
        return paired_bootstrap(right, over, clips["group"].tolist(), seed, settings.bootstrap)

    peer_gains = [
        Gain(MAIN, name, gain(rights[""], found.argmax(axis=1) == labels)) for name, found in answers.peers.items()
    ]
    variant_gains = [Gain(named(MAIN, name), MAIN, gain(rights[name], rights[""])) for name in rights if name]
    by_field = accuracy_by_field(data.fields(clips), clips["group"].to_numpy(), rights[""])
    table = per_class_table(probabilities, labels, classes)
    result = Evaluation(
        scores=all_scores(answers.systems, labels),
        baselines={
            **baseline_scores(train_labels, labels, len(classes)),
            **{name: action_scores(found, labels) for name, found in answers.peers.items()},
        },
        main=MAIN,
        against=AGAINST,
        gain=gain(rights[""], labels == majority),
        num_clips=len(clips),
        num_groups=clips["group"].nunique(),
        breakdown=table[["label", "recall"]].rename(columns={"label": "name", "recall": "score"}),
        clips=clip_table(answers, labels),
        more_gains=[*peer_gains, *variant_gains],
        details={} if by_field is None else field_metrics(by_field),
        over_all_clips=("mean_class_accuracy", "macro_f1", "ece"),
        abstention=answers.when_none(labels),
    )
    pairs = confused_pairs(clips, probabilities, classes)
    write_predictions(folder / "predictions.csv", clips, probabilities, classes)
    write_details(folder, probabilities, labels, table, pairs, by_field, result.scores)
    draw_pairs(folder / "confused_pairs.jpg", data, clips, probabilities, pairs)
    said = draw_overlays(folder, data, clips, probabilities, settings.overlays)
    text = action_report(title, result, table, pairs, by_field, within_notices(data.meta["split"]))
    (folder / "scores.md").write_text(text, encoding="utf-8")
    return result, said


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


def clip_table(answers: Answers, labels: Ints) -> pd.DataFrame:
    """The table `Evaluation.clips`: is the label the most likely class or, with more than 5, among the best 5?"""
    clips, hits = answers.clips, {}
    for variant, probabilities in {**answers.systems, **answers.peers}.items():
        order = np.argsort(-probabilities, axis=1, kind="stable")
        for k in (1, 5) if probabilities.shape[1] > 5 else (1,):
            hits[named(f"top{k}", variant)] = (order[:, :k] == labels[:, None]).any(axis=1)
    identity = clips[["clip_id", "group"]]
    tables = [
        identity.assign(
            metric=metric, score=hit.astype(float), weight=1.0, direction=direction_of(metric, answers.peers)
        )
        for metric, hit in hits.items()
    ]
    return pd.concat(tables, ignore_index=True)


def direction_of(metric: str, peers: Iterable[str]) -> str:
    """The better direction: higher, except for metrics that only describe.

    A model that needs the order of time has lower scores without it, and a peer's score is not the model's own.
    """
    return "neither" if metric.endswith((*ORDERS, *(f"_{peer}" for peer in peers))) else "higher"


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

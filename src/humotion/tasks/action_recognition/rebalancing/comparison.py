"""All heads on the same embeddings, and the model's own: fitted on training clips, chosen on validation clips.

Every head gets embeddings that are standardised by the statistics of the training clips before resampling. Only
training rows are resampled, so validation and test clips are scored unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from humotion.params.rebalance import RebalanceParams
from humotion.tasks.action_recognition.rebalancing.heads import LinearHead, Rows, best_head, best_tau
from humotion.tasks.action_recognition.rebalancing.resampling import Resampler, resample
from humotion.tasks.action_recognition.training.outcomes import ActionOutcome

Ints = npt.NDArray[np.int64]
OWN, LINEAR, CRT, TAU = "own", "linear", "crt", "tau_normalised"
RESAMPLERS: tuple[Resampler, ...] = ("random_oversample", "smote", "smote_tomek", "smote_enn")
HEADS = {
    OWN: "the model's own head, as it was trained",
    LINEAR: "linear head, unchanged training clips",
    "random_oversample": "linear head, clips repeated (RandomOverSampler)",
    "smote": "linear head, SMOTE",
    "smote_tomek": "linear head, SMOTE, Tomek links removed",
    "smote_enn": "linear head, SMOTE, cleaned by edited nearest neighbours",
    CRT: "linear head, re-trained class-balanced (cRT)",
    TAU: "the linear head, tau-normalised",
}


@dataclass(frozen=True)
class HeadResult:
    """One head's predictions on the test clips, and facts about its training.

    Attributes:
        predicted: (N,) predicted classes of the test clips.
        head: the head's weights; None for the model's own head.
        row_counts: (classes,) training rows after resampling; None for the model's own head.
        emptied: classes without rows after the cleaning, whose original rows were restored.
    """

    predicted: Ints
    head: LinearHead | None = None
    row_counts: Ints | None = None
    emptied: tuple[int, ...] = ()


def compare_heads(
    outcomes: Mapping[str, ActionOutcome], params: RebalanceParams, num_classes: int
) -> dict[str, HeadResult]:
    """Fit every head on the outputs for "train", choose its settings on "val", and predict "test"."""
    scaler = StandardScaler().fit(outcomes["train"].embeddings)
    train, validation, test = (_rows(outcomes[split], scaler) for split in ("train", "val", "test"))
    results = {OWN: HeadResult(outcomes["test"].probabilities.argmax(axis=1))}
    fitted = _fit_all(train, validation, params, num_classes)
    for name, head, rows, emptied in tqdm(fitted, total=len(HEADS) - 1, desc="heads", unit="head"):
        counts = np.bincount(rows.labels, minlength=num_classes)
        results[name] = HeadResult(head.predict(test.features), head, counts, emptied)
    return {name: results[name] for name in HEADS}


def _fit_all(
    train: Rows, validation: Rows, params: RebalanceParams, num_classes: int
) -> Iterator[tuple[str, LinearHead, Rows, tuple[int, ...]]]:
    linear = best_head(train, validation, params.l2, num_classes)
    yield LINEAR, linear, train, ()
    yield TAU, best_tau(linear, validation, params.tau), train, ()
    yield CRT, best_head(train, validation, params.l2, num_classes, balanced=True), train, ()
    for method in RESAMPLERS:
        made = resample(method, train.features, train.labels, params.k_neighbors, params.seed)
        rows = Rows(made.features, made.labels)
        yield method, best_head(rows, validation, params.l2, num_classes), rows, made.emptied


def _rows(outcome: ActionOutcome, scaler: StandardScaler) -> Rows:
    return Rows(scaler.transform(outcome.embeddings), outcome.clips["label_id"].to_numpy())

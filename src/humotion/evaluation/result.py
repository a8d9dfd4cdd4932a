"""The result of an evaluation, in the form that all tasks share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from humotion.evaluation.bootstrap import BootstrapResult
from humotion.files import atomic_path, write_json

CLIPS = "clips.parquet"
"""The file of ``Evaluation.clips`` in ``reports/<experiment>/``."""
SUMMARY = "summary.json"
"""The file next to ``clips.parquet`` with the content of test.json, and its list of scores over all clips."""


class Gain(NamedTuple):
    """The gain of one score over another on the same clips: over a baseline, or over another variant of the model.

    Attributes:
        metric: the model's score, for example ``top1`` or ``top1_reversed``.
        over: the baseline, or the model's other score.
        result: the difference and its 95 % interval (paired bootstrap over groups).
    """

    metric: str
    over: str
    result: BootstrapResult

    @property
    def name(self) -> str:
        """Its name in test.json and MLflow, for example ``top1_over_linear_probe``."""
        return f"{self.metric}_over_{self.over}"


@dataclass(frozen=True)
class Evaluation:
    """Scores on the test split, scores of the baselines on the same clips, and the gain with its interval.

    Attributes:
        scores: metric name -> value of the model.
        baselines: baseline -> metric name -> value.
        main: the metric of the main gain.
        against: the baseline of the main gain.
        gain: difference and 95 % interval of ``main`` (paired bootstrap over groups).
        num_clips: number of scored clips.
        num_groups: number of films or recordings of these clips.
        breakdown: columns ``name`` and ``score``: recall per class, or PCK per joint.
        clips: one row per clip and metric (``clip_id``, ``group``, ``metric``, ``score``, ``weight``), to compare two
            models: the weighted mean over clips is the score of all clips. ``direction`` is the better direction:
            "higher", "lower", or "neither" if the metric only describes.
        more_gains: gains in addition to the main one.
        details: further values by their names in MLflow.
        over_all_clips: scores that a comparison shows although they are not means over clips.
        abstention: what the model's rule to say "none" is worth on these clips; empty if it always answers.
    """

    scores: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    main: str
    against: str
    gain: BootstrapResult
    num_clips: int
    num_groups: int
    breakdown: pd.DataFrame
    clips: pd.DataFrame
    more_gains: Sequence[Gain] = ()
    details: Mapping[str, float] = field(default_factory=dict)
    over_all_clips: Sequence[str] = ()
    abstention: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the nested, JSON-like content of test.json."""
        gains = {gain.name: gain.result._asdict() for gain in self.more_gains}
        return {
            "test": dict(self.scores),
            "baseline": {name: dict(scores) for name, scores in self.baselines.items()},
            "gain": {"metric": self.main, "over": self.against, **self.gain._asdict()},
            **({"more_gains": gains} if gains else {}),
            **({"abstention": dict(self.abstention)} if self.abstention else {}),
            "num_clips": self.num_clips,
            "num_groups": self.num_groups,
        }

    def write_clips(self, report: Path) -> None:
        """Write `CLIPS` and `SUMMARY` into a folder ``reports/<name>/``, by which models are compared."""
        self.clips.to_parquet(report / CLIPS, index=False)
        write_json(report / SUMMARY, {**self.as_dict(), "over_all_clips": list(self.over_all_clips)})

    def write_scores(self, metrics: Path) -> None:
        """Write ``test.json`` and ``breakdown.csv`` into a folder ``metrics/<name>/``."""
        write_json(metrics / "test.json", self.as_dict())
        with atomic_path(metrics / "breakdown.csv") as temporary:
            self.breakdown.to_csv(temporary, index=False)

    def flat_metrics(self) -> dict[str, float]:
        """Return metrics for MLflow: ``test/top1``, ``test_baseline/majority/top1``, ``test/gain/top1`` (main gain)."""
        flat = {f"test/{name}": value for name, value in self.scores.items()}
        for baseline, scores in self.baselines.items():
            flat |= {f"test_baseline/{baseline}/{name}": value for name, value in scores.items()}
        flat |= {f"test/gain/{gain.name}": gain.result.difference for gain in self.more_gains}
        return flat | {f"test/gain/{self.main}": self.gain.difference} | dict(self.details)

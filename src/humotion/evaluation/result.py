"""What an evaluation found, in the form that every task shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from humotion.evaluation.bootstrap import BootstrapResult

CLIPS = "clips.parquet"
"""The file of ``Evaluation.clips`` in ``reports/<experiment>/``."""


@dataclass(frozen=True)
class Evaluation:
    """Scores on the test split, those of the baselines on the same clips, and how sure the gain is.

    Attributes:
        scores: metric name -> value of the model.
        baselines: baseline -> metric name -> value.
        main: the metric on which the gain is measured.
        against: the baseline that the gain is measured over.
        gain: difference and 95 % interval of ``main`` (paired bootstrap over groups).
        num_clips: clips scored.
        num_groups: films or recordings they come from.
        breakdown: columns ``name`` and ``score``: recall a class, or PCK a joint.
        clips: a row a clip and metric (``clip_id``, ``group``, ``metric``, ``score``, ``weight``), from which two
            models are compared: the weighted mean over clips is the score of them all.
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

    def as_dict(self) -> dict[str, Any]:
        """For test.json: nested, JSON-like."""
        return {
            "test": dict(self.scores),
            "baseline": {name: dict(scores) for name, scores in self.baselines.items()},
            "gain": {"metric": self.main, "over": self.against, **self.gain._asdict()},
            "num_clips": self.num_clips,
            "num_groups": self.num_groups,
        }

    def flat_metrics(self) -> dict[str, float]:
        """For MLflow: ``test/top1``, ``test_baseline/majority/top1``, ``test/gain/top1``."""
        flat = {f"test/{name}": value for name, value in self.scores.items()}
        for baseline, scores in self.baselines.items():
            flat |= {f"test_baseline/{baseline}/{name}": value for name, value in scores.items()}
        return flat | {f"test/gain/{self.main}": self.gain.difference}

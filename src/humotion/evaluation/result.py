"""What an evaluation found, in the form that every task shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from humotion.evaluation.bootstrap import BootstrapResult

CLIPS = "clips.parquet"
"""The file of ``Evaluation.clips`` in ``reports/<experiment>/``."""
SUMMARY = "summary.json"
"""What test.json holds, and which of its scores are over all clips, beside it."""


class Gain(NamedTuple):
    """What one score has over another on the same clips: of a baseline, or of the model seen otherwise.

    Attributes:
        metric: the model's score: ``top1``, ``top1_reversed``.
        over: the baseline, or the model's other score.
        result: the difference and its 95 % interval (paired bootstrap over groups).
    """

    metric: str
    over: str
    result: BootstrapResult

    @property
    def name(self) -> str:
        """As test.json and MLflow know it: ``top1_over_linear_probe``."""
        return f"{self.metric}_over_{self.over}"


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
        clips: a row per clip and metric (``clip_id``, ``group``, ``metric``, ``score``, ``weight``), from which two
            models are compared: the weighted mean over clips is the score of them all. ``direction`` says which is
            better: "higher", "lower", or "neither" where the metric only describes.
        more_gains: beside the main one.
        details: further values by the names that MLflow gives them.
        over_all_clips: scores that a comparison shows although they are no means over clips.
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

    def as_dict(self) -> dict[str, Any]:
        """For test.json: nested, JSON-like."""
        gains = {gain.name: gain.result._asdict() for gain in self.more_gains}
        return {
            "test": dict(self.scores),
            "baseline": {name: dict(scores) for name, scores in self.baselines.items()},
            "gain": {"metric": self.main, "over": self.against, **self.gain._asdict()},
            **({"more_gains": gains} if gains else {}),
            "num_clips": self.num_clips,
            "num_groups": self.num_groups,
        }

    def flat_metrics(self) -> dict[str, float]:
        """For MLflow: ``test/top1``, ``test_baseline/majority/top1``, ``test/gain/top1`` (over the main baseline)."""
        flat = {f"test/{name}": value for name, value in self.scores.items()}
        for baseline, scores in self.baselines.items():
            flat |= {f"test_baseline/{baseline}/{name}": value for name, value in scores.items()}
        flat |= {f"test/gain/{gain.name}": gain.result.difference for gain in self.more_gains}
        return flat | {f"test/gain/{self.main}": self.gain.difference} | dict(self.details)

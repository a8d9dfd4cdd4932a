"""Who becomes champion, decided on validation clips."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from humotion.errors import HumotionError
from humotion.evaluation.bootstrap import BootstrapResult, paired_bootstrap
from humotion.evaluation.tallies import paired_class_bootstrap, tally
from humotion.params.document import AnyExperiment
from humotion.tracking import registry
from humotion.training.description import VALIDATION
from humotion.work import digest_of

MEANS = {"top1": "score", "pck_0.2": "score", "pck_0.1": "pck_0.1", "pck_0.05": "pck_0.05"}
"""Metrics that are weighted means over clips, and their column of validation.parquet; the others need the classes."""


@dataclass(frozen=True)
class Decision:
    """Which alias a version gets, if any, and why."""

    alias: str | None
    reason: str


def validated_on(validation: pd.DataFrame) -> str:
    """Identifies the validation clips: versions are comparable only where it is equal."""
    return digest_of(sorted(validation["clip_id"]))


def decide(
    version: str,
    incumbent: Any,
    validation: pd.DataFrame,
    experiment: AnyExperiment,
    uri: str | None,
    demoted: str | None = None,
) -> Decision:
    """Champion or challenger? See the module's docstring for the rule; ``demoted`` says why it was, if it was."""
    if demoted is not None:
        return Decision(None, f"it was demoted ({demoted}); with --again, `humotion register` lets it compete again")
    if incumbent is None:
        return Decision(registry.CHAMPION, "there was no champion")
    if str(incumbent.version) == version:
        return Decision(registry.CHAMPION, "it is the champion already")
    if incumbent.tags.get("validated_on") != validated_on(validation):
        return not_compared(incumbent, "on other clips")
    downloaded = registry.download_model(f"models:/{incumbent.name}/{incumbent.version}", uri)
    theirs = pd.read_parquet(next(downloaded.rglob(VALIDATION)))
    rule = experiment.register_
    needed = MEANS.get(rule.metric, "predicted")
    if needed not in validation:
        raise HumotionError(f"{VALIDATION} of this model lacks what {rule.metric} needs: train it again.")
    pairs = validation.merge(theirs, on=["clip_id", "group"], suffixes=("", "_champion"))
    if reason := incomparable(pairs, len(validation), needed):
        return not_compared(incumbent, reason)
    gain = validation_gain(pairs, rule.metric, experiment.seed, rule.bootstrap)
    interval = f"95 % interval {gain.low:+.4f} to {gain.high:+.4f}"
    if math.isnan(gain.low):
        interval = "no interval: its clips come from a single film or recording"
    measured = f"validation gain in {rule.metric} {gain.difference:+.4f} ({interval}) over version {incumbent.version}"
    if gain.low > rule.min_gain:
        return Decision(registry.CHAMPION, measured)
    return Decision(registry.CHALLENGER, f"{measured}; more than {rule.min_gain} was asked for")


def not_compared(incumbent: Any, how: str) -> Decision:
    """The new version is challenger of a champion that was validated in a way that allows no comparison."""
    return Decision(registry.CHALLENGER, f"champion version {incumbent.version} was validated {how}: not compared")


def incomparable(pairs: pd.DataFrame, num_clips: int, needed: str) -> str | None:
    """How the champion was validated, if that allows no comparison by column ``needed``; None if it does."""
    if len(pairs) != num_clips:
        return "with other groups"
    if f"{needed}_champion" not in pairs:
        return f"by an older version of humotion, which kept no {needed}"
    facts = [fact for fact in ("weight", "label_id") if f"{fact}_champion" in pairs]
    if any((pairs[fact] != pairs[f"{fact}_champion"]).any() for fact in facts):
        return "with other labels"
    return None


def validation_gain(pairs: pd.DataFrame, metric: str, seed: int, num_resamples: int) -> BootstrapResult:
    """The gain over the champion, with its interval, on clips that both were validated on.

    Args:
        pairs: the columns of validation.parquet, and those of the champion with the suffix ``_champion``.
        metric: of `ActionRegisterParams` or `PoseRegisterParams`.
        seed: of the resampling.
        num_resamples: its draws.
    """
    if (column := MEANS.get(metric)) is not None:
        scores = pairs[column], pairs[f"{column}_champion"]
        return paired_bootstrap(*scores, pairs["group"].tolist(), seed, num_resamples, weights=pairs["weight"])
    labels, groups = pairs["label_id"].to_numpy(), pairs["group"].to_numpy(dtype=str)
    both = pairs["predicted"].to_numpy(), pairs["predicted_champion"].to_numpy()
    classes = int(max(labels.max(), *(predicted.max() for predicted in both))) + 1
    ours, theirs = (tally(predicted, labels, groups, classes) for predicted in both)
    return paired_class_bootstrap(ours, theirs, seed, num_resamples)[metric]

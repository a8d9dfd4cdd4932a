"""The rule that chooses the champion, on validation clips only.

A version replaces the champion only if it is better by more than noise: the lower end of the interval of a paired
bootstrap over groups decides. A demoted version stays demoted, unless the user asks for it again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from humotion.errors import DivergedError, HumotionError
from humotion.evaluation.face import OF_CHAMPION, Face
from humotion.params.experiment import RegisterParams
from humotion.tracking.registry import CHALLENGER, CHAMPION
from humotion.training.description import VALIDATION
from humotion.work import digest_of


@dataclass(frozen=True)
class Decision:
    """The alias that a version gets, if any, and the reason."""

    alias: str | None
    reason: str


@dataclass(frozen=True)
class Incumbent:
    """The champion so far.

    Attributes:
        version: of the registered model.
        validated_on: identifies its validation clips (see `validated_on`); None if an old version did not record it.
        read_validation: its validation.parquet, which may have to be downloaded first.
    """

    version: str
    validated_on: str | None
    read_validation: Callable[[], pd.DataFrame]


def validated_on(validation: pd.DataFrame) -> str:
    """A digest of the validation clips: versions are comparable only if it is equal."""
    return digest_of(sorted(validation["clip_id"]))


def refuse_without_scores(name: str, validation: pd.DataFrame, needed: str) -> None:
    """Refuse a model whose validation scores in column ``needed`` are no numbers, before it is in the registry.

    Raises:
        DivergedError: a clip with a weight has a score that is NaN or infinite.
    """
    if needed in validation:  # an older model lacks it, which `decide` explains
        scores = validation.loc[validation["weight"] > 0, needed].to_numpy(dtype=float)
        if num_wrong := int((~np.isfinite(scores)).sum()):
            raise DivergedError(
                f"{num_wrong} of {len(scores)} validation scores of {name} are NaN or infinite: its training diverged. "
                "It is not registered. Train it again."
            )


def decide(
    version: str,
    validation: pd.DataFrame,
    incumbent: Incumbent | None,
    rule: RegisterParams,
    face: Face,
    seed: int,
    demoted: str | None = None,
) -> Decision:
    """Decide whether a version becomes champion or challenger.

    Args:
        version: the version that was registered.
        validation: its validation.parquet.
        incumbent: the champion, if there is one.
        rule: section ``register`` of the experiment.
        face: of its task.
        seed: of the bootstrap.
        demoted: why the version was demoted, if it was.

    Raises:
        HumotionError: the version lacks the scores that the rule compares.
    """
    if demoted is not None:
        return Decision(None, f"it was demoted ({demoted}); `humotion register --again` lets it compete again")
    if incumbent is None:
        return Decision(CHAMPION, "there was no champion")
    if incumbent.version == version:
        return Decision(CHAMPION, "it is the champion already")
    if incumbent.validated_on != validated_on(validation):
        return _not_compared(incumbent, "on other clips")
    needed = face.SCORE_COLUMNS[rule.metric]
    if needed not in validation:
        raise HumotionError(
            f"{VALIDATION} of this model lacks {needed}, which {rule.metric} needs. Train the model again."
        )
    pairs = validation.merge(incumbent.read_validation(), on=["clip_id", "group"], suffixes=("", OF_CHAMPION))
    if reason := incomparable(pairs, len(validation), needed):
        return _not_compared(incumbent, reason)
    gain = face.validation_gain(pairs, rule.metric, seed, rule.bootstrap)
    interval = f"95 % interval {gain.low:+.4f} to {gain.high:+.4f}"
    if math.isnan(gain.low):
        interval = "no interval: its clips come from a single film or recording"
    measured = f"validation gain in {rule.metric} {gain.difference:+.4f} ({interval}) over version {incumbent.version}"
    if gain.low > rule.min_gain:
        return Decision(CHAMPION, measured)
    return Decision(CHALLENGER, f"{measured}; the lower end must be above {rule.min_gain}")


def _not_compared(incumbent: Incumbent, how: str) -> Decision:
    """Make the new version challenger, because the champion was validated in a way that allows no comparison."""
    return Decision(CHALLENGER, f"champion version {incumbent.version} was validated {how}: not compared")


def incomparable(pairs: pd.DataFrame, num_clips: int, needed: str) -> str | None:
    """How the champion was validated, if this allows no comparison by column ``needed``; None if it does."""
    if len(pairs) != num_clips:
        return "with other groups"
    if needed + OF_CHAMPION not in pairs:
        return f"by an older version of humotion, which kept no {needed}"
    facts = [fact for fact in ("weight", "label_id") if fact + OF_CHAMPION in pairs]
    if any((pairs[fact] != pairs[fact + OF_CHAMPION]).any() for fact in facts):
        return "with other labels"
    return None

"""Who becomes champion, decided on validation clips alone.

A version takes the alias from the champion only if it is better by more than noise: by the lower end of the interval
of a paired bootstrap over groups. A version that somebody demoted stays so, unless it is asked for again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from humotion.errors import HumotionError
from humotion.evaluation.face import OF_CHAMPION, Face
from humotion.params.experiment import RegisterParams
from humotion.tracking.registry import CHALLENGER, CHAMPION
from humotion.training.description import VALIDATION
from humotion.work import digest_of


@dataclass(frozen=True)
class Decision:
    """Which alias a version gets, if any, and why."""

    alias: str | None
    reason: str


@dataclass(frozen=True)
class Incumbent:
    """The champion so far.

    Attributes:
        version: of the registered model.
        validated_on: identifies its validation clips (see `validated_on`); None where an old version did not say.
        read_validation: its validation.parquet, which may have to be downloaded first.
    """

    version: str
    validated_on: str | None
    read_validation: Callable[[], pd.DataFrame]


def validated_on(validation: pd.DataFrame) -> str:
    """Identifies the validation clips: versions are comparable only where it is equal."""
    return digest_of(sorted(validation["clip_id"]))


def decide(
    version: str,
    validation: pd.DataFrame,
    incumbent: Incumbent | None,
    rule: RegisterParams,
    face: Face,
    seed: int,
    demoted: str | None = None,
) -> Decision:
    """Champion or challenger?

    Args:
        version: that was registered.
        validation: its validation.parquet.
        incumbent: the champion, if there is one.
        rule: of the experiment.
        face: of its task.
        seed: of the bootstrap.
        demoted: why somebody demoted the version, if somebody did.

    Raises:
        HumotionError: the version lacks the scores that the rule compares.
    """
    if demoted is not None:
        return Decision(None, f"it was demoted ({demoted}); with --again, `humotion register` lets it compete again")
    if incumbent is None:
        return Decision(CHAMPION, "there was no champion")
    if incumbent.version == version:
        return Decision(CHAMPION, "it is the champion already")
    if incumbent.validated_on != validated_on(validation):
        return _not_compared(incumbent, "on other clips")
    needed = face.SCORE_COLUMNS[rule.metric]
    if needed not in validation:
        raise HumotionError(f"{VALIDATION} of this model lacks what {rule.metric} needs: train it again.")
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
    return Decision(CHALLENGER, f"{measured}; more than {rule.min_gain} was asked for")


def _not_compared(incumbent: Incumbent, how: str) -> Decision:
    """The new version is challenger of a champion that was validated in a way that allows no comparison."""
    return Decision(CHALLENGER, f"champion version {incumbent.version} was validated {how}: not compared")


def incomparable(pairs: pd.DataFrame, num_clips: int, needed: str) -> str | None:
    """How the champion was validated, if that allows no comparison by column ``needed``; None if it does."""
    if len(pairs) != num_clips:
        return "with other groups"
    if needed + OF_CHAMPION not in pairs:
        return f"by an older version of humotion, which kept no {needed}"
    facts = [fact for fact in ("weight", "label_id") if fact + OF_CHAMPION in pairs]
    if any((pairs[fact] != pairs[fact + OF_CHAMPION]).any() for fact in facts):
        return "with other labels"
    return None

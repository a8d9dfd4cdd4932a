"""How sure a model is of new videos, compared with its validation clips, whose outputs its folder has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

from humotion.drift.compared import ALPHA, MANY, Floats
from humotion.training.description import VALIDATION, read_description

_NONE = np.empty(0)
_SHOWN = 0.05
"""A difference of medians from which on "less sure" is said."""


@dataclass(frozen=True)
class Sureness:
    """Confidences of a model.

    Attributes:
        what: "confidence", or "share of joints believed".
        validation: one value per validation clip; empty if they are not known or not comparable.
        new: one value per new video.
        p: of the test of Kolmogorov and Smirnov; None for a few videos, and for shares of joints, which clips and
            videos of different length do not have alike.
        why: why validation clips are not compared; empty if they are.
    """

    what: str
    validation: Floats
    new: Floats
    p: float | None = None
    why: str = ""


def sureness_of(folder: Path, rows: pd.DataFrame) -> Sureness | None:
    """Return how sure the model of a folder is, from its rows of predictions; None if nothing was predicted."""
    if rows["believed"].notna().any():
        values = rows["believed"].dropna().to_numpy(float)
        validation = _believed(folder)
        return Sureness("share of joints believed", validation, values, why="" if len(validation) else _NOT_THERE)
    single = rows[rows["confidence"].notna() & (rows["over_time"] == False)]  # noqa: E712 (it may be missing)
    if not len(single):
        return None
    values = single["confidence"].to_numpy(float)
    if read_description(folder).preprocessing.get("sampling") == "windows":
        return Sureness(
            "confidence", _NONE, values, why="its validation clips are windows, and an answer is their mean"
        )
    validation = _confidences(folder)
    if not len(validation):
        return Sureness("confidence", validation, values, why=_NOT_THERE)
    p = float(ks_2samp(validation, values).pvalue) if len(values) >= MANY else None
    return Sureness("confidence", validation, values, p)


_NOT_THERE = "its folder does not have the outputs for them"


def sentence_of(one: Sureness, name: str) -> str:
    """Return how sure the model is, in a sentence."""
    text = f"The {one.what} of {name} is {_median(one.new)}"
    if not len(one.validation):
        return f"{text}. It is not compared with the validation clips: {one.why}."
    text += f", and {np.median(one.validation):.0%} in the median of its {len(one.validation)} validation clips"
    shift = float(np.median(one.new) - np.median(one.validation))
    clear = abs(shift) >= _SHOWN and (one.p is None or one.p < ALPHA)
    if 1 < len(one.new) < MANY:
        return f"{text}."
    if len(one.new) == 1:
        below = int((one.validation < one.new[0]).sum())
        return f"{text}. It is higher than for {below} of these clips."
    if not clear:
        return f"{text}: no clear difference."
    return f"{text}: it is {'less' if shift < 0 else 'more'} sure here{_probability(one.p)}."


def _probability(p: float | None) -> str:
    return "" if p is None else f" (p {p:.1g})"


def _median(values: Floats) -> str:
    return f"{values[0]:.0%}" if len(values) == 1 else f"{np.median(values):.0%} in the median of {len(values)} videos"


def _confidences(folder: Path) -> Floats:
    table = _validation(folder)
    if "probabilities" not in table:
        return _NONE
    return np.array([max(values) for values in table["probabilities"]], float)


def _believed(folder: Path) -> Floats:
    """The share of joints of each validation clip that the model believes: of one person or of everybody."""
    table, rule = _validation(folder), read_description(folder).abstention
    if "joint_scores" not in table or not rule:
        return _NONE
    believed = [np.asarray(scores, float) >= _least(rule, "joint_threshold") for scores in table["joint_scores"]]
    if "person_threshold" in rule:
        sure = [np.asarray(scores, float) >= _least(rule, "person_threshold") for scores in table["scores"]]
        believed = [
            joints & np.repeat(people, len(joints) // max(1, len(people)))
            for joints, people in zip(believed, sure, strict=True)
        ]
    return np.array([joints.mean() for joints in believed if len(joints)], float)


def _least(rule: Mapping[str, Any], name: str) -> float:
    """A threshold of a rule for several people, or the one of a rule for one person; infinite if it has none."""
    least = rule.get(name, rule.get("threshold"))
    return np.inf if least is None else float(least)


def _validation(folder: Path) -> pd.DataFrame | Mapping[str, Any]:
    path = folder / VALIDATION
    return pd.read_parquet(path) if path.exists() else {}

"""The scores of several models for every test clip; the models must have the same clips and labels.

A name may also join several experiments by a plus sign, one per split or seed. Its scores are their mean scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from humotion.errors import DivergedError, HumotionError
from humotion.evaluation.result import CLIPS, SUMMARY
from humotion.files import read_json
from humotion.training.description import WEIGHTS, check_weights

KEYS = ["metric", "clip_id"]
PLUS = "+"


def read_clips(names: Sequence[str], reports: Path = Path("reports")) -> pd.DataFrame:
    """One row per metric and clip: ``metric``, ``part``, ``clip_id``, ``group``, ``weight``, and a score per name.

    A name is an experiment (with the path of another checkout before it: ``../other/ls_vit``), or several joined by
    ``+``. ``part`` counts these from 1. The weights of their clips are scaled so that all parts have equal weight. So
    the weighted mean over all rows is the mean of the scores of the parts. Metrics keep their order. Clips of weight 0
    and metrics that not all experiments have are left out.

    Raises:
        HumotionError: an experiment is not evaluated, or its clips or labels differ from those of the first name.
    """
    parts = [name.split(PLUS) for name in names]
    every = [experiment for of_name in parts for experiment in of_name]
    if len(set(every)) != len(every) or len(every) < 2:
        raise HumotionError("Name two or more different experiments to compare.")
    if len({len(of_name) for of_name in parts}) > 1:
        raise HumotionError("Join the same number of experiments by + in every name, for example three and three.")
    tables = [_joined(experiments, names, reports) for experiments in zip(*parts, strict=True)]
    if len(tables) > 1:
        tables = [_weighing_one(table) for table in tables]
    shared = [metric for metric in tables[0]["metric"].unique() if all(metric in set(t["metric"]) for t in tables)]
    table = pd.concat([table.assign(part=part) for part, table in enumerate(tables, start=1)], ignore_index=True)
    table = table[table["metric"].isin(shared) & (table["weight"] > 0)]
    return table.assign(metric=pd.Categorical(table["metric"], categories=shared))


def read_class_scores(names: Sequence[str], reports: Path = Path("reports")) -> pd.DataFrame:
    """Scores that are not means over clips, if all experiments have them: mean-class accuracy, macro-F1 and similar.

    One row per ``metric`` and ``part``, with ``weight`` (1) and a score per name.
    """
    parts = [[_whole(experiment, reports) for experiment in name.split(PLUS)] for name in names]
    shared = [metric for metric in parts[0][0] if all(metric in whole for of_name in parts for whole in of_name)]
    rows = [
        (metric, part, 1.0, *(whole[metric] for whole in of_part))
        for metric in shared
        for part, of_part in enumerate(zip(*parts, strict=True), start=1)
    ]
    table = pd.DataFrame(rows, columns=["metric", "part", "weight", *names])
    return table.assign(metric=pd.Categorical(table["metric"], categories=shared))


def left_out(names: Sequence[str], clips: pd.DataFrame, reports: Path = Path("reports")) -> list[str]:
    """The metrics that some experiments have, but not all; ``clips`` is the result of `read_clips`."""
    experiments = [experiment for name in names for experiment in name.split(PLUS)]
    by_clip = {metric for experiment in experiments for metric in _read(experiment, reports)["metric"]}
    whole = [set(_whole(experiment, reports)) for experiment in experiments]
    uneven: set[str] = set().union(*whole) - whole[0].intersection(*whole[1:])
    return sorted((by_clip - set(clips["metric"])) | uneven)


def _joined(experiments: Sequence[str], names: Sequence[str], reports: Path) -> pd.DataFrame:
    """One part: the common clips of its experiments, with one score column per name."""
    tables = [_read(experiment, reports) for experiment in experiments]
    shared = set.intersection(*(set(table["metric"]) for table in tables))
    if not shared:
        raise HumotionError(f"{', '.join(experiments)} cannot be compared: they have no metric in common.")
    first, *others = [table[table["metric"].isin(shared)] for table in tables]
    joined = first.rename(columns={"score": names[0]})
    for experiment, name, other in zip(experiments[1:], names[1:], others, strict=True):
        _refuse_unless_equal(experiments[0], first, experiment, other)
        joined = joined.merge(other[[*KEYS, "score"]].rename(columns={"score": name}), on=KEYS)
    return joined


def _weighing_one(table: pd.DataFrame) -> pd.DataFrame:
    """The table with weights that sum to 1 in every metric."""
    total = table.groupby("metric")["weight"].transform("sum")
    return table.assign(weight=(table["weight"] / total).fillna(0))


def _read(name: str, reports: Path) -> pd.DataFrame:
    checkout, _, experiment = name.rpartition("/")
    path = Path(checkout) / reports / experiment / CLIPS
    if not path.exists():
        raise HumotionError(
            f"{path} does not exist: {experiment} is not evaluated, or is not an experiment. "
            f"Run `dvc repro evaluate@{experiment}` there, or `dvc pull` its report."
        )
    table = pd.read_parquet(path)
    if "direction" not in table:
        raise HumotionError(
            f"{path} was written by an earlier version of humotion. Run `dvc repro evaluate@{experiment}` there."
        )
    counted = table[table["weight"] > 0]
    if wrong := counted.loc[~np.isfinite(counted["score"]), "metric"].unique().tolist():
        raise DivergedError(
            f"{name} cannot be compared: scores in {path} are NaN or infinite ({', '.join(wrong)}). Its training "
            "diverged: train it again."
        )
    if (model := Path(checkout) / "models" / experiment).joinpath(WEIGHTS).exists():
        check_weights(model)
    return table


def _whole(name: str, reports: Path) -> dict[str, float]:
    """The test scores of an experiment that are not means over clips."""
    checkout, _, experiment = name.rpartition("/")
    path = Path(checkout) / reports / experiment / SUMMARY
    summary: dict[str, Any] = read_json(path) if path.exists() else {}
    return {metric: summary["test"][metric] for metric in summary.get("over_all_clips", ())}


def _refuse_unless_equal(first: str, a: pd.DataFrame, other: str, b: pd.DataFrame) -> None:
    """Raise an error unless two tables of the same metrics have the same clips and labels."""
    only_a, only_b = (sorted(set(x["clip_id"]) - set(y["clip_id"])) for x, y in ((a, b), (b, a)))
    if only_a or only_b:
        raise HumotionError(
            f"{first} and {other} cannot be compared: they were scored on different test clips "
            f"({_listed(only_a)} only in {first}, {_listed(only_b)} only in {other})."
        )
    pairs = a.merge(b, on=KEYS, how="outer", suffixes=("", "_other"))
    differs = (pairs["weight"] != pairs["weight_other"]) | (pairs["group"] != pairs["group_other"])
    if differs.any():
        clips = _listed(sorted(set(pairs["clip_id"][differs])))
        raise HumotionError(
            f"{first} and {other} cannot be compared: the labels behind {clips} differ. "
            "The dataset may have changed between the evaluations. Evaluate both again."
        )


def _listed(values: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown or "none"

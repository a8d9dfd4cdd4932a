"""The scores that every clip got from several models, which must have seen the same clips and labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from humotion.errors import HumotionError
from humotion.evaluation.result import CLIPS

KEYS = ["metric", "clip_id"]


def read_clips(names: Sequence[str], reports: Path = Path("reports")) -> pd.DataFrame:
    """A row a metric and clip that counts: ``metric``, ``clip_id``, ``group``, ``weight`` and a score an experiment.

    Metrics keep their order.

    Raises:
        HumotionError: an experiment has not been evaluated, or its clips, metrics or labels differ from the first's.
    """
    if len(set(names)) != len(names) or len(names) < 2:
        raise HumotionError("Name two or more different experiments to compare.")
    tables = {name: _read(name, reports) for name in names}
    first, *others = names
    table = tables[first].rename(columns={"score": first})
    for other in others:
        _refuse_unless_equal(first, tables[first], other, tables[other])
        table = table.merge(tables[other][[*KEYS, "score"]].rename(columns={"score": other}), on=KEYS)
    metric = pd.Categorical(table["metric"], categories=table["metric"].unique())
    return table.assign(metric=metric)[table["weight"] > 0]


def _read(name: str, reports: Path) -> pd.DataFrame:
    path = reports / name / CLIPS
    if not path.exists():
        raise HumotionError(
            f"{path} is not here: {name} has not been evaluated, or is no experiment. "
            f"Run `dvc repro evaluate@{name}`, or `dvc pull` its report."
        )
    return pd.read_parquet(path)


def _refuse_unless_equal(first: str, a: pd.DataFrame, other: str, b: pd.DataFrame) -> None:
    """Raise unless two tables have the same metrics of the same clips, counted over the same labels."""
    for column, what in (("metric", "metrics"), ("clip_id", "test clips")):
        only_a, only_b = (sorted(set(x[column]) - set(y[column])) for x, y in ((a, b), (b, a)))
        if only_a or only_b:
            raise HumotionError(
                f"{first} and {other} cannot be compared: they were scored on different {what} "
                f"({_listed(only_a)} only in {first}, {_listed(only_b)} only in {other})."
            )
    pairs = a.merge(b, on=KEYS, how="outer", suffixes=("", "_other"))
    differs = (pairs["weight"] != pairs["weight_other"]) | (pairs["group"] != pairs["group_other"])
    if differs.any():
        clips = _listed(sorted(set(pairs["clip_id"][differs])))
        raise HumotionError(
            f"{first} and {other} cannot be compared: the labels behind {clips} differ. "
            "Were both evaluated since the dataset was prepared?"
        )


def _listed(values: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown or "none"

"""The answers of trained models of `benchmarks.jhmdb_actions` for every test clip, kept in one small file.

With them, anybody can draw up the tables again, compare a new row clip by clip, and continue a run on another
machine, without training what was trained before. They are answers, not data: names of clips and probabilities.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.measure import hardware
from humotion.clips.table import read_table
from humotion.files import atomic_path

Floats = npt.NDArray[np.float64]
FILE = Path(__file__).with_name("jhmdb_answers.parquet")


class Predicted(NamedTuple):
    """The test clips of one training: columns ``group`` and ``label_id`` by clip, and probabilities (N, classes).

    ``majority`` is the largest class of the training clips.
    """

    clips: pd.DataFrame
    probabilities: Floats
    majority: int

    def only(self, clip_ids: pd.Index) -> Predicted:
        """Return the clips of these ids, in their order in this table."""
        chosen = np.asarray(self.clips.index.isin(clip_ids))
        return self._replace(clips=self.clips[chosen], probabilities=self.probabilities[chosen])

    @property
    def right(self) -> Floats:
        """Whether each clip's most likely class is its label (N,)."""
        return (self.probabilities.argmax(axis=1) == self.clips["label_id"].to_numpy()).astype(float)


def predicted(name: str) -> Predicted | None:
    """The test clips of an experiment, of this checkout or, if it is not evaluated here, as kept; None: neither."""
    return evaluated_here(name) or (_kept(FILE).get(name) if FILE.exists() else None)


def evaluated_here(name: str) -> Predicted | None:
    """The test clips of an experiment of the checkout in the working directory; None if it is not evaluated."""
    path = Path("reports") / name / "predictions.csv"
    if not path.exists():
        return None
    said = pd.read_csv(path).set_index("clip_id")["probabilities"]
    folder = Path("clips") / name
    clips = read_table(folder / "test.parquet").set_index("clip_id")[["group", "label_id"]]
    labels = read_table(folder / "train.parquet")["label_id"]
    probabilities = np.array([json.loads(said[clip]) for clip in clips.index])
    return Predicted(clips, probabilities, int(np.bincount(labels).argmax()))


@cache
def _kept(path: Path) -> dict[str, Predicted]:
    return {
        str(name): Predicted(
            table.set_index("clip_id")[["group", "label_id"]],
            np.stack(table["probabilities"].to_list()).astype(np.float64),
            int(table["majority"].iloc[0]),
        )
        for name, table in pd.read_parquet(path).groupby("name", sort=False)
    }


def keep(names: Iterable[str]) -> int:
    """Add the answers of these experiments of this checkout to the file, in place of older ones; return how many."""
    found = {name: one for name in names if (one := evaluated_here(name)) is not None}
    tables = [_as_table(name, one) for name, one in found.items()]
    if FILE.exists():
        older = pd.read_parquet(FILE)
        tables.insert(0, older[~older["name"].isin(list(found))])
    if tables:
        table = pd.concat(tables).sort_values(["name", "clip_id"], ignore_index=True)
        with atomic_path(FILE) as temporary:
            table.to_parquet(temporary, compression="zstd", index=False)
        _kept.cache_clear()
    return len(found)


def _as_table(name: str, one: Predicted) -> pd.DataFrame:
    machine = hardware().partition(", load")[0]
    table = one.clips.reset_index().assign(name=name, majority=one.majority, hardware=machine)
    return table.assign(probabilities=list(one.probabilities.astype(np.float32)))

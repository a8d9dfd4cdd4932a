"""`humotion predict --log-to NAME`: the predictions as a run of MLflow, with a report on how new the footage is.

Rows are collected while videos are predicted. Nothing is written before the last one: then table, report and figures
are made in a temporary folder, and go to the store in use as one run.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from humotion.drift.compared import LABELS, Difference, Verdict, compare, outside
from humotion.drift.measured import Held, measure
from humotion.drift.report import REPORT, Part, note_of, write_report
from humotion.drift.rows import COLUMNS, row_of
from humotion.drift.said import WORDS
from humotion.drift.sureness import sureness_of
from humotion.drift.training_footage import NotKnown, TrainingFootage, training_footage
from humotion.prediction.caution import caution_of
from humotion.prediction.models import configured_store, weights_md5
from humotion.prediction.predict_videos import Log
from humotion.prediction.video_file import VideoFile
from humotion.tracking.address import in_use, shown
from humotion.training.description import ModelDescription, read_description

UNDER = "predictions"
"""The folder of the files among the artifacts of a run."""


@dataclass(frozen=True)
class Watched:
    """A model that predicts: its folder, and the footage of its training or why it is not known."""

    folder: Path
    description: ModelDescription
    footage: TrainingFootage | None
    unknown: str

    @property
    def held(self) -> Held:
        """How videos are held for this model's comparison."""
        return Held() if self.footage is None else self.footage.held


class DriftLog(Log):
    """Collects what models say of videos, and logs it at the end.

    Attributes:
        name: of the run.
        models: those that predict, after `start`.

    Raises:
        HumotionError: the name or the store in use cannot be used.
    """

    def __init__(self, name: str) -> None:
        from humotion.tracking import predictions

        self.name = name
        self.models: list[Watched] = []
        self._rows: list[dict[str, Any]] = []
        predictions.check(name, configured_store())

    def start(self, folders: Sequence[Path]) -> None:
        """See `Log`."""
        self.models = [_watched(folder) for folder in folders]

    def add(self, facts: Mapping[str, Any], video: VideoFile | None) -> None:
        """See `Log`; of a video, three frames are read again."""
        measured = {held: measure(video, held) for held in {one.held for one in self.models} if video is not None}
        predictions = facts["predictions"] or [
            {"experiment": one.description.experiment, "dataset": one.description.dataset} for one in self.models
        ]
        for model, prediction in zip(self.models, predictions, strict=True):
            self._rows.append(row_of(facts, prediction, measured.get(model.held, {})))

    def end(self) -> dict[str, Any]:
        """See `Log`.

        Raises:
            HumotionError: the store refuses the run.
        """
        from humotion.tracking import predictions, runs

        rows, parts = self._table(), self.parts()
        rows["outside"] = self._outside(rows)
        rows = rows.drop(columns="held_side", errors="ignore")
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            write_report(folder, self.name, rows, parts)
            note = note_of(self.name, parts, rows[rows["status"] == "failed"])
            with predictions.prediction_run(self.name, self._tags(), note, configured_store()) as run:
                runs.log_metrics(_metrics(rows, parts))
                runs.log_folder(folder, UNDER)
        report = None if run.folder is None else str(run.folder / UNDER / REPORT)
        said = [line for part in parts for line in (f"{part.title}:", *part.sentences)]
        store = shown(in_use(configured_store()))
        return {"run": self.name, "run_id": run.run_id, "store": store, "report": report, "said": said}

    def parts(self) -> list[Part]:
        """Return what is said of the videos up to now."""
        return _parts(self.models, self._table())

    def _table(self) -> pd.DataFrame:
        rows = pd.DataFrame(self._rows)
        return rows.reindex(columns=[*COLUMNS, *(name for name in rows if name not in COLUMNS)])

    def _tags(self) -> dict[str, str]:
        tags: dict[str, str] = {}
        for number, model in enumerate(self.models):
            tags |= {
                f"model.{number}.experiment": model.description.experiment,
                f"model.{number}.run_id": model.description.run_id,
                f"model.{number}.weights_md5": weights_md5(model.folder),
            }
        return tags

    def _outside(self, rows: pd.DataFrame) -> list[str]:
        """In which ways each row's video lies beyond all training videos: "darker, shorter"."""
        said: list[list[str]] = [[] for _ in range(len(rows))]
        for place, model in enumerate(self.models):
            if model.footage is None:
                continue
            mine = range(place, len(rows), len(self.models))
            values = _comparable(rows.iloc[list(mine)], model.footage)[0]
            for name in LABELS:
                training = model.footage.table[name].dropna().to_numpy(float)
                if not len(training):
                    continue
                sides = outside(training, values[name].to_numpy(float), name)
                for row, side in zip(mine, sides.tolist(), strict=True):
                    if side:
                        said[row].append(WORDS[name][side > 0])
        return [", ".join(words) for words in said]


def _watched(folder: Path) -> Watched:
    description = read_description(folder)
    try:
        return Watched(folder, description, training_footage(folder), "")
    except NotKnown as why:
        return Watched(folder, description, None, str(why))


def _parts(models: Sequence[Watched], rows: pd.DataFrame) -> list[Part]:
    """What is said, in one part for all models that saw the same footage."""
    parts: dict[Any, Part] = {}
    for place, model in enumerate(models):
        mine = rows.iloc[place :: len(models)]
        measured = mine[mine["brightness"].notna()]
        md5 = model.description.data_md5
        key = (model.unknown or (md5.get("frames"), md5.get("plan")), model.description.dataset)
        name = model.description.experiment
        if key not in parts:
            differences = _differences(measured, model.footage)
            parts[key] = Part([], model.description.dataset, model.held, differences, len(measured), model.unknown)
        part = parts[key]
        part.names.append(name)
        if caution := caution_of(md5):
            part.cautions.append(f"{name} was {caution}.")
        if (sure := sureness_of(model.folder, mine)) is not None:
            part.sure.append((name, sure))
    return list(parts.values())


def _differences(measured: pd.DataFrame, footage: TrainingFootage | None) -> list[Difference]:
    if footage is None:
        empty = np.empty(0)
        known = {name: measured[name].dropna().to_numpy(float) for name in LABELS}
        return [Difference(name, Verdict.NOT_COMPARED, empty, known[name]) for name in LABELS]
    values, why = _comparable(measured, footage)
    return compare(footage.table, values, why)


def _comparable(rows: pd.DataFrame, footage: TrainingFootage) -> tuple[pd.DataFrame, dict[str, str]]:
    """The measures of videos, NaN where they cannot be compared with a training, and why that is."""
    values = rows[list(LABELS)].apply(pd.to_numeric)
    small = pd.to_numeric(rows["held_side"]) < footage.smallest if "held_side" in rows else pd.Series(False, rows.index)
    if not small.any():
        return values, {}
    values["sharpness"] = values["sharpness"].mask(small)
    which = "the frames are" if small.all() else f"the frames of {int(small.sum())} videos are"
    return values, {"sharpness": f"{which} smaller than those of the training, and sharpness depends on the size"}


def _metrics(rows: pd.DataFrame, parts: Sequence[Part]) -> dict[str, float]:
    """Numbers by which runs are compared."""
    videos = rows.drop_duplicates("video")
    found = {"num_videos": float(len(videos)), "num_failed": float((videos["status"] == "failed").sum())}
    for part in parts:
        for name in part.names:
            mine = rows[rows["experiment"] == name]
            medians = {what: pd.to_numeric(mine[what]).median() for what in ("confidence", "entropy", "believed")}
            shifts = {f"shift/{one.measure}": one.shift for one in part.differences}
            found |= {f"{name}/{key}": float(value) for key, value in (medians | shifts).items()}
    return {key: value for key, value in found.items() if math.isfinite(value)}

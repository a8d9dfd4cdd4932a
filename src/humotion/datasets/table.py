"""Your own videos, listed in a table: ``videos.csv`` or ``videos.parquet`` in the root folder.

Its columns are ``path`` (below the root: a video file, or a folder of numbered frame images) and ``label``. Optional
columns are ``group`` (the recording), ``split_1`` and further ``split_*`` (train, test or empty), ``fps`` for folders
of images, and ``field_*`` (``field_camera``: other facts about a video; scores are broken down by them). Everything
in the table is checked before any video is opened.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Hashable, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from humotion.datasets.shared.base import FIELD, Layout, require_videos, unique_ids, video_table
from humotion.datasets.shared.text import is_whole, read_text
from humotion.datasets.shared.tree import refuse_linked_parents
from humotion.errors import HumotionError
from humotion.video.listing import printable

TABLES = ("videos.csv", "videos.parquet")
ROLES = ("train", "test")


class Table(Layout):
    """The videos of a table; ``video_id`` is the path without its extension, if that is unique."""

    origin = f"{' or '.join(TABLES)} with the columns path and label, and the videos below the same folder"

    def list_videos(self) -> pd.DataFrame:
        """All rows of the table; a file that does not exist has status "missing".

        Raises:
            HumotionError: no table or two; a column is missing; a cell cannot be used (the message names its row).
        """
        rows = [self._row(row) for row in self._listed.to_dict("records")]
        require_videos(rows, self)
        _ = self.tree  # refuses links to folders; hidden folders are not in it, but may be listed
        refuse_linked_parents(self.root, (row["path"] for row in rows))
        self.used.add(self._file.name)
        for column in (column for column in self._listed.columns if column.startswith("split_")):
            if self._listed[column].isna().all():
                self.notes.append(f"{self._file.name}: {column} is empty in all rows, so a split will be made")
        splits, fields = (
            [column for column in self._listed.columns if column.startswith(start)] for start in ("split_", FIELD)
        )
        return video_table(rows, splits or ["split_1"], (row["label"] for row in rows), fields)

    def fps(self, video_id: str) -> float | None:
        """The value in the column ``fps``."""
        return self._rates.get(video_id)

    @cached_property
    def _rates(self) -> dict[str, float]:
        known = self._listed.dropna(subset="fps")
        return dict(zip(known["video_id"], known["fps"], strict=True))

    def _row(self, row: Mapping[Hashable, Any]) -> dict[str, Any]:
        known = {str(key): value for key, value in row.items() if key != "fps" and pd.notna(value)}
        known.setdefault("group", known["video_id"])
        if not os.path.lexists(self.root / row["path"]):  # a broken link is the probe's to tell
            known |= self.hints.missing(row["path"], self._file.name)
        return known

    @property
    def _file(self) -> Path:
        found = [self.root / name for name in TABLES if (self.root / name).is_file()]
        if len(found) > 1:
            raise HumotionError(f"{self.root} contains both {' and '.join(TABLES)}: keep the correct one.")
        require_videos([{"path": path} for path in found], self)
        return found[0]

    @cached_property
    def _listed(self) -> pd.DataFrame:
        """The checked table: video_id, path, label, group, fps and the splits; unknown values are null."""
        table, ignored = read_table(self._file)
        if ignored:
            self.notes.append(f"{self._file.name}: unknown columns are not used: {printable(', '.join(ignored))}")
        table = pd.DataFrame({**dict.fromkeys(("group", "fps")), **table})  # optional columns, null if absent
        table["path"] = [self._below_root(path, row) for row, path in enumerate(table["path"], start=1)]
        if table["path"].duplicated().any():
            twice = table.loc[table["path"].duplicated(), "path"].iloc[0]
            raise HumotionError(f"{self._file} lists {twice} more than once; keep one row per video.")
        folders = {path for path in table["path"] if os.path.isdir(self.root / path)}  # noqa: PTH112 (never raises)
        table["video_id"] = unique_ids(table["path"].tolist(), folders)
        table["fps"] = [self._number(value, row) for row, value in enumerate(table["fps"], start=1)]
        return table

    def _below_root(self, path: str, row: int) -> str:
        relative = PurePosixPath(os.path.normpath(path))
        if relative.is_absolute():
            relative = self._relative(relative)
        if relative.is_absolute() or relative.parts[:1] == ("..",) or not relative.parts:
            raise HumotionError(
                f"{self._file}, row {row}: {path} is not below {self.root}. DVC tracks only files below this folder "
                "for this dataset. Move the video there, or set datasets.<name>.root to a folder above both."
            )
        return relative.as_posix()

    def _relative(self, path: PurePosixPath) -> PurePosixPath:
        """An absolute path as one below the root, whichever of the two leads through a link; else the path itself."""
        places = [path, PurePosixPath(os.path.realpath(path.parent), path.name)]
        roots = [self.root.absolute().as_posix(), self.root.resolve().as_posix()]
        return next((place.relative_to(root) for place in places for root in roots if place.is_relative_to(root)), path)

    def _number(self, value: Any, row: int) -> float | None:
        if pd.isna(value):
            return None
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number < float("inf"):
            raise HumotionError(f"{self._file}, row {row}: fps is {value!r}; it must be a number above 0.")
        return number


def read_table(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Read a table of videos as text, with null for empty cells, and check its columns and split values.

    The second value are the names of its other columns, which are not read.

    Raises:
        HumotionError: the table is unreadable, has no column path or label, has an empty cell in one of them, or
            a split value that is not train, test or empty.
    """
    try:
        # All cells are text: a class may be called NA, or 007.
        table = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except (ValueError, OSError, csv.Error) as error:  # Arrow's errors are ValueErrors
        raise HumotionError(f"{path} cannot be read: {error}") from None
    table.columns = table.columns.map(str)
    _check_columns(path, table)
    kept = [column for column in table.columns if _is_known(column)]
    others = sorted(set(table.columns) - set(kept))
    table = pd.DataFrame({column: _as_text(table[column]) for column in kept})
    for column in ("path", "label"):
        if table[column].isna().any():
            row = int(table[column].isna().to_numpy().argmax()) + 1
            raise HumotionError(f"{path}, row {row}: no {column}.")
    for column in (column for column in kept if column.startswith("split_")):
        _check_roles(path, table[column])
    return table, others


def _read_csv(path: Path) -> pd.DataFrame:
    """Read the cells unchanged; unlike pandas, this rejects rows that are longer or shorter than the header."""
    lines = io.StringIO(read_text(path), newline="")
    header, *rows = [row for row in csv.reader(lines, skipinitialspace=True, strict=True) if row] or [[]]
    for number, row in enumerate(rows, start=1):
        if not all(map(is_whole, row)):
            raise ValueError(
                f"row {number} is not UTF-8. Convert the file, for example: iconv -f WINDOWS-1252 -t UTF-8 "
                f"{path.name} > new.csv"
            )
        if len(row) != len(header):
            raise ValueError(f"row {number} has {len(row)} cells, but there are {len(header)} columns")
    return pd.DataFrame(rows, columns=[name.strip() for name in header], dtype="str")


def _read_parquet(path: Path) -> pd.DataFrame:
    return pq.read_table(path).to_pandas(ignore_metadata=True)  # a pandas index becomes a normal column


def _is_known(column: str) -> bool:
    return column in ("path", "label", "group", "fps") or column.startswith(("split_", FIELD))


def _check_columns(path: Path, table: pd.DataFrame) -> None:
    found = ", ".join(table.columns) or "none"
    for column in ("path", "label"):
        if column not in table.columns:
            raise HumotionError(f"{path} has no column {column!r}. Its columns, separated by commas: {found}.")
    if not table.columns.is_unique:
        raise HumotionError(f"{path} has the same column twice: {found}.")
    if "split" in table.columns:
        raise HumotionError(f"{path}: rename the column 'split' to split_1, the name in clips.split of params.yaml.")


def _as_text(column: pd.Series) -> pd.Series:
    text = column.astype("str").str.strip()
    return text.where(column.notna() & (text != ""), None)


def _check_roles(path: Path, split: pd.Series) -> None:
    wrong = split[split.notna() & ~split.isin(ROLES)]
    if len(wrong):
        raise HumotionError(
            f"{path}, row {int(str(wrong.index[0])) + 1}: {split.name} is {wrong.iloc[0]!r}; it must be train, test, "
            "or empty for a video that the split does not use. Validation videos are taken from train: "
            "see clips.validation_folds."
        )
